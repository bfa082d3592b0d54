//! What is remembered of a socket, so that its client may come back.

use std::sync::Arc;

use crate::store::sessions::HolderId;
use crate::wire::offset::LogTag;

/// What is remembered of a socket, and whether its CONNECT was answered.
#[derive(Debug)]
pub enum SocketRecovery {
    /// Nothing: it is answered as soon as the hub knows it.
    Nothing,
    /// The store was asked to remember it.
    Asked(HolderId),
    /// It is who it was before, and is told so behind what it missed.
    Returning(HolderId, RecoveryKey),
    /// It was told its `pid`.
    Known(HolderId, RecoveryKey),
}

/// What a client needs to come back.
#[derive(Debug, Clone)]
pub struct RecoveryKey {
    pub pid: Arc<str>,
    pub log: LogTag,
}

impl SocketRecovery {
    /// The log that the offsets of its events are of, when they carry any.
    pub fn log(&self) -> Option<&LogTag> {
        match self {
            Self::Nothing | Self::Asked(_) => None,
            Self::Returning(_, pass) | Self::Known(_, pass) => Some(&pass.log),
        }
    }

    pub fn holder(&self) -> Option<HolderId> {
        match self {
            Self::Nothing => None,
            Self::Asked(holder) | Self::Returning(holder, _) | Self::Known(holder, _) => {
                Some(*holder)
            }
        }
    }

    /// Everything missed was handed: CONNECT may be answered now. False when it was before.
    pub fn arrived(&mut self) -> bool {
        let Self::Returning(holder, pass) = self else {
            return false;
        };
        *self = Self::Known(*holder, pass.clone());
        true
    }
}
