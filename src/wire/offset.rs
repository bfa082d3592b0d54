//! Offsets for Socket.IO's connection state recovery: the last argument of every event to a client that may reconnect.
//! The client sends its last offset, and the server sends the events after it.
//!
//! An offset is opaque to clients. It names the log, so that a seq of another log is never taken for one of this log.

use std::borrow::Cow;
use std::sync::Arc;

use crate::address::Seq;

/// How many characters of a log's id identify it.
const TAG_CHARS: usize = 8;

/// The name of a log in its offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTag(Arc<str>);

impl LogTag {
    pub fn new(log_id: &str) -> Self {
        Self(log_id.chars().take(TAG_CHARS).collect::<String>().into())
    }

    /// `end` is the first seq that the client did not get. The text needs no escaping in JSON.
    pub fn offset(&self, end: Seq) -> String {
        format!("{}.{end}", self.0)
    }

    /// The seq of an offset; None if it is not of this log.
    pub fn seq(&self, offset: &str) -> Option<Seq> {
        let seq = offset.strip_prefix(&*self.0)?.strip_prefix('.')?;
        Seq::parse(seq).ok()
    }
}

/// Appends an offset to the arguments of an event (the inside of a JSON array).
pub fn with_offset<'a>(args: &'a str, offset: Option<&str>) -> Cow<'a, str> {
    match offset {
        None => Cow::Borrowed(args),
        Some(offset) if args.is_empty() => Cow::Owned(format!("\"{offset}\"")),
        Some(offset) => Cow::Owned(format!("{args},\"{offset}\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_a_seq_of_its_own_log() {
        let tag = LogTag::new("0123456789abcdef");
        for (seq, text) in [
            (Seq::new(41, 0), "01234567.41"),
            (Seq::new(41, 7), "01234567.41.7"),
            (Seq::START, "01234567.0"),
        ] {
            assert_eq!(tag.offset(seq), text);
            assert_eq!(tag.seq(text), Some(seq));
        }
        for foreign in [
            "",
            "41",
            "01234567",
            "01234567.",
            "0123456741",
            "01234568.41",
            "012345678.41",
            "01234567.41.",
            "01234567.-1",
            "01234567.41.7.1",
            "01234567.99999999999999999999",
            "01234567.41.99999999999",
            "é1234567.41",
        ] {
            assert_eq!(tag.seq(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn an_offset_is_one_more_argument() {
        assert_eq!(with_offset("", None), "");
        assert_eq!(with_offset("1", None), "1");
        assert_eq!(with_offset("", Some("a.1")), "\"a.1\"");
        assert_eq!(with_offset("1,[]", Some("a.1")), "1,[],\"a.1\"");
    }
}
