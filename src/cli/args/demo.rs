//! `demo`.

use clap::Args;

/// How many lessons there are.
pub const LESSON_COUNT: usize = 8;

/// Show what rooms, namespaces and waiting messages are: a tour, and lessons
///
/// The tour takes ten seconds. All that is shown is done: real commands against a hub of its own, each held to what is said of it. A lesson prints a
/// command, waits for Enter at a terminal, runs it, and shows the frames that matter.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat demo\n  roomcat demo --list\n  roomcat demo --lesson 3\n  roomcat demo --lesson 5 --auto"
)]
pub struct DemoArgs {
    /// One lesson, by its number
    #[arg(long, value_name = "N", value_parser = lesson)]
    pub lesson: Option<usize>,

    /// The lessons there are
    #[arg(long, conflicts_with = "lesson")]
    pub list: bool,

    /// Do not wait for Enter
    #[arg(long, conflicts_with = "list")]
    pub auto: bool,
}

fn lesson(text: &str) -> Result<usize, String> {
    let last = LESSON_COUNT;
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=last).contains(number));
    number.ok_or_else(|| {
        format!("there are lessons 1 to {last}; \"roomcat demo --list\" has their titles")
    })
}
