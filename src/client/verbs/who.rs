//! `who`: lists sockets.

use serde::{Deserialize, Serialize};

use super::VerbRequest;
use crate::address::{ClientName, RoomName};
use crate::wire::verb::Verb;

/// Without a filter, every socket of the namespace.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct WhoRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<&'a RoomName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<&'a str>,
}

impl VerbRequest for WhoRequest<'_> {
    const VERB: Verb = Verb::Who;
    type Response = WhoResponse;
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WhoResponse {
    pub sockets: Vec<SocketInfo>,
    /// How many further sockets there are.
    #[serde(default)]
    pub more: u64,
}

/// One socket.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SocketInfo {
    pub sid: String,
    #[serde(rename = "as")]
    pub name: Option<ClientName>,
    pub address: String,
    pub uid: Option<u32>,
    pub pid: Option<i32>,
    pub transport: String,
    pub rooms: Vec<RoomName>,
    /// Messages that it still has to receive or to ack.
    pub lag: u64,
    #[serde(default, rename = "lag_is_least")]
    pub lag_precision: LagPrecision,
    /// When it connected, milliseconds since 1970 (UTC).
    pub since: u64,
    /// Whether it is the requester's socket.
    #[serde(default)]
    pub you: bool,
}

/// Whether a lag exceeds what the hub counts; on the wire a bool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "bool")]
pub enum LagPrecision {
    #[default]
    Exact,
    AtLeast,
}

impl From<bool> for LagPrecision {
    fn from(is_least: bool) -> Self {
        if is_least { Self::AtLeast } else { Self::Exact }
    }
}
