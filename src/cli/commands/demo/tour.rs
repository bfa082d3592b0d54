//! The tour: in ten seconds, what roomcat can do.

use serde_json::Value;

use super::runner::{Pacing, Runner, StopFlag};
use crate::cli::failure::Failure;

/// A title and its commands. Each step has rooms of its own, because processes of the step before may not have ended.
type Step = (&'static str, fn(&mut Runner) -> Result<(), Failure>);

pub(super) fn run(stop: StopFlag) -> Result<(), Failure> {
    let mut runner = Runner::start(stop, Pacing::Automatic, &[])?;
    let steps: [Step; 5] = [
        ("A line to everyone in a room", send_to_everyone),
        ("To everyone but me: the broadcast flag", send_to_others),
        ("Joining and leaving a room", join_and_leave),
        ("Namespaces: each has its own rooms", send_in_namespaces),
        ("Messages wait for a member that is away", send_while_away),
    ];
    runner.print_tour_title();
    for (number, (title, step)) in (1..).zip(steps) {
        runner.begin_step(number, title);
        step(&mut runner)?;
        runner.end_step()?;
    }
    runner.print_tour_end();
    Ok(())
}

fn send_to_everyone(runner: &mut Runner) -> Result<(), Failure> {
    let mut alice = runner.start_process("alice", &["sub", "lobby"])?;
    let mut bob = runner.start_process("bob", &["sub", "lobby"])?;
    runner.wait_for_sockets("/", "lobby", 2)?;
    runner.run_with_stdin(&["hello, everyone"], &["pub", "lobby"])?;
    alice.expect_line("hello, everyone")?;
    bob.expect_line("hello, everyone")
}

fn send_to_others(runner: &mut Runner) -> Result<(), Failure> {
    let mut alice = runner.start_process("alice", &["chat", "kitchen"])?;
    let mut bob = runner.start_process("bob", &["chat", "kitchen"])?;
    runner.wait_for_sockets("/", "kitchen", 2)?;
    alice.type_line("does anyone hear me?")?;
    bob.expect_line("does anyone hear me?")?;
    bob.type_line("loud and clear")?;
    // If alice got her own line back, it would be first.
    alice.expect_line("loud and clear")
}

fn join_and_leave(runner: &mut Runner) -> Result<(), Failure> {
    runner.run(&["join", "deploys", "--as", "carol"])?;
    runner.run(&["pub", "deploys", "web1 is up"])?;
    runner.run_and_show(&["rooms", "deploys"])?;
    let members = |runner: &Runner| runner.room("/", "deploys").map(|it| it["members"].clone());
    let carol = serde_json::json!([{"name": "carol", "pending": 1, "here": false}]);
    expect_equal(runner, "the members of deploys", &carol, &members(runner)?)?;
    runner.run(&["leave", "deploys", "--as", "carol"])?;
    let none = Value::Array(Vec::new());
    expect_equal(runner, "the members of deploys", &none, &members(runner)?)?;
    runner.print_note("carol is not a member now, and nothing waits for her");
    Ok(())
}

fn send_in_namespaces(runner: &mut Runner) -> Result<(), Failure> {
    let mut alice = runner.start_process("alice", &["sub", "/admin#ops"])?;
    let mut bob = runner.start_process("bob", &["sub", "ops"])?;
    runner.wait_for_sockets("/admin", "ops", 1)?;
    runner.wait_for_sockets("/", "ops", 1)?;
    runner.run(&["pub", "/admin#ops", "for admins"])?;
    runner.run(&["pub", "ops", "for everyone else"])?;
    alice.expect_line("for admins")?;
    // If the other namespace's line came here, it would be first.
    bob.expect_line("for everyone else")
}

fn send_while_away(runner: &mut Runner) -> Result<(), Failure> {
    let mut dave = runner.start_process("dave", &["sub", "news", "--as", "dave", "-n", "1"])?;
    runner.wait_for_sockets("/", "news", 1)?;
    runner.run(&["pub", "news", "dave is here"])?;
    dave.expect_line("dave is here")?;
    dave.expect_exit()?;
    runner.run_with_stdin(&["one", "two", "three"], &["pub", "news"])?;
    runner.run_and_show(&["rooms", "news"])?;
    let mut dave = runner.start_process("dave", &["sub", "news", "--as", "dave", "--drain"])?;
    for line in ["one", "two", "three"] {
        dave.expect_line(line)?;
    }
    dave.expect_exit()
}

fn expect_equal(
    runner: &Runner,
    subject: &str,
    expected: &Value,
    found: &Value,
) -> Result<(), Failure> {
    if expected == found {
        Ok(())
    } else {
        Err(runner.failure(&format!("{subject} are {found} instead of {expected}")))
    }
}
