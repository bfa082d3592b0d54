//! Why a session or one of its sockets ends.

use std::sync::Arc;

use super::engine::outbox::HubClosed;
use super::engine::transport::TransportError;
use crate::store::StoreError;
use crate::wire::engine::EngineError;
use crate::wire::socket::PacketError;

#[derive(Debug, thiserror::Error)]
pub enum EndReason {
    #[error("transport close")]
    Closed,
    #[error("transport error: {0}")]
    Transport(#[from] TransportError),
    #[error("client namespace disconnect")]
    Left,
    #[error("a newer subscriber took this name")]
    NameTaken,
    #[error("kicked by {0}")]
    Kicked(Arc<str>),
    #[error("its client connected again")]
    Replaced,
    /// The namespace's program did not admit it.
    #[error("refused")]
    NotAdmitted,
    #[error("ping timeout")]
    PingTimeout,
    #[error("no namespace entered in time")]
    ConnectTimeout,
    #[error("parse error: {0}")]
    Engine(#[from] EngineError),
    #[error("parse error: {0}")]
    Packet(#[from] PacketError),
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// The store pruned messages while it sent them to a returning client. The client reconnects and starts afresh.
    #[error("the messages it missed are no longer kept")]
    Missed,
    #[error("the hub is shutting down")]
    Shutdown,
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

impl EndReason {
    /// The reason that an application gets, worded like the reference server's.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Closed | Self::Missed => "transport close",
            Self::Left => "client namespace disconnect",
            Self::NameTaken | Self::Kicked(_) | Self::Replaced | Self::NotAdmitted => {
                "server namespace disconnect"
            }
            Self::PingTimeout => "ping timeout",
            Self::Transport(_) => "transport error",
            Self::Engine(_) | Self::Packet(_) => "parse error",
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
