//! The wire against the protocol's own documents: the sample packets of Engine.IO protocol v4 and Socket.IO protocol v5
//! (their texts and their test suites) mean here what they mean there, and what we send is spelled as they spell it.
//! Where we differ from the reference's parser on purpose, a table says so.

use roomcat::address::Namespace;
use roomcat::wire::attachments::{Assembler, TextFrame};
use roomcat::wire::engine::{self, EnginePacket as Engine, Handshake};
use roomcat::wire::socket::{self, Packet, PacketError};

/// A packet as the documents describe one.
#[derive(Debug, PartialEq)]
enum Means<'a> {
    /// Namespace and payload.
    Connect(&'a str, Option<&'a str>),
    Disconnect(&'a str),
    ConnectError(&'a str, &'a str),
    /// Namespace, ack id, event, the other arguments, attachments.
    Event(&'a str, Option<u64>, &'a str, &'a str, usize),
    /// Namespace, ack id, arguments, attachments.
    Ack(&'a str, u64, &'a str, usize),
}

use Means::{Ack, Connect, ConnectError, Disconnect, Event};

const ADMIN_SID: &str = r#"{"sid":"oSO0OpakMV_3jnilAAAA"}"#;
const NOT_AUTHORIZED: &str = r#"{"message":"Not authorized"}"#;
const INVALID_NAMESPACE: &str = r#"{"message":"Invalid namespace"}"#;
const FIRST: &str = r#"{"_placeholder":true,"num":0}"#;
const BOTH: &str = r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#;

/// As they travel on WebSocket: in an Engine.IO message. Each is also what we send.
const SAMPLES: [(&str, Means); 32] = [
    // Socket.IO protocol v5, "Packet encoding", "Examples".
    ("40", Connect("/", None)),
    (
        r#"40/admin,{"sid":"oSO0OpakMV_3jnilAAAA"}"#,
        Connect("/admin", Some(ADMIN_SID)),
    ),
    (
        r#"44{"message":"Not authorized"}"#,
        ConnectError("/", NOT_AUTHORIZED),
    ),
    (r#"42["foo"]"#, Event("/", None, "foo", "", 0)),
    (r#"42/admin,["bar"]"#, Event("/admin", None, "bar", "", 0)),
    (
        r#"451-["baz",{"_placeholder":true,"num":0}]"#,
        Event("/", None, "baz", FIRST, 1),
    ),
    (
        r#"452-/admin,["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
        Event("/admin", None, "baz", BOTH, 2),
    ),
    (r#"4212["foo"]"#, Event("/", Some(12), "foo", "", 0)),
    (r#"43/admin,13["bar"]"#, Ack("/admin", 13, r#""bar""#, 0)),
    (
        r#"461-15["bar",{"_placeholder":true,"num":0}]"#,
        Ack("/", 15, r#""bar",{"_placeholder":true,"num":0}"#, 1),
    ),
    ("41", Disconnect("/")),
    ("41/admin,", Disconnect("/admin")),
    // "Exchange protocol", whose packets are given by their fields.
    (
        r#"40{"sid":"wZX3oN0bSVIhsaknAAAI"}"#,
        Connect("/", Some(r#"{"sid":"wZX3oN0bSVIhsaknAAAI"}"#)),
    ),
    (
        r#"40/admin,{"token":"123"}"#,
        Connect("/admin", Some(r#"{"token":"123"}"#)),
    ),
    ("4312[]", Ack("/", 12, "", 0)),
    (
        r#"42/admin,13["foo"]"#,
        Event("/admin", Some(13), "foo", "", 0),
    ),
    (
        r#"451-14["foo",{"_placeholder":true,"num":0}]"#,
        Event("/", Some(14), "foo", FIRST, 1),
    ),
    (r#"4314["bar"]"#, Ack("/", 14, r#""bar""#, 0)),
    // "Sample session".
    (
        r#"42["hey","Jude"]"#,
        Event("/", None, "hey", r#""Jude""#, 0),
    ),
    (r#"42["hello"]"#, Event("/", None, "hello", "", 0)),
    ("40/admin,", Connect("/admin", None)),
    (
        r#"40/admin,{"sid":"-G5j-67EZFp-q59rADQM"}"#,
        Connect("/admin", Some(r#"{"sid":"-G5j-67EZFp-q59rADQM"}"#)),
    ),
    (
        r#"42/admin,1["tellme"]"#,
        Event("/admin", Some(1), "tellme", "", 0),
    ),
    (
        r#"461-/admin,1[{"_placeholder":true,"num":0}]"#,
        Ack("/admin", 1, FIRST, 1),
    ),
    // The test suite of v5.
    (
        r#"42["auth",{"token":"123"}]"#,
        Event("/", None, "auth", r#"{"token":"123"}"#, 0),
    ),
    (
        r#"42/custom,["auth",{}]"#,
        Event("/custom", None, "auth", "{}", 0),
    ),
    (
        r#"44/random,{"message":"Invalid namespace"}"#,
        ConnectError("/random", INVALID_NAMESPACE),
    ),
    (
        r#"42["message-back",1,"2",{"3":[true]}]"#,
        Event("/", None, "message-back", r#"1,"2",{"3":[true]}"#, 0),
    ),
    (
        r#"42456["message-with-ack",1,"2",{"3":[false]}]"#,
        Event(
            "/",
            Some(456),
            "message-with-ack",
            r#"1,"2",{"3":[false]}"#,
            0,
        ),
    ),
    (
        r#"43456[1,"2",{"3":[false]}]"#,
        Ack("/", 456, r#"1,"2",{"3":[false]}"#, 0),
    ),
    (
        r#"452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
        Event("/", Some(789), "message-with-ack", BOTH, 2),
    ),
    (
        r#"462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
        Ack("/", 789, BOTH, 2),
    ),
];

/// Spellings that we understand without using them.
const TAKEN: [(&str, Means); 5] = [
    // The test suite leaves out the comma where nothing follows the namespace.
    ("40/random", Connect("/random", None)),
    ("41/custom", Disconnect("/custom")),
    // Servers of protocol v4 sent a string.
    (
        r#"44"Unauthorized""#,
        ConnectError("/", r#""Unauthorized""#),
    ),
    // The main namespace by its name.
    ("40/,{}", Connect("/", Some("{}"))),
    // Announced as binary, and nothing is: parsers up to 4.2.6 take it (but stumble over the next packet), 4.2.7 does
    // not. Nobody sees from us that it was announced so.
    (r#"450-["foo",1]"#, Event("/", None, "foo", "1", 0)),
];

fn message(frame: &str) -> &str {
    match engine::decode(frame) {
        Ok(Engine::Message(packet)) => packet,
        other => panic!("{frame} is {other:?}"),
    }
}

fn decoded_as(frame: &str, expected: &Means) {
    let decoded = socket::decode(message(frame)).unwrap_or_else(|e| panic!("{frame}: {e}"));
    let attachments = decoded.attachments;
    let joined;
    let got = match &decoded.packet {
        Packet::Connect { namespace, auth } => Connect(namespace.as_str(), auth.map(|a| a.get())),
        Packet::Disconnect { namespace } => Disconnect(namespace.as_str()),
        Packet::ConnectError { namespace, data } => ConnectError(namespace.as_str(), data.get()),
        Packet::Event(event) => {
            joined = socket::join_args(&event.args);
            let namespace = event.namespace.as_str();
            Event(
                namespace,
                event.id,
                event.event.as_str(),
                &joined,
                attachments,
            )
        }
        Packet::Ack(ack) => {
            joined = socket::join_args(&ack.args);
            Ack(ack.namespace.as_str(), ack.id, &joined, attachments)
        }
    };
    assert_eq!(&got, expected, "{frame}");
}

fn encoded(means: &Means) -> String {
    let namespace = |text: &str| Namespace::parse(text).unwrap();
    match *means {
        Connect(ns, data) => socket::encode_connect(&namespace(ns), data),
        Disconnect(ns) => socket::encode_disconnect(&namespace(ns)),
        ConnectError(ns, data) => socket::encode_connect_error(&namespace(ns), data),
        Event(ns, id, event, args, attachments) => {
            socket::encode_event(&namespace(ns), id, event, args, attachments)
        }
        Ack(ns, id, args, attachments) => socket::encode_ack(&namespace(ns), id, args, attachments),
    }
}

#[test]
fn the_documents_packets_mean_what_they_say_and_are_spelled_as_they_are() {
    for (frame, means) in &SAMPLES {
        decoded_as(frame, means);
        assert_eq!(&encoded(means), frame);
    }
    for (frame, means) in &TAKEN {
        decoded_as(frame, means);
    }
}

#[test]
fn engine_packets_of_the_documents() {
    let table = [
        ("2", Engine::Ping("")),
        ("3", Engine::Pong("")),
        ("2probe", Engine::Ping("probe")),
        ("3probe", Engine::Pong("probe")),
        ("5", Engine::Upgrade),
        ("6", Engine::Noop),
        ("1", Engine::Close),
        ("4hello", Engine::Message("hello")),
        ("4test", Engine::Message("test")),
        ("41€", Engine::Message("1€")),
    ];
    for (frame, packet) in table {
        assert_eq!(engine::decode(frame), Ok(packet), "{frame}");
    }
    assert_eq!(engine::CLOSE, "1");
    assert_eq!(engine::PING, "2");
    assert_eq!(engine::PONG, "3");
    assert_eq!(format!("{}hello", engine::MESSAGE), "4hello");
    // The reference's own malformed packets.
    for frame in ["", "a123", "abc", "{", "{}", r#"["a123", "a456"]"#] {
        assert!(engine::decode(frame).is_err(), "{frame}");
    }
}

#[test]
fn the_handshakes_of_the_documents() {
    // Socket.IO protocol v5, "Sample session", request 1.
    let packet = r#"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":5000,"maxPayload":1000000}"#;
    let Ok(Engine::Open(json)) = engine::decode(packet) else {
        panic!("not an open packet");
    };
    let handshake = Handshake::decode(json).unwrap();
    assert_eq!(handshake.sid, "lv_VI97HAXpY6yYWAAAC");
    assert_eq!(handshake.upgrades, ["websocket"]);
    assert_eq!(
        (handshake.ping_interval, handshake.ping_timeout),
        (25_000, 5_000)
    );
    assert_eq!(handshake.max_payload, 1_000_000);
    assert_eq!(handshake.encode(), packet);
    // Engine.IO protocol v4, "Handshake": over several lines.
    let spread = "{\n  \"sid\": \"lv_VI97HAXpY6yYWAAAC\",\n  \"upgrades\": [\"websocket\"],\n  \"pingInterval\": 25000,\n  \"pingTimeout\": 20000,\n  \"maxPayload\": 1000000\n}";
    assert_eq!(Handshake::decode(spread).unwrap().ping_timeout, 20_000);
}

#[test]
fn a_session_with_an_attachment_as_the_document_shows_it() {
    let mut assembler = Assembler::default();
    for text in [
        r#"2["hello"]"#,
        r#"2["world"]"#,
        "0/admin,",
        r#"2/admin,1["tellme"]"#,
    ] {
        assert!(
            matches!(assembler.text(text), Ok(TextFrame::Complete(_))),
            "{text}"
        );
    }
    let answer = r#"61-/admin,1[{"_placeholder":true,"num":0}]"#;
    assert!(matches!(assembler.text(answer), Ok(TextFrame::Partial)));
    let whole = assembler.binary(vec![1, 2, 3, 4].into()).unwrap().unwrap();
    assert_eq!(whole.attachments, [&[1u8, 2, 3, 4][..]]);
    assert!(matches!(whole.packet(), Ok(Packet::Ack(ack)) if ack.id == 1));
}

#[test]
fn what_the_reference_refuses_is_refused() {
    // The tests of the reference's parser, and the "invalid format" ones of the test suite.
    for packet in [
        r#"442["some","data""#,
        r#"0/admin,"invalid""#,
        "0[]",
        "1/admin,{}",
        r#"2/admin,"invalid"#,
        "2/admin,{}",
        "2{}",
        r#"2[{"toString":"foo"}]"#,
        r#"2[true,"foo"]"#,
        r#"2[null,"bar"]"#,
        r#"2["connect"]"#,
        r#"2["disconnect","123"]"#,
        "2[]",
        r#"2abc["message-with-ack",1,"2",{"3":[false]}]"#,
        "5",
        "51",
        "5a-",
        "51.23-",
        r#"511-["hello"]"#,
        "999",
        "abc",
        r#"51-["hello",{"_placeholder":true,"num":"splice"}]"#,
        r#"51-["hello",{"_placeholder":true,"num":1}]"#,
    ] {
        assert!(socket::decode(packet).is_err(), "{packet}");
    }
}

/// Where we are stricter than socket.io-parser 4.2.6, and why. (What it takes is what it was seen to take.)
const STRICTER: [(&str, &str); 19] = [
    // packet                                   what the reference makes of it, and why we do not
    (
        r#"2[1,"a"]"#,
        "a numeric event: an event is a name, and is stored and shown as one",
    ),
    (r#"2["\ud800"]"#, "an event that is not Unicode: a name is"),
    (
        "2",
        "an event without payload; the protocol says to close the connection",
    ),
    (
        "30",
        "an ack without payload; the protocol says it is mandatory",
    ),
    ("3[]", "an ack of nothing"),
    (
        r#"0/a?b=c,{}"#,
        "a namespace with a query, which v5 no longer has",
    ),
    (
        r#"2/a#b,["a"]"#,
        "a namespace with the sign that begins a room in an address",
    ),
    (
        r#"2/ns["a"]"#,
        "an event without payload in the namespace /ns[\"a\"]",
    ),
    (r#"2 ["a"]"#, "ack id 0: to JavaScript a space is a number"),
    (
        r#"299999999999999999999["a"]"#,
        "ack id 1e20: another one than was sent",
    ),
    ("012{}", "a CONNECT whose ack id is dropped"),
    ("112", "a DISCONNECT whose ack id is dropped"),
    ("4", "a CONNECT_ERROR without payload"),
    (
        r#"5-["a"]"#,
        "no attachments: to JavaScript the empty text is 0",
    ),
    (
        r#"51e0-["a"]"#,
        "one attachment: to JavaScript 1e0 is a number",
    ),
    (r#"5+1-["a"]"#, "one attachment, likewise"),
    (
        r#"51-["a",{"_placeholder":true,"num":0.5}]"#,
        "undefined, where the attachment should be",
    ),
    (
        r#"51-["a",{"_placeholder":true,"num":0.0}]"#,
        "the first attachment: no encoder writes it so",
    ),
    (
        r#"52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#,
        "one attachment twice: no encoder does, and a megabyte must not become a gigabyte where attachments are shown",
    ),
];

#[test]
fn stricter_than_the_reference_on_purpose() {
    for (packet, taken_for) in STRICTER {
        assert!(socket::decode(packet).is_err(), "{packet} is {taken_for}");
    }
    // Also a nested placeholder beside a good one must be good, though the reference never looks at it.
    let nested = r#"51-["a",{"_placeholder":true,"num":0,"x":{"_placeholder":true}}]"#;
    assert_eq!(
        socket::decode(nested).unwrap_err(),
        PacketError::Placeholder
    );
}

#[test]
fn kept_where_the_reference_would_change_it() {
    // JSON.parse makes Infinity of 1e400 (and null of that, when it is sent on), and rounds long numbers.
    for argument in [
        "1e400",
        "12345678901234567890",
        "-0",
        "\"\\ud800\"",
        "[ 1 ]",
    ] {
        let frame = format!("42[\"a\",{argument}]");
        decoded_as(&frame, &Event("/", None, "a", argument, 0));
    }
}
