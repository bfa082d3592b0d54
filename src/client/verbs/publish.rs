//! `batch`: publishes messages. Its request is a header and a body; [`crate::client::publish_window`] sends it.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client::invalid_message::{InvalidMessage, parse};

/// `delivered` and `queued` count recipients.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PublishResponse {
    #[serde(default)]
    pub delivered: u64,
    #[serde(default)]
    pub queued: u64,
    #[serde(default)]
    pub duplicate: bool,
    /// When the hub will deliver a delayed batch, milliseconds since 1970 (UTC).
    pub due: Option<u64>,
}

impl PublishResponse {
    pub fn parse(json: &RawValue) -> Result<Self, InvalidMessage> {
        parse("a receipt", json)
    }
}
