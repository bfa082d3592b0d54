//! What is drawn on a terminal's last line while something is under way, and that nothing of it stays.

use std::io::Write as _;

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
    let forever = r#"(seq 812; exec sleep 600) | roomcat pub room; echo "ended ${PIPESTATUS[1]}""#;
    let script = format!("trap : INT; {forever}");
    let terminal = self::script(&hub, &script).in_terminal(SCREEN);
    terminal.wait_for_text("812 lines confirmed ·");
    terminal.press(&["C-c"]);
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
