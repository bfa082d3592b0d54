//! Offsets: the last argument of every event to a client that may come back (Socket.IO's connection state recovery). It
//! shows the last one it got, and is handed what stands behind it.
//!
//! For clients an offset is opaque. It names the log, so that a place in another one is never taken for a place in this.

use std::borrow::Cow;
use std::sync::Arc;

use crate::address::Seq;

/// How much of a log's id tells it from another.
const TAG_CHARS: usize = 8;

/// A log, as its offsets name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTag(Arc<str>);

impl LogTag {
    pub fn new(log_id: &str) -> Self {
        Self(log_id.chars().take(TAG_CHARS).collect::<String>().into())
    }

    /// `end` is the first place that this offset's holder did not get. A text without anything to escape in JSON.
    pub fn offset(&self, end: Seq) -> String {
        format!("{}.{end}", self.0)
    }

    /// The place that an offset stands for; None when it is none of this log's.
    pub fn seq(&self, offset: &str) -> Option<Seq> {
        let seq = offset.strip_prefix(&*self.0)?.strip_prefix('.')?;
        Seq::parse(seq).ok()
    }
}

/// The arguments of an event (the inside of a JSON array) with an offset behind them.
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
    fn an_offset_is_a_place_in_its_own_log() {
        let tag = LogTag::new("0123456789abcdef");
        for (place, text) in [
            (Seq::new(41, 0), "01234567.41"),
            (Seq::new(41, 7), "01234567.41.7"),
            (Seq::START, "01234567.0"),
        ] {
            assert_eq!(tag.offset(place), text);
            assert_eq!(tag.seq(text), Some(place));
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
    fn it_is_one_more_argument() {
        assert_eq!(with_offset("", None), "");
        assert_eq!(with_offset("1", None), "1");
        assert_eq!(with_offset("", Some("a.1")), "\"a.1\"");
        assert_eq!(with_offset("1,[]", Some("a.1")), "1,[],\"a.1\"");
    }
}
