//! What is drawn on a terminal's last line while something is under way, and that nothing of it stays.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;

use rustix::process::{Signal, kill_process};

use crate::harness::{Cmd, Size, TestHub};

const SCREEN: Size = Size(80, 12);

/// A shell script in which `roomcat` is this one, for a hub.
fn script(hub: &TestHub, script: &str) -> Cmd {
    Cmd::shell(script)
        .env("ROOMCAT_URL", hub.url())
        .directory(hub.folder())
}

#[test]
fn a_pipe_shows_the_lines_that_are_confirmed_and_then_nothing() {
    let hub = TestHub::start();
    let slow = r#"(seq 812; read -s _ </dev/tty) | roomcat pub room; echo "ended $?""#;
    let terminal = script(&hub, slow).in_terminal(SCREEN);
    terminal.wait_for_text("812 lines confirmed");
    terminal.press(&["Enter"]);
    assert_eq!(terminal.wait(), 0);
    assert_eq!(terminal.screen().trim(), "ended 0");
}

/// A hub that takes so many messages a second of one connection.
fn slow_hub(rate: u32) -> TestHub {
    TestHub::declared(&format!("[namespaces.\"/\"]\nrate = {rate}\n"))
}

#[test]
fn a_file_shows_bytes_and_rate_and_what_is_left() {
    let hub = slow_hub(50_000);
    let mut file = std::fs::File::create(hub.folder().join("big")).unwrap();
    for _ in 0..200_000 {
        file.write_all(&[b'x'; 99]).unwrap();
        file.write_all(b"\n").unwrap();
    }
    let terminal = script(&hub, "roomcat pub room -f big; echo \"ended $?\"").in_terminal(SCREEN);
    let screen = terminal.wait_for_text("MiB/19.07 MiB");
    for part in ["MiB/s", "eta ", "lines confirmed", "━"] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    terminal.resize(Size(30, 8));
    terminal.resize(Size(70, 12));
    assert_eq!(terminal.wait(), 0);
    assert_eq!(terminal.screen(), "ended 0");
}

#[test]
fn what_is_asked_to_be_quiet_or_is_no_terminal_draws_nothing() {
    // Each takes two seconds or so.
    let hub = slow_hub(400);
    let slow = r#"seq 812 | roomcat -q pub room; seq 812 | roomcat pub room 2>err
        cat err; echo "ended $?""#;
    let terminal = script(&hub, slow).in_terminal(SCREEN);
    assert_eq!(terminal.wait(), 0);
    assert_eq!(terminal.transcript(), "ended 0\r\n");
}

#[test]
fn an_interrupt_leaves_a_clean_line_and_says_what_was_confirmed() {
    let hub = TestHub::start();
    // The input outlives the interrupt: its end would be a good end of all.
    let input = "(seq 812; trap '' INT; read -s _ </dev/tty)";
    let forever = format!("{input} | roomcat pub room; echo \"ended ${{PIPESTATUS[1]}}\"");
    let script = format!("trap : INT; {forever}");
    let terminal = self::script(&hub, &script).in_terminal(SCREEN);
    terminal.wait_for_text("812 lines confirmed ·");
    terminal.press(&["C-c"]);
    terminal.wait_for_text("roomcat: 812 lines confirmed");
    terminal.press(&["Enter"]);
    terminal.wait();
    let screen = terminal.screen();
    assert_eq!(screen, "roomcat: 812 lines confirmed\nended 130");
}

#[test]
fn a_drain_counts_and_a_lost_hub_is_named() {
    let mut hub = TestHub::start();
    hub.publish("room", "1\n2\n3\n");
    let script = "roomcat sub room --since 1h -n 5 >out; echo \"ended $?\"";
    let terminal = self::script(&hub, script).in_terminal(SCREEN);
    terminal.wait_for_text("3 of 5 messages");
    hub.stop();
    let reason = "reconnecting to ws://127.0.0.1";
    terminal.wait_for("why it waits", |screen| {
        screen.contains(reason) && screen.contains("connection refused (")
    });
    hub.restart();
    terminal.wait_for_text("roomcat: back at ");
    hub.publish("room", "4\n5\n");
    assert_eq!(terminal.wait(), 0);
    let screen = terminal.screen();
    let lines: Vec<&str> = screen.lines().collect();
    assert_eq!(lines.len(), 3, "{screen}");
    assert!(lines[0].starts_with("roomcat: lost "), "{screen}");
    assert_eq!(lines[2], "ended 0");
}

