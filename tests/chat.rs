//! A chat at a terminal: names, commands, and a line that survives what comes in.

use crate::harness::{Cmd, Size, Terminal, TestHub};

const SCREEN: Size = Size(60, 14);

fn chat(hub: &TestHub, name: &str, arguments: &[&str]) -> Terminal {
    let mut all = vec!["chat", "lobby", "--as", name];
    all.extend(arguments);
    let terminal = hub.cmd(&all).in_terminal(SCREEN);
    terminal.wait_for_text(&format!("{name}> "));
    terminal
}

#[test]
fn what_is_typed_survives_what_comes_in() {
    let hub = TestHub::start();
    let alice = chat(&hub, "alice", &[]);
    let bob = chat(&hub, "bob", &[]);
    hub.wait_for_sockets("lobby", 2);
    alice.type_text("grüß dich, Bo");
    alice.wait_for_text("alice> grüß dich, Bo");
    bob.enter("hi alice");
    let screen = alice.wait_for_text("bob: hi alice");
    assert!(
        screen.ends_with("bob: hi alice\nalice> grüß dich, Bo"),
        "{screen}"
    );
    alice.press(&["BSpace", "BSpace"]);
    alice.enter("du");
    let screen = bob.wait_for_text("alice: grüß dich, du");
    assert!(screen.contains("bob> hi alice\n"), "{screen}");
    alice.press(&["C-d"]);
    assert_eq!(alice.wait(), 0);
    let screen = alice.screen();
    assert!(screen.contains("alice> grüß dich, du"), "{screen}");
    bob.press(&["C-c"]);
    assert_eq!(bob.wait(), 130);
}
