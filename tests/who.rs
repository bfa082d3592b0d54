//! Who is there: `who`, `kick`, `sub --presence`, and what a chat shows of it.

use serde_json::{Value, json};

use crate::harness::{Cmd, Size, TestHub, wait_until};
use crate::raw::Raw;

/// The lines of `who --json`.
fn who(hub: &TestHub, arguments: &[&str]) -> Vec<Value> {
    let all = [&["who", "--json"], arguments].concat();
    let outcome = hub.cmd(&all).any_stdout().check();
    let lines = outcome.stdout();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    lines.collect()
}

fn names(people: &[Value]) -> Vec<&str> {
    let names = people
        .iter()
        .map(|person| person["as"].as_str().unwrap_or("-"));
    names.collect()
}

/// Until these are there, and nobody else.
fn wait_for(hub: &TestHub, wanted: &[&str]) -> Vec<Value> {
    let mut people = Vec::new();
    wait_until("these and no others", || {
        people = who(hub, &[]);
        names(&people) == wanted
    });
    people
}

#[test]
fn who_shows_a_line_for_each_socket_but_its_own() {
    let hub = TestHub::start();
    hub.cmd(&["who"])
        .stdout("NAME  SID  ADDRESS  ROOMS  LAG  SINCE\n")
        .check();
    let alice = hub.cmd(&["sub", "lobby", "ci", "--as", "alice"]).spawn();
    hub.wait_for_sockets("ci", 1);
    let _stock = Raw::connected(hub.url(), "/", &json!({"as": "bob"}));
    // Who asked just before may be on its way out.
    let people = wait_for(&hub, &["alice", "bob"]);
    assert_eq!(people[0]["rooms"], json!(["ci", "lobby"]));
    assert_eq!(people[0]["namespace"], "/");
    assert!(
        people[0]["since"]
            .as_str()
            .is_some_and(|since| since.ends_with('Z'))
    );
    assert_eq!(names(&who(&hub, &["lobby"])), ["alice"]);
    assert_eq!(names(&who(&hub, &["/"])), ["bob"], "the whole namespace");
    let sid = people[0]["sid"].as_str().unwrap();
    let address = people[0]["address"].as_str().unwrap();
    let table = hub.cmd(&["who", "lobby"]).any_stdout().check();
    let table: Vec<String> = table.stdout().lines().map(str::to_owned).collect();
    assert!(table[0].starts_with("NAME   SID"), "{table:?}");
    let begins = format!("alice  {sid}  {address}  ci, lobby    0  20");
    assert!(
        table.len() == 2 && table[1].starts_with(&begins),
        "{table:?}"
    );
    drop(alice);
}

#[test]
fn who_comes_by_a_unix_socket_is_known_by_its_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let address = format!("unix:{}", folder.path().join("hub.sock").display());
    let hub = TestHub::with(&["--listen", &address]);
    let by_unix = |words: &[&str]| Cmd::new(&[&["-u", &address], words].concat());
    let alice = by_unix(&["sub", "lobby", "--as", "alice"]).spawn();
    hub.wait_for_sockets("lobby", 1);
    let people = who(&hub, &["lobby"]);
    assert_eq!(people[0]["address"], "unix");
    assert_eq!(people[0]["pid"], alice.pid().as_raw_nonzero().get());
    assert!(people[0]["uid"].is_u64());
    by_unix(&["kick", "alice"])
        .stderr_has("kicked alice")
        .check();
    let ended = alice.wait();
    assert_eq!(ended.status, 4, "{}", ended.stderr());
    assert!(
        ended.stderr().contains("kicked by someone at unix"),
        "{}",
        ended.stderr()
    );
}

#[test]
fn who_is_kicked_ends_and_does_not_come_back() {
    let hub = TestHub::start();
    let bob = hub.cmd(&["sub", "lobby", "--as", "bob"]).spawn();
    let publishes = hub.cmd(&["pub", "lobby", "--as", "bob"]).spawn();
    let carol = hub.cmd(&["sub", "lobby", "--as", "carol"]).spawn();
    hub.wait_for_sockets("lobby", 2);
    wait_for(&hub, &["bob", "bob", "carol"]);
    hub.cmd(&["kick", "bob", "--as", "teacher"])
        .stderr("roomcat: kicked bob: 2 connections\n")
        .check();
    for kicked in [bob, publishes] {
        let ended = kicked.wait();
        let said = ended.stderr().into_owned();
        assert_eq!(ended.status, 4, "{said}");
        assert!(
            said.contains(&format!("kicked by teacher, from {}", hub.url())),
            "{said}"
        );
        assert!(said.contains("hint: "), "{said}");
    }
    wait_for(&hub, &["carol"]);
    let sid = who(&hub, &["lobby"])[0]["sid"].as_str().unwrap().to_owned();
    hub.cmd(&["kick", &sid]).stderr_has("kicked").check();
    assert_eq!(carol.wait().status, 4);
    for nobody in ["carol", &sid, "it\u{7}"] {
        hub.cmd(&["kick", nobody])
            .stderr_has("nobody in / has the sid or the name")
            .stderr_has("roomcat who")
            .status(1)
            .check();
    }
    // It bars nobody, and what was said meanwhile waits.
    hub.publish("lobby", "still here?\n");
    hub.cmd(&["sub", "lobby", "--as", "bob", "-n1"])
        .stdout("still here?\n")
        .check();
}

