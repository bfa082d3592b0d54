//! Engine.IO protocol v4 packets as they travel on WebSocket: the text frames. A binary frame is a binary message as
//! it is and needs no codec.

use serde::{Deserialize, Serialize};

/// One Engine.IO packet (protocol v4, "Packet encoding"). The type is the first character of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    Open(&'a str),
    Close,
    Ping(&'a str),
    Pong(&'a str),
    Message(&'a str),
    Upgrade,
    Noop,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    #[error("an empty Engine.IO packet")]
    Empty,
    #[error("{0:?} is not an Engine.IO packet type")]
    UnknownType(char),
    #[error("the Engine.IO handshake is malformed: {0}")]
    Handshake(String),
}

pub fn decode(frame: &str) -> Result<Packet<'_>, EngineError> {
    todo!("{frame}")
}

/// The prefix of a message packet; `socket::Packet` texts follow it.
pub const MESSAGE: char = '4';
pub const CLOSE: &str = "1";
pub const PING: &str = "2";
pub const PONG: &str = "3";

/// The handshake that the server sends in its open packet (protocol v4, "Handshake"). Times are milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handshake {
    pub sid: String,
    pub upgrades: Vec<String>,
    pub ping_interval: u64,
    pub ping_timeout: u64,
    pub max_payload: u64,
}

impl Handshake {
    /// The whole open packet, `0{…}`.
    pub fn encode(&self) -> String {
        todo!()
    }
    pub fn decode(json: &str) -> Result<Self, EngineError> {
        todo!("{json}")
    }
}
