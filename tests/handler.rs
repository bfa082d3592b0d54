//! The program of a namespace, through the hub: who it lets in, what it answers and says, and that nothing it does harms
//! anyone but itself.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{TestHub, wait_until};
use crate::raw::{Packet, Raw};

/// A hub whose hub.toml declares one namespace with a program.
struct House {
    hub: TestHub,
    folder: TempDir,
}

/// What Python programs here begin with: `say` a line.
const PYTHON: &str = "\
import json, os, sys
def say(**line): print(json.dumps(line), flush=True)
";

/// What most shell programs here begin with: `id` of the line, `say` a line, `in` lets in whoever asks.
const SHELL: &str = r#"
id() { i=${line#'{"id":'}; printf %s "${i%%,*}"; }
say() { printf '%s\n' "$1"; }
names() { printf %s "${line%%',"args":'*}"; }
is() { case $(names) in *",\"event\":\"$1\"") true ;; *) false ;; esac }
ack() { say "{\"id\":$(id),\"ack\":[$1]}"; }
deny() { say "{\"id\":$(id),\"deny\":\"$1\"}"; }
each() { while IFS= read -r line; do if is connect; then ack; else "$1"; fi; done; }
"#;

impl House {
    /// A shell script for `/`.
    fn shell(script: &str) -> Self {
        let script = format!("{SHELL}{script}");
        Self::with("/", "sh handler.sh", |folder| {
            fs::write(folder.join("handler.sh"), script).unwrap();
        })
    }

    fn python(namespaces: &str, script: &str) -> Self {
        let script = format!("{PYTHON}{script}");
        Self::with(namespaces, "python3 handler.py", |folder| {
            fs::write(folder.join("handler.py"), script).unwrap();
        })
    }

    /// A program of examples/, as it is.
    fn example(interpreter: &str, name: &str) -> Self {
        Self::with("/", &format!("{interpreter} {name}"), |folder| {
            fs::write(folder.join(name), example(name)).unwrap();
        })
    }

    fn with(namespaces: &str, handler: &str, prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hub.toml");
        let text = format!(
            "[namespaces.\"{namespaces}\"]\nhandler = '{handler}'\n[namespaces.\"/free\"]\n"
        );
        fs::write(&file, text).unwrap();
        prepare(folder.path());
        let hub = TestHub::with(&["--config", file.to_str().unwrap()]);
        Self { hub, folder }
    }

    fn stock(&self) -> Raw {
        Raw::stock(self.hub.url())
    }

    /// What the program wrote to a file of its folder, once it is a whole line.
    fn written(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        wait_until(&format!("a line in {name}"), || {
            fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n'))
        });
        fs::read_to_string(path).unwrap()
    }
}

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name);
    fs::read_to_string(path).unwrap()
}

fn refused(packet: &Packet) -> Value {
    assert_eq!(packet.kind, '4', "{packet:?}");
    packet.json()
}

/// Where a process is still to be seen.
fn is_alive(pid: &str) -> bool {
    // A zombie has no command line.
    fs::read(format!("/proc/{}/cmdline", pid.trim())).is_ok_and(|text| !text.is_empty())
}

#[test]
fn ten_lines_of_shell_let_in_and_answer() {
    let house = House::example("sh", "handler.sh");
    let mut nobody = Raw::open(house.hub.url());
    let error = refused(&nobody.connect("/", &Value::Null));
    assert_eq!(error["message"], "give a name");
    let mut alice = Raw::connected(house.hub.url(), "/", &json!({"as": "alice"}));
    let answer = alice.call("/", "ask", &json!("how late is it"));
    assert!(answer.as_str().unwrap().starts_with("it is "), "{answer}");
    // Denied, the connection is still good for another try, or another namespace.
    assert_eq!(nobody.connect("/", &json!({"as": "bob"})).kind, '0');
    assert_eq!(nobody.connect("/free", &Value::Null).kind, '0');
}

