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
    let slow = r#"(seq 812; read _ </dev/tty) | roomcat pub room; echo "ended $?""#;
    let terminal = script(&hub, slow).in_terminal(SCREEN);
    terminal.wait_for_text("812 lines confirmed");
    terminal.press(&["Enter"]);
    assert_eq!(terminal.wait(), 0);
    assert_eq!(terminal.screen().trim(), "ended 0");
}

#[test]
fn a_file_shows_bytes_and_rate_and_what_is_left() {
    let hub = TestHub::start();
    let mut file = std::fs::File::create(hub.folder().join("big")).unwrap();
    for _ in 0..400_000 {
        file.write_all(&[b'x'; 99]).unwrap();
        file.write_all(b"\n").unwrap();
    }
    let terminal = script(&hub, "roomcat pub room -f big; echo \"ended $?\"").in_terminal(SCREEN);
    let screen = terminal.wait_for_text("lines confirmed");
    for part in ["MiB of 38.15 MiB", "MiB/s", "left"] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    assert_eq!(terminal.wait(), 0);
    assert_eq!(terminal.screen(), "ended 0");
}
