//! The lessons: one thing each, told as commands with what must come of them.

mod lesson;
mod middleware;
mod queues;
mod rooms;

use self::lesson::Lesson;
use crate::cli::args::demo::LESSON_COUNT;

pub(super) const LESSONS: [Lesson; LESSON_COUNT] = [
    rooms::CHAT,
    rooms::BROADCAST,
    rooms::ROOMS,
    rooms::NAMESPACES,
    middleware::MIDDLEWARE,
    middleware::ACKS,
    queues::OFFLINE,
    queues::SHARED,
];

/// A line a lesson.
pub(super) fn list() -> String {
    let lines = (1..).zip(LESSONS).map(|(number, lesson)| {
        let Lesson { title, about, .. } = lesson;
        format!("{number}  {title}\n   {about}\n")
    });
    lines.collect()
}
