//! How commands end: the exit code, what is said on stderr, and the line that says what to do.

use std::io::{BufRead, BufReader, pipe};
use std::net::TcpListener;
use std::path::PathBuf;

use rustix::process::Signal;

use crate::harness::{Cmd, TestHub};

/// A port where nobody listens.
fn nobody() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn without_a_hub_every_command_ends_at_once_and_says_what_to_do() {
    let url = format!("ws://127.0.0.1:{}", nobody());
    let said = format!(
        "roomcat: cannot reach {url}: connection refused\n  hint: start a hub with \"roomcat serve\"\n"
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
        Cmd::new(command)
            .env("ROOMCAT_URL", &url)
            .stderr(&said)
            .status(3)
            .check();
    }
}

#[test]
fn usage_is_two() {
    let commands: [&[&str]; 12] = [
        &["pub"],
        &["sub"],
        &["join", "room"],
        &["leave", "room"],
        &["rooms", "one", "two"],
        &["nonsense"],
        &["pub", "room", "--no-such-flag"],
        &["sub", "room", "-n", "0"],
        &["sub", "room", "--timeout", "soon"],
        &["sub", "room", "--since", "5m", "--last", "5"],
        &["pub", "room", "--retry-for", "25h"],
        &["pub", "-u", "ftp://example.org", "room"],
    ];
    for command in commands {
        let outcome = Cmd::new(command).any_stderr().status(2).check();
        assert!(!outcome.stderr.is_empty(), "{command:?}");
    }
}

#[test]
fn names_that_are_none_are_refused_before_anything_is_sent() {
    let long = "x".repeat(257);
    let commands: [(&[&str], &str); 9] = [
        (&["sub", &long], "at most 256"),
        (&["sub", "a\u{1b}[2Jb"], "control characters"),
        (&["sub", ""], "cannot be empty"),
        (&["sub", "room", "--as", &long], "at most 256"),
        (&["sub", "room", "--as", ""], "cannot be empty"),
        (&["sub", "room", "--as", " alice"], "white space"),
        (&["pub", "room", "-e", "connect"], "reserved by Socket.IO"),
        (&["sub", "/a,b#room"], "cannot contain"),
        (&["sub", "room", "--namespace", "admin"], "starts with"),
    ];
    for (command, why) in commands {
        let outcome = Cmd::new(command).run();
        let said = outcome.stderr();
        assert_eq!(outcome.status, 2, "{command:?}: {said}");
        assert!(said.contains(why), "{command:?}: {said}");
        assert!(!said.contains('\u{1b}'), "{command:?}: {said:?}");
    }
}

fn token_file(hub: &TestHub, name: &str, token: &str) -> String {
    let path = hub.folder().join(name);
    std::fs::write(&path, format!("{token}\nnot this line\n")).unwrap();
    path.display().to_string()
}

#[test]
fn a_token_lets_in_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let right: PathBuf = folder.path().join("right");
    std::fs::write(&right, "secret\n").unwrap();
    let hub = TestHub::with(&["--token-file", right.to_str().unwrap()]);
    let wrong = token_file(&hub, "wrong", "swordfish");
    for command in [&["pub", "room", "hi"][..], &["sub", "room"], &["rooms"]] {
        hub.cmd(command)
            .stderr_has("refused")
            .stderr_has("--token-file")
            .status(4)
            .check();
        let outcome = hub.cmd(command).env("ROOMCAT_TOKEN_FILE", &wrong).run();
        let said = outcome.stderr();
        assert_eq!(outcome.status, 4, "{said}");
        assert!(
            !said.contains("swordfish") && !said.contains("secret"),
            "{said}"
        );
    }
    hub.cmd(&["join", "room", "--as", "alice"])
        .env("ROOMCAT_TOKEN_FILE", &right)
        .check();
    hub.cmd(&["--token-file", right.to_str().unwrap(), "pub", "room", "hi"])
        .check();
    hub.cmd(&["sub", "--as", "alice", "--drain"])
        .env("ROOMCAT_TOKEN_FILE", &right)
        .stdout("hi\n")
        .check();
    assert!(!hub.stderr().contains("secret"));
    hub.cmd(&["--token-file", "/no/such/file", "pub", "room", "hi"])
        .stderr_has("/no/such/file")
        .status(1)
        .check();
}

