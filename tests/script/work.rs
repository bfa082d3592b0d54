//! `sub --exec`: what a command is given, when its message counts as read, and what becomes of one that is not managed.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{Running, TestHub, wait_until};

pub(super) fn numbered(count: u32) -> String {
    (1..=count).map(|n| format!("{n}\n")).collect()
}

/// A member and its messages, waiting.
pub(super) fn hub_with(messages: &str) -> TestHub {
    let hub = TestHub::start();
    hub.cmd(&["join", "jobs", "--as", "w"]).check();
    hub.publish("jobs", messages);
    hub
}

pub(super) fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).expect("a fifo can be made");
}

/// A `sub --exec` whose commands can be held up: each reads a line from `$GATE` before it goes on, and notes in `$RAN` how
/// far it came.
pub(super) struct Gated {
    pub(super) worker: Running,
    ran: PathBuf,
    gate: PathBuf,
}

impl Gated {
    pub(super) fn start(hub: &TestHub, flags: &[&str], script: &str) -> Self {
        let (ran, gate) = (hub.folder().join("ran"), hub.folder().join("gate"));
        fifo(&gate);
        let worker = hub.cmd(&["sub", "jobs", "--as", "w"]).args(flags);
        let worker = worker.args(&["-x", script]);
        let worker = worker.env("RAN", &ran).env("GATE", &gate);
        Self {
            worker: worker.spawn_closed(),
            ran,
            gate,
        }
    }

    pub(super) fn ran(&self) -> Vec<String> {
        lines(&self.ran)
    }

    /// One command goes on: when this is done, it has what it waited for.
    pub(super) fn open(&self) {
        fs::write(&self.gate, "go\n").unwrap();
    }
}

/// The dead letters, as objects.
pub(super) fn dead(hub: &TestHub, room: &str) -> Vec<Value> {
    let outcome = hub.cmd(&["sub", room, "--last", "10", "--drain"]).run();
    let text = outcome.stdout();
    let objects = text.lines().map(serde_json::from_str);
    objects
        .map(|object| object.expect("a letter is JSON"))
        .collect()
}

#[test]
fn a_command_gets_the_message_and_what_is_known_of_it() {
    let hub = TestHub::start();
    hub.cmd(&["join", "/n#jobs", "--as", "w"]).check();
    hub.cmd(&["pub", "/n#jobs", "-e", "deploy", "--as", "alice"])
        .args(&["--reply-to", "answers", "two words"])
        .check();
    hub.cmd(&["pub", "/n#jobs", "nameless"]).check();
    let script = r#"printf '%s|' "$ROOMCAT_ROOM" "$ROOMCAT_EVENT" "${ROOMCAT_FROM-none}" "$ROOMCAT_SEQ" "$ROOMCAT_NAMESPACE" \
        "${ROOMCAT_REPLY-none}" "$ROOMCAT_URL"; date -d "$ROOMCAT_TIME" +%Y | cut -c 1-2; cat; echo"#;
    let url = hub.url();
    // What another message said in our own environment is not about this one.
    hub.cmd(&["sub", "/n#jobs", "--as", "w", "-n", "2", "-x", script])
        .env("ROOMCAT_FROM", "mallory")
        .env("ROOMCAT_REPLY", "elsewhere")
        .env("ROOMCAT_SEQ", "7")
        .stdout(format!(
            "jobs|deploy|alice|1|/n|answers|{url}|20\ntwo words\njobs|message|none|2|/n|none|{url}|20\nnameless\n"
        ))
        .check();
}

#[test]
fn a_roomcat_in_a_command_speaks_to_the_same_hub_and_namespace() {
    let hub = TestHub::start();
    hub.cmd(&["join", "/n#jobs", "--as", "w"]).check();
    hub.cmd(&["pub", "/n#jobs", "hi"]).check();
    let url = hub.url().to_owned();
    hub.cmd(&["-u", &url, "sub", "/n#jobs", "--as", "w", "--drain"])
        .args(&["-x", "tr a-z A-Z | roomcat pub results"])
        .env("ROOMCAT_URL", "ws://127.0.0.1:1")
        .check();
    hub.cmd(&["sub", "/n#results", "--last", "1", "--drain"])
        .stdout("HI\n")
        .check();
}