#[test]
fn more_lines_of_python_do_more() {
    let house = House::example("python3", "handler.py");
    let url = house.hub.url();
    let mut stranger = Raw::open(url);
    let wrong = json!({"as": "eve", "password": "12345"});
    let error = refused(&stranger.connect("/", &wrong));
    assert_eq!(error["message"], "the password is wrong");
    let auth = |name: &str| json!({"as": name, "password": "open sesame"});
    let mut alice = Raw::connected(url, "/", &auth("alice"));
    assert_eq!(alice.event().args(), ["hello, alice"]);
    assert_eq!(alice.event().args(), [1]);
    let mut bob = Raw::connected(url, "/", &auth("bob"));
    assert_eq!(bob.event().args(), ["hello, bob"]);
    assert_eq!(bob.event().args(), [2]);
    assert_eq!(alice.event().args(), [2], "and not what was for bob");

    bob.must("join", &json!("news"));
    assert_eq!(alice.call("/", "news", &json!("rain")), "sent");
    assert_eq!(bob.event_named("news").args(), ["rain"]);
    let whispered = alice.ask("/", "whisper", r#""bob","psst""#);
    assert_eq!(alice.answer(whispered), 1);
    assert_eq!(bob.event().args(), ["alice", "psst"]);
    let denied = alice.call("/", "whisper", &json!("bob"));
    assert_eq!(denied["error"]["code"], "denied", "{denied}");
    let unknown = alice.call("/", "dance", &json!(1));
    assert_eq!(unknown["error"]["message"], "unknown event");

    drop(bob);
    assert_eq!(alice.event().args(), [1], "bob is told to have left");
    // What was for one was never kept.
    let rooms = alice.must("rooms", &json!({}))["rooms"].to_string();
    assert!(rooms.contains(r#""room":"news""#), "{rooms}");
    assert_eq!(rooms.matches(r#""room":"#).count(), 2, "{rooms}");
}

#[test]
fn whoever_is_let_in_gets_what_the_program_says_next() {
    let house = House::python(
        "/t-*",
        r#"
for line in sys.stdin:
    call = json.loads(line)
    if call["event"] == "connect":
        say(id=call["id"], ack=[])
        for to in (None, call["sid"], None):
            say(emit="hello", args=[call["sid"], to], to=to, namespace=call["namespace"])
"#,
    );
    for round in 0..30 {
        let mut raw = Raw::open(house.hub.url());
        let namespace = format!("/t-{round}");
        let sid = raw.connect(&namespace, &Value::Null).json()["sid"].clone();
        for to in [&Value::Null, &sid, &Value::Null] {
            assert_eq!(raw.event().args(), [sid.clone(), to.clone()], "{round}");
        }
    }
}

#[test]
fn a_deny_is_answered_or_logged() {
    let house = House::shell("no() { deny 'not today'; }\neach no\n");
    let mut raw = house.stock();
    let answer = raw.call("/", "dance", &json!("tango"));
    assert_eq!(
        answer,
        json!({"ok": false, "error": {"code": "denied", "message": "not today"}})
    );
    raw.emit("/", "dance", "");
    house.hub.wait_for_stderr("denied 3: not today");
}

#[test]
fn a_program_that_dies_refuses_what_it_was_given_and_comes_back() {
    let house = House::shell("die() { is die && exit 3; ack '\"alive\"'; }\neach die\n");
    let mut raw = house.stock();
    let answer = raw.call("/", "die", &json!(null));
    assert_eq!(answer["error"]["message"], "the handler did not answer");
    let line = house.hub.wait_for_stderr("ended (exit status: 3)");
    assert!(line.contains("starting it again in 100ms"), "{line}");
    assert_eq!(raw.call("/", "live", &json!(null)), "alive");
    house.stock();

    let house = House::shell("read -r line; exit 4\n");
    let error = refused(&Raw::open(house.hub.url()).connect("/", &Value::Null));
    assert_eq!(error["message"], "the handler did not answer");
    house.hub.wait_for_stderr("starting it again in 200ms");
}

#[test]
fn what_is_no_line_is_said_and_passed_over() {
    let house = House::shell(concat!(
        "say garbage; say '{\"id\":1}'; printf '\\377\\n'; say '{\"emit\":\"connect\"}'\n",
        "say '{\"emit\":\"x\",\"namespace\":\"/free\"}'\n",
        "head -c 3000000 /dev/zero | tr '\\0' x; echo\n",
        "echo \"$ROOMCAT_NAMESPACE\" > namespace\n",
        "yes() { ack; }\neach yes\n"
    ));
    let mut raw = house.stock();
    raw.call("/", "x", &json!(null));
    assert_eq!(house.written("namespace"), "/\n");
    for reason in [
        "not a JSON object: garbage",
        "none of",
        "not UTF-8",
        "reserved by Socket.IO",
        "/free is not this program's",
        "too long: xxx",
    ] {
        let line = house.hub.wait_for_stderr(reason);
        assert!(line.contains("handler of /: ignored a line"), "{line}");
    }
}

#[test]
fn what_it_complains_is_in_the_log_and_nothing_of_it_is_obeyed() {
    let house = House::shell(
        "printf 'oops \\033[31m\\r\\n' >&2\nhead -c 10000 /dev/zero | tr '\\0' y >&2\necho >&2\n\
        i=0; while [ $i -lt 500 ]; do echo \"$i bottles\"; i=$((i+1)); done >&2\n",
    );
    let line = house.hub.wait_for_stderr("oops");
    assert!(line.contains("handler of /: oops"), "{line}");
    assert!(!line.contains('\u{1b}'), "{line}");
    house.hub.wait_for_stderr("ended (exit status: 0)");
    let log = house.hub.stderr();
    assert!(log.contains("lines are not shown)"), "{log}");
    assert!(log.lines().all(|line| line.len() < 5000));
    assert!(log.matches("bottles").count() < 200, "{log}");
}

#[test]
fn binary_data_goes_in_and_comes_out() {
    let house = House::python(
        "/",
        r#"
for line in sys.stdin:
    call = json.loads(line)
    back = {"attachments": call["attachments"][::-1]} if "attachments" in call else {}
    if call.get("ack"):
        say(id=call["id"], ack=call["args"] if back else [], **back)
    if back:
        say(emit="back", args=call["args"], **back)
"#,
    );
    let mut raw = house.stock();
    let args = r#"{"_placeholder":true,"num":0},"and",[{"_placeholder":true,"num":1}]"#;
    let id = raw.ask_binary("/", "pictures", args, &[b"\0\xff", b"two"]);
    let answer = raw.until(|packet| packet.kind == '6' && packet.id == Some(id));
    assert_eq!(answer.payload.replace(' ', ""), format!("[{args}]"));
    assert_eq!(answer.attachments, [&b"two"[..], b"\0\xff"]);
    let event = raw.event_named("back");
    assert_eq!(event.attachments, [&b"two"[..], b"\0\xff"]);
    assert_eq!(event.args()[1], "and");
}

#[test]
fn a_pattern_has_one_program_that_names_the_namespace() {
    let house = House::python(
        "/tenant-*",
        r#"
for line in sys.stdin:
    call = json.loads(line)
    if call["event"] == "connect":
        say(id=call["id"], ack=[])
    elif call["event"] == "hello":
        say(emit="nowhere")
        say(emit="echo", args=[os.getpid(), os.environ["ROOMCAT_NAMESPACE"]], namespace=call["namespace"])
"#,
    );
    let url = house.hub.url();
    let (mut one, mut two) = (
        Raw::connected(url, "/tenant-1", &Value::Null),
        Raw::connected(url, "/tenant-2", &Value::Null),
    );
    one.emit("/tenant-1", "hello", "");
    let first = one.event().args();
    assert_eq!(first[1], "/tenant-*");
    two.emit("/tenant-2", "hello", "");
    assert_eq!(two.event().args(), first, "the same process");
    house.hub.wait_for_stderr("name the \"namespace\"");
    assert!(one.take_kept().is_empty());
}

#[test]
fn a_flood_of_emits_slows_nobody_else() {
    let house = House::shell(
        "ack_then_flood() { exec yes '{\"emit\":\"x\",\"args\":[1]}'; }\neach ack_then_flood\n",
    );
    let mut raw = house.stock();
    raw.emit("/", "go", "");
    assert_eq!(raw.event().args(), [1]);
    // Nobody reads what floods; the hub goes on.
    let mut free = Raw::connected(house.hub.url(), "/free", &Value::Null);
    for number in 0..20 {
        let answer = free.call("/free", "pub", &json!({"rooms": [""], "data": number}));
        assert_eq!(answer["ok"], true, "{answer}");
        assert_eq!(free.event().args(), [number]);
    }
    let error = refused(&Raw::open(house.hub.url()).connect("/", &Value::Null));
    assert_eq!(error["message"], "the handler did not answer");
}

#[test]
fn a_program_that_does_not_read_is_busy_and_killed_in_the_end() {
    let mut house = House::shell(concat!(
        "read -r line; ack\n",
        "echo $$ > pid\n",
        "trap '' TERM\n",
        "sleep 1000 & echo $! > child\n",
        "wait; wait; sleep 1000\n"
    ));
    let mut raw = house.stock();
    let large = format!("\"{}\"", "x".repeat(1_000_000));
    for _ in 0..6 {
        raw.emit("/", "x", &large);
    }
    let id = raw.ask("/", "x", &large);
    let answer = raw.answer(id);
    assert_eq!(answer["error"]["code"], "busy", "{answer}");
    assert_eq!(answer["error"]["message"], "the handler is busy");
    let pids = [house.written("pid"), house.written("child")];
    assert!(pids.iter().all(|pid| is_alive(pid)));
    house.hub.stop();
    for pid in pids {
        wait_until("the end of the program", || !is_alive(&pid));
    }
}

#[test]
fn at_the_end_of_the_hub_a_program_hears_who_left_and_has_the_last_word() {
    let mut house = House::shell(concat!(
        "while IFS= read -r line; do is connect && ack; is disconnect && names > left; done\n",
        "say '{\"emit\":\"message\",\"args\":[\"good night\"],\"to\":\"log\"}'\n",
        "echo bye > end\n"
    ));
    let raw = house.stock();
    house.hub.stop();
    drop(raw);
    assert!(house.folder.path().join("end").exists());
    let left = fs::read_to_string(house.folder.path().join("left")).unwrap();
    assert!(left.contains(r#""event":"disconnect""#), "{left}");
    house.hub.restart();
    let mut raw = Raw::connected(house.hub.url(), "/", &json!({"roomcat": 1}));
    raw.must("sub", &json!({"rooms": ["log"], "last": 1}));
    assert_eq!(raw.event_named("batch").header()["count"], 1);
}

#[test]
fn a_room_that_was_somebodys_sid_is_no_room() {
    let house = House::shell(concat!(
        "late() { is disconnect && say '{\"emit\":\"late\",\"to\":\"'$sid'\"}' && ",
        "say '{\"emit\":\"gone\"}'; }\n",
        "while IFS= read -r line; do\n",
        "  s=${line#*'\"sid\":\"'}; sid=${s%%'\"'*}\n",
        "  if is connect; then say '{\"emit\":\"early\",\"to\":\"'$sid'\"}'; ack; else late; fi\n",
        "done\n"
    ));
    let mut watcher = house.stock();
    house.hub.wait_for_stderr("is not admitted yet");
    drop(house.stock());
    assert!(watcher.event().is_event("gone"));
    let rooms = watcher.must("rooms", &json!({}))["rooms"].to_string();
    assert_eq!(rooms.matches(r#""room":"#).count(), 1, "{rooms}");
}

#[test]
fn the_document_for_operators_shows_the_program_that_is_tested() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operating.md");
    let shown = format!("```bash handler.sh\n{}```\n", example("handler.sh"));
    assert!(fs::read_to_string(document).unwrap().contains(&shown));
}