#[test]
fn all_who_share_a_queue_are_kicked_by_their_name() {
    let hub = TestHub::start();
    let share = ["sub", "jobs", "--as", "worker", "--share"];
    let workers = [hub.cmd(&share).spawn(), hub.cmd(&share).spawn()];
    wait_until("both of them", || {
        let people = who(&hub, &[]);
        let of_its_own = |person: &&Value| person["address"] != "shared";
        let workers = people.iter().filter(of_its_own);
        workers.filter(|person| person["as"] == "worker").count() == 2
            && hub.room("jobs").is_some_and(|room| room["sockets"] == 1)
    });
    hub.cmd(&["kick", "worker"])
        .stderr_has("kicked worker: 2 connections")
        .check();
    for worker in workers {
        assert_eq!(worker.wait().status, 4);
    }
    wait_for(&hub, &[]);
}

#[test]
fn kicking_takes_a_token_that_may_do_everything_as_anyone() {
    let hub = TestHub::declared(
        r#"
[namespaces."/"]
tokens = [
  { token = "teacher7" },
  { token = "alice7", as = "alice" },
  { token = "listen7", may = ["sub"] },
  { token = "speak7", may = ["pub"] },
]
"#,
    );
    let enter = |token: &str| {
        let auth = json!({"roomcat": 1, "token": token});
        Raw::connected(hub.url(), "/", &auth)
    };
    let mut alice = enter("alice7");
    for (token, may_look) in [("alice7", true), ("listen7", true), ("speak7", false)] {
        let mut raw = enter(token);
        let answer = raw.call("/", "kick", &json!({"as": "alice"}));
        assert_eq!(answer["error"]["code"], "forbidden", "{token}: {answer}");
        let answer = raw.call("/", "who", &json!({}));
        assert_eq!(answer["ok"], may_look, "{token}: {answer}");
    }
    alice.assert_alive();
    // A socket of another that has the same name goes too.
    let second = enter("alice7");
    let mut teacher = enter("teacher7");
    wait_until("the sockets that were closed above are gone", || {
        let answer = teacher.must("who", &json!({}));
        answer["sockets"]
            .as_array()
            .is_some_and(|all| all.len() == 3)
    });
    let kicked = teacher.must("kick", &json!({"as": "alice"}));
    assert_eq!(kicked["kicked"], 2, "{kicked}");
    for mut alice in [alice, second] {
        let closed = alice.event_named("closed").args();
        assert_eq!(closed[0]["code"], "kicked");
        alice.until(|packet| packet.kind == '1');
    }
}

