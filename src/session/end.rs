//! Why a session ends, or one of its sockets.

use std::sync::Arc;

use super::engine::outbox::HubClosed;
use super::engine::transport::TransportError;
use crate::store::StoreError;
use crate::wire::engine::EngineError;
use crate::wire::socket::PacketError;

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub enum EndReason {
    #[error("transport close")]
    Closed,
    #[error("transport error: {0}")]
    Transport(#[from] TransportError),
    #[error("client namespace disconnect")]
    Left,
    #[error("a newer subscriber took this name")]
    Replaced,
    #[error("kicked by {0}")]
    Kicked(Arc<str>),
    #[error("its client came back by another connection")]
    CameBack,
    /// It waited to be let in.
    #[error("refused")]
    Refused,
    #[error("ping timeout")]
    PingTimeout,
    #[error("no namespace entered in time")]
    ConnectTimeout,
    #[error("parse error: {0}")]
    Engine(#[from] EngineError),
    #[error("parse error: {0}")]
    Socket(#[from] PacketError),
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// Pruned while it was handed out; the client comes back and starts afresh.
    #[error("what it missed is no longer kept")]
    Missed,
    #[error("the hub is shutting down")]
    Shutdown,
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

impl EndReason {
    /// What an application is told of it, in the reference's words.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Closed | Self::Missed => "transport close",
            Self::Left => "client namespace disconnect",
            Self::Replaced | Self::Kicked(_) | Self::CameBack | Self::Refused => {
                "server namespace disconnect"
            }
            Self::PingTimeout => "ping timeout",
            Self::Transport(_) => "transport error",
            Self::Engine(_) | Self::Socket(_) => "parse error",
            Self::ConnectTimeout | Self::Forbidden(_) => "forced server close",
            Self::Shutdown | Self::Store(_) => "server shutting down",
        }
    }
}

impl From<HubClosed> for EndReason {
    fn from(_: HubClosed) -> Self {
        Self::Shutdown
    }
}
