//! HTTP long-polling (Engine.IO protocol v4): sessions that are a GET that waits and a POST now and then.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{TestHub, wait_until};
use crate::http::{Asked, Poller, SOCKET_IO, ask, request};
use crate::raw::Raw;

const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";

#[test]
fn the_handshake_offers_the_upgrade() {
    let hub = TestHub::start();
    let response = request(hub.url(), "GET", HANDSHAKE, &[]);
    let content = Some("text/plain; charset=UTF-8");
    assert_eq!(response.header("content-type"), content);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let poller = Poller::open(hub.url());
    let handshake = poller.handshake.as_object().unwrap();
    assert_eq!(handshake["upgrades"], json!(["websocket"]));
    assert_eq!(handshake["pingInterval"], 25_000);
    assert_eq!(handshake["pingTimeout"], 20_000);
    assert_eq!(handshake.len(), 5, "{handshake:?}");
    assert!(poller.sid.len() >= 20, "a sid is hard to guess");
    assert_ne!(poller.sid, Poller::open(hub.url()).sid);
}

#[test]
fn a_poller_and_a_websocket_talk() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let mut other = Raw::stock(hub.url());
    let waiting = poller.get();
    other.emit("/", "chat message", "\"hällo\"");
    let heard = r#"42["chat message","hällo"]"#;
    assert_eq!(waiting.response().packets(), [heard]);
    other.event();
    poller.say("42[\"a\"]\x1e42[\"b\",1]\x1e3\x1e42[\"c\",{}]");
    for event in ["a", "b", "c"] {
        assert!(other.event().is_event(event));
    }
    let own = poller.hear_many(3);
    assert_eq!(own, ["42[\"a\"]", "42[\"b\",1]", "42[\"c\",{}]"]);
}

#[test]
fn bytes_travel_as_base64() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let mut other = Raw::stock(hub.url());
    let placeholder = "{\"_placeholder\":true,\"num\":0}";
    poller.say(&format!("451-[\"file\",{placeholder}]\x1ebAQIDBA=="));
    assert_eq!(*other.event().attachments[0], [1, 2, 3, 4]);
    let own = poller.hear_many(2);
    assert_eq!(own[1], "bAQIDBA==");
    // The parts of one event may come in several requests.
    poller.say(&format!(
        "452-[\"files\",{placeholder},{{\"_placeholder\":true,\"num\":1}}]"
    ));
    poller.say("b/w==");
    poller.say("bAA");
    let event = other.event();
    assert_eq!(&event.attachments[..], [&[0xff][..], &[0]]);
}

#[test]
fn a_second_get_ends_the_session() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let first = poller.get();
    first.assert_held();
    poller.get().response().assert_refused(3);
    assert_eq!(first.response().packets(), ["1"]);
    poller.assert_gone();
    hub.wait_for_stderr("a user disconnected");
}

#[test]
fn a_second_post_ends_the_session() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let waiting = poller.get();
    waiting.assert_held();
    let mut first = Asked::begin(hub.url(), "POST", &poller.target(), &[], 10);
    first.write(b"42[");
    first.assert_held();
    poller.post("42[\"b\"]").response().assert_refused(3);
    assert_eq!(waiting.response().packets(), ["1"]);
    assert_eq!(first.response().status, 400);
    poller.assert_gone();
}

#[test]
fn a_get_that_is_given_up_ends_the_session() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let waiting = poller.get();
    waiting.assert_held();
    drop(waiting);
    hub.wait_for_stderr("a user disconnected");
    poller.assert_gone();
}

#[test]
fn a_post_that_breaks_off_ends_the_session() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let mut broken = Asked::begin(hub.url(), "POST", &poller.target(), &[], 10);
    broken.write(b"42[");
    broken.assert_held();
    drop(broken);
    hub.wait_for_stderr("a user disconnected");
    poller.assert_gone();
}

#[test]
fn a_farewell_releases_the_get() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let waiting = poller.get();
    waiting.assert_held();
    poller.say("1");
    assert_eq!(waiting.response().packets(), ["6"]);
    poller.assert_gone();
    hub.wait_for_stderr("a user disconnected");
}

#[test]
fn a_farewell_may_overtake_the_get() {
    let hub = TestHub::start();
    for _ in 0..20 {
        let poller = Poller::stock(hub.url());
        let (farewell, waiting) = (poller.post("1"), poller.get());
        assert_eq!(farewell.response().body, "ok");
        assert_eq!(waiting.response().packets(), ["6"]);
        poller.assert_gone();
    }
}