#[test]
fn data_reaches_a_command_as_it_is_unless_told_otherwise() {
    let data = b"a\0b\r\n\xff\n\n";
    for (flags, expected) in [
        (&[][..], "6100620d0aff0a0a".to_owned()),
        (&["-0"], "6100620d0aff0a0a00".to_owned()),
        (&["--format", "{seq}"], "310a".to_owned()),
    ] {
        let hub = TestHub::start();
        hub.cmd(&["join", "jobs", "--as", "w"]).check();
        hub.cmd(&["pub", "jobs", "--whole"]).stdin(data).check();
        hub.cmd(&["sub", "jobs", "--as", "w", "-n1"])
            .args(flags)
            .args(&["-x", "od -An -v -tx1 | tr -d ' \\n'"])
            .stdout(expected)
            .check();
    }
    let hub = hub_with("hi\n");
    let outcome = hub
        .cmd(&["sub", "jobs", "--as", "w", "-n1", "--json", "-x", "cat"])
        .run();
    let object: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    assert_eq!(object["data"], "hi");
}

#[test]
fn data_that_a_command_does_not_read_is_no_failure() {
    let hub = TestHub::start();
    hub.cmd(&["join", "jobs", "--as", "w"]).check();
    hub.cmd(&["pub", "jobs", "--whole"])
        .stdin("x".repeat(900_000))
        .check();
    hub.cmd(&["sub", "jobs", "--as", "w", "-n1", "-x", "exec <&-; true"])
        .check();
    assert_eq!(hub.pending("jobs", "w"), Some(0));
    assert!(dead(&hub, "dead").is_empty());
}

#[test]
fn what_fails_is_tried_again() {
    let hub = hub_with("a\nb\n");
    let tried = hub.folder().join("tried");
    let script =
        r#"read -r data; echo "$data" >> "$TRIED"; test "$(grep -c "$data" "$TRIED")" -ge 3"#;
    hub.cmd(&["sub", "jobs", "--as", "w", "--drain", "-x", script])
        .env("TRIED", &tried)
        .check();
    assert_eq!(lines(&tried), ["a", "a", "a", "b", "b", "b"]);
    assert_eq!(hub.pending("jobs", "w"), Some(0));
    assert!(dead(&hub, "dead").is_empty());
}

#[test]
fn what_never_works_becomes_a_dead_letter_and_counts_as_read() {
    let hub = hub_with("good\nbad\nworse\n");
    let script =
        r#"read -r data; case $data in bad) exit 3;; worse) kill -9 $$;; esac; echo "$data""#;
    hub.cmd(&[
        "sub",
        "jobs",
        "--as",
        "w",
        "--drain",
        "--retries",
        "1",
        "-x",
        script,
    ])
    .stdout("good\n")
    .stderr_has("message 1.1: exit status 3 (2 attempts); moved to \"dead\"")
    .check();
    assert_eq!(hub.pending("jobs", "w"), Some(0));
    let letters = dead(&hub, "dead");
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0]["data"], "bad");
    assert_eq!(letters[0]["rooms"][0], "jobs");
    assert_eq!(letters[0]["seq"], "1.1");
    assert_eq!(letters[0]["reason"], "exit status 3");
    assert_eq!(letters[0]["attempts"], 2);
    assert_eq!(letters[1]["reason"], "killed by signal 9");
    // They can be sent to where they were.
    hub.cmd(&["sub", "dead", "--last", "10", "--drain"])
        .stdout_has("\"data\":\"bad\"")
        .check();
    let again = "roomcat sub dead --last 10 --drain | roomcat pub --envelope";
    crate::harness::Cmd::shell(again)
        .env("ROOMCAT_URL", hub.url())
        .check();
    hub.cmd(&["sub", "jobs", "--as", "w", "--drain"])
        .stdout("bad\nworse\n")
        .check();
}

#[test]
fn a_dead_letter_goes_where_it_is_told() {
    let hub = hub_with("bad\n");
    let work = [
        "sub",
        "jobs",
        "--as",
        "w",
        "-n1",
        "--retries",
        "0",
        "-x",
        "false",
    ];
    for (room, reason) in [
        ("jobs", "would return to it"),
        ("/other#x", "not in /other"),
    ] {
        hub.cmd(&work)
            .args(&["--dead-letter", room])
            .stderr_has(reason)
            .status(2)
            .check();
    }
    hub.cmd(&work)
        .args(&["--dead-letter", "morgue"])
        .any_stderr()
        .check();
    assert_eq!(dead(&hub, "morgue").len(), 1);
    // A name that joined the dead-letter room reads it too when it names no room.
    hub.cmd(&["join", "dead", "--as", "w"]).check();
    hub.cmd(&["sub", "--as", "w", "-x", "false"])
        .stderr_has("would return to it")
        .status(2)
        .check();
}

