//! How messages are shown on stdout.

use std::sync::Arc;

use super::template::FormatTemplate;

/// What follows each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminator {
    Newline,
    Nul,
    /// Nothing.
    Raw,
}

/// How messages are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputFormat {
    /// The data, and what ends it.
    Data(Terminator),
    /// One object a message, in one line, with all that is known of it.
    Json,
    /// What `--format` says, and what ends it.
    Template(Arc<FormatTemplate>, Terminator),
    /// As people read it: who said it, and the data.
    Said,
    /// One array a message, in one line: the event's name and its arguments.
    Event,
    /// One array a message, in one line: its arguments.
    Args,
    /// Each chunk is one piece of something larger: its body, with nothing added.
    Bytes,
}
