//! A chat at a terminal: names, commands, and a line that survives what comes in.

use crate::harness::{Cmd, Size, Terminal, TestHub};

const SCREEN: Size = Size(60, 14);

fn chat(hub: &TestHub, name: &str, arguments: &[&str]) -> Terminal {
    let mut all = vec!["chat", "lobby", "--as", name];
    all.extend(arguments);
    let terminal = hub.cmd(&all).in_terminal(SCREEN);
    terminal.wait_for_text(&format!("{name}>"));
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
    let screen = alice.history();
    assert!(screen.contains("alice> grüß dich, du"), "{screen}");
    bob.press(&["C-c"]);
    assert_eq!(bob.wait(), 130);
}

#[test]
fn commands_move_between_rooms_and_say_what_they_did() {
    let hub = TestHub::start();
    hub.cmd(&["join", "ops", "--as", "alice"]).check();
    hub.publish("ops", "while you were away\n");
    let alice = chat(&hub, "alice", &[]);
    let bob = chat(&hub, "bob", &[]);
    hub.wait_for_sockets("lobby", 2);
    alice.enter("/help");
    alice.wait_for_text("* /join ROOM");
    alice.enter("/jion ops");
    alice.wait_for_text("* there is no command /jion");
    alice.enter("//help");
    bob.wait_for_text("alice: /help");
    alice.enter("/who");
    alice.wait_for_text("* in lobby: alice (you), bob");
    alice.enter("/join ops");
    alice.wait_for_text("[ops] alice>");
    alice.wait_for_text("[ops] someone: while you were away");
    hub.wait_for_sockets("ops", 1);
    bob.enter("/to ops from elsewhere");
    alice.wait_for_text("[ops] bob: from elsewhere");
    bob.enter("still here?");
    alice.wait_for_text("[lobby] bob: still here?");
    crate::harness::wait_until("nothing waits for alice", || {
        ["ops", "lobby"]
            .iter()
            .all(|room| hub.pending(room, "alice") == Some(0))
    });
    alice.enter("/leave lobby");
    alice.wait_for_text("* you left lobby");
    hub.wait_for_sockets("lobby", 1);
    alice.enter("/leave");
    alice.wait_for_text("[no room] alice>");
    alice.enter("anyone?");
    alice.wait_for_text("* you are in no room");
    alice.press(&["C-d"]);
    assert_eq!(alice.wait(), 0);
}

#[test]
fn a_name_has_its_colour_and_no_other_screen_is_garbled_by_a_resize() {
    let hub = TestHub::start();
    let alice = chat(&hub, "alice", &[]);
    let bob = chat(&hub, "bob", &["--color", "never"]);
    hub.wait_for_sockets("lobby", 2);
    bob.paste("one\ntwo");
    bob.press(&["Enter"]);
    alice.wait_for_text("bob: two");
    let colours = ["bob: two", "alice>"].map(|text| alice.style_of(text).colour);
    assert!(
        colours.iter().all(Option::is_some) && colours[0] != colours[1],
        "{colours:?}"
    );
    alice.type_text("it fits here");
    alice.resize(Size(30, 14));
    bob.enter("three");
    alice.wait_for_text("bob: three");
    alice.resize(SCREEN);
    bob.enter("four");
    let screen = alice.wait_for_text("bob: four");
    let wanted = "bob: one\nbob: two\nbob: three\nbob: four\nalice> it fits here";
    assert!(screen.ends_with(wanted), "{screen}");
    alice.press(&["Up", "C-u"]);
    bob.press(&["Up", "Enter"]);
    alice.wait_for("four again", |screen| {
        screen.matches("bob: four").count() == 2
    });
    assert_eq!(bob.style_of("bob>").colour, None);
}

#[test]
fn a_signal_leaves_the_terminal_as_it_was() {
    let hub = TestHub::start();
    let script = "stty -g >before; roomcat chat lobby --timeout 1s; echo \"ended $?\"; stty -g >after; cmp before after";
    let terminal = Cmd::shell(script)
        .env("ROOMCAT_URL", hub.url())
        .directory(hub.folder())
        .in_terminal(SCREEN);
    assert_eq!(terminal.wait(), 0);
    assert!(
        terminal.screen().contains("\nended 5"),
        "{}",
        terminal.screen()
    );
}
