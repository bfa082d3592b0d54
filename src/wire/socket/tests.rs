//! Socket.IO packets: decoding, encoding and bounds.

use proptest::prelude::{Strategy, any};
use proptest::{prop_assert_eq, proptest};

use super::*;

/// A decoded packet in one line, for tables.
fn shown(text: &str) -> Result<String, PacketError> {
    let Decoded {
        packet,
        attachments,
    } = decode(text)?;
    let args = |args: &[&RawValue]| args.iter().map(|a| a.get()).collect::<Vec<_>>().join(" ");
    let line = match packet {
        Packet::Connect { namespace, auth } => {
            format!("connect {namespace} {:?}", auth.map(RawValue::get))
        }
        Packet::Disconnect { namespace } => format!("disconnect {namespace}"),
        Packet::ConnectError { namespace, data } => format!("error {namespace} {data}"),
        Packet::Event(e) => format!(
            "event {} {:?} {:?} {}",
            e.namespace,
            e.id,
            e.event.as_str(),
            args(&e.args)
        ),
        Packet::Ack(a) => format!("ack {} {} {}", a.namespace, a.id, args(&a.args)),
    };
    Ok(match attachments {
        0 => line.trim_end().to_owned(),
        n => format!("{} +{n}", line.trim_end()),
    })
}

