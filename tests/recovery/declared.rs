//! Recovery beside what hub.toml declares: replies to a socket's own events, and a namespace's program.

use serde_json::json;

use super::Client;
use crate::harness::{TestHub, wait_until};

/// What is declared for a socket's own events goes to it alone, and past the log.
#[test]
fn replies_carry_offsets_and_come_behind_what_was_missed() {
    let hub = TestHub::declared(
        r#"
recovery = "2m"
[namespaces."/".on.connect]
emit = { event = "auth", args = ["welcome"] }
[namespaces."/".on.ask]
reply = "told"
"#,
    );
    let mut client = Client::new(&hub);
    assert_eq!(client.hears(), ["welcome"]);
    // Nothing that it could have got by now.
    let begin = client.offset.clone();
    client.says("1");
    assert_eq!(client.hears(), ["1"]);
    let first = client.offset.clone();
    assert_ne!(first, begin);
    client.raw.emit("/", "ask", "7");
    assert_eq!(client.hears(), [json!(7)]);
    assert_eq!(client.offset, first);
    let sid = client.sid.clone();
    let shown = client.lost();
    hub.publish("/", "2\n");
    let mut back = Client::with(&hub, "/", &shown);
    assert_eq!(back.sid, sid);
    assert_eq!(back.missed(), ["2"]);
    let second = back.offset.clone();
    assert_eq!(back.hears(), ["welcome"]);
    assert_eq!(back.offset, second);
}

/// Tells each socket its sid, and keeps what it is told.
const PROGRAM: &str = r#"
import json, sys
for line in sys.stdin:
    call = json.loads(line)
    with open("calls", "a") as calls:
        print(call["event"], call["sid"], file=calls)
    if call["event"] == "connect":
        print(json.dumps({"id": call["id"], "ack": []}))
        print(json.dumps({"emit": "you are", "args": [call["sid"]], "to": call["sid"]}), flush=True)
"#;

#[test]
fn a_program_knows_who_came_back_by_its_sid() {
    let text = "recovery = \"2m\"\n[namespaces.\"/\"]\nhandler = \"python3 handler.py\"\n";
    let hub = TestHub::declared_with(text, &[("handler.py", PROGRAM)]);
    let mut client = Client::new(&hub);
    let sid = client.sid.clone();
    assert_eq!(client.hears(), std::slice::from_ref(&sid));
    let calls = || std::fs::read_to_string(hub.folder().join("calls")).unwrap();
    // Lost without the hub noticing, and then as usual.
    for lost in [false, true] {
        let shown = json!({"pid": client.pid, "offset": client.offset});
        let kept = (!lost).then_some(client);
        if lost {
            let told = format!("disconnect {}\n", sid.as_str().unwrap());
            wait_until("the program is told", || calls().contains(&told));
        }
        hub.publish("/", "missed\n");
        client = Client::with(&hub, "/", &shown);
        drop(kept);
        assert_eq!(client.sid, sid);
        assert_eq!(client.missed(), ["missed"]);
        assert_eq!(client.hears(), std::slice::from_ref(&sid));
    }
    let sid = sid.as_str().unwrap();
    // Those that publish come and go too.
    let calls = calls();
    let its = calls.lines().filter_map(|line| line.strip_suffix(sid));
    let its: Vec<&str> = its.collect();
    assert_eq!(its, ["connect ", "connect ", "disconnect ", "connect "]);
}