#[test]
fn a_timeout_is_five() {
    let hub = TestHub::start();
    hub.cmd(&["sub", "room", "--timeout", "50ms"])
        .stderr("roomcat: timed out after 50ms\n")
        .status(5)
        .check();
    hub.cmd(&["chat", "room", "--timeout", "50ms"])
        .stderr("roomcat: timed out after 50ms\n")
        .status(5)
        .check();
    hub.publish("room", "one\n");
    // What came before the time was over is not lost to it.
    hub.cmd(&["sub", "room", "--last", "1", "-n", "1", "--timeout", "60s"])
        .stdout("one\n")
        .check();
}

#[test]
fn require_is_six_unless_enough_get_it() {
    let hub = TestHub::start();
    hub.cmd(&["pub", "room", "--require", "1", "anyone?"])
        .stderr_has("--require 1")
        .status(6)
        .check();
    hub.cmd(&["join", "room", "--as", "alice"]).check();
    hub.cmd(&["pub", "room", "--require", "1", "queued"])
        .check();
    let live = hub.cmd(&["sub", "room", "-n", "1"]).spawn();
    hub.wait_for_sockets("room", 1);
    hub.cmd(&["pub", "room", "--require", "2", "queued and live"])
        .check();
    assert_eq!(live.wait().stdout(), "queued and live\n");
}

#[test]
fn signals_end_with_their_number() {
    let hub = TestHub::start();
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let sub = hub.cmd(&["sub", "room"]).spawn();
        hub.wait_for_sockets("room", 1);
        sub.signal(signal);
        let ended = sub.wait();
        assert_eq!((ended.status, &*ended.stderr()), (status, ""));
        // It died of it, which is not the same as to exit with that number.
        assert_eq!(ended.signal, Some(signal.as_raw()));

        let mut reader = hub.cmd(&["sub", "room"]).spawn();
        hub.wait_for_sockets("room", 1);
        let mut publisher = hub.cmd(&["pub", "room", "--trace"]).spawn();
        publisher.write("typed\n");
        assert_eq!(reader.line(), "typed");
        // The reader may have it before the publisher has its receipt.
        publisher.wait_for_stderr("← 431[");
        publisher.signal(signal);
        let ended = publisher.wait();
        assert_eq!(ended.signal, Some(signal.as_raw()));
        let said = ended.stderr();
        assert!(said.ends_with("roomcat: 1 line confirmed\n"), "{said}");
        drop(reader);
        hub.wait_for_sockets("room", 0);
    }
}

#[test]
fn what_was_written_is_acknowledged_before_a_signal_ends_sub() {
    let hub = TestHub::start();
    hub.cmd(&["join", "room", "--as", "alice"]).check();
    hub.publish("room", "one\ntwo\n");
    let mut sub = hub.cmd(&["sub", "--as", "alice"]).spawn();
    assert_eq!((sub.line(), sub.line()), ("one".into(), "two".into()));
    sub.signal(Signal::INT);
    assert_eq!(sub.wait().status, 130);
    assert_eq!(hub.pending("room", "alice"), Some(0));
}

#[test]
fn a_closed_stdout_is_success() {
    let hub = TestHub::start();
    hub.publish("room", "one\n");
    for arguments in [&["sub", "room", "--last", "1"][..], &["sub", "room"]] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let ended = hub.cmd(arguments).spawn_onto(writer).wait();
        assert_eq!((ended.status, &*ended.stderr()), (0, ""), "{arguments:?}");
    }
    let (reader, writer) = pipe().unwrap();
    let chat = hub.cmd(&["chat", "room"]).spawn_onto(writer);
    hub.wait_for_sockets("room", 1);
    hub.publish("room", "hi\n");
    let mut reader = BufReader::new(reader);
    reader.read_line(&mut String::new()).unwrap();
    drop(reader);
    assert_eq!(chat.wait().status, 0);
}

