//! The tour: in ten seconds, what a newcomer can do here.

use serde_json::Value;

use super::runner::{Setting, Stage, Stop};
use crate::cli::failure::Failure;

pub(super) fn tell(stop: Stop) -> Result<(), Failure> {
    let mut stage = Stage::open(stop, &Setting::default())?;
    let steps: [Step; 5] = [
        ("A line to everyone in a room", everyone),
        ("To everyone but me: the broadcast flag", others),
        ("A room is joined, and left", join_and_leave),
        ("Namespaces: rooms never cross them", namespaces),
        ("Who was away gets what it missed", away),
    ];
    stage.welcome();
    for (number, (title, step)) in (1..).zip(steps) {
        stage.title(number, title);
        step(&mut stage)?;
        stage.done()?;
    }
    stage.close();
    Ok(())
}

/// Each has rooms of its own: who listened in the step before may not be gone yet.
type Step = (&'static str, fn(&mut Stage) -> Result<(), Failure>);

fn everyone(stage: &mut Stage) -> Result<(), Failure> {
    let mut alice = stage.listen("alice", &["sub", "lobby"])?;
    let mut bob = stage.listen("bob", &["sub", "lobby"])?;
    stage.sockets("/", "lobby", 2)?;
    stage.pipe(&["hello, everyone"], &["pub", "lobby"])?;
    alice.hears("hello, everyone")?;
    bob.hears("hello, everyone")
}

fn others(stage: &mut Stage) -> Result<(), Failure> {
    let mut alice = stage.listen("alice", &["chat", "kitchen"])?;
    let mut bob = stage.listen("bob", &["chat", "kitchen"])?;
    stage.sockets("/", "kitchen", 2)?;
    alice.types("does anyone hear me?")?;
    bob.hears("does anyone hear me?")?;
    bob.types("loud and clear")?;
    // Had her own line come back, this would not be the first that she hears.
    alice.hears("loud and clear")
}

fn join_and_leave(stage: &mut Stage) -> Result<(), Failure> {
    stage.run(&["join", "deploys", "--as", "carol"])?;
    stage.run(&["pub", "deploys", "web1 is up"])?;
    stage.show(&["rooms", "deploys"])?;
    let members = |stage: &Stage| stage.room("/", "deploys").map(|it| it["members"].clone());
    let waiting = serde_json::json!([{"name": "carol", "pending": 1, "here": false}]);
    expect(stage, "the members of deploys", &waiting, &members(stage)?)?;
    stage.run(&["leave", "deploys", "--as", "carol"])?;
    let none = Value::Array(Vec::new());
    expect(stage, "the members of deploys", &none, &members(stage)?)?;
    stage.note("carol is no member any more, and nothing waits for her");
    Ok(())
}

fn namespaces(stage: &mut Stage) -> Result<(), Failure> {
    let mut alice = stage.listen("alice", &["sub", "/admin#ops"])?;
    let mut bob = stage.listen("bob", &["sub", "ops"])?;
    stage.sockets("/admin", "ops", 1)?;
    stage.sockets("/", "ops", 1)?;
    stage.run(&["pub", "/admin#ops", "for admins"])?;
    stage.run(&["pub", "ops", "for everyone else"])?;
    alice.hears("for admins")?;
    // Had the other namespace's line crossed over, it would have come first.
    bob.hears("for everyone else")
}

fn away(stage: &mut Stage) -> Result<(), Failure> {
    let mut dave = stage.listen("dave", &["sub", "news", "--as", "dave", "-n", "1"])?;
    stage.sockets("/", "news", 1)?;
    stage.run(&["pub", "news", "dave is here"])?;
    dave.hears("dave is here")?;
    dave.ends()?;
    stage.pipe(&["one", "two", "three"], &["pub", "news"])?;
    stage.show(&["rooms", "news"])?;
    let mut dave = stage.listen("dave", &["sub", "news", "--as", "dave", "--drain"])?;
    for line in ["one", "two", "three"] {
        dave.hears(line)?;
    }
    dave.ends()
}

fn expect(stage: &Stage, what: &str, wanted: &Value, found: &Value) -> Result<(), Failure> {
    if wanted == found {
        Ok(())
    } else {
        Err(stage.failure(&format!("{what} should be {wanted}, and are {found}")))
    }
}
