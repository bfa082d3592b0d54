use super::*;
use crate::cli::commands::listing::json_lines;
use crate::cli::screen::term::Paint;

fn queues() -> Vec<QueueSummary> {
    let text = r#"[{"name":"worker","room":"jobs","pending":120,"oldest":1700000000123,"bytes":4096,"sharers":2,"leased":8},
        {"name":"zoe","room":"","pending":0,"oldest":null,"bytes":0}]"#;
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_table_shows_pending_messages_per_member() {
    let now = Timestamp::from_second(1_700_000_000 + 7200).unwrap();
    let expected = "\
NAME    ROOM  PENDING  OLDEST  BYTES  LEASED
worker  jobs      120      2h   4096       8
zoe     /           0       -      0       -
";
    let lines = lines(&queues(), &Namespace::root(), now, None);
    assert_eq!(table::text(&lines, Paint::Plain), expected);
}

#[test]
fn json_has_one_object_per_line() {
    let text = json_lines(json_rows(&queues(), &Namespace::root()));
    let expected = r#"{"namespace":"/","name":"worker","room":"jobs","pending":120,"oldest":"2023-11-14T22:13:20.123Z","bytes":4096,"sharers":2,"leased":8}"#;
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(expected));
    assert!(
        lines
            .next()
            .is_some_and(|line| line.contains(r#""oldest":null,"bytes":0}"#))
    );
}

#[test]
fn an_age_is_in_its_largest_unit() {
    let at = |second| Timestamp::from_second(second).unwrap();
    for (seconds, text) in [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (7199, "1h"),
        (200_000, "2d"),
    ] {
        assert_eq!(age(at(seconds), at(0)), text);
    }
    assert_eq!(age(at(0), at(9)), "0s", "another clock than the hub's");
}