#[test]
fn a_message_over_the_limit_names_the_flag_that_raises_it() {
    let hub = TestHub::with(&["--max-message", "4KiB"]);
    hub.cmd(&["pub", "room"])
        .stdin("x".repeat(4097))
        .stderr_has("4096")
        .stderr_has("--max-message")
        .status(1)
        .check();
    hub.cmd(&["pub", "room", "--whole"])
        .stdin("x".repeat(4096))
        .check();
    let words = "x".repeat(4097);
    hub.cmd(&["pub", "room", &words])
        .stderr_has("--max-message")
        .status(1)
        .check();
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let hub = TestHub::start();
    hub.cmd(&["pub", "room", "-f", "/no/such/file"])
        .stderr_has("/no/such/file")
        .status(1)
        .check();
}

#[test]
fn a_second_hub_on_the_same_port_says_so() {
    let hub = TestHub::start();
    let address = hub.url().trim_start_matches("ws://").to_owned();
    let other = hub.folder().join("other.db").display().to_string();
    Cmd::new(&["serve", "--listen", &address, "--db", &other])
        .stderr_has(&address)
        .stderr_has("hint:")
        .status(1)
        .check();
}

#[test]
fn a_second_hub_on_the_same_database_says_so() {
    let hub = TestHub::start();
    let database = hub.database().display().to_string();
    Cmd::new(&["serve", "--listen", "127.0.0.1:0", "--db", &database])
        .stderr_has(&database)
        .stderr_has("in use by another hub")
        .status(1)
        .check();
    hub.publish("room", "and the first goes on\n");
}

#[test]
fn other_machines_are_let_in_only_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("hub.db").display().to_string();
    Cmd::new(&["serve", "--listen", "0.0.0.0:0", "--db", &database])
        .stderr_has("--token-file")
        .stderr_has("--open")
        .status(2)
        .check();
    assert!(!folder.path().join("hub.db").exists());
    let open = Cmd::new(&[
        "serve",
        "--listen",
        "0.0.0.0:0",
        "--open",
        "--db",
        &database,
    ])
    .spawn();
    open.wait_for_stderr("listening on ");
    open.signal(Signal::TERM);
    assert_eq!(open.wait().status, 0);
}

#[test]
fn the_environment_says_what_flags_would() {
    let hub = TestHub::start();
    let cmd = |arguments: &[&str]| {
        hub.cmd(arguments)
            .env("ROOMCAT_NAMESPACE", "/admin")
            .env("ROOMCAT_AS", "alice")
    };
    cmd(&["join", "room"]).check();
    cmd(&["pub", "room", "hi"]).check();
    cmd(&["sub", "--drain"]).stdout("hi\n").check();
    // A flag wins over its variable.
    cmd(&["sub", "--drain", "--as", "bob"])
        .stderr_has("joined no room")
        .status(1)
        .check();
}

#[test]
fn a_unix_socket_is_an_address_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.sock");
    let address = format!("unix:{}", path.display());
    let hub = TestHub::with(&["--listen", &address]);
    let cmd = |arguments: &[&str]| Cmd::new(arguments).env("ROOMCAT_URL", &address);
    cmd(&["join", "room", "--as", "alice"]).check();
    cmd(&["pub", "room", "hi"]).check();
    cmd(&["sub", "--as", "alice", "--drain"])
        .stdout("hi\n")
        .check();
    drop(hub);
    cmd(&["pub", "room", "hi"])
        .stderr_has(&address)
        .stderr_has("roomcat serve")
        .status(3)
        .check();
}

