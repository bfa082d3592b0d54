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
    let screen = terminal.wait_for_text("MiB of 19.07 MiB");
    for part in ["MiB/s", " left", "lines confirmed", "━"] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    terminal.resize(Size(30, 8));
    terminal.resize(Size(70, 12));
    assert_eq!(terminal.wait(), 0);
    assert_eq!(terminal.screen(), "ended 0");
}