#[test]
fn a_drain_shows_how_much_of_what_waited_is_written() {
    let hub = TestHub::start();
    hub.cmd(&["join", "room", "--as", "alice"]).check();
    let line = format!("{}\n", "x".repeat(99));
    hub.publish("room", &line.repeat(20_000));
    let slow = "(head -c 1500000; read -s _ </dev/tty; cat) >out";
    let slow = format!("roomcat sub room --as alice --drain | {slow}; echo \"ended $?\"");
    let terminal = script(&hub, &slow).in_terminal(SCREEN);
    let shown = terminal.wait_for("what is written", |screen| {
        screen.contains("━") && screen.ends_with(" of 20,000 messages")
    });
    assert!(!shown.contains(" 0 of"), "{shown}");
    terminal.press(&["Enter"]);
    assert_eq!(terminal.wait(), 0);
    assert_eq!(terminal.screen().trim(), "ended 0");
    // Nothing was ever drawn but that.
    assert!(!terminal.transcript().contains("/20000"));
    let out = fs::metadata(hub.folder().join("out")).unwrap();
    assert_eq!(out.len(), 2_000_000);
}

#[test]
fn an_interrupt_says_what_was_not_confirmed() {
    let hub = TestHub::start();
    let input = "(seq 812; read -s _ </dev/tty; seq 5; exec sleep 600)";
    let forever =
        format!("trap : INT; {input} | roomcat pub room; echo \"ended ${{PIPESTATUS[1]}}\"");
    let terminal = script(&hub, &forever).in_terminal(SCREEN);
    terminal.wait_for_text("812 lines confirmed ·");
    kill_process(hub.pid(), Signal::STOP).unwrap();
    terminal.press(&["Enter"]);
    hub.wait_for_unread();
    terminal.press(&["C-c"]);
    terminal.wait();
    kill_process(hub.pid(), Signal::CONT).unwrap();
    let wanted = "roomcat: 812 lines confirmed; 5 not confirmed\nended 130";
    assert_eq!(terminal.screen(), wanted);
}

#[test]
fn what_does_not_answer_is_named_while_it_is_awaited() {
    // Its backlog takes the connection.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", silent.local_addr().unwrap());
    for (command, doing) in [
        ("pub room hi", "connecting to"),
        ("pub --stream room </dev/null", "connecting to"),
        ("sub room", "connecting to"),
        ("sub room -x cat", "connecting to"),
        ("request room hi", "connecting to"),
        ("chat room", "connecting to"),
        ("chat room </dev/null", "connecting to"),
        ("on", "connecting to"),
        ("rooms --watch", "connecting to"),
        ("queue peek alice", "connecting to"),
        ("rooms", "asking"),
        ("who", "asking"),
        ("queue", "asking"),
        ("join room --as alice", "asking"),
        ("leave room --as alice", "asking"),
        ("kick alice", "asking"),
        ("emit hi", "asking"),
    ] {
        let script = format!("trap : INT; roomcat -u {url} {command}; echo \"ended $?\"");
        let terminal = Cmd::shell(&script).in_terminal(SCREEN);
        terminal.wait_for_text(&format!(" {doing} {url} (0 s)"));
        terminal.press(&["C-c"]);
        terminal.wait();
        assert_eq!(terminal.screen().trim(), "ended 130", "{command}");
    }
}

#[test]
fn who_comes_back_says_why_it_was_gone() {
    let hub = TestHub::with(&["--ping-interval", "2s", "--ping-timeout", "3s"]);
    let script = "trap : INT; roomcat sub room; echo \"ended $?\"";
    let terminal = self::script(&hub, script).in_terminal(SCREEN);
    hub.wait_for_sockets("room", 1);
    kill_process(hub.pid(), Signal::STOP).unwrap();
    let reason = format!(" reconnecting to {}: it sent nothing for 5 s (", hub.url());
    terminal.wait_for_text(&reason);
    kill_process(hub.pid(), Signal::CONT).unwrap();
    terminal.wait_for_text("roomcat: back at ");
    hub.publish("room", "hi\n");
    terminal.wait_for_text("\nhi");
    terminal.press(&["C-c"]);
    terminal.wait();
    // The line was clean before the terminal showed what was typed.
    let wanted = format!(
        "roomcat: lost {url}: it sent nothing for 5 s; reconnecting\nroomcat: back at {url}\nhi\n^Cended 130",
        url = hub.url()
    );
    assert_eq!(terminal.history(), wanted);
}