#[test]
fn what_is_no_packet_ends_the_session() {
    let hub = TestHub::start();
    let bad: [&[u8]; 10] = [
        b"abc",
        b"7",
        b"\xc3",
        b"42[\"\xff\"]",
        b"b!!!!",
        b"42[\"a\"]\x1e",
        b"\x1e42[\"a\"]",
        b"bAQID",
        b"2",
        b"42[",
    ];
    for body in bad {
        let poller = Poller::stock(hub.url());
        let response = poller.post_bytes(body).response();
        response.assert_refused(3);
        poller.assert_gone();
    }
    let poller = Poller::stock(hub.url());
    let binary = [("Content-Type", "application/octet-stream")];
    let asked = ask(hub.url(), "POST", &poller.target(), &binary, b"42[\"a\"]");
    asked.response().assert_refused(3);
    poller.assert_gone();
    Poller::stock(hub.url()).assert_alive();
}

#[test]
fn what_is_too_long_is_refused_by_name_and_the_session_goes_on() {
    let hub = TestHub::with(&["--max-payload", "10KiB"]);
    let poller = Poller::stock(hub.url());
    assert_eq!(poller.handshake["maxPayload"], 10_240);
    let too_long = "x".repeat(10_241);
    let response = poller.post(&too_long).response();
    assert_eq!(response.status, 413);
    assert_eq!(response.json()["maxPayload"], 10_240);
    assert!(response.body.contains("base64"), "{response:?}");
    // Without saying how long it will be.
    let chunked = [("Transfer-Encoding", "chunked")];
    let mut asked = Asked::begin(hub.url(), "POST", &poller.target(), &chunked, 0);
    for _ in 0..11 {
        asked.write(format!("400\r\n{}\r\n", "x".repeat(1024)).as_bytes());
    }
    asked.write(b"0\r\n\r\n");
    assert_eq!(asked.response().status, 413);
    poller.assert_alive();
    // Exactly as long as may be.
    let text = format!("42[\"n\",\"{}\"]", "x".repeat(10_240 - 10));
    assert_eq!(text.len(), 10_240);
    poller.say(&text);
    assert_eq!(poller.hear(), [text]);
}

#[test]
fn what_goes_on_being_too_long_is_not_read_to_its_end() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let mut asked = Asked::begin(hub.url(), "POST", &poller.target(), &[], 1 << 40);
    let block = vec![b'x'; 1 << 20];
    let mut sent = 0;
    while sent < 1000 && asked.try_write(&block).is_ok() {
        sent += 1;
    }
    assert!(sent < 100, "{sent} MiB were taken");
    poller.assert_alive();
}

#[test]
fn the_largest_message_fits_by_default() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let mut other = Raw::stock(hub.url());
    // A placeholder is part of a message too.
    let length = (1 << 20) / 3 * 3 - 33;
    let largest = "A".repeat(length / 3 * 4);
    poller.say(&format!(
        "451-[\"file\",{{\"_placeholder\":true,\"num\":0}}]\x1eb{largest}"
    ));
    assert_eq!(other.event().attachments[0].len(), length);
}

#[test]
fn a_burst_comes_in_order_and_sixteen_packets_at_a_time() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let mut other = Raw::stock(hub.url());
    for number in 0..300 {
        other.emit("/", "n", &number.to_string());
    }
    let mut heard = Vec::new();
    while heard.len() < 300 {
        let packets = poller.hear();
        assert!(packets.len() <= 16, "{}", packets.len());
        heard.extend(packets);
    }
    let expected: Vec<String> = (0..300).map(|n| format!("42[\"n\",{n}]")).collect();
    assert_eq!(heard, expected);
}

#[test]
fn a_response_is_bounded_by_its_bytes_too() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let mut other = Raw::stock(hub.url());
    let large = json!("x".repeat(100_000)).to_string();
    for _ in 0..16 {
        other.emit("/", "n", &large);
    }
    hub.wait_for_room_messages("", 16);
    let mut heard = 0;
    while heard < 16 {
        let packets = poller.hear();
        assert!(packets.len() <= 2, "{}", packets.len());
        heard += packets.len();
    }
}

