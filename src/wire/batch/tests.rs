//! Batch bodies and headers: checks, cuts and bounds.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::*;

const MAX: usize = 1 << 20;

fn bytes_body(messages: &[&[u8]]) -> Bytes {
    let mut body = Vec::new();
    for message in messages {
        push_bytes_message(&mut body, message);
    }
    body.into()
}

fn listed(framing: Framing, body: &[u8]) -> Vec<&[u8]> {
    messages(framing, body).collect()
}

fn count(announced: u32, found: u64) -> Result<(), BatchError> {
    Err(BatchError::Count { announced, found })
}

fn too_long(index: u32, length: usize, limit: usize) -> Result<(), BatchError> {
    Err(BatchError::TooLong {
        index,
        length,
        limit,
    })
}

#[test]
fn lines_are_checked() {
    type Row<'a> = (u32, &'a [u8], usize, Result<(), BatchError>);
    let table: &[Row] = &[
        (1, b"hi\n", MAX, Ok(())),
        (3, b"\n\n\r\n", MAX, Ok(())),
        (2, b"\0\n\x1b\xc3\xa9\n", MAX, Ok(())),
        (0, b"", MAX, Err(BatchError::Empty)),
        (1, b"", MAX, count(1, 0)),
        (1, b"a\nb\n", MAX, count(1, 2)),
        (u32::MAX, b"a\n", MAX, count(u32::MAX, 1)),
        (1, b"hi", MAX, Err(BatchError::Ragged)),
        (1, b"hi\nho", MAX, Err(BatchError::Ragged)),
        (1, b"\xff\n", MAX, Err(BatchError::NotUtf8)),
        (1, b"\xed\xa0\x80\n", MAX, Err(BatchError::NotUtf8)),
        (2, b"\xc3\n\xa9\n", MAX, Err(BatchError::NotUtf8)),
        // The limit is for a message without its newline, not for the batch.
        (3, b"abc\nabc\nabc\n", 3, Ok(())),
        (3, b"abc\nabc\nabcd\n", 3, too_long(2, 4, 3)),
        (1, b"abcd\n", 4, Ok(())),
        (1, b"abcde\n", 4, too_long(0, 5, 4)),
    ];
    for (announced, body, max, expected) in table {
        let got = check(Framing::Lines, false, *announced, body, *max);
        assert_eq!(&got, expected, "{announced} {:?}", body.escape_ascii());
    }
}

