//! `emit` and `on` against the reference server and others, and the other commands where there is no roomcat hub.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept};

use crate::harness::peers::node;
use crate::harness::{Cmd, Running, TestHub};

/// npm's `socket.io`, as `tests/peers/server.mjs` serves it.
struct Foreign {
    running: Running,
    port: u64,
}

impl Foreign {
    fn start() -> Self {
        Self::with(json!({}))
    }

    fn with(options: Value) -> Self {
        Self::on_port(0, &options)
    }

    fn on_port(port: u64, options: &Value) -> Self {
        let arguments = [port.to_string(), options.to_string()];
        let mut running = node("server.mjs", &arguments).spawn();
        let listening: Value = serde_json::from_str(&running.line()).expect("a JSON line");
        assert_eq!(listening[0], "listening");
        let port = listening[1].as_u64().expect("a port");
        Self { running, port }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn cmd(&self, arguments: &[&str]) -> Cmd {
        Cmd::new(arguments).env("ROOMCAT_URL", self.url())
    }

    fn order(&mut self, order: &Value) {
        self.running.write(format!("{order}\n"));
    }

    /// The next thing of this kind that it saw.
    fn saw(&mut self, kind: &str) -> Value {
        loop {
            let seen: Value = serde_json::from_str(&self.running.line()).expect("a JSON line");
            if seen[0] == kind {
                return seen;
            }
        }
    }

    /// `on`, once the server knows it.
    fn listen(&mut self, arguments: &[&str]) -> Running {
        let arguments = [&["on", "-v"], arguments].concat();
        let running = self.cmd(&arguments).spawn_closed();
        self.saw("connected");
        running
    }
}

#[test]
fn arguments_arrive_as_what_they_look_like() {
    let mut server = Foreign::start();
    server.cmd(&["emit", "chat message", "hi"]).check();
    let event = |args: Value| {
        let mut event = vec![json!("event"), json!("/")];
        event.extend(args.as_array().expect("arguments").clone());
        Value::Array(event)
    };
    assert_eq!(server.saw("event"), event(json!(["chat message", "hi"])));
    let words = [
        "emit",
        "x",
        "7",
        "-1.5",
        "true",
        r#"{"a": [null]}"#,
        "a b",
        r#""@a""#,
    ];
    server.cmd(&words).check();
    let read = json!(["x", 7, -1.5, true, {"a": [null]}, "a b", "@a"]);
    assert_eq!(server.saw("event"), event(read));
    server.cmd(&["emit", "--text", "x", "7", "@a"]).check();
    assert_eq!(server.saw("event"), event(json!(["x", "7", "@a"])));
    server.cmd(&["emit", "nothing"]).check();
    assert_eq!(server.saw("event"), event(json!(["nothing"])));
    server
        .cmd(&["emit", "x", "a", "@-", "1"])
        .stdin([0, 255])
        .check();
    let bytes = json!(["x", "a", {"base64": "AP8="}, 1]);
    assert_eq!(server.saw("event"), event(bytes));
    server.cmd(&["emit", "--namespace", "/admin", "x"]).check();
    assert_eq!(server.saw("event"), json!(["event", "/admin", "x"]));
}

#[test]
fn nothing_is_lost_when_emit_leaves() {
    let mut server = Foreign::start();
    for number in 0..20 {
        let number = number.to_string();
        server.cmd(&["emit", "handled", &number]).check();
    }
    for number in 0..20 {
        assert_eq!(server.saw("handled"), json!(["handled", "/", number]));
    }
}

#[test]
fn an_acknowledgement_is_printed() {
    let server = Foreign::start();
    server
        .cmd(&["emit", "--ack", "x", "hi", "7"])
        .stdout("[\"hi\",7]\n")
        .check();
    server.cmd(&["emit", "--ack", "x"]).stdout("[]\n").check();
    server
        .cmd(&["emit", "--ack", "--data", "x", "hi"])
        .stdout("hi\n")
        .check();
    server
        .cmd(&["emit", "--ack", "x", "@-"])
        .stdin([0, 255])
        .stdout("[{\"base64\":\"AP8=\"}]\n")
        .check();
    server
        .cmd(&["emit", "--ack", "never answered", "--timeout", "200ms"])
        .stderr("roomcat: timed out after 200ms\n")
        .status(5)
        .check();
}

#[test]
fn events_are_printed_as_arrays_or_bare() {
    let mut server = Foreign::start();
    let mut all = server.listen(&["-n", "5"]);
    let mut bare = server.listen(&["a", "b", "--data", "-n", "4"]);
    server.order(&json!({"emit": ["a", "hi"]}));
    server.order(&json!({"emit": ["b", {"x": 1}, "é\u{1b}"]}));
    server.order(&json!({"emit": ["c"]}));
    server.order(&json!({"bytes": ["b", 104, 105]}));
    server.order(&json!({"emit": ["a", "last"]}));
    assert_eq!(all.line(), r#"["welcome"]"#);
    assert_eq!(all.line(), r#"["a","hi"]"#);
    assert_eq!(all.line(), "[\"b\",{\"x\":1},\"é\\u001b\"]");
    assert_eq!(all.line(), r#"["c"]"#);
    assert_eq!(all.line(), r#"["b",{"base64":"aGk="},1]"#);
    assert_eq!(all.wait().status, 0);
    assert_eq!(bare.line(), "hi");
    assert_eq!(bare.line(), "[{\"x\":1},\"é\\u001b\"]");
    assert_eq!(bare.line(), r#"[{"base64":"aGk="},1]"#);
    assert_eq!(bare.line(), "last");
    assert_eq!(bare.wait().status, 0);
}

#[test]
fn a_printed_event_is_acknowledged_when_told_to() {
    let mut server = Foreign::start();
    let mut on = server.listen(&["job", "--ack", "-n", "1"]);
    server.order(&json!({"ask": ["job", 1]}));
    assert_eq!(on.line(), r#"["job",1]"#);
    assert_eq!(on.wait().status, 0);
    assert_eq!(server.saw("answer"), json!(["answer"]));
}

#[test]
fn waiting_for_events_ends_with_the_time() {
    let server = Foreign::start();
    server
        .cmd(&["on", "never", "--timeout", "100ms"])
        .stderr("roomcat: timed out after 100ms\n")
        .status(5)
        .check();
    let script = "roomcat on | head -n 1";
    Cmd::shell(script)
        .env("ROOMCAT_URL", server.url())
        .stdout("[\"welcome\"]\n")
        .check();
}

#[test]
fn the_server_sees_what_it_is_told() {
    let mut server = Foreign::with(json!({"path": "/chat/engine"}));
    let folder = tempfile::tempdir().unwrap();
    let auth = folder.path().join("auth");
    std::fs::write(&auth, "{\n\"token\": \"sesame\"\n}").unwrap();
    let mut emit = vec![
        "emit",
        "x",
        "--path",
        "/chat/engine",
        "--header",
        "X-Test: a: b",
    ];
    emit.extend(["--header", "Host: example.org", "--query", "room=a b&c"]);
    let file = format!("@{}", auth.display());
    server
        .cmd(&[&emit[..], &["--auth", &file]].concat())
        .check();
    let seen = &server.saw("connected")[2];
    let told = json!({
        "token": "sesame", "room": "a b&c", "header": "a: b", "host": "example.org",
        "recovered": false,
    });
    assert_eq!(*seen, told);
    let named = ["--as", "alice", "--auth", r#"{"token":"x","as":"bob"}"#];
    server.cmd(&[&emit[..], &named].concat()).check();
    let seen = &server.saw("connected")[2];
    assert_eq!(
        (&seen["as"], &seen["token"]),
        (&json!("alice"), &json!("x"))
    );
    // Nothing of roomcat's own is said to it.
    assert_eq!(seen["roomcat"], Value::Null);
    server
        .cmd(&["emit", "x"])
        .stderr_has("it does not speak WebSocket at this address: it closed the connection")
        .status(3)
        .check();
    for wrong in [
        ["--auth", "[]"],
        ["--query", "sid=1"],
        ["--header", "Upgrade: x"],
    ] {
        let outcome = server.cmd(&["emit", "x", wrong[0], wrong[1]]).run();
        assert_eq!(outcome.status, 2, "{wrong:?}: {}", outcome.stderr());
    }
    server
        .cmd(&["emit", "x", "--auth", "@/no/such/file"])
        .stderr("roomcat: cannot read --auth from /no/such/file: no such file or directory\n")
        .status(1)
        .check();
    // They are not for the hub.
    for wrong in [["--header", "a: b"], ["--auth", "{}"], ["--path", "/x"]] {
        Cmd::new(&["serve", wrong[0], wrong[1]])
            .stderr_has(&format!("unknown flag {}", wrong[0]))
            .status(2)
            .check();
    }
}

#[test]
fn who_is_refused_is_told_why() {
    let mut server = Foreign::start();
    let url = server.url();
    for command in [["emit", "x"], ["on", "x"]] {
        server
            .cmd(&[&command[..], &["--namespace", "/closed"]].concat())
            .stderr(&format!("roomcat: {url} refused: not for you\n"))
            .status(4)
            .check();
        server
            .cmd(&[&command[..], &["--namespace", "/nowhere"]].concat())
            .stderr(&format!(
                "roomcat: {url} refused: Invalid namespace\n  hint: the path of the URL is the namespace; use --namespace NS for another\n"
            ))
            .status(4)
            .check();
    }
    server
        .cmd(&["emit", "hi", "@alice"])
        .stderr_has("cannot read alice")
        .stderr_has("to send text that begins with @, use --text")
        .status(1)
        .check();
    server
        .cmd(&["emit", "connect"])
        .any_stderr()
        .status(2)
        .check();
    let on = server.listen(&[]);
    server.order(&json!({"kick": []}));
    let ended = on.wait();
    assert_eq!(ended.status, 4, "{}", ended.stderr());
    assert!(ended.stderr().contains("disconnected this client"));
}

#[test]
fn a_command_for_hubs_names_those_for_any_server() {
    let server = Foreign::start();
    let said = format!(
        "roomcat: {} is a Socket.IO server, not a roomcat hub\n  hint: use \"roomcat emit\" and \"roomcat on\" with this server, or give the URL of a roomcat hub with -u\n",
        server.url()
    );
    let commands: [&[&str]; 6] = [
        &["pub", "room", "hi"],
        &["sub", "room"],
        &["join", "room", "--as", "alice"],
        &["leave", "room", "--as", "alice"],
        &["rooms"],
        &["chat", "room"],
    ];
    for command in commands {
        server.cmd(command).stderr(&said).status(4).check();
    }
}

#[test]
fn on_comes_back_when_the_server_does() {
    let mut server = Foreign::start();
    let mut on = server.listen(&["a"]);
    let once = server.cmd(&["on", "a", "--no-reconnect"]).spawn_closed();
    server.saw("connected");
    let Foreign { running, port } = server;
    drop(running);
    on.wait_for_stderr("reconnecting");
    assert_eq!(once.wait().status, 3);
    let mut server = Foreign::on_port(port, &json!({}));
    server.saw("connected");
    server.order(&json!({"emit": ["a", "again"]}));
    assert_eq!(on.line(), r#"["a","again"]"#);
    on.wait_for_stderr("events sent meanwhile are lost");
}

#[test]
fn what_was_missed_comes_when_the_server_recovers_it() {
    let mut server = Foreign::with(json!({"recovery": true}));
    let mut on = server.listen(&["a", "b"]);
    let mut bare = server.listen(&["a", "b", "--data"]);
    server.order(&json!({"emit": ["a", "before"]}));
    // The place in what it can recover is an argument of the server's own.
    let line: Value = serde_json::from_str(&on.line()).unwrap();
    assert_eq!(
        (&line[1], line.as_array().unwrap().len()),
        (&json!("before"), 3)
    );
    assert_eq!(bare.line(), "before");
    server.order(&json!({"cut": [], "emit": ["b", "missed"]}));
    let line: Value = serde_json::from_str(&on.line()).unwrap();
    assert_eq!((&line[0], &line[1]), (&json!("b"), &json!("missed")));
    assert_eq!(bare.line(), "missed");
    on.wait_for_stderr("no events were missed");
    assert_eq!(server.saw("connected")[2]["recovered"], true);
    server.order(&json!({"emit": ["a", "after"]}));
    assert_eq!(bare.line(), "after");
}

#[test]
fn frames_are_explained_and_secrets_masked() {
    let mut server = Foreign::with(json!({"recovery": true}));
    let secrets = [
        "--auth",
        r#"{"token":"swordfish-0123456789"}"#,
        "--query",
        "key=hush",
    ];
    let emit = [
        "emit",
        "a",
        "hi",
        "@-",
        "--ack",
        "--trace",
        "--header",
        "Cookie: hush",
    ];
    let outcome = server
        .cmd(&[&emit[..], &secrets].concat())
        .stdin("x")
        .any_stdout()
        .any_stderr()
        .check();
    let said = outcome.stderr();
    for wanted in [
        "← 0{\"sid\":\"",
        "   open · handshake: a ping every 25000 ms, to be answered within 20000 ms · ",
        "→ 40{\"token\":\"swor…\"}   message · CONNECT · auth · ",
        "…\"}   message · CONNECT · accepted · ",
        "→ 451-0[\"a\",\"hi\",{\"_placeholder\":true,\"num\":0}]   message · BINARY_EVENT \"a\" · attachments to follow: 1 · asks for an answer, ack id 0 · 2 arguments · ",
        "→ <\"x\">   attachment 1 of 1 · 1 byte",
        "   message · BINARY_ACK · attachments to follow: 1 · answer to ack id 0 · 2 arguments · ",
        "→ 41   message · DISCONNECT · 2 bytes",
    ] {
        assert!(said.contains(wanted), "{wanted}\n{said}");
    }
    for secret in ["swordfish", "hush", "0123456789"] {
        assert!(!said.contains(secret), "{secret}\n{said}");
    }
    // A time before each.
    for line in said.lines() {
        assert_eq!(line.as_bytes()[2], b':', "{line}");
        assert_eq!(line.as_bytes()[8], b'.', "{line}");
    }
    server.saw("event");
}

#[test]
fn a_hub_explains_its_frames_by_connection() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "swordfish-0123456789\n").unwrap();
    let token = token.to_str().unwrap();
    let hub = TestHub::with(&["--trace", "--token-file", token]);
    hub.cmd(&["emit", "chat message", "hi", "--token-file", token])
        .check();
    let line = hub.wait_for_stderr("EVENT \"chat message\"");
    let (who, frame) = line.split_once(" ← ").expect("it was received");
    assert!(
        frame.starts_with("42[\"chat message\",\"hi\"]   message · EVENT"),
        "{line}"
    );
    let name = who.split(' ').next_back().unwrap();
    let open = hub.wait_for_stderr(" → 0{\"sid\":\"");
    assert!(
        name.len() == 4 && open.contains(&format!("{name} → 0{{\"sid\":\"{name}…\"")),
        "{open}"
    );
    hub.wait_for_stderr("DISCONNECT");
    assert!(!hub.stderr().contains("0123456789"), "{}", hub.stderr());
}

#[test]
fn a_hub_is_a_server_like_any_other() {
    let hub = TestHub::start();
    let mut on = hub.cmd(&["on", "chat message"]).spawn_closed();
    let mut named = hub
        .cmd(&["on", "--as", "alice", "--ack", "--auth", r#"{"ack":true}"#])
        .spawn_closed();
    hub.wait_for_sockets("", 2);
    hub.cmd(&["emit", "chat message", "hi", r#"{"a":1}"#])
        .check();
    assert_eq!(on.line(), r#"["chat message","hi",{"a":1}]"#);
    assert_eq!(named.line(), r#"["chat message","hi",{"a":1}]"#);
    // It was acknowledged, so nothing waits for that name.
    crate::harness::wait_until("alice has it", || hub.pending("", "alice") == Some(0));
    hub.cmd(&["emit", "--ack", "join", "lobby"])
        .stdout("[{\"ok\":true,\"rooms\":[\"lobby\"]}]\n")
        .check();
}

#[test]
fn on_is_recovered_by_a_hub_that_was_restarted() {
    let mut hub = TestHub::with(&["--recovery", "2m"]);
    let mut on = hub.cmd(&["on", "a", "--data"]).spawn_closed();
    hub.wait_for_sockets("", 1);
    hub.cmd(&["emit", "a", "one"]).check();
    assert_eq!(on.line(), "one");
    hub.kill9();
    hub.restart();
    on.wait_for_stderr("no events were missed");
    hub.cmd(&["emit", "a", "two"]).check();
    assert_eq!(on.line(), "two");
}

/// A server of one connection, made by hand.
fn by_hand(
    script: impl FnOnce(&mut WebSocket<TcpStream>) + Send + 'static,
) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        script(&mut accept(stream).unwrap());
    });
    (url, serving)
}

const OPEN: &str = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":5000}"#;

#[test]
fn an_old_server_is_named() {
    let (url, serving) = by_hand(|line| {
        line.send(Message::text(OPEN)).unwrap();
        line.send(Message::text("40")).unwrap();
        while line.read().is_ok() {}
    });
    Cmd::new(&["emit", "-u", &url, "--namespace", "/admin", "x"])
        .stderr_has("it speaks the protocol of Socket.IO v2 (EIO=3)")
        .status(3)
        .check();
    serving.join().unwrap();
}

#[test]
fn what_is_no_socket_io_server_is_said_to_be_none() {
    let (url, serving) = by_hand(|line| {
        line.send(Message::text("welcome")).unwrap();
        while line.read().is_ok() {}
    });
    Cmd::new(&["pub", "-u", &url, "room", "x"])
        .stderr_has("it does not speak Socket.IO over WebSocket")
        .status(3)
        .check();
    serving.join().unwrap();
}

#[test]
fn what_is_no_websocket_server_is_said_to_be_none() {
    for (answer, why) in [
        ("", "it closed the connection"),
        ("SSH-2.0-OpenSSH_9\r\n", "its answer is not HTTP"),
        ("HTTP/1.0 404 Not Found\r\n\r\n", "it answered in HTTP/1.0"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        });
        Cmd::new(&["emit", "-u", &url, "a"])
            .stderr(&format!(
                "roomcat: cannot reach {url}: it does not speak WebSocket at this address: {why}\n  hint: check the URL (-u or \
                 ROOMCAT_URL); if Socket.IO is not at /socket.io/, give its --path\n"
            ))
            .status(3)
            .check();
        serving.join().unwrap();
    }
}

#[test]
fn an_event_that_cannot_be_shown_loses_no_other() {
    let name = "x".repeat(300);
    let too_long = format!(r#"451-["{name}",{{"_placeholder":true,"num":0}}]"#);
    let (url, serving) = by_hand(move |line| {
        line.send(Message::text(OPEN)).unwrap();
        assert_eq!(line.read().unwrap(), Message::text("40"));
        line.send(Message::text(r#"40{"sid":"x"}"#)).unwrap();
        line.send(Message::text(r#"42[7,"a number for a name"]"#))
            .unwrap();
        line.send(Message::text(too_long)).unwrap();
        line.send(Message::binary(vec![1])).unwrap();
        line.send(Message::text(r#"42["a",1]"#)).unwrap();
        while line.read().is_ok() {}
    });
    Cmd::new(&["on", "-u", &url, "-n", "1"])
        .stdout("[\"a\",1]\n")
        .stderr_has("skipped an event")
        .check();
    serving.join().unwrap();
}

#[test]
fn a_server_that_pings_and_never_reads_is_left() {
    let (url, serving) = by_hand(|line| {
        line.send(Message::text(OPEN)).unwrap();
        while line.send(Message::text("2")).is_ok() {}
    });
    Cmd::new(&["emit", "-u", &url, "a"])
        .stderr_has("it sends pings and does not read the pongs")
        .status(3)
        .check();
    serving.join().unwrap();
}
