//! One lesson: what it tells, and the commands that it runs.

use crate::cli::commands::demo::runner::{Pacing, Setting, Stage, Stop};
use crate::cli::failure::Failure;

pub struct Lesson {
    pub(super) title: &'static str,
    /// What it is about, before the first command.
    pub(super) about: &'static str,
    /// What there is in the folder of who takes part; a hub.toml is the hub's.
    pub(super) files: &'static [(&'static str, &'static str)],
    pub(super) play: fn(&mut Stage, &Lesson) -> Result<(), Failure>,
    /// Two sentences.
    pub(super) seen: &'static str,
}

impl Lesson {
    pub(in crate::cli::commands::demo) fn give(
        &self,
        number: usize,
        pacing: Pacing,
        stop: Stop,
    ) -> Result<(), Failure> {
        let files = self.files;
        let mut stage = Stage::open(stop, &Setting { pacing, files })?;
        stage.lesson(number, self.title, self.about);
        (self.play)(&mut stage, self)?;
        stage.seen(self.seen);
        Ok(())
    }
}
