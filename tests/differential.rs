//! The codec beside the official parsers, case by case: what both take means the same, and what only one takes is
//! listed, with its reason, in tests/peers/parsers.mjs.

use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::harness::peers::node;
use crate::random::Random;
use roomcat::wire::attachments::{Assembler, TextFrame};
use roomcat::wire::engine;
use roomcat::wire::payload::{PayloadDecoder, PayloadPacket};
use roomcat::wire::socket::{Packet, join_args};

/// How many cases the official parser gets at a time.
const CASES: usize = 20_000;

mod long {
    use super::{Random, compare_frames, compare_packets, compare_payloads};

    #[test]
    #[ignore = "long"]
    fn packets_mean_what_they_mean_to_the_official_parsers() {
        let mut random = Random::from_env("packets, frames and payloads");
        for _ in 0..50 {
            compare_packets(&mut random);
            compare_frames(&mut random);
            compare_payloads(&mut random);
        }
    }
}

#[test]
fn socket_io_packets_mean_what_they_mean_to_the_official_parser() {
    compare_packets(&mut Random::from_env("packets"));
}

fn compare_packets(random: &mut Random) {
    let mut lines = String::new();
    for _ in 0..CASES {
        let text = packet(random);
        let case = json!({"text": text, "ours": decode(&text)});
        let _ = writeln!(lines, "{case}");
    }
    node("parsers.mjs", &["socket"]).stdin(lines).check();
}

#[test]
fn engine_io_packets_mean_what_they_mean_to_the_official_parser() {
    compare_frames(&mut Random::from_env("frames"));
}

fn compare_frames(random: &mut Random) {
    let mut lines = String::new();
    for _ in 0..CASES {
        let text = frame(random);
        let ours = match engine::decode(&text) {
            Ok(packet) => frame_seen(packet),
            Err(error) => json!({"error": error.to_string()}),
        };
        let _ = writeln!(lines, "{}", json!({"text": text, "ours": ours}));
    }
    node("parsers.mjs", &["engine"]).stdin(lines).check();
}

#[test]
fn payloads_mean_what_they_mean_to_the_official_parser() {
    compare_payloads(&mut Random::from_env("payloads"));
}

fn compare_payloads(random: &mut Random) {
    let mut lines = String::new();
    for _ in 0..CASES {
        let text = payload(random);
        let case = json!({"text": text, "ours": payload_seen(&text)});
        let _ = writeln!(lines, "{case}");
    }
    node("parsers.mjs", &["payload"]).stdin(lines).check();
}

/// One to four packets, binary ones in base64 among them.
fn payload(random: &mut Random) -> String {
    let base64 = [
        "b",
        "bAQIDBA==",
        "bAQI",
        "bAQ",
        "bA",
        "b+/+/",
        "b-_-_",
        "bAQ==AQ==",
        "b !",
    ];
    let count = 1 + random.below(4);
    let packets: Vec<String> = (0..count)
        .map(|_| match random.below(3) {
            0 => (*random.pick(&base64)).to_owned(),
            1 => frame(random),
            _ => "4hello".to_owned(),
        })
        .collect();
    mutated(random, packets.join("\u{1e}"))
}

fn payload_seen(text: &str) -> Value {
    let mut packets = Vec::new();
    let mut decoder = PayloadDecoder::new(Bytes::copy_from_slice(text.as_bytes()));
    while let Some(part) = decoder.next_packet() {
        packets.push(match part {
            Ok(PayloadPacket::Binary(bytes)) => json!({"type": "message", "binary": bytes}),
            Ok(PayloadPacket::Text(text)) => match engine::decode(text) {
                Ok(packet) => frame_seen(packet),
                Err(error) => return json!({"error": error.to_string()}),
            },
            Err(error) => return json!({"error": error.to_string()}),
        });
    }
    json!({"packets": packets})
}

fn frame(random: &mut Random) -> String {
    let kinds = [
        "0", "1", "2", "3", "4", "5", "6", "7", "9", "b", "a", "é", "", "-", "\u{1e}",
    ];
    let rest = [
        "",
        "probe",
        "hello",
        "{}",
        "é",
        "\u{1e}4x",
        "\0",
        " ",
        "\u{1f600}",
    ];
    let text = format!("{}{}", random.pick(&kinds), random.pick(&rest));
    mutated(random, text)
}

fn frame_seen(packet: engine::EnginePacket<'_>) -> Value {
    let (kind, data) = match packet {
        engine::EnginePacket::Open(data) => ("open", Some(data)),
        engine::EnginePacket::Close => ("close", None),
        engine::EnginePacket::Ping(data) => ("ping", Some(data)),
        engine::EnginePacket::Pong(data) => ("pong", Some(data)),
        engine::EnginePacket::Message(data) => ("message", Some(data)),
        engine::EnginePacket::Upgrade => ("upgrade", None),
        engine::EnginePacket::Noop => ("noop", None),
    };
    json!({"type": kind, "data": data})
}

