//! How messages are shown on stdout.

use std::sync::Arc;

use super::template::FormatTemplate;

/// What follows each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminator {
    Newline,
    Nul,
    /// Nothing follows.
    Raw,
}

/// How messages are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputFormat {
    /// The data of each message.
    Data(Terminator),
    /// A JSON object a line, with all fields of the message.
    Json,
    /// The template of `--format`.
    Template(Arc<FormatTemplate>, Terminator),
    /// `name: data`, for people.
    Chat,
    /// A JSON array a line: the event name and its arguments.
    Event,
    /// A JSON array a line: the arguments.
    Args,
    /// The bodies of the batches, with nothing added.
    Bytes,
}
