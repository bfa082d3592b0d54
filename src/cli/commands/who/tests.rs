use super::*;
use crate::cli::commands::listing::json_lines;
use crate::cli::screen::term::Paint;

fn answer() -> WhoResponse {
    serde_json::from_str(
        r#"{"ok":true,"sockets":[
            {"sid":"aaaaaaaaaaaaaaaaaaaa","as":"alice","address":"127.0.0.1:5000","transport":"websocket",
             "rooms":["","ci"],"lag":3,"since":1700000000123},
            {"sid":"bbbbbbbbbbbbbbbbbbbb","address":"unix","uid":0,"pid":42,"transport":"polling",
             "rooms":[],"lag":65536,"lag_is_least":true,"since":0},
            {"sid":"cccccccccccccccccccc","address":"127.0.0.1:5001","transport":"websocket",
             "rooms":[],"lag":0,"since":0,"you":true}],"more":7}"#,
    )
    .unwrap()
}

#[test]
fn the_table_has_a_line_for_each_other_socket() {
    let lines = lines(&answer(), &Namespace::root(), &TimeZone::UTC, None);
    let expected = "\
NAME   SID                   ADDRESS         ROOMS     LAG  SINCE
alice  aaaaaaaaaaaaaaaaaaaa  127.0.0.1:5000  /, ci       3  2023-11-14 22:13
-      bbbbbbbbbbbbbbbbbbbb  unix pid 42     -      65536+  1970-01-01 00:00
… and 7 more
";
    assert_eq!(table::text(&lines, Paint::Plain), expected);
}

#[test]
fn json_has_all_fields() {
    let expected = concat!(
        r#"{"namespace":"/","sid":"aaaaaaaaaaaaaaaaaaaa","as":"alice","address":"127.0.0.1:5000","transport":"websocket","#,
        r#""rooms":["","ci"],"lag":3,"since":"2023-11-14T22:13:20.123Z"}"#,
        "\n",
        r#"{"namespace":"/","sid":"bbbbbbbbbbbbbbbbbbbb","address":"unix","uid":0,"pid":42,"transport":"polling","#,
        r#""rooms":[],"lag":65536,"lag_is_least":true,"since":"1970-01-01T00:00:00.000Z"}"#,
        "\n",
    );
    assert_eq!(
        json_lines(json_rows(&answer(), &Namespace::root())),
        expected
    );
}

#[test]
fn a_narrow_table_keeps_the_sids() {
    let mut answer = answer();
    answer.sockets[0].name = Some(ClientName::parse("someone-with-a-long-name").unwrap());
    answer.sockets[0].address = "[2001:db8::8a2e:370:7334]:50123".to_owned();
    let lines = lines(&answer, &Namespace::root(), &TimeZone::UTC, Some(80));
    let expected = "\
NAME          SID                   ADDRESS      ROOMS     LAG  SINCE
someon…-name  aaaaaaaaaaaaaaaaaaaa  [2001…50123  /, ci       3  2023-11-14 22:13
-             bbbbbbbbbbbbbbbbbbbb  unix pid 42  -      65536+  1970-01-01 00:00
… and 7 more
";
    let text = table::text(&lines, Paint::Plain);
    assert_eq!(text, expected);
}
