//! A chat at a terminal: names, commands, and a line being typed while messages arrive.

use rustix::process::{Signal, kill_process};

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
fn a_line_being_typed_survives_messages_that_arrive() {
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
fn commands_move_between_rooms_and_report_it() {
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
    alice.wait_for("the room that is left", |screen| {
        screen.ends_with("[ops] alice>")
    });
    alice.enter("/leave");
    alice.wait_for_text("[no room] alice>");
    alice.enter("anyone?");
    alice.wait_for_text("* you are in no room; join one with /join ROOM");
    alice.press(&["C-d"]);
    assert_eq!(alice.wait(), 0);
}

#[test]
fn each_name_has_a_colour_and_a_resize_garbles_no_screen() {
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

#[test]
fn a_join_is_reported_once_the_hub_has_confirmed_it() {
    let hub = TestHub::start();
    let alice = chat(&hub, "alice", &[]);
    hub.wait_for_sockets("lobby", 1);
    kill_process(hub.pid(), Signal::STOP).unwrap();
    // Between two lines the terminal itself takes the keys, so wait for the next prompt.
    let wait_for_prompt_after = |line: &str| {
        alice.wait_for(line, |screen| {
            screen.contains(line) && screen.ends_with("[ops] alice>")
        })
    };
    alice.enter("/join ops");
    wait_for_prompt_after("alice> /join ops\n");
    alice.enter("/who");
    wait_for_prompt_after("alice> /who\n");
    alice.enter("/help");
    let screen = wait_for_prompt_after("* Ctrl-D");
    assert!(!screen.contains("* you joined"), "{screen}");
    kill_process(hub.pid(), Signal::CONT).unwrap();
    alice.wait_for_text("* you joined ops");
    alice.wait_for_text("* in ops: alice (you)");
}

#[test]
fn the_end_says_that_it_waits_for_the_hub_to_confirm() {
    let hub = TestHub::start();
    let alice = chat(&hub, "alice", &[]);
    hub.wait_for_sockets("lobby", 1);
    kill_process(hub.pid(), Signal::STOP).unwrap();
    alice.enter("bye");
    alice.wait_for("the next line", |screen| screen.ends_with("bye\nalice>"));
    alice.press(&["C-d"]);
    alice.wait_for_text("waiting for the hub to confirm your messages");
    kill_process(hub.pid(), Signal::CONT).unwrap();
    assert_eq!(alice.wait(), 0);
    hub.cmd(&["sub", "lobby", "--last", "1", "--drain"])
        .stdout("bye\n")
        .check();
}

#[test]
fn ctrl_c_drops_the_line_first_and_ends_the_chat_second() {
    let hub = TestHub::start();
    let alice = chat(&hub, "alice", &[]);
    hub.wait_for_sockets("lobby", 1);
    alice.type_text("half a thou");
    alice.wait_for_text("alice> half a thou");
    alice.press(&["C-c"]);
    alice.wait_for_text("* not sent; press Ctrl-C again to end the chat");
    alice.enter("whole");
    hub.wait_for_room_messages("lobby", 1);
    hub.cmd(&["sub", "lobby", "--last", "9", "--drain"])
        .stdout("whole\n")
        .check();
    alice.press(&["C-c"]);
    assert_eq!(alice.wait(), 130);
}

#[test]
fn ctrl_z_hands_the_terminal_back_to_the_shell() {
    let hub = TestHub::start();
    let shell = Cmd::shell("PS1='sh''ell$ ' exec bash --norc --noprofile -i")
        .env("ROOMCAT_URL", hub.url())
        .in_terminal(SCREEN);
    shell.wait_for_text("shell$");
    shell.enter("roomcat chat lobby --as alice");
    shell.wait_for_text("alice>");
    shell.type_text("typed");
    shell.wait_for_text("alice> typed");
    shell.press(&["C-z"]);
    shell.wait_for_text("Stopped");
    shell.enter("echo o''k; fg");
    shell.wait_for_text("\nok");
    shell.type_text(" on");
    shell.wait_for_text("typed on");
    shell.press(&["Enter"]);
    hub.wait_for_room_messages("lobby", 1);
    shell.press(&["C-d"]);
    shell.wait_for("the shell again", |screen| screen.ends_with("shell$"));
    hub.cmd(&["sub", "lobby", "--last", "9", "--drain"])
        .stdout("typed on\n")
        .check();
}

#[test]
fn a_dumb_terminal_shows_the_senders() {
    let hub = TestHub::start();
    let terminal = hub
        .cmd(&["chat", "lobby"])
        .env("TERM", "dumb")
        .in_terminal(SCREEN);
    hub.wait_for_sockets("lobby", 1);
    hub.cmd(&["pub", "lobby", "--as", "bob", "hi"]).check();
    terminal.wait_for_text("bob: hi");
    hub.publish("lobby", "ho\n");
    terminal.wait_for_text("someone: ho");
    terminal.press(&["C-d"]);
    assert_eq!(terminal.wait(), 0);
}
