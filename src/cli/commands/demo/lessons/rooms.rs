//! Who hears what is said: the chat example, broadcast, rooms and namespaces.

use super::lesson::Lesson;
use crate::cli::commands::demo::runner::{Held, Stage};
use crate::cli::failure::Failure;

pub(super) const CHAT: Lesson = Lesson {
    title: "The chat example",
    about: "Socket.IO's first page: a user connects, says something, and the server passes it on to everyone.",
    files: &[],
    play: chat,
    seen: "An event is one frame: 4 is a message of Engine.IO, 2 an event of Socket.IO, and behind them stand its name and \
           arguments as JSON. The hub passed on to everyone what \
           was emitted, which is the io.emit of the chat example.",
};

fn chat(stage: &mut Stage, _: &Lesson) -> Result<(), Failure> {
    let mut alice = stage.listen("alice", &["on", "chat message", "--trace"])?;
    alice.sees("→ 40")?;
    alice.sees("← 40{\"sid\":\"…\"}")?;
    stage.hub().says("a user connected / (…)")?;
    let mut bob = stage.listen("bob", &["on", "chat message"])?;
    stage.hub().says("a user connected / (…)")?;
    stage.sockets("/", "", 2)?;
    stage.hold(
        &["emit", "chat message", "good morning", "--trace"],
        &Held {
            frames: &["→ 42[\"chat message\",\"good morning\"]"],
            ..Held::default()
        },
    )?;
    alice.sees("← 42[\"chat message\",\"good morning\"]")?;
    alice.hears("[\"chat message\",\"good morning\"]")?;
    bob.hears("[\"chat message\",\"good morning\"]")
}

pub(super) const BROADCAST: Lesson = Lesson {
    title: "Broadcast: everyone but me",
    about: "Who talks need not hear oneself: Socket.IO's socket.broadcast.emit.",
    files: &[],
    play: broadcast,
    seen: "What is sent to \"others\" came to bob and not back to alice, who heard bob's answer as her first line. What is \
           sent to \"all\" came to both.",
};

fn broadcast(stage: &mut Stage, _: &Lesson) -> Result<(), Failure> {
    let mut alice = stage.listen("alice", &["chat", "kitchen", "--trace"])?;
    let mut bob = stage.listen("bob", &["chat", "kitchen"])?;
    stage.sockets("/", "kitchen", 2)?;
    alice.types("does anyone hear me?")?;
    alice.sees("→ 451-…[\"batch\",{\"rooms\":[\"kitchen\"],…\"to\":\"others\"…")?;
    alice.sees("→ <\"does anyone hear me?␊\">")?;
    bob.hears("does anyone hear me?")?;
    bob.types("loud and clear")?;
    // Had her own line come back, this would not be the first that she hears.
    alice.hears("loud and clear")?;
    stage.run(&["pub", "kitchen", "tea is ready"])?;
    alice.hears("tea is ready")?;
    bob.hears("tea is ready")
}

pub(super) const ROOMS: Lesson = Lesson {
    title: "Rooms",
    about: "A room is a name that sockets join; what is said to it, who is in it hears.",
    files: &[],
    play: rooms,
    seen: "A message names its rooms, and who is in one of them gets it: alice heard red only, and carol, who is in both, \
           heard the line for both once. Who is in an excepted room was left out.",
};

fn rooms(stage: &mut Stage, _: &Lesson) -> Result<(), Failure> {
    let mut alice = stage.listen("alice", &["sub", "red", "--trace"])?;
    alice.sees("→ 421[\"sub\",{\"rooms\":[\"red\"]}]")?;
    let mut bob = stage.listen("bob", &["sub", "blue"])?;
    let mut carol = stage.listen("carol", &["sub", "red", "blue"])?;
    stage.sockets("/", "red", 2)?;
    stage.sockets("/", "blue", 2)?;
    stage.run(&["pub", "red", "only red"])?;
    alice.hears("only red")?;
    carol.hears("only red")?;
    stage.hold(
        &["pub", "red", "--to", "blue", "both", "--trace"],
        &Held {
            frames: &[
                "→ 451-1[\"batch\",{\"rooms\":[\"red\",\"blue\"],…",
                "← 431[{…\"delivered\":3,…}]",
            ],
            ..Held::default()
        },
    )?;
    alice.hears("both")?;
    bob.hears("both")?;
    carol.hears("both")?;
    stage.run(&["pub", "red", "--except", "blue", "red but not blue"])?;
    alice.hears("red but not blue")?;
    stage.run(&["pub", "blue", "good night"])?;
    // Had they got what was not for them, it would have come first.
    bob.hears("good night")?;
    carol.hears("good night")
}

pub(super) const NAMESPACES: Lesson = Lesson {
    title: "Namespaces",
    about: "A namespace is a channel of its own over the one connection, with rooms, tokens and handlers of its own.",
    files: &[],
    play: namespaces,
    seen: "Two rooms were called ops, one in /admin and one in /, and neither heard the other. A frame says its namespace \
           behind the type, as in 40/admin, and / is not written.",
};

fn namespaces(stage: &mut Stage, _: &Lesson) -> Result<(), Failure> {
    let mut alice = stage.listen("alice", &["sub", "/admin#ops", "--trace"])?;
    alice.sees("→ 40/admin,…")?;
    let mut bob = stage.listen("bob", &["sub", "ops", "--trace"])?;
    bob.sees("→ 40{…")?;
    stage.sockets("/admin", "ops", 1)?;
    stage.sockets("/", "ops", 1)?;
    stage.run(&["pub", "/admin#ops", "for admins"])?;
    alice.sees("← 451-/admin,[\"batch\",{\"rooms\":[\"ops\"],…")?;
    alice.hears("for admins")?;
    stage.run(&["pub", "ops", "for everyone else"])?;
    bob.sees("← 451-[\"batch\",{\"rooms\":[\"ops\"],…")?;
    // Had the other namespace's line crossed over, it would have come first.
    bob.hears("for everyone else")
}