#[test]
fn a_worker_that_is_killed_before_the_ack_gets_the_message_again() {
    let hub = hub_with("1\n2\n");
    let script = r#"read -r data; echo "$data" >> "$RAN"; if test "$data" = 2; then read -r go < "$GATE"; fi"#;
    let first = Gated::start(&hub, &["-n", "2"], script);
    wait_until("the second runs", || first.ran() == ["1", "2"]);
    // The first is acknowledged while the second runs.
    wait_until("one is read", || hub.pending("jobs", "w") == Some(1));
    first.worker.signal(Signal::KILL);
    // What it started lives on, and ends well: nobody is there to say so.
    first.open();
    first.worker.wait();
    assert_eq!(hub.pending("jobs", "w"), Some(1));
    hub.cmd(&["sub", "jobs", "--as", "w", "-n", "1", "-x", "cat; echo"])
        .stdout("2\n")
        .check();
    assert_eq!(hub.pending("jobs", "w"), Some(0));
}

#[test]
fn a_slow_first_message_holds_the_cursor_and_nobody_else() {
    let hub = hub_with(&numbered(20));
    let script = r#"read -r data; if test "$data" = 1; then read -r go < "$GATE"; fi; echo "$data" >> "$RAN""#;
    let gated = Gated::start(&hub, &["-n", "20", "-j", "4"], script);
    wait_until("all but the first are done", || gated.ran().len() == 19);
    assert_eq!(hub.pending("jobs", "w"), Some(20));
    gated.open();
    assert_eq!(gated.worker.wait().status, 0);
    assert_eq!(lines(&gated.ran).last().unwrap(), "1");
    assert_eq!(hub.pending("jobs", "w"), Some(0));
}

#[test]
fn two_thousand_messages_are_worked_on_once_each() {
    const COUNT: u32 = 2_000;
    let hub = hub_with(&numbered(COUNT));
    let done = hub.folder().join("done");
    let script = r#"read -r data; echo "$data" >> "$DONE""#;
    hub.cmd(&[
        "sub", "jobs", "--as", "w", "--drain", "-j", "4", "-x", script,
    ])
    .env("DONE", &done)
    .check();
    let mut numbers: Vec<u32> = lines(&done).iter().map(|n| n.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(1..=COUNT));
    assert_eq!(hub.pending("jobs", "w"), Some(0));
}

#[test]
fn a_signal_lets_what_runs_end_and_takes_nothing_more() {
    let hub = hub_with("1\n2\n");
    let script = r#"read -r data; echo "$data" >> "$RAN"; read -r go < "$GATE"; echo "end $data""#;
    let mut gated = Gated::start(&hub, &[], script);
    wait_until("the first runs", || gated.ran() == ["1"]);
    gated.worker.signal(Signal::TERM);
    let said = "waiting up to 5s for 1 command; Ctrl-C again kills it";
    gated.worker.wait_for_stderr(said);
    gated.open();
    assert_eq!(gated.worker.line(), "end 1");
    assert_eq!(gated.worker.wait().status, 143);
    assert_eq!(lines(&gated.ran), ["1"]);
    assert_eq!(hub.pending("jobs", "w"), Some(1));
}

#[test]
fn a_second_signal_ends_what_runs() {
    let hub = hub_with("1\n");
    let script = r#"echo $$ >> "$RAN"; read -r go < "$GATE""#;
    let gated = Gated::start(&hub, &[], script);
    wait_until("it runs", || gated.ran().len() == 1);
    let Gated {
        mut worker, ran, ..
    } = gated;
    worker.signal(Signal::INT);
    assert!(worker.is_alive());
    worker.signal(Signal::INT);
    // Both may come before either is looked at; a third is none too many.
    let pid = worker.pid();
    wait_until("it ends", || {
        let _ = rustix::process::kill_process(pid, Signal::INT);
        !worker.is_alive()
    });
    let outcome = worker.wait();
    assert_eq!(outcome.status, 130);
    assert!(
        outcome
            .stderr()
            .contains("killed 1 running command; its message is not acknowledged"),
        "{}",
        outcome.stderr()
    );
    let process = format!("/proc/{}/comm", lines(&ran)[0]);
    wait_until("the command is gone", || !Path::new(&process).exists());
    assert_eq!(hub.pending("jobs", "w"), Some(1));
}

