use super::*;
use crate::cli::commands::listing::json_lines;
use crate::cli::screen::term::Paint;

fn answer() -> RoomsResponse {
    serde_json::from_str(
        r#"{"ok":true,"rooms":[
            {"room":"","sockets":2,"messages":0,"last":null,"members":[]},
            {"room":"ci","sockets":1,"messages":812,"last":1700000000123,"members":[
                {"name":"alice","pending":3,"here":true},{"name":"bob","pending":40,"here":false}]},
            {"room":"/odd\u202e","sockets":0,"messages":1,"last":0}],"expired":0}"#,
    )
    .unwrap()
}

fn tables(answer: &RoomsResponse, namespace: &Namespace, filter: RoomFilter) -> String {
    let view = RoomsView {
        namespace,
        filter,
        zone: &TimeZone::UTC,
    };
    table::text(&view.lines(answer, None), Paint::Plain)
}

#[test]
fn the_table_is_aligned_and_shows_addresses() {
    let namespace = Namespace::parse("/ns").unwrap();
    let table = tables(&answer(), &namespace, RoomFilter::All);
    let expected = "\
ROOM              SOCKETS  MEMBERS  PENDING  MESSAGES  LAST
/ns                     2        0        0         0  -
ci                      1        2       43       812  2023-11-14 22:13:20
/ns#/odd\\u{202e}        0        0        0         1  1970-01-01 00:00:00
";
    assert_eq!(table, expected);
}

#[test]
fn one_room_shows_its_members() {
    let mut answer = answer();
    answer.rooms.retain(|room| room.room.as_str() == "ci");
    let tables = tables(&answer, &Namespace::root(), RoomFilter::One);
    let expected = "\
ROOM  SOCKETS  MEMBERS  PENDING  MESSAGES  LAST
ci          1        2       43       812  2023-11-14 22:13:20

MEMBER  PENDING  HERE
alice         3  yes
bob          40  no
";
    assert_eq!(tables, expected);
}

#[test]
fn json_has_one_object_per_room() {
    let text = json_lines(json_rows(&answer(), &Namespace::root()));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        lines[1],
        r#"{"namespace":"/","room":"ci","sockets":1,"members":[{"name":"alice","pending":3,"here":true},{"name":"bob","pending":40,"here":false}],"pending":43,"messages":812,"last":"2023-11-14T22:13:20.123Z"}"#
    );
}

#[test]
fn rooms_left_out_of_the_answer_are_counted_below_the_table() {
    let answer = RoomsResponse {
        more: 12,
        ..answer()
    };
    let table = tables(&answer, &Namespace::root(), RoomFilter::All);
    assert!(table.ends_with("\n… and 12 more\n"), "{table}");
}
