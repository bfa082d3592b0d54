//! Why a stream was not sent or received in full.

use std::time::Duration;

use crate::cli::screen::duration::duration_text;

#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("the stream is cut off: {0}")]
    Defect(StreamDefect),
    #[error("the stream is cut off: the hub no longer keeps all of it")]
    Pruned,
    #[error("the stream is cut off: its publisher is gone")]
    PublisherGone,
    #[error("the stream is cut off: the hub has had a new database since the stream began")]
    OtherLog,
    /// With `--drain`.
    #[error("the stream is cut off: it has not ended yet")]
    NotEnded,
    /// The publisher may still be connected.
    #[error("timed out after {}: the stream has not ended yet", duration_text(*.0))]
    Timeout(Duration),
    #[error("the hub's message limit is {limit} bytes; a stream needs more than {least}")]
    LimitTooSmall { limit: usize, least: usize },
}

/// A stream that was received in part, and what the next call reads.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct IncompleteStream {
    pub why: StreamError,
    pub next_read: NextRead,
}

/// What the next call reads after an incomplete stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextRead {
    /// The reader has no name, so it has no cursor that could have moved.
    FromNow,
    /// The stream counts as read.
    NextStream,
    SameStream,
}

impl NextRead {
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::FromNow => None,
            Self::NextStream => {
                Some("the stream counts as read; the next call gets the next stream")
            }
            Self::SameStream => Some("the next call gets the stream again, from its beginning"),
        }
    }
}

/// What is wrong with the parts of a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamDefect {
    #[error("its publisher aborted it: {0}")]
    Aborted(String),
    #[error("part {expected} is missing; part {received} arrived instead")]
    Parts { expected: u64, received: u64 },
    #[error("its publisher sent {announced} bytes, but {received} arrived")]
    Length { announced: u64, received: u64 },
    #[error("its checksum does not match its bytes")]
    Checksum,
}