/// Mostly well formed, in every part at times not.
fn packet(random: &mut Random) -> String {
    let kind = *random.pick(&[
        "0", "1", "2", "2", "2", "3", "3", "4", "5", "5", "5", "6", "6", "7", "x", "",
    ]);
    let announced = *random.pick(&[
        "1-",
        "1-",
        "2-",
        "0-",
        "10-",
        "11-",
        "1",
        "-",
        "",
        "1.5-",
        "-1-",
        "01-",
        "1e0-",
        " 1-",
        "99999999999999999999-",
    ]);
    let is_binary = matches!(kind, "5" | "6");
    let announced = if is_binary || random.below(20) == 0 {
        announced
    } else {
        ""
    };
    let namespace = *random.pick(&[
        "", "", "", "", "/,", "/a,", "/a,", "/a/b,", "/a?x=1,", "/é,", "/a", "//,", "/ a,",
        "/a\u{7},", "/,,", ",",
    ]);
    let id = *random.pick(&[
        "",
        "",
        "",
        "0",
        "7",
        "7",
        "12",
        "007",
        "9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "1e3",
        "-1",
        "1.5",
        " 1",
        "+1",
        "0x1",
    ]);
    let payload = *random.pick(&PAYLOADS);
    let payload = if payload == "deep" {
        format!("[\"e\",{}{}]", "[".repeat(200), "]".repeat(200))
    } else {
        payload.to_owned()
    };
    let text = format!("{kind}{announced}{namespace}{id}{payload}");
    mutated(random, text)
}

const PAYLOADS: [&str; 50] = [
    "",
    "",
    r#"["e"]"#,
    r#"["e",1,"2",{"3":[true]}]"#,
    r#"["e",null]"#,
    r#"["é\u0000\ud83d\ude00","x"]"#,
    "[1]",
    "[1,2]",
    "[-1.5]",
    "[]",
    "[null]",
    "[[]]",
    "{}",
    r#"{"a":1}"#,
    r#"{"token":"x","as":"y"}"#,
    r#""text""#,
    "null",
    "true",
    "0",
    r#"["connect"]"#,
    r#"["connect_error",1]"#,
    r#"["disconnect"]"#,
    r#"["disconnecting"]"#,
    r#"["newListener"]"#,
    r#"["removeListener",1]"#,
    r#"["__proto__",{"__proto__":1}]"#,
    r#"["e",{"a":1,"a":2}]"#,
    r#" ["e" , 1 ] "#,
    r#"["e",1e400]"#,
    r#"["e",1e-400,12345678901234567890]"#,
    r#"["e","\ud800"]"#,
    r#"["\ud800"]"#,
    r#"["e",]"#,
    r#"["e""#,
    r#"["e"]x"#,
    r#"['e']"#,
    r#"["e",NaN]"#,
    r#"["e",01]"#,
    "[\"e\",\"\t\"]",
    "deep",
    r#"[""]"#,
    r#"["e",{"_placeholder":true,"num":0}]"#,
    r#"["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
    r#"["e",{"_placeholder":true,"num":1}]"#,
    r#"["e",{"_placeholder":true,"num":-1}]"#,
    r#"["e",{"_placeholder":true,"num":"0"}]"#,
    r#"["e",{"_placeholder":true,"num":0.5}]"#,
    r#"["e",{"_placeholder":false,"num":0}]"#,
    r#"["e",{"_placeholder":true}]"#,
    r#"[{"_placeholder":true,"num":0}]"#,
];

/// One in five has a character added, changed or taken away.
fn mutated(random: &mut Random, text: String) -> String {
    if random.below(5) > 0 {
        return text;
    }
    let mut characters: Vec<char> = text.chars().collect();
    let place = random.below(characters.len() + 1);
    let other = *random.pick(&[
        '0',
        '9',
        '-',
        ',',
        '/',
        '[',
        ']',
        '{',
        '"',
        '\\',
        ' ',
        '\u{0}',
        '\u{1e}',
        'é',
        '\u{1f600}',
    ]);
    match random.below(3) {
        0 => characters.insert(place, other),
        _ if place == characters.len() => {}
        1 => characters[place] = other,
        _ => drop(characters.remove(place)),
    }
    characters.into_iter().collect()
}

/// As many attachments follow as the text announces: the one byte N is attachment N.
fn decode(text: &str) -> Value {
    let refused = |error: &dyn std::error::Error| json!({"error": error.to_string()});
    let mut assembler = Assembler::default();
    match assembler.text(text) {
        Ok(TextFrame::Complete(packet)) => return seen(&packet),
        Ok(TextFrame::Partial) => {}
        Err(error) => return refused(&error),
    }
    for number in 0.. {
        match assembler.binary(Bytes::from(vec![number])) {
            Ok(None) => {}
            Ok(Some(whole)) => match whole.packet() {
                Ok(packet) => return seen(&packet),
                Err(error) => return refused(&error),
            },
            Err(error) => return refused(&error),
        }
    }
    unreachable!("a packet has at most ten attachments")
}

/// `data` is JSON in a string, so that the other side reads it with its own parser.
fn seen(packet: &Packet<'_>) -> Value {
    match packet {
        Packet::Connect { namespace, auth } => {
            json!({"type": 0, "nsp": namespace, "data": auth.map(|auth| auth.get())})
        }
        Packet::Disconnect { namespace } => json!({"type": 1, "nsp": namespace, "data": null}),
        Packet::Event(event) => {
            let name = json!(event.event.as_str());
            let args = join_args(&event.args);
            let comma = if args.is_empty() { "" } else { "," };
            json!({"type": 2, "nsp": event.namespace, "id": event.id.map(|id| id.to_string()), "data": format!("[{name}{comma}{args}]")})
        }
        Packet::Ack(ack) => {
            json!({"type": 3, "nsp": ack.namespace, "id": ack.id.to_string(), "data": format!("[{}]", join_args(&ack.args))})
        }
        Packet::ConnectError { namespace, data } => {
            json!({"type": 4, "nsp": namespace, "data": data.get()})
        }
    }
}
