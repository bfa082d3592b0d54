//! One lesson: its texts and its commands.

use crate::cli::commands::demo::runner::{DemoFile, Pacing, Runner, StopFlag};
use crate::cli::failure::Failure;

pub struct Lesson {
    pub(super) title: &'static str,
    /// Printed before the first command, and by `--list`.
    pub(super) introduction: &'static str,
    /// The files in the folder of every command. A hub.toml has the hub's settings.
    pub(super) files: &'static [DemoFile],
    pub(super) steps: fn(&mut Runner, &Lesson) -> Result<(), Failure>,
    /// Two sentences, printed after the last command.
    pub(super) summary: &'static str,
}

impl Lesson {
    pub fn run(&self, number: usize, pacing: Pacing, stop: StopFlag) -> Result<(), Failure> {
        let mut runner = Runner::start(stop, pacing, self.files)?;
        runner.begin_lesson(number, self.title, self.introduction);
        (self.steps)(&mut runner, self)?;
        runner.print_summary(self.summary);
        Ok(())
    }
}
