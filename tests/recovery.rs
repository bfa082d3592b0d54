//! Stock clients that come back (`--recovery`): to the sid and rooms that they had and to what they missed, across lost
//! connections and lives of the hub; and who does not, and starts afresh.

mod declared;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::peers::node;
use crate::harness::{TestHub, wait_until};
use crate::raw::{Packet, Raw, lines};

fn hub() -> TestHub {
    TestHub::with(&["--recovery", "2m"])
}

/// A stock client, and what it would show to come back.
struct Client {
    raw: Raw,
    sid: Value,
    pid: Value,
    offset: Value,
    /// What came before CONNECT was answered.
    missed: Vec<Packet>,
}

impl Client {
    fn new(hub: &TestHub) -> Self {
        Self::with(hub, "/", &json!({}))
    }

    fn with(hub: &TestHub, namespace: &str, auth: &Value) -> Self {
        let mut raw = Raw::open(hub.url());
        let answer = raw.connect(namespace, auth);
        assert_eq!(answer.kind, '0', "{answer:?}");
        let data = answer.json();
        Self {
            sid: data["sid"].clone(),
            pid: data["pid"].clone(),
            offset: Value::Null,
            missed: raw.take_kept(),
            raw,
        }
    }

    /// Loses its connection.
    fn lost(self) -> Value {
        let mut shown = json!({"pid": self.pid});
        if !self.offset.is_null() {
            shown["offset"] = self.offset;
        }
        shown
    }

    /// The next event's arguments without the offset, which it remembers.
    fn hears(&mut self) -> Vec<Value> {
        let event = self.raw.event();
        self.take(&event)
    }

    fn take(&mut self, event: &Packet) -> Vec<Value> {
        let mut args = event.args();
        self.offset = args.pop().expect("an offset");
        assert!(self.offset.is_string(), "{event:?}");
        args
    }

    /// The first argument of each event that it missed.
    fn missed(&mut self) -> Vec<String> {
        let missed = std::mem::take(&mut self.missed);
        let heard = missed.iter().map(|event| self.take(event));
        heard.map(|args| text(&args)).collect()
    }

    fn join(&mut self, room: &str) {
        self.raw.must("join", &json!(room));
    }

    /// Publishes to everyone and waits until it is stored.
    fn says(&mut self, text: &str) {
        self.raw.must("pub", &json!({"data": text}));
    }
}

fn text(args: &[Value]) -> String {
    args[0].as_str().expect("a text").to_owned()
}

fn assert_same(earlier: (&Value, &Value), now: &Client) {
    assert_eq!(earlier, (&now.sid, &now.pid), "it is not who it was");
}

/// Comes back and is a stranger: another sid and `pid`, and nothing before them.
fn assert_fresh(hub: &TestHub, shown: &Value, sid: &Value) {
    let back = Client::with(hub, "/", shown);
    assert_ne!(&back.sid, sid, "{shown}");
    assert!(back.pid.is_string() && back.pid != shown["pid"]);
    assert_eq!(back.missed, [], "{shown}");
}

