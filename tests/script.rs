//! Rooms in scripts: a command for each message, answers, and messages in a format of one's own.

mod answers;
mod format;
mod together;
mod work;
