//! A session whose namespace has a program: who waits to be let in, and which events are the program's.

use serde_json::{Value, json};

use crate::harness::{TestHub, wait_until};
use crate::raw::{Packet, Raw};

/// Notes what it reads; lets in, denies or says nothing, as the line asks for.
const HANDLER: &str = r#"
while IFS= read -r line; do
    id=${line#*\"id\":} id=${id%%,*}
    case $line in
    *waits*) ;;
    *denied*) printf '{"id":%s,"deny":"not today"}\n' "$id" ;;
    *'"event":"disconnect"'*) ;;
    *binary*) printf '{"id":%s,"ack":[{"_placeholder":true,"num":0}],"attachments":["AP8="]}\n' "$id" ;;
    *) printf '{"id":%s,"ack":["by the program",{"a":1}]}\n' "$id" ;;
    esac
    printf '%s\n' "$line" >> lines
done
"#;

const DECLARED: &str = r#"
connect-timeout = "2s"
[namespaces."/"]
[namespaces."/ours"]
handler = "exec sh ./handler.sh"
[namespaces."/ours".on.echo]
reply = "echoed"
[namespaces."/ours".on.connect]
emit = "welcome"
"#;

fn hub() -> TestHub {
    TestHub::declared_with(DECLARED, &[("handler.sh", HANDLER), ("lines", "")])
}

/// The lines that the program has read of so many events of one name.
fn told(hub: &TestHub, event: &str, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    wait_until(&format!("{count} lines of {event}"), || {
        let text = std::fs::read_to_string(hub.folder().join("lines")).unwrap();
        let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
        let lines = whole
            .lines()
            .map(|line| serde_json::from_str(line).expect(line));
        found = lines
            .filter(|line: &Value| line["event"] == event)
            .collect();
        found.len() >= count
    });
    assert_eq!(found.len(), count, "{found:?}");
    found
}

/// Everything up to the end that must come, without the events.
fn kinds_until_closed(raw: &mut Raw) -> String {
    raw.until_closed()
        .iter()
        .map(|packet| packet.kind)
        .collect()
}

#[test]
fn the_program_lets_in_or_not() {
    let hub = hub();
    let mut raw = Raw::stock(hub.url());
    let denied = raw.connect("/ours", &json!({"why": "denied"}));
    let expected = json!({"message": "not today", "data": {"code": "denied"}});
    assert_eq!((denied.kind, denied.json()), ('4', expected));
    let auth = json!({"as": "alice", "password": "pass"});
    let answer = raw.connect("/ours", &auth);
    assert_eq!(answer.kind, '0', "{answer:?}");
    assert_eq!(raw.event().payload, format!("[\"welcome\",{auth}]"));
    let told = told(&hub, "connect", 2);
    assert_eq!(told[1]["args"], json!([auth]));
    assert_eq!(told[1]["as"], "alice");
    assert_eq!(told[1]["sid"], answer.json()["sid"]);
    assert!(!hub.stderr().contains("pass"), "{}", hub.stderr());
}

#[test]
fn who_waits_to_be_let_in_is_not_in() {
    let hub = hub();
    let waits = r#"40/ours,{"why":"waits"}"#;
    for then in ["42/ours,[\"a\"]", waits, "41/ours,", "43/ours,1[]"] {
        let mut raw = Raw::stock(hub.url());
        raw.send(waits);
        raw.assert_alive();
        raw.send(then);
        assert_eq!(kinds_until_closed(&mut raw), "", "after {then}");
    }
    // Nor is a connection that is nowhere else kept for it.
    let mut raw = Raw::open(hub.url());
    raw.send(waits);
    assert_eq!(kinds_until_closed(&mut raw), "");
    let gone = told(&hub, "disconnect", 5);
    let asked = told(&hub, "connect", 5);
    for (asked, gone) in asked.iter().zip(&gone) {
        assert_eq!(asked["sid"], gone["sid"]);
        assert_eq!(gone["args"], json!(["forced server close"]));
    }
}

#[test]
fn an_undeclared_event_goes_to_the_program_and_nowhere_else() {
    let hub = hub();
    let enter = || {
        let mut raw = Raw::stock(hub.url());
        assert_eq!(raw.connect("/ours", &Value::Null).kind, '0');
        assert!(raw.event().is_event("welcome"));
        raw
    };
    let (mut raw, mut other) = (enter(), enter());
    let ack = |raw: &mut Raw, id| raw.until(|packet: &Packet| packet.id == Some(id));
    let id = raw.ask("/ours", "chat message", r#""hi",2"#);
    assert_eq!(ack(&mut raw, id).payload, r#"["by the program",{"a":1}]"#);
    let id = raw.ask_binary(
        "/ours",
        "binary",
        r#"{"_placeholder":true,"num":0}"#,
        &[b"x"],
    );
    let answer = ack(&mut raw, id);
    assert_eq!((answer.kind, answer.body()), ('6', &b"\x00\xff"[..]));
    let id = raw.ask("/ours", "a", "\"denied\"");
    let expected = json!([{"ok": false, "error": {"code": "denied", "message": "not today"}}]);
    assert_eq!(ack(&mut raw, id).json(), expected);
    raw.emit("/ours", "nobody waits for this", "1");
    let noted = told(&hub, "chat message", 1).remove(0);
    assert_eq!(
        (&noted["args"], &noted["ack"]),
        (&json!(["hi", 2]), &json!(true))
    );
    assert_eq!(
        told(&hub, "nobody waits for this", 1)[0]["ack"],
        Value::Null
    );
    // What is declared is not its business, and verbs are the hub's.
    raw.emit("/ours", "echo", "7");
    assert_eq!(raw.event().payload, r#"["echoed",7]"#);
    assert_eq!(raw.call("/ours", "join", &json!("room"))["ok"], true);
    let receipt = raw.call("/ours", "pub", &json!({"event": "all", "data": 1}));
    assert_eq!(receipt["delivered"], 2, "{receipt}");
    assert_eq!(
        other.event().payload,
        r#"["all",1]"#,
        "the first that it gets"
    );
    told(&hub, "echo", 0);
    raw.send("41/ours,");
    let gone = told(&hub, "disconnect", 1);
    assert_eq!(gone[0]["args"], json!(["client namespace disconnect"]));
    assert_eq!(gone[0]["sid"], noted["sid"]);
}

/// A program that ends takes nobody with it: what waited is refused, and the next is asked.
#[test]
fn what_the_program_did_not_answer_is_refused() {
    let toml = "[namespaces.\"/\"]\nhandler = \"read -r line; exit 3\"\n";
    let hub = TestHub::declared(toml);
    let mut raw = Raw::open(hub.url());
    let expected = json!({"message": "the handler did not answer", "data": {"code": "no_answer"}});
    for _ in 0..2 {
        let answer = raw.connect("/", &Value::Null);
        assert_eq!((answer.kind, answer.json()), ('4', expected.clone()));
    }
}