#[test]
fn a_fifo_shows_what_a_pipe_does() {
    let hub = TestHub::start();
    let script = r#"mkfifo lines; (seq 812; read -s _ </dev/tty) >lines & roomcat pub room -f lines; echo "ended $?""#;
    let terminal = self::script(&hub, script).in_terminal(SCREEN);
    terminal.wait_for_text("812 lines confirmed");
    terminal.press(&["Enter"]);
    assert_eq!(terminal.wait(), 0);
    assert_eq!(terminal.screen().trim(), "ended 0");
}

#[test]
fn in_a_narrow_terminal_the_lines_still_fit_and_an_interrupt_leaves_nothing() {
    let hub = slow_hub(50_000);
    fs::write(hub.folder().join("big"), "a line\n".repeat(2_000_000)).unwrap();
    let script = "trap : INT; roomcat pub room -f big; echo \"ended $?\"";
    for (columns, parts, not) in [
        (65, &["MiB/13.35 MiB", "lines confirmed"][..], "/s"),
        (50, &["MiB/13.35 MiB"], "eta"),
    ] {
        let terminal = self::script(&hub, script).in_terminal(Size(columns, 8));
        let shown = terminal.wait_for_text("MiB/13.35 MiB");
        assert!(shown.lines().count() == 1, "{shown}");
        assert!(shown.chars().count() <= usize::from(columns) - 3, "{shown}");
        for part in parts {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains(not), "{shown}");
        terminal.press(&["C-c"]);
        terminal.wait();
        let history = terminal.history();
        let (said, end) = history.split_once('\n').unwrap_or_default();
        assert_eq!(end, "ended 130", "{history}");
        assert!(said.starts_with("roomcat: "), "{history}");
        assert!(
            said.ends_with("not confirmed; the rest was not sent"),
            "{history}"
        );
    }
}

#[test]
fn a_long_reason_leaves_room_for_how_long_it_is() {
    let mut hub = TestHub::start();
    let terminal = script(&hub, "roomcat sub room -x cat").in_terminal(Size(40, 8));
    hub.wait_for_sockets("room", 1);
    hub.stop();
    let shown = terminal.wait_for("why it waits", |screen| screen.ends_with("… (1 s)"));
    let last = shown.lines().last().unwrap();
    assert!(last.contains("reconnecting to ws://"), "{shown}");
    assert!(last.chars().count() <= 37, "{shown}");
    hub.restart();
    terminal.wait_for_text("roomcat: back at ");
    hub.publish("room", "hi\n");
    terminal.wait_for("the message", |screen| screen.ends_with("\nhi"));
}

#[test]
fn ctrl_c_breaks_the_loop_of_a_shell() {
    let hub = TestHub::start();
    let of_three = "for room in a b c; do roomcat sub $room; done; echo went on";
    let terminal = script(&hub, of_three).in_terminal(SCREEN);
    hub.wait_for_sockets("a", 1);
    terminal.press(&["C-c"]);
    assert_eq!(terminal.wait(), 130);
    assert!(!terminal.screen().contains("went on"));

    let shell = "PS1='> ' exec bash --norc --noprofile -i";
    let terminal = script(&hub, shell).in_terminal(SCREEN);
    terminal.wait_for("a prompt", |screen| screen == ">");
    terminal.enter(of_three);
    hub.wait_for_sockets("a", 1);
    terminal.press(&["C-c"]);
    // The prompt has a line of its own.
    terminal.wait_for("a prompt", |screen| screen.ends_with("\n^C\n>"));
    terminal.enter("echo \"status $?\"");
    terminal.wait_for_text("\nstatus 130\n");
}
