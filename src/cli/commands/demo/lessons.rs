//! The lessons: one thing each, told as commands with what must come of them.

mod deciding;
mod talking;
mod waiting;

use super::stage::{Pacing, Setting, Stage, Stop};
use crate::cli::failure::Failure;

pub struct Lesson {
    title: &'static str,
    /// What it is about, before the first command.
    about: &'static str,
    /// What there is in the folder of who takes part; a hub.toml is the hub's.
    files: &'static [(&'static str, &'static str)],
    play: fn(&mut Stage, &Lesson) -> Result<(), Failure>,
    /// Two sentences.
    seen: &'static str,
}

pub const LESSONS: &[Lesson] = &[
    talking::CHAT,
    talking::BROADCAST,
    talking::ROOMS,
    talking::NAMESPACES,
    deciding::MIDDLEWARE,
    deciding::ACKS,
    waiting::OFFLINE,
    waiting::SHARED,
];

impl Lesson {
    pub(super) fn give(&self, number: usize, pacing: Pacing, stop: Stop) -> Result<(), Failure> {
        let files = self.files;
        let mut stage = Stage::open(stop, &Setting { pacing, files })?;
        stage.lesson(number, self.title, self.about);
        (self.play)(&mut stage, self)?;
        stage.seen(self.seen);
        Ok(())
    }
}

/// A line a lesson.
pub(super) fn list() -> String {
    let lines = (1..).zip(LESSONS).map(|(number, lesson)| {
        let Lesson { title, about, .. } = lesson;
        format!("{number}  {title}\n   {about}\n")
    });
    lines.collect()
}
