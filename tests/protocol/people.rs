//! The verbs `who` and `kick`, and the event `presence`, by hand.

use serde_json::{Value, json};

use crate::harness::{TestHub, wait_until};
use crate::http::Poller;
use crate::raw::Raw;

fn sockets(raw: &mut Raw, whom: &Value) -> Vec<Value> {
    let answer = raw.must("who", whom);
    answer["sockets"].as_array().unwrap().clone()
}

/// By the order of the answer.
fn names(sockets: &[Value]) -> Vec<String> {
    let name = |socket: &'_ Value| socket["as"].as_str().unwrap_or("-").to_owned();
    sockets.iter().map(name).collect()
}

#[test]
fn who_tells_the_sockets_of_a_namespace() {
    let hub = TestHub::start();
    let mut bob = Raw::connected(hub.url(), "/", &json!({"as": "bob"}));
    bob.must("join", &json!("lobby"));
    let alice = json!({"roomcat": 1, "as": "alice"});
    let mut alice = Raw::connected(hub.url(), "/", &alice);
    let _elsewhere = Raw::connected(hub.url(), "/elsewhere", &json!({"as": "carol"}));
    alice.must("sub", &json!({"rooms": ["lobby", "attic"]}));
    let mut raw = Raw::roomcat(hub.url());
    let all = sockets(&mut raw, &json!({}));
    assert_eq!(names(&all), ["alice", "bob", "-"], "{all:?}");
    let seen = &all[0];
    assert_eq!(seen["rooms"], json!(["attic", "lobby"]));
    assert_eq!(seen["transport"], "websocket");
    assert_eq!(seen["lag"], 0);
    assert!(seen["since"].as_u64().unwrap() > 1_700_000_000_000);
    let address = seen["address"].as_str().unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let lobby = sockets(&mut raw, &json!({"room": "lobby"}));
    assert_eq!(names(&lobby), ["alice", "bob"]);
    assert_eq!(
        sockets(&mut raw, &json!({"room": "nowhere"})),
        [Value::Null; 0]
    );
}

#[test]
fn who_finds_a_socket_by_its_sid_while_it_is_there() {
    let hub = TestHub::start();
    let mut raw = Raw::roomcat(hub.url());
    let mut other = Raw::open(hub.url());
    let greeting = other.connect("/", &json!({"as": "alice"})).json();
    let whom = json!({"sid": greeting["sid"]});
    let found = sockets(&mut raw, &whom);
    assert_eq!(found[0]["sid"], greeting["sid"]);
    assert_eq!(names(&found), ["alice"]);
    drop(other);
    wait_until("its end", || sockets(&mut raw, &whom).is_empty());
    assert_eq!(sockets(&mut raw, &json!({"sid": ""})), [Value::Null; 0]);
}

#[test]
fn lag_is_what_was_not_confirmed() {
    // It reads nothing for as long as the others take, and answers no ping.
    let hub = TestHub::with(&["--ping-timeout", "10m"]);
    let mut slow = Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "as": "slow"}));
    slow.must("sub", &json!({"rooms": ["ci"]}));
    let mut raw = Raw::roomcat(hub.url());
    let lag = |raw: &mut Raw| {
        sockets(raw, &json!({"room": "ci"}))[0]["lag"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(lag(&mut raw), 0);
    let header = json!({"rooms": ["ci"], "framing": "lines", "count": 5});
    raw.batch("/", &header, b"a\nb\nc\nd\ne\n");
    let got = slow.event_named("batch");
    wait_until("five to be behind", || lag(&mut raw) == 5);
    let first = got.header()["first"].as_str().unwrap().to_owned();
    slow.must("ack", &json!({"seq": format!("{first}.1")}));
    assert_eq!(lag(&mut raw), 3);
    // More than the credit: the rest waits in the log.
    let block = "x".repeat(250_000) + "\n";
    let one = json!({"rooms": ["ci"], "framing": "lines", "count": 1});
    for _ in 0..20 {
        raw.batch("/", &one, block.as_bytes());
    }
    wait_until("all of it to be behind", || lag(&mut raw) == 23);
    slow.must("leave", &json!("ci"));
}

#[test]
fn a_kick_names_one_or_all_of_a_name() {
    let hub = TestHub::start();
    let mut raw = Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "as": "teacher"}));
    for wrong in [
        json!({}),
        json!({"sid": "x", "as": "y"}),
        json!("bob"),
        json!({"as": ""}),
    ] {
        let answer = raw.call("/", "kick", &wrong);
        assert_eq!(answer["error"]["code"], "bad_request", "{wrong}: {answer}");
    }
    let mut bob = Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "as": "bob"}));
    let mut stock = Raw::connected(hub.url(), "/", &json!({"as": "bob"}));
    let kicked = raw.must("kick", &json!({"as": "bob"}));
    assert_eq!(kicked["kicked"], 2);
    let closed = bob.event_named("closed").args();
    assert_eq!(
        closed,
        [json!({"code": "kicked", "message": "kicked by teacher"})]
    );
    for one in [&mut bob, &mut stock] {
        assert_eq!(one.until(|packet| packet.kind == '1').namespace, "/");
    }
    // The connection is there, and the namespace as open as before.
    let again = stock.connect("/", &json!({"as": "bob"})).json();
    let kicked = raw.must("kick", &json!({"sid": again["sid"]}));
    assert_eq!(kicked["kicked"], 1);
    assert_eq!(raw.must("kick", &json!({"sid": again["sid"]}))["kicked"], 0);
    raw.assert_alive();
}

#[test]
fn a_poller_is_seen_as_one() {
    let hub = TestHub::start();
    let poller = Poller::connected(hub.url(), r#"{"as":"slow"}"#);
    let mut raw = Raw::roomcat(hub.url());
    let mut found = Vec::new();
    while found.is_empty() {
        found = sockets(&mut raw, &json!({"room": ""}));
    }
    assert_eq!(found[0]["transport"], "polling");
    assert_eq!(names(&found), ["slow"]);
    assert!(
        found[0]["address"]
            .as_str()
            .unwrap()
            .starts_with("127.0.0.1:")
    );
    poller.assert_alive();
}

#[test]
fn presence_is_for_those_who_ask_for_it() {
    let hub = TestHub::start();
    let mut watcher = Raw::roomcat(hub.url());
    watcher.must("sub", &json!({"rooms": ["lobby"], "presence": true}));
    let mut stock = Raw::stock(hub.url());
    stock.must("sub", &json!({"rooms": ["lobby"], "presence": true}));
    let told = watcher.event_named("presence").args().remove(0);
    assert_eq!(
        (&told["what"], &told["room"]),
        (&json!("join"), &json!("lobby"))
    );
    assert!(told.get("as").is_none(), "{told}");
    assert!(told["at"].as_u64() > Some(1_700_000_000_000));
    let mut alice = Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "as": "alice"}));
    alice.must("sub", &json!({"rooms": ["lobby"]}));
    for one in [&mut watcher, &mut stock] {
        let told = one.event_named("presence").args().remove(0);
        assert_eq!(told["as"], "alice");
    }
    watcher.must("sub", &json!({"rooms": ["lobby"]}));
    alice.must("leave", &json!("lobby"));
    let told = stock.event_named("presence").args().remove(0);
    assert_eq!(
        (&told["what"], &told["as"]),
        (&json!("leave"), &json!("alice"))
    );
    watcher.assert_alive();
    assert!(!watcher.take_kept().iter().any(|it| it.is_event("presence")));
}
