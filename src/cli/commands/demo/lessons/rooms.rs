//! Lessons on who gets a message: the chat example, broadcast, rooms and namespaces.

use super::lesson::Lesson;
use crate::cli::commands::demo::runner::{Expectation, Runner};
use crate::cli::failure::Failure;

pub(super) const CHAT: Lesson = Lesson {
    title: "The chat example",
    introduction: "This is the example on Socket.IO's first page. A user connects and emits an event. The server emits it to \
           everyone.",
    files: &[],
    steps: chat,
    summary: "An event is one frame: 4 is an Engine.IO message, 2 is a Socket.IO EVENT, and a JSON array has the event's name and its \
           arguments. The hub sent it to everyone in the namespace, as io.emit does in the chat example.",
};

fn chat(runner: &mut Runner, _: &Lesson) -> Result<(), Failure> {
    let mut alice = runner.start_process("alice", &["on", "chat message", "--trace"])?;
    alice.expect_frame("→ 40")?;
    alice.expect_frame("← 40{\"sid\":\"…\"}")?;
    runner.hub().expect_log("a user connected / (…)")?;
    let mut bob = runner.start_process("bob", &["on", "chat message"])?;
    runner.hub().expect_log("a user connected / (…)")?;
    runner.wait_for_sockets("/", "", 2)?;
    runner.run_and_check(
        &["emit", "chat message", "good morning", "--trace"],
        &Expectation {
            frames: &["→ 42[\"chat message\",\"good morning\"]"],
            ..Expectation::default()
        },
    )?;
    alice.expect_frame("← 42[\"chat message\",\"good morning\"]")?;
    alice.expect_line("[\"chat message\",\"good morning\"]")?;
    bob.expect_line("[\"chat message\",\"good morning\"]")
}

pub(super) const BROADCAST: Lesson = Lesson {
    title: "Broadcast: everyone but me",
    introduction: "The broadcast flag sends an event to everyone but the sender. In Socket.IO that is \
           socket.broadcast.emit.",
    files: &[],
    steps: broadcast,
    summary: "The line sent to \"others\" reached bob but not alice, whose first line was bob's answer. The line sent to \"all\" \
           reached both.",
};

fn broadcast(runner: &mut Runner, _: &Lesson) -> Result<(), Failure> {
    let mut alice = runner.start_process("alice", &["chat", "kitchen", "--trace"])?;
    let mut bob = runner.start_process("bob", &["chat", "kitchen"])?;
    runner.wait_for_sockets("/", "kitchen", 2)?;
    alice.type_line("does anyone hear me?")?;
    alice.expect_frame("→ 451-…[\"batch\",{\"rooms\":[\"kitchen\"],…\"to\":\"others\"…")?;
    alice.expect_frame("→ <\"does anyone hear me?␊\">")?;
    bob.expect_line("does anyone hear me?")?;
    bob.type_line("loud and clear")?;
    // If alice got her own line back, it would be first.
    alice.expect_line("loud and clear")?;
    runner.run(&["pub", "kitchen", "tea is ready"])?;
    alice.expect_line("tea is ready")?;
    bob.expect_line("tea is ready")
}

pub(super) const ROOMS: Lesson = Lesson {
    title: "Rooms",
    introduction: "A room is a name that sockets can join. Everyone in it hears what is sent to it.",
    files: &[],
    steps: rooms,
    summary: "A message goes to every socket in its rooms, and carol, who is in both, got the line for both rooms once. With --except \
           blue a message skips every socket in blue, so carol did not get that line.",
};

fn rooms(runner: &mut Runner, _: &Lesson) -> Result<(), Failure> {
    let mut alice = runner.start_process("alice", &["sub", "red", "--trace"])?;
    alice.expect_frame("→ 421[\"sub\",{\"rooms\":[\"red\"]}]")?;
    let mut bob = runner.start_process("bob", &["sub", "blue"])?;
    let mut carol = runner.start_process("carol", &["sub", "red", "blue"])?;
    runner.wait_for_sockets("/", "red", 2)?;
    runner.wait_for_sockets("/", "blue", 2)?;
    runner.run(&["pub", "red", "only red"])?;
    alice.expect_line("only red")?;
    carol.expect_line("only red")?;
    runner.run_and_check(
        &["pub", "red", "--to", "blue", "both", "--trace"],
        &Expectation {
            frames: &[
                "→ 451-1[\"batch\",{\"rooms\":[\"red\",\"blue\"],…",
                "← 431[{…\"delivered\":3,…}]",
            ],
            ..Expectation::default()
        },
    )?;
    alice.expect_line("both")?;
    bob.expect_line("both")?;
    carol.expect_line("both")?;
    runner.run(&["pub", "red", "--except", "blue", "red but not blue"])?;
    alice.expect_line("red but not blue")?;
    runner.run(&["pub", "blue", "good night"])?;
    // If one of them got a line that is not for it, that line would be first.
    bob.expect_line("good night")?;
    carol.expect_line("good night")
}

pub(super) const NAMESPACES: Lesson = Lesson {
    title: "Namespaces",
    introduction: "A namespace is a separate channel over one shared connection. It has its own rooms, middleware and \
           event handlers.",
    files: &[],
    steps: namespaces,
    summary: "There were two rooms called ops, one in /admin and one in /, and neither got the other's message. A frame names its \
           namespace after the packet types, as in 40/admin, and a frame without a name belongs to /.",
};

fn namespaces(runner: &mut Runner, _: &Lesson) -> Result<(), Failure> {
    let mut alice = runner.start_process("alice", &["sub", "/admin#ops", "--trace"])?;
    alice.expect_frame("→ 40/admin,…")?;
    let mut bob = runner.start_process("bob", &["sub", "ops", "--trace"])?;
    bob.expect_frame("→ 40{…")?;
    runner.wait_for_sockets("/admin", "ops", 1)?;
    runner.wait_for_sockets("/", "ops", 1)?;
    runner.run(&["pub", "/admin#ops", "for admins"])?;
    alice.expect_frame("← 451-/admin,[\"batch\",{\"rooms\":[\"ops\"],…")?;
    alice.expect_line("for admins")?;
    runner.run(&["pub", "ops", "for everyone else"])?;
    bob.expect_frame("← 451-[\"batch\",{\"rooms\":[\"ops\"],…")?;
    // If the other namespace's line came here, it would be first.
    bob.expect_line("for everyone else")
}
