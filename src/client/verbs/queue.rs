//! `queue`: lists the messages that wait for members.

use serde::{Deserialize, Serialize};

use super::VerbRequest;
use crate::address::{ClientName, RoomName};
use crate::wire::verb::Verb;

#[derive(Debug, Clone, Serialize)]
pub struct QueueRequest<'a> {
    /// None: every member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a ClientName>,
}

impl VerbRequest for QueueRequest<'_> {
    const VERB: Verb = Verb::Queue;
    type Response = QueueResponse;
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct QueueResponse {
    pub queues: Vec<QueueSummary>,
    /// How many further queues there are.
    #[serde(default)]
    pub more: u64,
}

/// The messages that wait for one member in one room.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct QueueSummary {
    pub name: ClientName,
    pub room: RoomName,
    pub pending: u64,
    /// When the oldest message was published, milliseconds since 1970 (UTC).
    pub oldest: Option<u64>,
    pub bytes: u64,
    /// How many sockets share it; None: it is not shared.
    pub sharers: Option<u64>,
    /// Messages that are leased to a sharer.
    pub leased: Option<u64>,
}
