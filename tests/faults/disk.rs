//! A disk that is full, and one that cannot sync.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::{Around, TestHub};
use crate::raw::{Raw, lines};

/// A hub whose disk fails when the test says so.
struct Faulty {
    hub: TestHub,
    folder: TempDir,
}

impl Faulty {
    fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let around = Around {
            shell: String::new(),
            env: vec![
                ("LD_PRELOAD", compile(folder.path())),
                ("FAULTS", folder.path().to_owned()),
            ],
        };
        Self {
            hub: TestHub::within(around, arguments),
            folder,
        }
    }

    fn fail(&self, what: &str) {
        std::fs::write(self.folder.path().join(what), "").expect("a control file");
    }

    fn mend(&self, what: &str) {
        std::fs::remove_file(self.folder.path().join(what)).expect("the control file");
    }
}

fn compile(folder: &Path) -> PathBuf {
    let source = folder.join("shim.c");
    let library = folder.join("shim.so");
    std::fs::write(&source, include_str!("shim.c")).expect("a temporary file");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .output()
        .expect("this test needs a C compiler: apt-get install gcc libc6-dev");
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    library
}

fn stored(hub: &TestHub) -> String {
    let outcome = hub
        .cmd(&["sub", "r", "--since", "0", "--drain"])
        .any_stdout()
        .check();
    outcome.stdout().into_owned()
}

fn numbered(from: usize, to: usize) -> String {
    (from..to).map(|n| format!("{n}\n")).collect()
}

#[test]
fn a_full_disk_refuses_what_is_published_and_keeps_what_was() {
    let faulty = Faulty::start(&[]);
    let hub = &faulty.hub;
    hub.publish("r", &numbered(0, 1000));
    faulty.fail("full");
    let mut raw = Raw::roomcat(hub.url());
    let answer = raw.batch("/", &lines("r", 1), b"never\n");
    assert_eq!(answer["error"]["code"], "disk", "{answer}");
    // It goes on serving what it has, and everything that writes nothing.
    assert_eq!(stored(hub), numbered(0, 1000));
    let outcome = hub
        .cmd(&["pub", "r", "--retry-for", "1s"])
        .stdin("never either\n")
        .any_stderr()
        .run();
    assert_ne!(outcome.status, 0);
    let stderr = outcome.stderr();
    assert!(stderr.contains("1 line not confirmed"), "{stderr}");
    assert!(stderr.contains("full"), "{stderr}");
    faulty.mend("full");
    hub.publish("r", &numbered(1000, 1001));
    assert_eq!(stored(hub), numbered(0, 1001));
}

#[test]
fn pub_finishes_when_the_disk_has_room_again() {
    let mut faulty = Faulty::start(&[]);
    let hub = &faulty.hub;
    let mut running = hub.cmd(&["pub", "r"]).stdin(numbered(0, 500)).spawn();
    hub.wait_for_room_messages("r", 500);
    faulty.fail("full");
    // Several batches, so that the later ones come out of order behind the refused one.
    for from in (500..2000).step_by(100) {
        running.write(numbered(from, from + 100));
    }
    running.close_stdin();
    running.wait_for_stderr("accepts no messages for now");
    assert_eq!(stored(hub), numbered(0, 500));
    faulty.mend("full");
    let ended = running.wait();
    assert_eq!(ended.status, 0, "{}", ended.stderr());
    assert_eq!(stored(&faulty.hub), numbered(0, 2000));
    faulty.hub.stop();
    faulty.hub.restart();
    assert_eq!(stored(&faulty.hub), numbered(0, 2000));
}

/// Nobody is there to be told, so it waits, and the log says why.
#[test]
fn what_is_due_on_a_full_disk_waits_for_room() {
    let faulty = Faulty::start(&[]);
    let hub = &faulty.hub;
    // Time enough for the disk to fill up after the receipt.
    let mut raw = Raw::roomcat(hub.url());
    for line in ["1\n", "2\n"] {
        let header = json!({"rooms": ["r"], "framing": "lines", "count": 1, "delay": 3_000});
        raw.batch("/", &header, line.as_bytes());
    }
    faulty.fail("full");
    hub.wait_for_stderr("delayed messages that are due have to wait: the disk is full");
    assert_eq!(stored(hub), "");
    faulty.mend("full");
    hub.wait_for_room_messages("r", 2);
    assert_eq!(stored(hub), "1\n2\n");
}