fn sessions(hub: &TestHub, sql: &str) -> i64 {
    let database = Connection::open(hub.database()).unwrap();
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Until the hub has noticed that so many connections were lost, and stored it.
fn wait_until_lost(hub: &TestHub, lost: i64) {
    wait_until("the hub notices the loss", || {
        sessions(
            hub,
            "SELECT count(*) FROM recoverable WHERE lost IS NOT NULL",
        ) == lost
    });
}

#[test]
fn every_event_to_a_stock_client_ends_in_an_offset() {
    let hub = hub();
    let mut client = Client::new(&hub);
    client.join("room");
    let mut other = Raw::roomcat(hub.url());
    other.emit("/", "nothing", "");
    assert_eq!(client.hears(), [] as [Value; 0]);
    other.ask_binary(
        "/",
        "picture",
        r#"{"_placeholder":true,"num":0},"x""#,
        &[b"\0"],
    );
    let placeholder = json!({"_placeholder": true, "num": 0});
    assert_eq!(client.hears(), [placeholder.clone(), json!("x")]);
    other.must("pub", &json!({"rooms": ["room"], "data": {"a": 1}}));
    assert_eq!(client.hears(), [json!({"a": 1})]);
    let stored = client.offset.clone();
    other.must(
        "pub",
        &json!({"rooms": ["room"], "data": 2, "volatile": true}),
    );
    assert_eq!(client.hears(), [json!(2)]);
    assert_eq!(client.offset, stored, "it is not in the log");
    other.batch("/", &lines("room", 2), b"one\ntwo\n");
    assert_eq!(client.hears(), [json!("one")]);
    let first = client.offset.clone();
    assert_eq!(client.hears(), [json!("two")]);
    assert!(first != stored && client.offset != first);
    let json_lines = json!({"rooms": ["room"], "framing": "lines", "json": true, "count": 1});
    other.batch("/", &json_lines, b"[1, 2]\n");
    assert_eq!(client.hears(), [json!([1, 2])]);
    let bytes = json!({"rooms": ["room"], "framing": "bytes", "count": 1});
    other.batch("/", &bytes, b"\0\0\0\x01\xff");
    assert_eq!(client.hears(), [placeholder]);
    // More than are encoded for all at once.
    let many: String = (0..100).map(|n| format!("{n}\n")).collect();
    other.batch("/", &lines("room", 100), many.as_bytes());
    let mut offsets: Vec<Value> = Vec::new();
    for n in 0..100 {
        assert_eq!(client.hears(), [json!(n.to_string())]);
        assert!(!offsets.contains(&client.offset));
        offsets.push(client.offset.clone());
    }
}

#[test]
fn nobody_else_is_told_of_it() {
    let (with, without) = (hub(), TestHub::start());
    for (hub, auth) in [
        (&without, json!({})),
        (&with, json!({"ack": true})),
        (&with, json!({"roomcat": 1})),
    ] {
        let mut client = Client::with(hub, "/", &auth);
        assert!(client.sid.is_string());
        assert_eq!(client.pid, Value::Null, "{auth}");
        client.raw.emit("/", "hello", "1");
        if auth["roomcat"] != 1 {
            assert_eq!(client.raw.event().args(), [json!(1)], "{auth}");
        }
    }
    assert_eq!(sessions(&with, "SELECT count(*) FROM sessions"), 0);
}

#[test]
fn who_comes_back_has_missed_nothing() {
    let hub = hub();
    let mut client = Client::new(&hub);
    let mut other = Raw::roomcat(hub.url());
    client.join("room");
    client.join("left");
    client.raw.must("leave", &json!("left"));
    other.publish("room", "before");
    assert_eq!(client.hears(), ["before"]);
    let (sid, pid) = (client.sid.clone(), client.pid.clone());
    let shown = client.lost();
    wait_until_lost(&hub, 1);
    for (room, line) in [
        ("room", "1"),
        ("left", "2"),
        ("", "3"),
        ("elsewhere", "4"),
        ("room", "5"),
    ] {
        other.publish(room, line);
    }
    other.must(
        "pub",
        &json!({"rooms": ["room"], "data": "6", "volatile": true}),
    );
    let mut back = Client::with(&hub, "/", &shown);
    assert_same((&sid, &pid), &back);
    assert_eq!(back.missed(), ["1", "3", "5"]);
    other.publish("left", "7");
    other.publish("room", "8");
    assert_eq!(back.hears(), ["8"]);
    hub.wait_for_stderr("recovered");
    // And again, from where it is now.
    let shown = back.lost();
    let mut back = Client::with(&hub, "/", &shown);
    assert_same((&sid, &pid), &back);
    assert_eq!(back.missed(), [] as [&str; 0]);
    other.publish("", "9");
    assert_eq!(back.hears(), ["9"]);
}

#[test]
fn a_restart_of_the_hub_is_a_lost_connection() {
    for how in [TestHub::stop, TestHub::kill9] {
        let mut hub = hub();
        let mut client = Client::new(&hub);
        client.join("room");
        let mut other = Raw::roomcat(hub.url());
        other.publish("room", "before");
        assert_eq!(client.hears(), ["before"]);
        // Stored, and handed to a client that does not read any more.
        other.publish("room", "1");
        other.publish("", "2");
        how(&mut hub);
        hub.restart();
        hub.publish("room", "3\n4\n");
        let (sid, pid) = (client.sid.clone(), client.pid.clone());
        let mut back = Client::with(&hub, "/", &client.lost());
        assert_same((&sid, &pid), &back);
        assert_eq!(back.missed(), ["1", "2", "3", "4"]);
        hub.publish("room", "5\n");
        assert_eq!(back.hears(), ["5"]);
    }
}

#[test]
fn an_offset_may_stand_inside_a_batch() {
    let hub = hub();
    let mut client = Client::new(&hub);
    client.join("room");
    let mut other = Raw::roomcat(hub.url());
    let many: String = (0..100).map(|n| format!("{n}\n")).collect();
    for (count, body) in [(5, "0\n1\n2\n3\n4\n"), (100, &many)] {
        other.batch("/", &lines("room", count), body.as_bytes());
        for n in 0..2 {
            assert_eq!(client.hears(), [n.to_string()]);
        }
        let shown = client.lost();
        client = Client::with(&hub, "/", &shown);
        let rest: Vec<String> = (2..count).map(|n| n.to_string()).collect();
        assert_eq!(client.missed(), rest);
    }
}

#[test]
fn who_got_nothing_yet_missed_all_since_it_came() {
    let hub = hub();
    hub.publish("/", "earlier\n");
    let client = Client::new(&hub);
    let (sid, pid) = (client.sid.clone(), client.pid.clone());
    let shown = client.lost();
    assert!(shown.get("offset").is_none());
    hub.publish("/", "1\n2\n");
    let mut back = Client::with(&hub, "/", &shown);
    assert_same((&sid, &pid), &back);
    assert_eq!(back.missed(), ["1", "2"]);
}

#[test]
fn an_offset_of_an_earlier_session_brings_nothing_back() {
    let hub = hub();
    let mut client = Client::new(&hub);
    client.says("1");
    client.says("2");
    assert_eq!(client.hears(), ["1"]);
    let offset = client.offset.clone();
    // The official client keeps it when it was given another session.
    let mut fresh = Client::new(&hub);
    client.says("3");
    fresh.offset = offset;
    let mut back = Client::with(&hub, "/", &fresh.lost());
    assert_eq!(back.missed(), ["3"]);
}

#[test]
fn what_cannot_be_recovered_is_a_fresh_session() {
    let hub = hub();
    let mut client = Client::new(&hub);
    client.says("1");
    assert_eq!(client.hears(), ["1"]);
    client.says("2");
    let offset = client.offset.as_str().unwrap().to_owned();
    let sid = client.sid.clone();
    let shown = client.lost();
    wait_until_lost(&hub, 1);
    let (log, _) = offset.split_once('.').unwrap();
    for (field, value) in [
        ("pid", json!("unknown")),
        ("pid", json!("")),
        ("pid", json!("x".repeat(100_000))),
        ("pid", json!(7)),
        ("pid", json!({"a": []})),
        ("as", json!("alice")),
        ("offset", json!("foreign")),
        ("offset", json!("")),
        ("offset", json!(7)),
        ("offset", json!(null)),
        ("offset", json!(format!("{log}.99"))),
        ("offset", json!(format!("{log}.18446744073709551615"))),
        ("offset", json!("ffffffff.1")),
    ] {
        let mut wrong = shown.clone();
        wrong[field] = value;
        assert_fresh(&hub, &wrong, &sid);
    }
    let elsewhere = Client::with(&hub, "/admin", &shown);
    assert!(elsewhere.sid != sid && elsewhere.missed.is_empty());
    // None of these has taken it.
    let mut back = Client::with(&hub, "/", &shown);
    assert_eq!(back.sid, sid);
    assert_eq!(back.missed(), ["2"]);
}

#[test]
fn who_said_goodbye_does_not_come_back() {
    let hub = hub();
    let mut client = Client::new(&hub);
    client.says("1");
    client.hears();
    let sid = client.sid.clone();
    client.raw.send("41");
    wait_until("the session is forgotten", || {
        sessions(&hub, "SELECT count(*) FROM sessions") == 0
    });
    assert_eq!(sessions(&hub, "SELECT count(*) FROM session_rooms"), 0);
    assert_fresh(&hub, &client.lost(), &sid);
}

#[test]
fn who_was_kicked_does_not_come_back() {
    let hub = hub();
    let mut client = Client::new(&hub);
    client.says("1");
    client.hears();
    let sid = client.sid.clone();
    let kicked = Raw::roomcat(hub.url()).must("kick", &json!({"sid": sid}));
    assert_eq!(kicked["kicked"], 1);
    client.raw.until(|packet| packet.kind == '1');
    assert_fresh(&hub, &client.lost(), &sid);
}

#[test]
fn who_is_away_too_long_starts_afresh() {
    let hub = TestHub::with(&["--recovery", "100ms"]);
    let mut client = Client::new(&hub);
    client.says("1");
    client.hears();
    let sid = client.sid.clone();
    let shown = client.lost();
    wait_until("the session is forgotten", || {
        sessions(&hub, "SELECT count(*) FROM sessions") == 0
    });
    assert_fresh(&hub, &shown, &sid);
}

#[test]
fn who_missed_what_is_no_longer_kept_starts_afresh() {
    let hub = TestHub::with(&["--recovery", "2m", "--keep", "1h/20kB"]);
    let mut client = Client::new(&hub);
    client.join("room");
    client.says("1");
    client.hears();
    let sid = client.sid.clone();
    let shown = client.lost();
    hub.publish("elsewhere", &"x\n".repeat(20_000));
    hub.publish("elsewhere", "y\n");
    wait_until("history is pruned", || {
        sessions(&hub, "SELECT value FROM meta WHERE name = 'pruned_to'") >= 2
    });
    // Nothing of its own rooms is gone but what it had.
    let mut back = Client::with(&hub, "/", &shown);
    assert_eq!(back.sid, sid);
    assert_eq!(back.missed(), [] as [&str; 0]);
    drop(back);
    hub.publish("room", "missed\n");
    hub.publish("elsewhere", &"x\n".repeat(20_000));
    hub.publish("elsewhere", "y\n");
    let before = sessions(&hub, "SELECT max(record) FROM log");
    wait_until("history is pruned", || {
        sessions(&hub, "SELECT value FROM meta WHERE name = 'pruned_to'") >= before - 1
    });
    assert_fresh(&hub, &shown, &sid);
}

#[test]
fn recovery_keeps_what_history_does_not() {
    let mut hub = TestHub::with(&["--recovery", "2m", "--keep", "0"]);
    let mut client = Client::new(&hub);
    client.says("1");
    client.hears();
    hub.stop();
    hub.restart();
    hub.publish("/", "2\n");
    let mut back = Client::with(&hub, "/", &client.lost());
    assert_eq!(back.missed(), ["2"]);
}

#[test]
fn own_messages_to_others_do_not_come_back() {
    let hub = hub();
    let mut client = Client::new(&hub);
    let mut listener = Client::new(&hub);
    client.says("1");
    client.hears();
    client
        .raw
        .must("pub", &json!({"data": "own", "to": "others"}));
    listener.hears();
    assert_eq!(listener.hears(), ["own"]);
    let mut back = Client::with(&hub, "/", &client.lost());
    listener
        .raw
        .must("pub", &json!({"data": "theirs", "to": "others"}));
    assert_eq!(back.missed(), [] as [&str; 0]);
    assert_eq!(back.hears(), ["theirs"]);
    // Its sid is what it was, for those that it sends now too.
    back.raw
        .must("pub", &json!({"data": "own again", "to": "others"}));
    assert_eq!(listener.hears(), ["own again"]);
    let mut again = Client::with(&hub, "/", &back.lost());
    assert_eq!(again.missed(), [] as [&str; 0]);
}

#[test]
fn the_newest_connection_of_a_session_has_it() {
    let hub = hub();
    let mut old = Client::new(&hub);
    old.join("room");
    old.says("1");
    old.hears();
    let shown = json!({"pid": old.pid, "offset": old.offset});
    let mut back = Client::with(&hub, "/", &shown);
    assert_same((&old.sid, &old.pid), &back);
    old.raw.until(|packet| packet.kind == '1');
    hub.wait_for_sockets("room", 1);
    hub.publish("room", "2\n");
    assert_eq!(back.hears(), ["2"]);
    // The end of the old connection is not the end of the session.
    old.raw.send("41");
    drop(old);
    let mut again = Client::with(&hub, "/", &back.lost());
    assert_eq!(again.missed(), [] as [&str; 0]);
    hub.publish("room", "3\n");
    assert_eq!(again.hears(), ["3"]);
}

#[test]
fn a_named_client_goes_on_where_it_was_not_where_its_cursor_is() {
    let mut hub = hub();
    let auth = json!({"as": "alice"});
    let mut client = Client::with(&hub, "/", &auth);
    client.join("room");
    hub.publish("room", "1\n2\n3\n");
    assert_eq!(client.hears(), ["1"]);
    // All were written to its connection, and so count as read.
    wait_until("the cursor has passed them", || {
        hub.pending("room", "alice") == Some(0)
    });
    let mut shown = client.lost();
    shown["as"] = json!("alice");
    hub.stop();
    hub.restart();
    hub.cmd(&["join", "later", "--as", "alice"]).check();
    hub.publish("later", "4\n");
    hub.publish("room", "5\n");
    let mut back = Client::with(&hub, "/", &shown);
    assert_eq!(back.missed(), ["2", "3", "4", "5"]);
    wait_until("the cursor follows", || {
        hub.pending("room", "alice") == Some(0)
    });
    // Without its session it goes on at the cursor. What is written to a connection that is gone counts as read.
    drop(back);
    hub.wait_for_stderr("a user disconnected / alice");
    hub.publish("room", "6\n");
    let mut fresh = Client::with(&hub, "/", &auth);
    assert_eq!(fresh.hears(), ["6"]);
}

#[test]
fn each_namespace_recovers_by_itself() {
    let hub = hub();
    let mut raw = Raw::open(hub.url());
    let main = raw.connect("/", &json!({})).json();
    let admin = raw.connect("/admin", &json!({})).json();
    drop(raw);
    hub.publish("/", "main\n");
    hub.cmd(&["pub", "/admin"]).stdin("admin\n").check();
    let mut raw = Raw::open(hub.url());
    let back = raw.connect("/admin", &json!({"pid": admin["pid"]}));
    assert_eq!(back.json(), admin);
    let missed = raw.take_kept();
    assert_eq!((missed.len(), &missed[0].args()[0]), (1, &json!("admin")));
    let back = raw.connect("/", &json!({"pid": main["pid"]}));
    assert_eq!(back.json(), main);
    assert_eq!(raw.take_kept()[0].args()[0], json!("main"));
}

#[test]
fn the_official_client_recovers() {
    for (how, options) in [
        (
            TestHub::stop as fn(&mut TestHub),
            json!({"transports": ["websocket"]}),
        ),
        (
            TestHub::kill9,
            json!({"transports": ["websocket"], "auth": {"as": "alice"}}),
        ),
        // Polling, and the usual upgrade of it.
        (TestHub::stop, json!({"transports": ["polling"]})),
        (TestHub::kill9, json!({})),
    ] {
        let mut hub = hub();
        let mut client = node("recovery.mjs", &[hub.url(), &options.to_string()]).spawn();
        assert_eq!(client.line(), "restart");
        how(&mut hub);
        hub.restart();
        let said = ["pub", "room", "-e", "chat message", "three"];
        hub.cmd(&said).check();
        client.write("restarted\n");
        let ended = client.wait();
        assert_eq!(ended.status, 0, "{}", ended.stderr());
    }
}
