//! The lessons, one topic each: commands and the output that they must have.

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

/// The numbers, titles and introductions.
pub(super) fn list() -> String {
    let lines = (1..).zip(LESSONS).map(|(number, lesson)| {
        let Lesson {
            title,
            introduction,
            ..
        } = lesson;
        format!("{number}  {title}\n   {introduction}\n")
    });
    lines.collect()
}