#[test]
fn json_lines_are_checked() {
    let not_json = |index| Err(BatchError::NotJson { index });
    let table: [(u32, &str, _); 8] = [
        (3, "{\"a\":1}\n\"\\ud800\"\n1e400\n", Ok(())),
        (1, " [1, 2] \r\n", Ok(())),
        (2, "1\n\n", not_json(1)),
        (2, "1\n2 3\n", not_json(1)),
        (1, "{\"a\":\n", not_json(0)),
        (2, "{\"a\":\n1}\n", not_json(0)),
        (1, "NaN\n", not_json(0)),
        (1, "'a'\n", not_json(0)),
    ];
    for (announced, body, expected) in table {
        let got = check(Framing::Lines, true, announced, body.as_bytes(), MAX);
        assert_eq!(got, expected, "{body:?}");
    }
    let deep = format!("{}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(check(Framing::Lines, true, 1, deep.as_bytes(), MAX), Ok(()));
    for framing in [Framing::Bytes, Framing::Args] {
        assert_eq!(
            check(framing, true, 1, b"", MAX),
            Err(BatchError::JsonFraming)
        );
    }
}

#[test]
fn length_prefixed_messages_are_checked() {
    let all: Vec<u8> = (0..=255).collect();
    let body = bytes_body(&[b"", &all, b"\n"]);
    assert_eq!(check(Framing::Bytes, false, 3, &body, 256), Ok(()));
    assert_eq!(
        check(Framing::Bytes, false, 3, &body, 255),
        too_long(1, 256, 255)
    );
    assert_eq!(check(Framing::Bytes, false, 2, &body, MAX), count(2, 3));
    assert_eq!(check(Framing::Bytes, false, 1, b"", MAX), count(1, 0));
    assert_eq!(
        check(Framing::Bytes, false, 0, b"", MAX),
        Err(BatchError::Empty)
    );
    for ragged in [
        &b"\0"[..],
        b"\0\0\0",
        b"\0\0\0\x01",
        b"\xff\xff\xff\xffabc",
        b"\0\0\0\x01ab",
    ] {
        assert_eq!(
            check(Framing::Bytes, false, 1, ragged, MAX),
            Err(BatchError::Ragged),
            "{ragged:?}"
        );
    }
}

const ONE: &str = r#"[1,{"_placeholder":true,"num":0}]"#;

fn attachments(n: usize) -> Vec<Bytes> {
    (0..n).map(|i| Bytes::from(vec![0xff; i])).collect()
}

#[test]
fn a_socket_io_event_is_checked() {
    let good = [
        encode_args("[]", &[]),
        encode_args("[ \"\\ud800\" ]", &[]),
        encode_args(ONE, &attachments(1)),
        encode_args(ONE, &attachments(limits::ATTACHMENTS)),
        // Without attachments nothing is a placeholder, whatever it looks like.
        encode_args(ONE, &[]),
    ];
    for body in &good {
        assert_eq!(check(Framing::Args, false, 1, body, body.len()), Ok(()));
        assert_eq!(
            check(Framing::Args, false, 1, body, body.len() - 1),
            too_long(0, body.len(), body.len() - 1)
        );
        assert_eq!(check(Framing::Args, false, 2, body, MAX), count(2, 1));
    }
    let bad = [
        Bytes::new(),
        Bytes::from_static(b"\0\0\0\x02["),
        Bytes::from_static(b"\0\0\0\x02[]\0"),
        Bytes::from_static(b"\0\0\0\x02[]\0\0\0\x09abc"),
        Bytes::from_static(b"\0\0\0\x05[\"\xff\"]"),
        encode_args("", &[]),
        encode_args("{}", &[]),
        encode_args("[1,]", &[]),
        encode_args(" []", &[]),
        encode_args("[] ", &[]),
        encode_args("[],[]", &[]),
        encode_args("[]", &attachments(limits::ATTACHMENTS + 1)),
        encode_args(&ONE.replace('0', "1"), &attachments(1)),
        encode_args(
            &format!("{}{}", "[".repeat(1000), "]".repeat(1000)),
            &attachments(1),
        ),
    ];
    for body in &bad {
        assert_eq!(
            check(Framing::Args, false, 1, body, MAX),
            Err(BatchError::Args),
            "{}",
            body.escape_ascii()
        );
        assert_eq!(decode_args(body), Err(BatchError::Args));
    }
}

#[test]
fn the_parts_of_an_event_come_back_and_share_its_memory() {
    let body = encode_args(ONE, &attachments(3));
    let args = decode_args(&body).unwrap();
    assert_eq!(args.json, ONE);
    assert_eq!(args.inside(), &ONE[1..ONE.len() - 1]);
    assert_eq!(args.attachments, attachments(3));
    assert!(body.as_ptr_range().contains(&args.attachments[2].as_ptr()));
    assert_eq!(listed(Framing::Args, &body), [&body[..]]);
    for empty in ["[]", "[ ]"] {
        let body = encode_args(empty, &[]);
        assert_eq!(decode_args(&body).unwrap().inside(), "");
    }
}

#[test]
fn messages_are_taken_apart() {
    assert_eq!(
        listed(Framing::Lines, b"a\n\nb\r\n"),
        [&b"a"[..], b"", b"b\r"]
    );
    let body = bytes_body(&[b"a\n", b"", b"\0"]);
    assert_eq!(listed(Framing::Bytes, &body), [&b"a\n"[..], b"", b"\0"]);
    // A malformed end is not a message.
    assert_eq!(listed(Framing::Lines, b"a\nb"), [b"a"]);
    assert_eq!(listed(Framing::Bytes, b"\0\0\0\x01a\0\0\0\x02b"), [b"a"]);
    assert!(listed(Framing::Bytes, b"\0\0").is_empty());
}

#[test]
fn a_cut_shares_memory() {
    let body = Bytes::from_static(b"a\nbb\nccc\n");
    let part = cut(Framing::Lines, &body, 1, 2);
    assert_eq!(part, "bb\n");
    assert_eq!(part.as_ptr(), body[2..].as_ptr());
    let body = bytes_body(&[b"a", b"bb", b""]);
    assert_eq!(cut(Framing::Bytes, &body, 1, u32::MAX), body[5..]);
    let event = encode_args("[]", &[]);
    assert_eq!(cut(Framing::Args, &event, 0, 1), event);
    assert_eq!(cut(Framing::Args, &event, 1, 2), "");
}

#[test]
fn headers_travel_as_json() {
    let json = r#"{"rooms":["ci"],"event":"message","framing":"lines","count":812,"id":["p",17],"to":"all"}"#;
    let header = PublishHeader::decode(json).unwrap();
    assert_eq!(serde_json::to_string(&header).unwrap(), json);
    assert_eq!(header.id, Some(PublishId("p".to_owned(), 17)));
    let short = PublishHeader::decode(r#"{"framing":"bytes","count":1,"later":0}"#).unwrap();
    assert!(short.rooms.is_empty() && short.event == EventName::message());
    let json = r#"{"rooms":[""],"event":"e","framing":"args","count":1,"first":"41.3","from":"al","at":5}"#;
    let header = DeliveryHeader::decode(json).unwrap();
    assert_eq!(header.first, Some(Seq::new(41, 3)));
    assert_eq!(serde_json::to_string(&header).unwrap(), json);
}

#[test]
fn headers_out_of_bounds_are_refused() {
    let with = |key: &str, value: &str| {
        PublishHeader::decode(&format!(
            "{{\"framing\":\"lines\",\"count\":1,\"{key}\":{value}}}"
        ))
    };
    let rooms = |n: usize| format!("[{}\"a\"]", "\"a\",".repeat(n - 1));
    let producer = |n: usize| format!("[\"{}\",1]", "p".repeat(n));
    assert!(with("rooms", &rooms(limits::ROOMS_PER_MESSAGE)).is_ok());
    assert!(with("rooms", &rooms(limits::ROOMS_PER_MESSAGE + 1)).is_err());
    assert!(with("except", &rooms(limits::ROOMS_PER_MESSAGE + 1)).is_err());
    assert!(with("id", &producer(limits::PRODUCER_BYTES)).is_ok());
    assert!(with("id", &producer(limits::PRODUCER_BYTES + 1)).is_err());
    for (key, value) in [
        ("id", "[\"\",1]"),
        ("id", "[\"p\",-1]"),
        ("id", "[\"p\"]"),
        ("rooms", "\"a\""),
        ("rooms", "[\"\\u0000\"]"),
        ("event", "\"connect\""),
        ("to", "\"some\""),
    ] {
        assert!(with(key, value).is_err(), "{key} {value}");
    }
    for json in [
        "",
        "null",
        "[[],\"message\",\"lines\",false,1,null,[],\"all\",false]",
        r#"{"framing":"lines","count":-1}"#,
        r#"{"framing":"lines","count":4294967296}"#,
        r#"{"framing":"xml","count":1}"#,
        r#"{"framing":"lines"}"#,
    ] {
        assert!(PublishHeader::decode(json).is_err(), "{json}");
    }
    let long = with("to", &format!("\"{}\"", "x".repeat(100_000))).unwrap_err();
    assert!(long.to_string().len() < 300, "{long}");
}

fn lines_body() -> impl Strategy<Value = Vec<String>> {
    // Often blank lines, the messages of one byte.
    vec(proptest::prop_oneof!["", "[^\n]{0,6}"], 0..12)
}

/// The messages `from..to`, framed again one by one.
fn naive_cut(framing: Framing, all: &[&[u8]], from: u32, to: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let (from, to) = (from as usize, (to as usize).min(all.len()));
    for message in all.get(from..to).unwrap_or_default() {
        match framing {
            Framing::Lines => out.extend_from_slice(&[message, &b"\n"[..]].concat()),
            Framing::Bytes => push_bytes_message(&mut out, message),
            Framing::Args => out.extend_from_slice(message),
        }
    }
    out
}

fn end() -> impl Strategy<Value = u32> {
    proptest::prop_oneof![0..14u32, proptest::strategy::Just(u32::MAX)]
}

proptest! {
    #[test]
    fn lines_come_back_and_are_cut_as_by_hand(lines in lines_body(), from in end(), to in end()) {
        let body = Bytes::from(lines.iter().map(|line| format!("{line}\n")).collect::<String>());
        let all: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        prop_assert_eq!(&listed(Framing::Lines, &body), &all);
        let longest = lines.iter().map(String::len).max().unwrap_or(0);
        let announced = lines.len() as u32;
        prop_assert_eq!(check(Framing::Lines, false, announced, &body, longest).is_ok(), announced > 0);
        if longest > 0 {
            prop_assert!(check(Framing::Lines, false, announced, &body, longest - 1).is_err());
        }
        prop_assert!(check(Framing::Lines, false, announced + 1, &body, longest).is_err());
        prop_assert_eq!(cut(Framing::Lines, &body, from, to), naive_cut(Framing::Lines, &all, from, to));
    }

    #[test]
    fn any_bytes_come_back_and_are_cut_as_by_hand(
        sent in vec(vec(any::<u8>(), 0..6), 0..12), from in end(), to in end(),
    ) {
        let all: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
        let body = bytes_body(&all);
        prop_assert_eq!(&listed(Framing::Bytes, &body), &all);
        prop_assert_eq!(check(Framing::Bytes, false, sent.len() as u32, &body, 5).is_ok(), !sent.is_empty());
        prop_assert_eq!(cut(Framing::Bytes, &body, from, to), naive_cut(Framing::Bytes, &all, from, to));
    }

    #[test]
    fn no_body_panics(body in vec(any::<u8>(), 0..60), announced in end(), from in end(), to in end(), max in 0..40usize) {
        let body = Bytes::from(body);
        for framing in [Framing::Lines, Framing::Bytes, Framing::Args] {
            let checked = check(framing, false, announced, &body, max);
            let found = messages(framing, &body).count();
            if checked.is_ok() {
                prop_assert_eq!(found as u64, u64::from(announced));
                let all = listed(framing, &body);
                prop_assert_eq!(cut(framing, &body, from, to), naive_cut(framing, &all, from, to));
            }
            prop_assert!(cut(framing, &body, from, to).len() <= body.len());
            let _ = check(framing, true, announced, &body, max);
        }
        let _ = decode_args(&body);
    }

    /// The fast path must give the same result as a check of each line.
    #[test]
    fn the_fast_path_equals_the_walk(body in vec(proptest::sample::select(b"a\n\xc3\xa9".to_vec()), 0..20)) {
        let walked = || {
            let text = std::str::from_utf8(&body).ok()?;
            let lines = text.strip_suffix('\n')?.split('\n').count();
            Some(lines as u32)
        };
        for announced in 1..20 {
            let accepted = check(Framing::Lines, false, announced, &body, MAX).is_ok();
            prop_assert_eq!(accepted, walked() == Some(announced));
        }
    }

    #[test]
    fn no_header_panics(text in any::<String>()) {
        let _ = PublishHeader::decode(&text);
        let _ = DeliveryHeader::decode(&text);
    }

    #[test]
    fn an_event_comes_back(texts in vec(any::<String>(), 0..4), parts in vec(vec(any::<u8>(), 0..6), 0..=10)) {
        let json = serde_json::to_string(&texts).unwrap();
        let parts: Vec<Bytes> = parts.into_iter().map(Bytes::from).collect();
        let body = encode_args(&json, &parts);
        prop_assert_eq!(check(Framing::Args, false, 1, &body, body.len()), Ok(()));
        let args = decode_args(&body).unwrap();
        prop_assert_eq!((args.json, args.attachments), (json.as_str(), parts));
    }
}