#[test]
fn a_post_is_answered_when_all_of_it_is_taken() {
    // The second half of them is taken in the second second.
    let hub = TestHub::declared("[namespaces.\"/\"]\nrate = 100\n");
    let poller = Poller::stock(hub.url());
    let waiting = poller.get();
    let verbs: Vec<String> = (0..200)
        .map(|id| format!("42{id}[\"pub\",{{\"rooms\":[\"r\"],\"data\":{id}}}]"))
        .collect();
    let begun = Instant::now();
    let post = poller.post(&verbs.join("\x1e"));
    assert_eq!(post.response().body, "ok");
    assert!(begun.elapsed() >= Duration::from_millis(950), "too early");
    let mut answers = waiting.response().packets();
    while answers.len() < 200 {
        answers.extend(poller.hear());
    }
    for (id, answer) in answers.iter().enumerate() {
        assert!(answer.starts_with(&format!("43{id}[")), "{answer}");
        assert!(answer.contains("\"ok\":true"), "{answer}");
    }
}

#[test]
fn pings_go_and_come_by_polling() {
    let hub = TestHub::with(&["--ping-interval", "300ms", "--ping-timeout", "5s"]);
    let begun = Instant::now();
    let poller = Poller::stock(hub.url());
    for beat in 1..=3 {
        assert_eq!(poller.get().response().packets(), ["2"]);
        assert!(begun.elapsed() >= Duration::from_millis(300) * beat);
        poller.say("3");
    }
    poller.assert_alive();
}

#[test]
fn who_does_not_answer_pings_is_gone_when_the_time_is_over() {
    let hub = TestHub::with(&["--ping-interval", "1s", "--ping-timeout", "2s"]);
    let poller = Poller::stock(hub.url());
    // It polls, and does not answer.
    assert_eq!(poller.get().response().packets(), ["2"]);
    assert_eq!(poller.get().response().packets(), ["1"]);
    poller.assert_gone();
    // It does not even poll.
    let silent = Poller::stock(hub.url());
    wait_until("its time is over", || {
        hub.stderr().matches("ping timeout").count() == 2
    });
    silent.assert_gone();
}

#[test]
fn a_hub_that_ends_releases_the_gets() {
    let mut hub = TestHub::start();
    let pollers: Vec<Poller> = (0..5).map(|_| Poller::stock(hub.url())).collect();
    // Nobody waits for it.
    let _idle = Poller::open(hub.url());
    let waiting: Vec<Asked> = pollers.iter().map(Poller::get).collect();
    waiting.iter().for_each(Asked::assert_held);
    let begun = Instant::now();
    hub.stop();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "it waited for them"
    );
    for asked in waiting {
        assert_eq!(asked.response().packets(), ["1"]);
    }
}

#[test]
fn sessions_whose_clients_are_gone_do_not_hold_up_the_end() {
    let mut hub = TestHub::start();
    for _ in 0..300 {
        Poller::open(hub.url());
    }
    let begun = Instant::now();
    hub.stop();
    assert!(begun.elapsed() < Duration::from_secs(5));
}

/// Pending messages of `alice` in the room of everyone.
fn pending(hub: &TestHub) -> Option<u64> {
    hub.pending("", "alice")
}

#[test]
fn what_was_lost_on_the_way_comes_again_to_who_has_a_name() {
    let hub = TestHub::start();
    let alice = r#"{"as":"alice"}"#;
    let mut other = Raw::stock(hub.url());
    let poller = Poller::connected(hub.url(), alice);
    let lost = poller.get();
    other.emit("/", "n", "1");
    // It was sent, and its client does not come back for more: it may never have got it.
    assert_eq!(lost.response().packets(), ["42[\"n\",1]"]);
    assert_eq!(pending(&hub), Some(1));
    let again = Poller::connected(hub.url(), alice);
    assert_eq!(again.hear(), ["42[\"n\",1]"]);
    // It comes back: it got it.
    let waiting = again.get();
    wait_until("it counts as read", || pending(&hub) == Some(0));
    other.emit("/", "n", "2");
    assert_eq!(waiting.response().packets(), ["42[\"n\",2]"]);
    let third = Poller::connected(hub.url(), alice);
    assert_eq!(third.hear(), ["42[\"n\",2]"], "and not 1");
}