#[test]
fn colour_is_for_terminals_and_for_who_asks() {
    let url = format!("ws://127.0.0.1:{}", nobody());
    let coloured = |arguments: &[&str], variables: &[(&str, &str)]| {
        let arguments = [&["rooms"], arguments].concat();
        let mut cmd = Cmd::new(&arguments).env("ROOMCAT_URL", &url);
        for (name, value) in variables {
            cmd = cmd.env(name, value);
        }
        cmd.run().stderr().contains('\u{1b}')
    };
    assert!(!coloured(&[], &[]));
    assert!(coloured(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(coloured(&[], &[("FORCE_COLOR", "1")]));
    assert!(!coloured(&["--color", "never"], &[("FORCE_COLOR", "1")]));
    assert!(!coloured(&[], &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn help_is_short_first_and_ends_in_an_example() {
    let help = Cmd::new(&["--help"]).any_stdout().check();
    let help = help.stdout().into_owned();
    for code in ["0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "6 ", "129"] {
        let mut lines = help.lines().map(str::trim_start);
        assert!(lines.any(|line| line.starts_with(code)), "{code}: {help}");
    }
    for command in [
        "serve", "pub", "sub", "join", "leave", "rooms", "chat", "demo",
    ] {
        assert!(help.contains(command));
        let long = Cmd::new(&[command, "--help"]).any_stdout().check();
        let long = long.stdout().into_owned();
        let (_, example) = long.rsplit_once("\nExample").expect(command);
        assert!(example.contains(&format!("roomcat {command}")), "{example}");
        let first = long.lines().next().unwrap();
        assert!(!first.is_empty() && first.len() <= 80, "{first}");
    }
    Cmd::new(&["--version"])
        .stdout(format!("roomcat {}\n", env!("CARGO_PKG_VERSION")))
        .check();
}

#[test]
fn usage_errors_are_coloured_as_asked() {
    for (when, coloured) in [("always", true), ("never", false)] {
        let outcome = Cmd::new(&["--color", when, "pub"])
            .any_stderr()
            .status(2)
            .check();
        assert_eq!(outcome.stderr().contains("\u{1b}["), coloured, "{when}");
    }
}

#[test]
fn a_hangup_does_not_end_what_is_to_survive_it() {
    let hub = TestHub::start();
    let script = "trap '' HUP; exec roomcat sub room -n 1";
    let sub = Cmd::shell(script).env("ROOMCAT_URL", hub.url()).spawn();
    hub.wait_for_sockets("room", 1);
    sub.signal(Signal::HUP);
    hub.publish("room", "still here\n");
    assert_eq!(sub.wait().stdout(), "still here\n");
}

#[test]
fn what_cannot_be_written_is_a_failure() {
    let hub = TestHub::start();
    let full = "roomcat: cannot write to stdout: no space left on device\n";
    for command in [
        "roomcat emit --ack join kitchen",
        "roomcat emit --ack --data join kitchen",
        "roomcat rooms",
        "roomcat demo --auto",
        "roomcat demo --lesson 2 --auto",
        "roomcat demo --list",
        "roomcat completions bash",
        "roomcat --help",
        "roomcat pub --help",
        "roomcat help sub",
        "roomcat --version",
    ] {
        let to_a_full_disk = format!("{command} >/dev/full");
        let command = Cmd::shell(&to_a_full_disk).env("ROOMCAT_URL", hub.url());
        command.stderr(full).status(1).check();
    }
}

#[test]
fn help_that_nobody_reads_to_its_end_is_success() {
    for command in ["--help", "--version"] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let ended = Cmd::new(&[command]).spawn_onto(writer).wait();
        assert_eq!((ended.status, &*ended.stderr()), (0, ""), "{command}");
    }
}

/// A hub that is there and does nothing, and a publisher with lines that it has confirmed and others that it has not.
fn half_confirmed(quiet: &str) -> String {
    let hub = TestHub::start();
    let script = format!("exec roomcat {quiet} pub room");
    let mut publisher = Cmd::shell(&script).env("ROOMCAT_URL", hub.url()).spawn();
    let mut reader = hub.cmd(&["sub", "room", "-n", "2"]).spawn();
    hub.wait_for_sockets("room", 1);
    publisher.write("one\ntwo\n");
    assert_eq!((reader.line(), reader.line()), ("one".into(), "two".into()));
    drop(reader);
    // The receipt leaves after the messages; the next line's comes behind it.
    hub.wait_for_sockets("room", 0);
    rustix::process::kill_process(hub.pid(), Signal::STOP).unwrap();
    publisher.write("three\n");
    hub.wait_for_unread();
    publisher.signal(Signal::INT);
    let ended = publisher.wait();
    rustix::process::kill_process(hub.pid(), Signal::CONT).unwrap();
    assert_eq!(ended.signal, Some(Signal::INT.as_raw()));
    ended.stderr().into_owned()
}

#[test]
fn off_a_terminal_an_interrupt_says_the_same() {
    let said = "roomcat: 2 lines confirmed; 1 not confirmed\n";
    assert_eq!(half_confirmed(""), said);
    // Who wants it quiet wants to know of what may be lost.
    assert_eq!(half_confirmed("-q"), said);
}
