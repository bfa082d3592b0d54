//! Placeholders, checked against a model of the reference implementation.

use proptest::prelude::any;
use proptest::{prop_assert, prop_assert_eq, proptest};
use serde_json::Value;

use super::*;

fn shown(json: &str) -> String {
    rewrite_placeholders(json, |num, out| out.push_str(&format!("<{num}>")))
}

#[test]
fn placeholders_are_found_wherever_javascript_finds_them() {
    let table = [
        (r#"[{"_placeholder":true,"num":0}]"#, "[<0>]"),
        (r#"[{"num":7,"_placeholder":true}]"#, "[<7>]"),
        (
            " [ { \"_placeholder\" : true , \"num\" : 1 } ] ",
            " [ <1> ] ",
        ),
        (
            r#"["a",{"b":["c",{"_placeholder":true,"num":0}]},1]"#,
            r#"["a",{"b":["c",<0>]},1]"#,
        ),
        (r#"[{"\u005fplaceholder":true,"n\u0075m":3}]"#, "[<3>]"),
        (
            r#"[{"_placeholder":false,"num":9,"_placeholder":true,"num":2}]"#,
            "[<2>]",
        ),
        (r#"["\"",{"_placeholder":true,"num":5}]"#, r#"["\"",<5>]"#),
        (r#"["\\",{"_placeholder":true,"num":6}]"#, r#"["\\",<6>]"#),
        (r#"[{"_placeholder":true,"num":4,"more":[{}]}]"#, "[<4>]"),
        (
            r#"{"_placeholder":true,"x":{"_placeholder":true,"num":1},"num":0}"#,
            "<0>",
        ),
    ];
    for (json, expected) in table {
        assert_eq!(shown(json), expected, "{json}");
    }
}

#[test]
fn objects_that_only_look_like_placeholders_are_left_unchanged() {
    let table = [
        "[]",
        "",
        r#"["{\"_placeholder\":true,\"num\":0}"]"#,
        r#"[{"_placeholder":1,"num":0}]"#,
        r#"[{"_placeholder":"true","num":0}]"#,
        r#"[{"_placeholder":[true],"num":0}]"#,
        r#"[{"_placeholder":true,"num":0,"_placeholder":false}]"#,
        r#"[{"placeholder":true,"num":0}]"#,
        r#"[{"x":"_placeholder","y":true,"num":0}]"#,
        r#"[{"_placeholder":{"_placeholder":null},"num":0}]"#,
        r#"[{"\ud800":true,"num":0}]"#,
    ];
    for json in table {
        assert_eq!(shown(json), json);
        assert_eq!(check(json, 0), Ok(()), "{json}");
    }
}

#[test]
fn a_placeholder_without_a_plain_number_is_refused() {
    let table = ["", r#","num":"splice""#, r#","num":-1"#, r#","num":0.0"#];
    let more = [r#","num":1e0"#, r#","num":null"#, r#","num":[0]"#];
    let huge = [r#","num":99999999999999999999999"#, r#","num":0,"num":"0""#];
    for num in table.into_iter().chain(more).chain(huge) {
        let json = format!("[{{\"_placeholder\":true{num}}}]");
        assert_eq!(
            check(&json, 10),
            Err(PlaceholderError::Placeholder),
            "{json}"
        );
        assert_eq!(shown(&json), json);
    }
}

#[test]
fn each_attachment_is_named_at_most_once_and_exists() {
    let two = r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    assert_eq!(check(two, 2), Ok(()));
    assert_eq!(check(two, 10), Ok(()));
    assert_eq!(check(two, 1), Err(PlaceholderError::Placeholder));
    let twice = r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#;
    assert_eq!(check(twice, 2), Err(PlaceholderError::Placeholder));
    let beyond = r#"[{"_placeholder":true,"num":10}]"#;
    assert_eq!(check(beyond, 10), Err(PlaceholderError::Placeholder));
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(check(&nested(limits::JSON_DEPTH), 1), Ok(()));
    assert_eq!(
        check(&nested(limits::JSON_DEPTH + 1), 1),
        Err(PlaceholderError::TooDeep)
    );
    assert_eq!(
        check(&"{\"a\":".repeat(1_000_000), 1),
        Err(PlaceholderError::TooDeep)
    );
}

#[test]
fn an_argument_that_is_exactly_one_placeholder_is_known() {
    let table = [
        (r#"{"_placeholder":true,"num":3}"#, Some(3)),
        (" {\"_placeholder\":true,\"num\":3}\n", Some(3)),
        (r#"[{"_placeholder":true,"num":3}]"#, None),
        (r#"{"a":{"_placeholder":true,"num":3}}"#, None),
        (r#"{"_placeholder":true}"#, None),
        (r#""{\"_placeholder\":true,\"num\":3}""#, None),
        (r#"{}"#, None),
        ("", None),
        ("{", None),
    ];
    for (raw, expected) in table {
        assert_eq!(placeholder(raw), expected, "{raw:?}");
    }
}

/// The reference implementation on values: it replaces the outermost objects whose `_placeholder` is true.
fn naive(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(naive).collect(),
        Value::Object(map) if map.get("_placeholder") == Some(&Value::Bool(true)) => {
            Value::String(format!("<{}>", map["num"]))
        }
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), naive(v))).collect(),
        other => other.clone(),
    }
}

/// JSON built of a few relevant pieces, so that placeholders of all shapes occur.
fn json_text() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::collection::vec;
    use proptest::prelude::Strategy;
    use proptest::sample::select;
    let leaf = select(vec![
        "true",
        "false",
        "null",
        "0",
        "-1.5e3",
        "\"\"",
        "\"}{\\\"\\\\\"",
        "{\"_placeholder\":true,\"num\":2}",
        " {\"num\":1 ,\"_placeholder\"\n:true}",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 5, |inner| {
        let key = select(vec!["a", "num2", "x\\\"y", "\\u005f", "_placeholder_"]);
        proptest::prop_oneof![
            vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(", "))),
            vec((key, inner), 0..5).prop_map(|pairs| {
                let pairs: Vec<_> = pairs
                    .iter()
                    .enumerate()
                    .map(|(n, (k, v))| format!("\"{n}{k}\" :{v}"))
                    .collect();
                format!("{{{}}}", pairs.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn rewriting_equals_the_walk_over_values(json in json_text()) {
        let value: Value = serde_json::from_str(&json).unwrap();
        let rewritten = rewrite_placeholders(&json, |num, out| {
            out.push_str(&format!("\"<{num}>\""));
        });
        prop_assert_eq!(serde_json::from_str::<Value>(&rewritten).unwrap(), naive(&value));
    }

    #[test]
    fn no_text_panics(text in any::<String>(), jsonish in "[\\[\\]{}\",:\\\\ éntrue0_placeholder]{0,60}") {
        for text in [&text, &jsonish] {
            let _ = shown(text);
            let _ = placeholder(text);
            prop_assert!(check(text, 10).is_ok() || check(text, 0).is_err());
        }
    }
}