#[test]
fn who_never_stops_getting_is_believed_meanwhile() {
    let hub = TestHub::start();
    let poller = Poller::connected(hub.url(), r#"{"as":"alice"}"#);
    let mut other = Raw::stock(hub.url());
    // More than one response holds; each GET shows that those before it arrived.
    for number in 0..64 {
        other.emit("/", "n", &number.to_string());
    }
    hub.wait_for_room_messages("", 64);
    let mut heard = 0;
    while heard < 48 {
        heard += poller.hear().len();
    }
    wait_until("most of it counts as read", || pending(&hub).unwrap() <= 32);
    assert!(pending(&hub).unwrap() >= 64 - heard as u64);
}

#[test]
fn requests_that_are_none_of_polling_are_refused_as_the_reference_does() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let (target, sid) = (poller.target(), &poller.sid);
    let cases: Vec<(&str, String, u64)> = vec![
        ("GET", format!("{SOCKET_IO}?transport=polling"), 5),
        ("GET", format!("{SOCKET_IO}?EIO=3&transport=polling"), 5),
        ("GET", format!("{SOCKET_IO}?EIO=4"), 0),
        ("GET", format!("{SOCKET_IO}?EIO=4&transport=pigeon"), 0),
        ("POST", HANDSHAKE.to_owned(), 2),
        ("PUT", HANDSHAKE.to_owned(), 2),
        ("OPTIONS", HANDSHAKE.to_owned(), 2),
        ("GET", format!("{HANDSHAKE}&sid=nobody"), 1),
        ("POST", format!("{HANDSHAKE}&sid=__proto__"), 1),
        ("GET", format!("{HANDSHAKE}&sid=%00%ff"), 1),
        ("GET", format!("{HANDSHAKE}&sid={}", "x".repeat(5000)), 1),
        ("GET", format!("{SOCKET_IO}?EIO=4&sid={sid}"), 0),
        (
            "GET",
            format!("{SOCKET_IO}?EIO=4&transport=websocket&sid={sid}"),
            3,
        ),
        ("PUT", target.clone(), 3),
        ("OPTIONS", target, 3),
    ];
    for (method, target, code) in cases {
        let response = request(hub.url(), method, &target, &[]);
        assert_eq!(
            response.json()["code"],
            code,
            "{method} {target}: {response:?}"
        );
        response.assert_refused(code);
    }
    let old = request(hub.url(), "GET", "/socket.io/?EIO=3&transport=polling", &[]);
    assert!(old.body.contains("socket.io-client 3 and 4"), "{old:?}");
    poller.assert_alive();
}

#[test]
fn a_session_of_websocket_has_no_requests() {
    let hub = TestHub::start();
    let mut raw = Raw::stock(hub.url());
    let sid = raw.handshake["sid"].as_str().unwrap();
    let target = format!("{HANDSHAKE}&sid={sid}");
    assert_eq!(request(hub.url(), "GET", &target, &[]).status, 400);
    raw.assert_alive();
}

#[test]
fn only_our_own_and_invited_pages_poll() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hub.toml");
    let toml = "cors = [\"https://app.example\", \"http://localhost:8000\"]\n";
    std::fs::write(&file, toml).unwrap();
    let hub = TestHub::with(&["--config", &file.display().to_string()]);
    let get = |headers: &[(&str, &str)]| request(hub.url(), "GET", HANDSHAKE, headers);
    let allowed = "access-control-allow-origin";
    for headers in [&[][..], &[("Origin", "http://HERE")]] {
        let response = get(headers);
        assert_eq!((response.status, response.header(allowed)), (200, None));
    }
    for origin in ["https://app.example", "http://localhost:8000"] {
        let response = get(&[("Origin", origin)]);
        assert_eq!(response.status, 200);
        assert_eq!(response.header(allowed), Some(origin));
        assert_eq!(response.header("vary"), Some("Origin"));
    }
    let refused: [&[(&str, &str)]; 5] = [
        &[("Origin", "https://evil.example")],
        &[("Origin", "http://app.example")],
        &[("Origin", "null")],
        &[("Host", "evil.example")],
        &[("Host", "evil.example"), ("Origin", "https://app.example")],
    ];
    for headers in refused {
        let response = get(headers);
        assert_eq!(response.status, 403, "{headers:?}");
        assert_eq!(response.json()["code"], 4);
        assert_eq!(response.header(allowed), None);
    }
    // A refusal of another kind is one that the page may read.
    let invited = ("Origin", "https://app.example");
    let target = format!("{HANDSHAKE}&sid=nobody");
    let response = request(hub.url(), "GET", &target, &[invited]);
    response.assert_refused(1);
    assert_eq!(response.header(allowed), Some("https://app.example"));
    let asked = [
        invited,
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "x-mine"),
    ];
    let preflight = request(hub.url(), "OPTIONS", HANDSHAKE, &asked);
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header(allowed), Some("https://app.example"));
    let names = preflight.header("access-control-allow-headers");
    assert_eq!(names, Some("x-mine"));
    let methods = preflight.header("access-control-allow-methods");
    assert_eq!(methods, Some("GET, POST"));
}

