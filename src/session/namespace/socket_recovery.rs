//! What the store remembers of a socket, so that its client can return.

use std::sync::Arc;

use crate::store::sessions::HolderId;
use crate::wire::offset::LogTag;

#[derive(Debug)]
pub enum SocketRecovery {
    /// The store remembers nothing. CONNECT is answered as soon as the hub knows the socket.
    Off,
    /// The store was asked to remember it.
    Requested(HolderId),
    /// The store restored an earlier session. CONNECT is answered after the missed messages.
    Restoring(HolderId, RecoveryKey),
    /// The client knows its `pid`.
    Active(HolderId, RecoveryKey),
}

/// What a client needs to return.
#[derive(Debug, Clone)]
pub struct RecoveryKey {
    pub pid: Arc<str>,
    pub log: LogTag,
}

impl SocketRecovery {
    /// The log that the offsets of its events refer to, if they carry offsets.
    pub fn log(&self) -> Option<&LogTag> {
        match self {
            Self::Off | Self::Requested(_) => None,
            Self::Restoring(_, key) | Self::Active(_, key) => Some(&key.log),
        }
    }

    pub fn holder(&self) -> Option<HolderId> {
        match self {
            Self::Off => None,
            Self::Requested(holder) | Self::Restoring(holder, _) | Self::Active(holder, _) => {
                Some(*holder)
            }
        }
    }

    /// The socket has every missed message, so CONNECT can be answered now. False when it is answered already.
    pub fn complete(&mut self) -> bool {
        let Self::Restoring(holder, key) = self else {
            return false;
        };
        *self = Self::Active(*holder, key.clone());
        true
    }
}
