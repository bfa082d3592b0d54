//! `rooms`: lists rooms, or one room with its members.

use serde::{Deserialize, Serialize};

use super::VerbRequest;
use crate::address::{ClientName, RoomName};
use crate::wire::verb::Verb;

#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct RoomsRequest<'a> {
    /// None: every room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<&'a RoomName>,
}

impl VerbRequest for RoomsRequest<'_> {
    const VERB: Verb = Verb::Rooms;
    type Response = RoomsResponse;
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RoomsResponse {
    pub rooms: Vec<RoomSummary>,
    /// How many further rooms there are.
    #[serde(default)]
    pub more: u64,
    /// Messages that expired before members read them.
    #[serde(default)]
    pub expired: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RoomSummary {
    pub room: RoomName,
    pub sockets: u64,
    pub messages: u64,
    /// When the last message was published, milliseconds since 1970 (UTC).
    pub last: Option<u64>,
    #[serde(default)]
    pub members: Vec<RoomMember>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RoomMember {
    pub name: ClientName,
    pub pending: u64,
    /// Whether a socket of this name is connected.
    #[serde(default)]
    pub here: bool,
}
