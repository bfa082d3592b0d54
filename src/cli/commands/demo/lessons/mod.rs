//! The lessons: one thing each, told as commands with what must come of them.

mod deciding;
mod lesson;
mod talking;
mod waiting;

use self::lesson::Lesson;
use crate::cli::args::demo::LESSON_COUNT;

pub(super) const LESSONS: [Lesson; LESSON_COUNT] = [
    talking::CHAT,
    talking::BROADCAST,
    talking::ROOMS,
    talking::NAMESPACES,
    deciding::MIDDLEWARE,
    deciding::ACKS,
    waiting::OFFLINE,
    waiting::SHARED,
];

/// A line a lesson.
pub(super) fn list() -> String {
    let lines = (1..).zip(LESSONS).map(|(number, lesson)| {
        let Lesson { title, about, .. } = lesson;
        format!("{number}  {title}\n   {about}\n")
    });
    lines.collect()
}
