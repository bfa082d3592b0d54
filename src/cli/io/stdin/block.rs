//! How input is cut into messages, and the blocks of messages that come of it.

use bytes::Bytes;

use crate::wire::batch::Framing;

/// How input becomes messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Each `\n` ends a message; so does the end of the input, when anything stands behind the last `\n`.
    Lines,
    /// Each NUL ends a message, likewise.
    Nul,
    /// Everything up to the end of the input (of each file) is one message, nothing at all being the empty message.
    Whole,
}

/// What a message may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// Any bytes; text where it is text.
    Text,
    /// A JSON value, checked here so that the error can say which one is not.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputOptions {
    pub split: Split,
    pub payload: Payload,
    /// What the hub takes in one message.
    pub max_message: usize,
}

/// Messages ready to be a batch: at least one, and at most `limits::BATCH_BYTES` of body unless it is a single one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputBlock {
    pub framing: Framing,
    pub json: bool,
    pub count: u32,
    pub body: Bytes,
}