/// Who is told that its ack was taken has had it taken.
#[test]
fn an_ack_that_finds_no_room_is_not_confirmed() {
    let faulty = Faulty::start(&[]);
    let hub = &faulty.hub;
    hub.cmd(&["join", "r", "--as", "m"]).check();
    hub.publish("r", "1\n2\n");
    faulty.fail("full");
    let drain = || {
        hub.cmd(&["sub", "r", "--as", "m", "--drain"])
            .stdout("1\n2\n")
    };
    let outcome = drain().any_stderr().run();
    assert_eq!(outcome.stdout(), "1\n2\n", "reading needs no room");
    assert_ne!(outcome.status, 0);
    assert!(outcome.stderr().contains("full"), "{}", outcome.stderr());
    faulty.mend("full");
    assert_eq!(hub.pending("r", "m"), Some(2));
    drain().check();
    assert_eq!(hub.pending("r", "m"), Some(0));
}

#[test]
fn a_disk_that_cannot_sync_confirms_nothing_and_ends_the_hub() {
    let mut faulty = Faulty::start(&[]);
    faulty.hub.publish("r", &numbered(0, 10));
    let mut raw = Raw::roomcat(faulty.hub.url());
    let running = faulty.hub.cmd(&["pub", "r", "--retry-for", "1m"]).spawn();
    faulty.fail("sync");
    let mut running = running;
    running.write(numbered(10, 20));
    running.close_stdin();
    // The hub goes, and with it the connections: an answer, if there is one, is no receipt.
    raw.emit("/", "batch", "");
    for packet in raw.until_closed() {
        assert_ne!(packet.json()[0]["ok"], true, "{packet:?}");
    }
    let ended = faulty.hub.ended();
    assert_eq!(ended.status, 1, "{}", ended.stderr());
    let stderr = ended.stderr();
    assert!(
        stderr.contains("failed to make") && stderr.contains("hub.db"),
        "{stderr}"
    );
    running.wait_for_stderr("reconnecting");
    faulty.mend("sync");
    faulty.hub.restart();
    let ended = running.wait();
    assert_eq!(ended.status, 0, "{}", ended.stderr());
    assert_eq!(
        stored(&faulty.hub),
        numbered(0, 20),
        "whether or not it had reached the disk"
    );
}

#[test]
fn a_sync_that_fails_gives_no_receipt() {
    let mut faulty = Faulty::start(&[]);
    let mut raw = Raw::roomcat(faulty.hub.url());
    faulty.fail("sync");
    let header = json!({"rooms": ["r"], "framing": "lines", "count": 1, "id": ["p", 1]});
    raw.ask_batch("/", &header, b"one\n");
    for packet in raw.until_closed() {
        assert_ne!(packet.json()[0]["ok"], true, "{packet:?}");
    }
    assert_eq!(faulty.hub.ended().status, 1);
    faulty.mend("sync");
    faulty.hub.restart();
    let mut raw = Raw::roomcat(faulty.hub.url());
    let answer = raw.batch("/", &header, b"one\n");
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(stored(&faulty.hub), "one\n");
}

#[test]
fn a_file_size_limit_is_a_full_disk() {
    // 4 MiB, in blocks of 1024 bytes.
    let around = Around {
        shell: "ulimit -f 4096".to_owned(),
        env: Vec::new(),
    };
    let mut hub = TestHub::within(around, &[]);
    let line = "x".repeat(1023) + "\n";
    let mut raw = Raw::roomcat(hub.url());
    let mut confirmed = 0;
    let refused = loop {
        assert!(confirmed < 20_000, "no limit");
        let answer = raw.batch("/", &lines("r", 100), line.repeat(100).as_bytes());
        if answer["ok"] != true {
            break answer;
        }
        confirmed += 100;
    };
    assert_eq!(refused["error"]["code"], "disk", "{refused}");
    assert!(confirmed > 0);
    raw.assert_alive();
    assert_eq!(stored(&hub).len(), confirmed * line.len());
    hub.kill9();
    hub.restart();
    assert_eq!(stored(&hub).len(), confirmed * line.len());
}