/// A hub that gives back what it gets at `/engine.io/`.
fn echoing(folder: &tempfile::TempDir) -> TestHub {
    let file = folder.path().join("hub.toml");
    std::fs::write(&file, "echo = \"/engine.io/\"\nconnect-timeout = \"2s\"\n").unwrap();
    TestHub::with(&["--config", &file.display().to_string()])
}

#[test]
fn an_echo_gives_back_every_message() {
    let folder = tempfile::tempdir().unwrap();
    let hub = echoing(&folder);
    let poller = Poller::open_at(hub.url(), "/engine.io/");
    poller.say("4hello\x1ebAQIDBA==\x1e4");
    assert_eq!(poller.hear(), ["4hello", "bAQIDBA==", "4"]);
    // No namespace is awaited, and no packet of Socket.IO is one here.
    let waiting = poller.get();
    let entering = Poller::open(hub.url());
    assert_eq!(entering.get().response().packets(), ["1"]);
    entering.assert_gone();
    poller.say("40\x1e42[");
    let mut heard = waiting.response().packets();
    if heard.len() == 1 {
        heard.extend(poller.hear());
    }
    assert_eq!(heard, ["40", "42["]);
    // Its sids are its own.
    let elsewhere = format!("{HANDSHAKE}&sid={}", poller.sid);
    request(hub.url(), "GET", &elsewhere, &[]).assert_refused(1);
}

#[test]
fn who_takes_no_echo_is_read_no_further() {
    let folder = tempfile::tempdir().unwrap();
    let hub = echoing(&folder);
    let poller = Poller::open_at(hub.url(), "/engine.io/");
    let large = format!("4{}", "x".repeat(1 << 20));
    poller.say(&large);
    // What was echoed waits for a GET; nothing further is taken before.
    let held = poller.post(&large);
    Poller::stock(hub.url()).assert_alive();
    assert!(!held.is_answered(), "it should wait");
    for _ in 0..2 {
        assert_eq!(poller.hear()[0].len(), large.len());
    }
    assert_eq!(held.response().body, "ok");
}

/// Answers without arguments have no bytes, and take room all the same until CONNECT is answered.
#[test]
fn who_has_not_heard_what_it_missed_is_read_no_further() {
    const IN_A_POST: usize = 250;
    const POSTS: usize = 40;
    let hub = TestHub::declared(
        r#"
recovery = "2m"
[namespaces."/".on.ask]
reply = "told"
"#,
    );
    let entered = Poller::open(hub.url());
    entered.say("40");
    let reply = entered.hear().remove(0);
    let reply: Value = serde_json::from_str(&reply[2..]).unwrap();
    drop(entered.get());
    hub.wait_for_stderr("a user disconnected");
    hub.publish("/", &"missed\n".repeat(40));
    let back = Poller::open(hub.url());
    back.say(&format!("40{}", json!({"pid": reply["pid"]})));
    // What it missed waits for a GET, and the reply to CONNECT waits behind that.
    let flood = [r#"42["ask"]"#; IN_A_POST].join("\x1e");
    let mut asked = 0;
    let held = (0..POSTS).find_map(|_| {
        let post = back.post(&flood);
        asked += IN_A_POST;
        post.waits_for(Duration::from_secs(2)).then_some(post)
    });
    let held = held.expect("it is not read for ever");
    let mut told = 0;
    while told < asked {
        let heard = back.hear();
        let is_told = |packet: &&String| packet.starts_with(r#"42["told""#);
        told += heard.iter().filter(is_told).count();
    }
    assert_eq!(held.response().body, "ok");
}

#[test]
fn without_an_echo_there_is_none() {
    let hub = TestHub::start();
    let response = request(hub.url(), "GET", "/engine.io/?EIO=4&transport=polling", &[]);
    assert_eq!(response.status, 404);
}
