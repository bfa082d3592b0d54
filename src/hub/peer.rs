//! Who is at the other end of a socket: what its session knows and the hub is asked for. Written by the session, read by
//! whoever lists sockets; nobody waits for anybody.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::address::{ClientName, Seq};
use crate::store::Reader;

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PeerAddress {
    Tcp(SocketAddr),
    /// The process at the other end of a Unix socket, as far as the system tells.
    Unix {
        uid: Option<u32>,
        pid: Option<i32>,
    },
    /// No connection of its own: the queue that several sockets share.
    Shared,
    /// It was gone before it was asked.
    #[default]
    Unknown,
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // An IPv4 peer of a listener for both is shown as what it is.
            Self::Tcp(address) => {
                SocketAddr::new(address.ip().to_canonical(), address.port()).fmt(f)
            }
            Self::Unix { .. } => f.write_str("unix"),
            Self::Shared => f.write_str("shared"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// One connection, whatever namespaces it enters.
#[derive(Debug, Default)]
pub struct Peer {
    pub address: PeerAddress,
    by_websocket: AtomicBool,
}

impl Peer {
    pub fn polling(address: PeerAddress) -> Self {
        Self {
            address,
            by_websocket: AtomicBool::new(false),
        }
    }

    pub fn websocket(address: PeerAddress) -> Self {
        Self {
            address,
            by_websocket: AtomicBool::new(true),
        }
    }

    /// It was a polling one.
    pub fn changed_to_websocket(&self) {
        self.by_websocket.store(true, Ordering::Relaxed);
    }

    pub fn transport(&self) -> &'static str {
        if self.address == PeerAddress::Shared {
            return "hub";
        }
        if self.by_websocket.load(Ordering::Relaxed) {
            "websocket"
        } else {
            "polling"
        }
    }
}

/// How one socket is doing. Numbers that are read while they are written may be those of two moments: what is made of them
/// is for people.
#[derive(Debug)]
pub struct Vitals {
    pub peer: Arc<Peer>,
    /// As whom it publishes.
    pub name: Option<ClientName>,
    /// Milliseconds since 1970 (UTC).
    pub since_ms: u64,
    record: AtomicU64,
    index: AtomicU32,
    unconfirmed: AtomicU64,
    /// With the cursors that its subscription began with.
    reader: Mutex<Arc<Reader>>,
}

impl Vitals {
    pub fn new(peer: Arc<Peer>, name: Option<ClientName>, since_ms: u64) -> Self {
        Self {
            peer,
            name,
            since_ms,
            record: AtomicU64::new(0),
            index: AtomicU32::new(0),
            unconfirmed: AtomicU64::new(0),
            reader: Mutex::default(),
        }
    }

    /// Everything before `place` was handed to it or skipped, and of that so many messages are not confirmed.
    pub fn reached(&self, place: Seq, unconfirmed: u64) {
        self.record.store(place.record, Ordering::Relaxed);
        self.index.store(place.index, Ordering::Relaxed);
        self.unconfirmed.store(unconfirmed, Ordering::Relaxed);
    }

    pub fn reads(&self, reader: Arc<Reader>) {
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = reader;
    }

    pub fn place(&self) -> Seq {
        let record = self.record.load(Ordering::Relaxed);
        Seq::new(record, self.index.load(Ordering::Relaxed))
    }

    pub fn unconfirmed(&self) -> u64 {
        self.unconfirmed.load(Ordering::Relaxed)
    }

    pub fn reader(&self) -> Arc<Reader> {
        Arc::clone(&self.reader.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
