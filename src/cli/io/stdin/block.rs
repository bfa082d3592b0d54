//! How input is cut into messages, and the blocks of messages that result.

use bytes::Bytes;

use crate::wire::batch::Framing;

/// How input becomes messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Each `\n` ends a message. The end of the input ends the last one if it is not empty.
    Lines,
    /// Each NUL ends a message, in the same way.
    Nul,
    /// Each file is one message. An empty file is an empty message.
    Whole,
}

/// What a message may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// Any bytes.
    Text,
    /// A JSON value. It is checked here, so that the error can name the message.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputOptions {
    pub split: Split,
    pub payload: Payload,
    /// The most bytes of one message that the hub accepts.
    pub max_message: usize,
}

/// Messages for one batch: at least one. The body has at most `limits::BATCH_BYTES`, unless it is a single message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputBlock {
    pub framing: Framing,
    pub json: bool,
    pub count: u32,
    pub body: Bytes,
}