#[test]
fn a_command_that_does_not_end_is_killed_in_the_end() {
    let hub = hub_with("1\n");
    let script = r#"trap '' TERM INT; echo $$ >> "$RAN"; read -r go < "$GATE""#;
    let gated = Gated::start(&hub, &[], script);
    wait_until("it runs", || gated.ran().len() == 1);
    gated.worker.signal(Signal::TERM);
    let outcome = gated.worker.wait();
    assert_eq!(outcome.status, 143);
    assert!(
        outcome
            .stderr()
            .contains("killed 1 running command; its message is not acknowledged")
    );
    assert_eq!(hub.pending("jobs", "w"), Some(1));
}

#[test]
fn a_command_that_is_not_there_fails_at_once_and_loses_nothing() {
    let hub = hub_with("1\n2\n");
    hub.cmd(&["sub", "jobs", "--as", "w", "-x", "no-such-command-here"])
        .stderr_has("\"no-such-command-here\" ended with 127 (command not found)")
        .stderr_has("hint: try it alone")
        .status(1)
        .check();
    assert_eq!(hub.pending("jobs", "w"), Some(2));
    assert!(dead(&hub, "dead").is_empty());
    hub.cmd(&["sub", "jobs", "--as", "w", "-x", "/etc/passwd"])
        .stderr_has("ended with 126 (command cannot be run)")
        .status(1)
        .check();
}

#[test]
fn a_reader_of_stdout_that_goes_makes_no_dead_letters() {
    let hub = hub_with(&numbered(50));
    let pipe = "roomcat sub jobs --as w --retries 0 -x 'cat; echo' | head -n 1";
    crate::harness::Cmd::shell(pipe)
        .env("ROOMCAT_URL", hub.url())
        .stdout("1\n")
        .check();
    assert!(dead(&hub, "dead").is_empty());
    let pending = hub.pending("jobs", "w").unwrap();
    assert!(pending < 50);
    hub.cmd(&["sub", "jobs", "--as", "w", "--drain"])
        .stdout_has("\n50\n")
        .check();
}

#[test]
fn other_events_count_as_read_in_their_place() {
    let hub = hub_with("1\n");
    hub.cmd(&["pub", "jobs", "-e", "noise", "x"]).check();
    hub.publish("jobs", "2\n");
    hub.cmd(&[
        "sub",
        "jobs",
        "--as",
        "w",
        "--drain",
        "-e",
        "message",
        "-x",
        "cat; echo",
    ])
    .stdout("1\n2\n")
    .check();
    assert_eq!(hub.pending("jobs", "w"), Some(0));
    hub.cmd(&["pub", "jobs", "-e", "noise", "x"]).check();
    hub.cmd(&[
        "sub", "jobs", "--as", "w", "--drain", "-e", "message", "-x", "cat",
    ])
    .check();
    assert_eq!(hub.pending("jobs", "w"), Some(0));
}

#[test]
fn work_outlives_the_hub() {
    let mut hub = hub_with("1\n2\n");
    let script = r#"read -r data; echo "$data" >> "$RAN"; read -r go < "$GATE""#;
    let gated = Gated::start(&hub, &["-n", "2"], script);
    wait_until("the first runs", || gated.ran() == ["1"]);
    hub.kill9();
    gated.worker.wait_for_stderr("lost ");
    gated.open();
    wait_until("the second runs", || gated.ran() == ["1", "2"]);
    hub.restart();
    gated.open();
    assert_eq!(gated.worker.wait().status, 0);
    assert_eq!(lines(&gated.ran), ["1", "2"]);
    assert_eq!(hub.pending("jobs", "w"), Some(0));
}

#[test]
fn flags_of_work_want_a_command() {
    let hub = TestHub::start();
    for flags in [
        &["-j", "2"][..],
        &["--retries", "1"],
        &["--reply"],
        &["--dead-letter", "x"],
        &["-x", ""],
        &["-x", " "],
        &["-x", "true", "-j", "0"],
        &["-x", "true", "-j", "257"],
    ] {
        hub.cmd(&["sub", "jobs"])
            .args(flags)
            .any_stderr()
            .status(2)
            .check();
    }
}
