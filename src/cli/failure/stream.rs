//! Why a stream was not whole.

use std::time::Duration;

use crate::cli::screen::duration::duration_text;

/// Why a stream did not come, or go, whole.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("the stream is cut off: {0}")]
    Broken(Broken),
    #[error("the stream is cut off: some of it is no longer kept")]
    Pruned,
    #[error("the stream is cut off: its publisher is gone")]
    PublisherGone,
    #[error("the stream is cut off: the hub has another database than when it began")]
    OtherLog,
    /// `--drain`
    #[error("the stream is cut off here: it has not ended yet")]
    NotEnded,
    /// Its publisher may be there still.
    #[error("--timeout {} came first: the stream has not ended yet", duration_text(*.0))]
    Timeout(Duration),
    #[error(
        "this hub takes messages of {limit} bytes, and a piece of a stream needs more than {least}"
    )]
    NoRoom { limit: usize, least: usize },
}

/// A stream that came in part, and what the next call will find.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct Cut {
    pub why: StreamError,
    pub left: Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nobody has a place here that could have moved.
    Nothing,
    /// It counts as read.
    Behind,
    /// It comes again.
    Ahead,
}

impl Left {
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Behind => Some("it counts as read: the next call gets the next stream"),
            Self::Ahead => Some("the next call gets it again, from its beginning"),
        }
    }
}

/// Why a stream is not whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("its publisher broke it off: {0}")]
    Aborted(String),
    #[error("part {due} of it should have come, and part {came} did")]
    Parts { due: u64, came: u64 },
    #[error("its end says {said} bytes, and {came} came")]
    Length { said: u64, came: u64 },
    #[error("its checksum is not that of its bytes")]
    Checksum,
}
