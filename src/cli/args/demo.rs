//! The flags of `demo`.

use clap::Args;

/// The number of lessons.
pub const LESSON_COUNT: usize = 8;

/// Learn about rooms, namespaces and waiting messages: a tour and lessons
///
/// The tour takes ten seconds. It runs real commands against a hub of its own and checks their output. A lesson prints a
/// command, waits for Enter (at a terminal), runs the command, and shows the important frames.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat demo\n  roomcat demo --list\n  roomcat demo --lesson 3\n  roomcat demo --lesson 5 --auto"
)]
pub struct DemoArgs {
    /// Run one lesson, by its number
    #[arg(long, value_name = "N", value_parser = lesson)]
    pub lesson: Option<usize>,

    /// List the lessons
    #[arg(long, conflicts_with = "lesson")]
    pub list: bool,

    /// Run without waiting for Enter
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
        format!("there are lessons 1 to {last}; \"roomcat demo --list\" shows their titles")
    })
}