#[test]
fn packets_are_decoded() {
    let table = [
        ("0", "connect / None"),
        ("0{}", "connect / Some(\"{}\")"),
        ("0/", "connect / None"),
        ("0/,{}", "connect / Some(\"{}\")"),
        ("0/admin", "connect /admin None"),
        ("0/admin,", "connect /admin None"),
        (
            "0/admin,{\"a\":1}",
            "connect /admin Some(\"{\\\"a\\\":1}\")",
        ),
        ("1", "disconnect /"),
        ("1/admin,", "disconnect /admin"),
        ("1/admin", "disconnect /admin"),
        ("2[\"a\"]", "event / None \"a\""),
        ("2[ \"a\" , 1 ] ", "event / None \"a\" 1"),
        ("2[\"\"]", "event / None \"\""),
        ("2[\"a,b/c\",\"/,\"]", "event / None \"a,b/c\" \"/,\""),
        ("20[\"a\"]", "event / Some(0) \"a\""),
        ("2007[\"a\"]", "event / Some(7) \"a\""),
        (
            "2/é,12[\"ü\",{\"a\":[1]}]",
            "event /é Some(12) \"ü\" {\"a\":[1]}",
        ),
        ("2[\"\\u0061\"]", "event / None \"a\""),
        ("30[]", "ack / 0"),
        ("3/ns,9[null,\"x\"]", "ack /ns 9 null \"x\""),
        ("4{\"message\":\"no\"}", "error / {\"message\":\"no\"}"),
        ("4/ns,\"no\"", "error /ns \"no\""),
        ("50-[\"a\",1]", "event / None \"a\" 1"),
        (
            "51-/ns,3[\"a\",{\"_placeholder\":true,\"num\":0}]",
            "event /ns Some(3) \"a\" {\"_placeholder\":true,\"num\":0} +1",
        ),
        ("510-[\"a\"]", "event / None \"a\" +10"),
        ("62-1[]", "ack / 1 +2"),
    ];
    for (text, expected) in table {
        assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn arguments_are_not_changed() {
    let odd = r#""\ud800",1e400,-0.0,[ 1 ],{"a":1,"a":2},"\u0061",12345678901234567890123"#;
    let text = format!("2[\"x\",{odd}]");
    let Packet::Event(event) = decode(&text).unwrap().packet else {
        panic!("not an event");
    };
    assert_eq!(join_args(&event.args), odd);
    assert_eq!(
        encode_event(&event.namespace, None, "x", &join_args(&event.args), 0),
        format!("4{text}")
    );
    assert_eq!(join_args(&[]), "");
}

#[test]
fn line_breaks_are_only_ever_white_space() {
    let Packet::Event(event) = decode("2[\"a\",{\"a\":\r\n[1,\n\"\\n\"]}]").unwrap().packet else {
        panic!("not an event");
    };
    assert_eq!(one_line(event.args[0].get()), r#"{"a":  [1, "\n"]}"#);
    assert!(matches!(one_line("[1]"), Cow::Borrowed("[1]")));
    assert!(decode("2[\"a\",\"\n\"]").is_err());
    assert!(decode("2[\"a\",{\"\r\":1}]").is_err());
}

#[test]
fn malformed_packets_are_refused_with_their_reason() {
    type Is = fn(&PacketError) -> bool;
    let payload: Is = |e| matches!(e, PacketError::Payload(_));
    let namespace: Is = |e| matches!(e, PacketError::Namespace(_));
    let event: Is = |e| matches!(e, PacketError::Event(NameError::Reserved(_)));
    let attachments: Is = |e| matches!(e, PacketError::Attachments);
    let ack: Is = |e| matches!(e, PacketError::AckId);
    let kind: Is = |e| matches!(e, PacketError::UnknownType(_));
    let table: [(&[&str], Is); 8] = [
        (&[""], |e| matches!(e, PacketError::Empty)),
        (&["7", "999", "é1234", "\0", " 2[\"a\"]", "٢[\"a\"]"], kind),
        (
            &[
                "0[]",
                "0null",
                "0 {}",
                "0{",
                "0{}x",
                "0/admin,\"a\"",
                "1{}",
                "1/admin,{}",
                "2",
                "2{}",
                "2 [\"a\"]",
                "2[\"a\"",
                "2[\"a\"]]",
                "2[\"\\ud800\"]",
                "2[\"a\",]",
                "2/ns[\"a\"]",
                "2/ns[\"a\",1]",
                "30",
                "30{}",
                "4",
                "4[]",
                "4null",
                "2[\"a\"]\0",
                "51-",
                "2\u{feff}[\"a\"]",
                "2٣[\"a\"]",
            ],
            payload,
        ),
        (
            &[
                "2[]",
                "2[1]",
                "2[null]",
                "2[{\"toString\":\"foo\"}]",
                "2[true,\"a\"]",
            ],
            |e| matches!(e, PacketError::Unnamed),
        ),
        (
            &["2/ns?x,[\"a\"]", "0/ns#x", "0/a\u{1b}b,", "0/\0"],
            namespace,
        ),
        (
            &[
                "2[\"connect\"]",
                "2[\"disconnect\",1]",
                "2[\"newListener\"]",
                "2[\"conn\\u0065ct\"]",
            ],
            event,
        ),
        (
            &[
                "5",
                "5-",
                "51",
                "51[\"a\"]",
                "511-[\"a\"]",
                "59999999999-[]",
                "5-1-[\"a\"]",
                "51.0-[\"a\"]",
                "51e1-[\"a\"]",
                "5a-[\"a\"]",
                "5+1-[\"a\"]",
                "6-0[]",
                "518446744073709551617-[\"a\"]",
            ],
            attachments,
        ),
        (
            &[
                "3[]",
                "3",
                "3/ns,[]",
                "60-[]",
                "210000000000000000000[\"a\"]",
                "399999999999999999999999[]",
                "012{}",
                "112",
                "412{}",
                "40x\"",
                "442[\"some\",\"data\"",
            ],
            ack,
        ),
    ];
    for (texts, is) in table {
        for text in texts {
            let error = shown(text).expect_err(text);
            assert!(is(&error), "{text}: {error:?}");
        }
    }
}

#[test]
fn bounds_are_exact() {
    let id = "9".repeat(limits::ACK_ID_DIGITS);
    assert!(decode(&format!("2{id}[\"a\"]")).is_ok());
    assert_eq!(
        decode(&format!("2{id}9[\"a\"]")).unwrap_err(),
        PacketError::AckId
    );
    let name = |n: usize| "x".repeat(n);
    assert!(decode(&format!("2[\"{}\"]", name(limits::NAME_BYTES))).is_ok());
    assert!(decode(&format!("2[\"{}\"]", name(limits::NAME_BYTES + 1))).is_err());
    assert!(decode(&format!("0/{}", name(limits::NAME_BYTES - 1))).is_ok());
    assert!(decode(&format!("0/{}", name(limits::NAME_BYTES))).is_err());
}

#[test]
fn deep_json_is_passed_on_unless_it_carries_attachments() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(decode(&format!("2[\"a\",{deep}]")).is_ok());
    assert!(matches!(
        decode(&format!("51-[\"a\",{deep}]")),
        Err(PacketError::Payload(_))
    ));
}

#[test]
fn an_error_never_repeats_a_long_packet() {
    let long = "x".repeat(1_000_000);
    for text in [
        format!("2{long}"),
        format!("2\"{long}\""),
        format!("2[\"{long}\"]"),
        format!("2[{long}]"),
        format!("0{{\"{long}\""),
        format!("0/{long}"),
        format!("4\"{long}"),
        format!("5{long}"),
        format!("51-[\"a\",{{\"_placeholder\":true,\"num\":\"{long}\"}}]"),
    ] {
        let error = decode(&text).unwrap_err().to_string();
        assert!(error.len() < 200, "{error}");
    }
}

#[test]
fn packets_are_encoded() {
    let ns = Namespace::parse("/ns").unwrap();
    let root = Namespace::root();
    assert_eq!(encode_connect(&root, None), "40");
    assert_eq!(encode_connect(&ns, Some("{}")), "40/ns,{}");
    assert_eq!(encode_disconnect(&root), "41");
    assert_eq!(encode_disconnect(&ns), "41/ns,");
    assert_eq!(encode_connect_error(&ns, "{}"), "44/ns,{}");
    assert_eq!(encode_event(&root, None, "a", "", 0), "42[\"a\"]");
    assert_eq!(
        encode_event(&ns, Some(u64::MAX), "a\"b", "1,2", 0),
        "42/ns,18446744073709551615[\"a\\\"b\",1,2]"
    );
    assert_eq!(encode_event(&root, None, "a", "", 10), "4510-[\"a\"]");
    assert_eq!(encode_ack(&root, 0, "", 0), "430[]");
    assert_eq!(encode_ack(&ns, 7, "1", 1), "461-/ns,7[1]");
}

fn namespace() -> impl Strategy<Value = Namespace> {
    "/[^,#?\\p{Cc}]{0,20}".prop_map(|text| Namespace::parse(&text).unwrap())
}

/// JSON values, unusual ones included.
fn args() -> impl Strategy<Value = Vec<String>> {
    let value = proptest::prop_oneof![
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        any::<f64>().prop_map(|number| serde_json::to_string(&number).unwrap()),
        proptest::sample::select(vec!["\"\\udfff\"", "1e400", "[ {} ]", "null"])
            .prop_map(str::to_owned),
    ];
    proptest::collection::vec(value, 0..5)
}

fn event_name() -> impl Strategy<Value = String> {
    any::<String>().prop_filter("a legal event", |name| EventName::parse(name).is_ok())
}

proptest! {
    #[test]
    fn no_text_panics(
        text in any::<String>(),
        near in "[0-9é]{0,2}[0-9]{0,3}-?(/[a-z?]{0,3},?)?[0-9]{0,22}[\\[{]?[\\[\\]{}\",:0-9a-z\\\\]{0,20}",
    ) {
        let _ = decode(&text);
        let _ = decode(&near);
    }

    #[test]
    fn a_damaged_packet_does_not_panic(
        namespace in namespace(), args in args(), at in any::<proptest::sample::Index>(), with in any::<char>(),
    ) {
        let whole = encode_event(&namespace, Some(12), "event", &args.join(","), 3);
        let mut chars: Vec<char> = whole.chars().skip(1).collect();
        let at = at.index(chars.len());
        chars[at] = with;
        let _ = decode(&chars.iter().collect::<String>());
        chars.truncate(at);
        let _ = decode(&chars.iter().collect::<String>());
    }

    #[test]
    fn an_event_comes_back(
        sent_namespace in namespace(), sent_id in proptest::option::of(0..10u64.pow(19)), name in event_name(),
        sent in args(), count in 0..=10usize,
    ) {
        let text = encode_event(&sent_namespace, sent_id, &name, &sent.join(","), count);
        let Decoded { packet, attachments } = decode(text.strip_prefix('4').unwrap()).unwrap();
        prop_assert_eq!(attachments, count);
        let Packet::Event(EventPacket { namespace, id, event, args }) = packet else {
            panic!("not an event");
        };
        prop_assert_eq!((namespace, id, event.as_str()), (sent_namespace, sent_id, name.as_str()));
        prop_assert_eq!(args.iter().map(|a| a.get()).collect::<Vec<_>>(), sent);
    }

    #[test]
    fn an_ack_comes_back(sent_namespace in namespace(), sent_id in 0..10u64.pow(19), sent in args(), count in 0..=10usize) {
        let text = encode_ack(&sent_namespace, sent_id, &sent.join(","), count);
        let Decoded { packet, attachments } = decode(text.strip_prefix('4').unwrap()).unwrap();
        prop_assert_eq!(attachments, count);
        let Packet::Ack(AckPacket { namespace, id, args }) = packet else {
            panic!("not an ack");
        };
        prop_assert_eq!((namespace, id), (sent_namespace, sent_id));
        prop_assert_eq!(args.iter().map(|a| a.get()).collect::<Vec<_>>(), sent);
    }

    #[test]
    fn the_packets_around_a_session_come_back(sent in namespace(), text in any::<String>()) {
        let data = serde_json::json!({ "message": text }).to_string();
        let connect = encode_connect(&sent, Some(&data));
        let connected = decode(connect.strip_prefix('4').unwrap()).unwrap().packet;
        assert!(matches!(connected, Packet::Connect { namespace, auth: Some(auth) }
            if namespace == sent && auth.get() == data));
        let refusal = encode_connect_error(&sent, &data);
        let refused = decode(refusal.strip_prefix('4').unwrap()).unwrap().packet;
        assert!(matches!(refused, Packet::ConnectError { namespace, data: got }
            if namespace == sent && got.get() == data));
        let disconnect = encode_disconnect(&sent);
        let disconnected = decode(disconnect.strip_prefix('4').unwrap()).unwrap().packet;
        assert!(matches!(disconnected, Packet::Disconnect { namespace } if namespace == sent));
    }
}
