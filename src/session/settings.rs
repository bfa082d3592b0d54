//! The settings of a hub that its sessions need.

use std::sync::Arc;
use std::time::Duration;

use super::namespace::policy::Namespaces;
use super::namespace::token::Token;
use crate::limits;
use crate::wire::explain::TraceSink;

#[derive(Debug, Clone)]
pub struct HubSettings {
    pub ping_interval: Duration,
    pub ping_timeout: Duration,
    /// A connection that enters no namespace in this time is closed.
    pub connect_timeout: Duration,
    /// The largest message taken, bytes.
    pub max_message: usize,
    /// The most that one request of long-polling holds, bytes.
    pub max_payload: usize,
    /// How long a stock client that lost its connection can return to its rooms and missed messages. `None`: it always
    /// starts afresh.
    pub recovery: Option<Duration>,
    /// A path, like `/engine.io/`, for plain Engine.IO: every message goes back to its sender.
    pub echo: Option<String>,
    pub token: Option<Token>,
    pub namespaces: Namespaces,
    /// Receives every frame, for `--trace`.
    pub trace: Option<Arc<dyn TraceSink>>,
}

impl HubSettings {
    /// The defaults that matter to sessions, for tests.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            ping_interval: limits::PING_INTERVAL,
            ping_timeout: limits::PING_TIMEOUT,
            connect_timeout: limits::CONNECT_TIMEOUT,
            max_message: limits::MESSAGE_BYTES,
            max_payload: Self::usual_payload(limits::MESSAGE_BYTES),
            recovery: None,
            echo: None,
            token: None,
            namespaces: Namespaces::default(),
            trace: None,
        }
    }

    /// The `max_payload` that lets the largest message through, encoded as base64 and framed.
    pub fn usual_payload(max_message: usize) -> usize {
        (max_message + limits::FRAME_OVERHEAD).div_ceil(3) * 4
    }

    /// How long messages are kept for clients that return. It is longer than `recovery`, because a connection may be
    /// dead for a while before the hub notices.
    pub fn missed_for(&self, recovery: Duration) -> Duration {
        recovery
            .saturating_add(self.ping_interval)
            .saturating_add(self.ping_timeout)
            .saturating_add(limits::RECOVERY_READ_TIME)
    }

    /// The largest frame that can hold a legal packet.
    pub fn max_frame(&self) -> usize {
        self.max_message.max(limits::BATCH_BYTES) + limits::FRAME_OVERHEAD
    }
}
