//! The parameters of a new session. Its transport and the client have agreed on them.

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

/// The protocol that Engine.IO's messages carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineMode {
    SocketIo,
    /// No protocol: every message goes back to its sender, for testing Engine.IO clients and transports.
    Echo,
}
