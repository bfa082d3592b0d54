//! What a session starts with: its transport and the client have agreed on it.

use std::sync::Arc;

use crate::hub::peer::Peer;

#[derive(Debug, Clone)]
pub struct SessionParams {
    pub sid: String,
    /// The transports that the client may upgrade to.
    pub upgrades: &'static [&'static str],
    pub mode: EngineMode,
    pub peer: Arc<Peer>,
}

/// What Engine.IO's messages carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineMode {
    SocketIo,
    /// Nothing of ours: every message goes back to its sender, for trying out Engine.IO clients and transports.
    Echo,
}
