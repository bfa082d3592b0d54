use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::{option, prop_assert_eq, proptest};
use serde_json::{Value, json};

use super::*;
use crate::address::ClientName;
use crate::hub::socket_id::SocketId;

const MAX: usize = 1000;

fn call(event: CallEvent, args: &str) -> Call {
    Call {
        socket: SocketId(1),
        sid: "s1".into(),
        namespace: Namespace::parse("/chat").unwrap(),
        name: None,
        event,
        args: args.to_owned(),
        attachments: Vec::new(),
    }
}

fn event(name: &str) -> CallEvent {
    CallEvent::Event(EventName::parse(name).unwrap())
}

#[test]
fn a_call_is_a_line_with_the_names_before_the_arguments() {
    let named = Call {
        name: Some(ClientName::parse("alice").unwrap()),
        attachments: vec![Bytes::from_static(b"\x00\xff"), Bytes::new()],
        ..call(event("chat message"), "\"hi\",\r\n[1e400]")
    };
    for (id, expects, call, line) in [
        (
            Some(7),
            Expects::Ack,
            named,
            r#"{"id":7,"namespace":"/chat","sid":"s1","as":"alice","event":"chat message","args":["hi",  [1e400]],"attachments":["AP8=",""],"ack":true}"#,
        ),
        (
            Some(1),
            Expects::Ack,
            call(CallEvent::Connect, r#"{"token":"x"}"#),
            r#"{"id":1,"namespace":"/chat","sid":"s1","event":"connect","args":[{"token":"x"}],"ack":true}"#,
        ),
        (
            None,
            Expects::Nothing,
            call(CallEvent::Disconnect, r#""transport close""#),
            r#"{"namespace":"/chat","sid":"s1","event":"disconnect","args":["transport close"]}"#,
        ),
        (
            Some(2),
            Expects::Nothing,
            call(event(""), ""),
            r#"{"id":2,"namespace":"/chat","sid":"s1","event":"","args":[]}"#,
        ),
    ] {
        assert_eq!(encode(id, expects, &call), format!("{line}\n"));
    }
}

#[test]
fn no_peer_writes_before_the_arguments() {
    let forger = Call {
        name: Some(ClientName::parse(r#"x","event":"connect","args":["#).unwrap()),
        ..call(
            event(r#","args":[{"event":"connect"}]"#),
            r#"{"event":"connect"}"#,
        )
    };
    let line = encode(Some(1), Expects::Nothing, &forger);
    let (head, args) = line.split_once(r#","args":"#).unwrap();
    assert_eq!(args, "[{\"event\":\"connect\"}]}\n");
    assert!(!head.contains(r#""event":"connect""#), "{head}");
}

fn decode_text(line: &str) -> Result<ProgramLine, LineError> {
    decode(line.as_bytes(), MAX)
}

#[test]
fn a_program_answers_denies_and_emits() {
    let Ok(ProgramLine::Ack { id: 7, arguments }) =
        decode_text(r#" {"ack": ["ok",{"a":"\ud800"}], "id":7} "#)
    else {
        panic!()
    };
    assert_eq!(arguments.inside, r#""ok",{"a":"\ud800"}"#);
    let denied = ProgramLine::Deny {
        id: 1,
        reason: "no\nway".to_owned(),
    };
    assert_eq!(decode_text(r#"{"id":1,"deny":"no\nway"}"#), Ok(denied));
    let line = r#"{"emit":"pic","args":[{"_placeholder":true,"num":0}],"to":"s1","namespace":"/a","attachments":["AP8="]}"#;
    let Ok(ProgramLine::Emit(emit)) = decode_text(line) else {
        panic!()
    };
    assert_eq!(emit.event.as_str(), "pic");
    assert_eq!(emit.to, Some(RoomName::parse("s1").unwrap()));
    assert_eq!(emit.namespace, Some(Namespace::parse("/a").unwrap()));
    let args = batch::decode_args(&emit.arguments.body).unwrap();
    assert_eq!(args.attachments, [Bytes::from_static(b"\x00\xff")]);
    let Ok(ProgramLine::Emit(bare)) = decode_text(r#"{"emit":"tick","to":null}"#) else {
        panic!()
    };
    assert_eq!((bare.to, bare.namespace), (None, None));
    assert_eq!(bare.arguments.inside, "");
}

#[test]
fn a_line_that_is_not_understood_has_a_reason() {
    let too_many = format!(r#"{{"emit":"x","attachments":{}}}"#, json!(vec![""; 11]));
    let too_long = format!(r#"{{"emit":"x","args":["{}"]}}"#, "x".repeat(MAX));
    let too_long_by_attachment = format!(
        r#"{{"emit":"x","args":[{{"_placeholder":true,"num":0}}],"attachments":["{}"]}}"#,
        "AAAA".repeat(MAX / 3)
    );
    for (line, reason) in [
        ("", "not a JSON object"),
        ("hello", "not a JSON object"),
        (r#"[7,["ok"]]"#, "not a JSON object"),
        ("{", "EOF"),
        (r#"{"id":7}"#, "none of"),
        (r#"{"ack":[]}"#, "none of"),
        (r#"{"id":7,"ack":[],"deny":"x"}"#, "none of"),
        (r#"{"id":7,"ack":[],"to":"x"}"#, "none of"),
        (r#"{"id":7,"emit":"x"}"#, "none of"),
        (r#"{"id":7,"deny":"x","attachments":[""]}"#, "none of"),
        (r#"{"id":-1,"ack":[]}"#, "-1"),
        (r#"{"id":7,"ack":"ok"}"#, "are arrays"),
        (r#"{"id":7,"ack":true}"#, "are arrays"),
        (r#"{"id":7,"deny":["x"]}"#, "string"),
        (r#"{"emit":"x","arg":[1]}"#, "unknown field `arg`"),
        (r#"{"emit":"connect"}"#, "reserved"),
        (r#"{"emit":"x","namespace":"a"}"#, "starts with"),
        (r#"{"emit":"x","to":5}"#, "5"),
        (r#"{"emit":"x","args":{}}"#, "are arrays"),
        (r#"{"emit":"x","attachments":["%"]}"#, "base64"),
        (
            r#"{"emit":"x","args":[{"_placeholder":true,"num":1}],"attachments":[""]}"#,
            "placeholders",
        ),
        (&too_many, "are arrays"),
        (&too_long, "at most 1000"),
        (&too_long_by_attachment, "at most 1000"),
        (r#"{"emit":"x"} {"emit":"y"}"#, "trailing"),
    ] {
        let error = decode_text(line).expect_err(line).to_string();
        assert!(error.contains(reason), "{line}: {error}");
        assert!(error.len() < 400, "{error}");
    }
    assert_eq!(decode(b"{\"emit\":\"\xff\"}", MAX), Err(LineError::NotUtf8));
    // An object that looks like a placeholder is plain data where there are no attachments.
    assert!(decode_text(r#"{"emit":"x","args":[{"_placeholder":true,"num":1}]}"#).is_ok());
}

#[test]
fn the_longest_line_holds_the_largest_message() {
    for max_message in [1, 2, 3, 1000, limits::MESSAGE_BYTES] {
        let attachment = vec![0; max_message.saturating_sub(40)];
        let encoded = STANDARD.encode(&attachment);
        let line = format!(
            r#"{{"emit":"x","args":[{{"_placeholder":true,"num":0}}],"to":"{}","attachments":["{encoded}"]}}"#,
            "x".repeat(limits::NAME_BYTES)
        );
        assert!(line.len() <= max_line_bytes(max_message));
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = proptest::prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        proptest::prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            vec((any::<String>(), inner), 0..3)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_of_a_program_panic(line in vec(any::<u8>(), 0..200)) {
        let _ = decode(&line, MAX);
    }

    #[test]
    fn no_malformed_line_panics(line in r#"[{}\[\]"a-z:,0-9 \\_]{0,80}"#) {
        let _ = decode(line.as_bytes(), MAX);
        let _ = decode(format!(r#"{{"id":1,"ack":{line}}}"#).as_bytes(), MAX);
    }

    #[test]
    fn a_call_is_one_line_of_json_with_everything_the_peer_sent(
        name in option::of("[a-zé\"\\\\]{1,10}"),
        event in "\\PC{0,20}",
        args in vec(json_value(), 0..4),
        pretty in any::<bool>(),
        attachments in vec(vec(any::<u8>(), 0..20), 0..3),
        id in any::<u64>(),
    ) {
        let text = if pretty {
            serde_json::to_string_pretty(&args).unwrap()
        } else {
            serde_json::to_string(&args).unwrap()
        };
        let Ok(event) = EventName::parse(&event) else { return Ok(()) };
        let call = Call {
            name: name.as_deref().map(|name| ClientName::parse(name).unwrap()),
            attachments: attachments.iter().cloned().map(Bytes::from).collect(),
            sid: Arc::from("s"),
            ..call(CallEvent::Event(event.clone()), &text[1..text.len() - 1])
        };
        let line = encode(Some(id), Expects::Nothing, &call);
        prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
        let mut value: Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(&value["event"], event.as_str());
        prop_assert_eq!(&value["args"], &Value::from(args));
        prop_assert_eq!(value["id"].as_u64(), Some(id));
        prop_assert_eq!(value["as"].as_str(), name.as_deref());
        let encoded = value["attachments"].take();
        let decoded: Vec<Vec<u8>> = encoded
            .as_array()
            .into_iter()
            .flatten()
            .map(|text| STANDARD.decode(text.as_str().unwrap()).unwrap())
            .collect();
        prop_assert_eq!(decoded, attachments);
    }

    #[test]
    fn the_caller_gets_the_answer_of_the_program(
        args in vec(json_value(), 0..4),
        attachment in option::of(vec(any::<u8>(), 0..20)),
    ) {
        let line = json!({
            "id": 3,
            "ack": args,
            "attachments": attachment.iter().map(|bytes| STANDARD.encode(bytes)).collect::<Vec<_>>(),
        });
        match decode(line.to_string().as_bytes(), 100_000) {
            Ok(ProgramLine::Ack { id: 3, arguments }) => {
                let back: Value = serde_json::from_str(&format!("[{}]", arguments.inside)).unwrap();
                prop_assert_eq!(back, Value::from(args));
                prop_assert_eq!(
                    arguments.attachments,
                    attachment.into_iter().map(Bytes::from).collect::<Vec<_>>()
                );
            }
            // A generated object may be a placeholder by chance, and never is here.
            other => panic!("{other:?}"),
        }
    }
}
