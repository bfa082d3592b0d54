//! The other end of a connection: its address and its transport.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PeerAddress {
    Tcp(SocketAddr),
    /// The process at the other end of a Unix socket, as far as the system knows it.
    Unix {
        uid: Option<u32>,
        pid: Option<i32>,
    },
    /// No connection of its own: a queue that several sockets share.
    Shared,
    /// The peer left before its address could be read.
    #[default]
    Unknown,
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A dual-stack listener maps IPv4 addresses into IPv6; show the IPv4 address.
            Self::Tcp(address) => {
                SocketAddr::new(address.ip().to_canonical(), address.port()).fmt(f)
            }
            Self::Unix { .. } => f.write_str("unix"),
            Self::Shared => f.write_str("shared"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// One connection. Its sockets, one for each namespace, share it.
#[derive(Debug, Default)]
pub struct Peer {
    pub address: PeerAddress,
    is_websocket: AtomicBool,
}

impl Peer {
    pub fn polling(address: PeerAddress) -> Self {
        Self {
            address,
            is_websocket: AtomicBool::new(false),
        }
    }

    pub fn websocket(address: PeerAddress) -> Self {
        Self {
            address,
            is_websocket: AtomicBool::new(true),
        }
    }

    /// A polling connection was upgraded to WebSocket.
    pub fn mark_upgraded(&self) {
        self.is_websocket.store(true, Ordering::Relaxed);
    }

    pub fn transport(&self) -> &'static str {
        if self.address == PeerAddress::Shared {
            "hub"
        } else if self.is_websocket.load(Ordering::Relaxed) {
            "websocket"
        } else {
            "polling"
        }
    }
}