#[test]
fn sub_presence_says_who_comes_and_goes() {
    let hub = TestHub::start();
    let plain = hub.cmd(&["sub", "lobby", "--presence", "-n", "1"]).spawn();
    hub.wait_for_sockets("lobby", 1);
    let mut objects = hub.cmd(&["sub", "lobby", "--presence", "--json"]).spawn();
    hub.wait_for_sockets("lobby", 2);
    plain.wait_for_stderr("* someone joined lobby");
    let alice = hub
        .cmd(&["sub", "lobby", "--as", "alice", "-n", "1"])
        .spawn();
    let joined: Value = serde_json::from_str(&objects.line()).expect("JSON");
    let keys = ["presence", "namespace", "room", "as"].map(|key| joined[key].clone());
    assert_eq!(keys, ["join", "/", "lobby", "alice"]);
    assert_eq!(joined["sid"].as_str().map(str::len), Some(20));
    assert!(
        joined["time"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z'))
    );
    plain.wait_for_stderr("* alice joined lobby");
    hub.publish("lobby", "hi\n");
    assert_eq!(alice.wait().stdout(), "hi\n");
    let message: Value = serde_json::from_str(&objects.line()).expect("JSON");
    assert_eq!(message["data"], "hi");
    let plain = plain.wait();
    assert_eq!(
        (plain.status, &*plain.stdout()),
        (0, "hi\n"),
        "they do not count for -n"
    );
    let mut left: Vec<Value> = Vec::new();
    while left.len() < 2 {
        left.push(serde_json::from_str(&objects.line()).expect("JSON"));
    }
    assert!(left.iter().all(|it| it["presence"] == "leave"), "{left:?}");
    assert!(left.iter().any(|it| it["as"] == "alice"), "{left:?}");
}

#[test]
fn a_command_for_each_message_is_told_on_stderr() {
    let hub = TestHub::start();
    let worker = [
        "sub",
        "jobs",
        "--presence",
        "--json",
        "-x",
        "cat",
        "-n",
        "1",
    ];
    let worker = hub.cmd(&worker).any_stdout().spawn();
    hub.wait_for_sockets("jobs", 1);
    hub.cmd(&["sub", "jobs", "--as", "alice", "--drain"])
        .check();
    worker.wait_for_stderr("* alice left jobs");
    hub.publish("jobs", "one\n");
    assert!(worker.wait().stdout().contains("\"data\":\"one\""));
}

#[test]
fn a_chat_shows_who_comes_and_goes() {
    let hub = TestHub::start();
    let alice = hub
        .cmd(&["chat", "lobby", "--as", "alice"])
        .in_terminal(Size(70, 14));
    alice.wait_for_text("alice>");
    hub.wait_for_sockets("lobby", 1);
    hub.cmd(&["join", "lobby", "--as", "carol"]).check();
    let bob = hub.cmd(&["sub", "lobby", "--as", "bob"]).spawn();
    alice.wait_for_text("* bob joined");
    let someone = hub.cmd(&["sub", "lobby"]).spawn();
    alice.wait_for_text("* someone joined");
    alice.enter("/who");
    alice.wait_for_text("* in lobby: alice (you), bob, 1 without a name; away: carol");
    drop(someone);
    alice.wait_for_text("* someone left");
    hub.cmd(&["kick", "bob"]).any_stderr().check();
    alice.wait_for_text("* bob left");
    assert_eq!(bob.wait().status, 4);
    // Another that takes the name is the same person, who is there in the end.
    let first = hub.cmd(&["sub", "lobby", "--as", "dora"]).spawn();
    alice.wait_for_text("* dora joined");
    let second = hub.cmd(&["sub", "lobby", "--as", "dora"]).spawn();
    assert_eq!(first.wait().status, 4);
    let screen = alice.wait_for("dora again", |screen| {
        screen.matches("* dora joined").count() == 2
    });
    assert!(screen.contains("* dora left\n* dora joined"), "{screen}");
    hub.cmd(&["kick", "alice", "--as", "teacher"])
        .any_stderr()
        .check();
    assert_eq!(alice.wait(), 4);
    let screen = alice.screen();
    assert!(screen.contains("kicked by teacher, from "), "{screen}");
    drop(second);
}

#[test]
fn who_is_watched_in_place() {
    let hub = TestHub::start();
    let words = ["who", "--watch", "100ms"];
    let terminal = hub.cmd(&words).in_terminal(Size(80, 10));
    terminal.wait_for("a table of nobody", |screen| {
        screen.starts_with("NAME  SID  ADDRESS")
    });
    let alice = hub.cmd(&["sub", "lobby", "--as", "alice"]).spawn();
    let screen = terminal.wait_for_text("  lobby    0  20");
    assert!(screen.contains("\nalice  "), "{screen}");
    assert_eq!(screen.lines().count(), 2, "not who watches: {screen}");
    hub.cmd(&["kick", "alice"]).any_stderr().check();
    terminal.wait_for("nobody again", |screen| screen.lines().count() == 1);
    terminal.press(&["C-c"]);
    assert_eq!(terminal.wait(), 130);
    assert_eq!(alice.wait().status, 4);
}

#[test]
fn a_chat_in_a_pipe_says_nothing_of_who_comes() {
    let hub = TestHub::start();
    let chat = hub.cmd(&["chat", "lobby", "--as", "alice"]);
    let mut chat = chat.stdin("").spawn();
    hub.wait_for_sockets("lobby", 1);
    hub.cmd(&["sub", "lobby", "--as", "bob", "--drain"]).check();
    hub.publish("lobby", "hi\n");
    assert_eq!(chat.line(), "hi");
    assert_eq!(chat.stderr_so_far(), "");
}
