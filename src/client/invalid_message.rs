//! Messages of the server that cannot be read, and the JSON readers that report them.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::json::error_text;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct InvalidMessage {
    /// Which message, as in "a batch".
    pub what: String,
    pub reason: String,
}

impl InvalidMessage {
    pub fn new(what: impl Into<String>, reason: impl ToString) -> Self {
        Self {
            what: what.into(),
            reason: reason.to_string(),
        }
    }
}

pub(super) fn parse<'a, T: Deserialize<'a>>(
    what: &str,
    json: &'a RawValue,
) -> Result<T, InvalidMessage> {
    serde_json::from_str(json.get()).map_err(|error| InvalidMessage::new(what, error_text(&error)))
}

pub(super) fn first_argument<'a>(
    what: &str,
    args: &[&'a RawValue],
) -> Result<&'a RawValue, InvalidMessage> {
    let first = args.first().copied();
    first.ok_or_else(|| InvalidMessage::new(what, "no argument"))
}
