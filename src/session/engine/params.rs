//! What a session begins with: what its transport's side has settled with the client.

use std::sync::Arc;

use crate::hub::peer::Peer;

/// What the handshake tells the client, beside the hub's settings.
#[derive(Debug, Clone)]
pub struct SessionParams {
    pub sid: String,
    /// The transports that the client may change to.
    pub upgrades: &'static [&'static str],
    pub speech: EngineMode,
    pub peer: Arc<Peer>,
}

/// What a session speaks in Engine.IO's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineMode {
    SocketIo,
    /// Every message goes back to who sent it: for trying out Engine.IO's clients and transports.
    Echo,
}
