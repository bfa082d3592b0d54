//! The settings of a hub, as its sessions need them.

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
    /// A connection that enters no namespace for this long is closed.
    pub connect_timeout: Duration,
    /// The largest message taken, bytes.
    pub max_message: usize,
    /// The most that one request of long-polling holds, bytes.
    pub max_payload: usize,
    /// For so long a stock client that lost its connection may come back to its rooms and what it missed. None: it
    /// starts afresh.
    pub recovery: Option<Duration>,
    /// At this path, as in `/engine.io/`, plain Engine.IO: every message goes back to who sent it.
    pub echo: Option<String>,
    pub token: Option<Token>,
    pub namespaces: Namespaces,
    /// Who is shown each frame.
    pub trace: Option<Arc<dyn TraceSink>>,
}

impl HubSettings {
    /// The `max_payload` that lets the largest message through: as base64, with what stands around it.
    pub fn usual_payload(max_message: usize) -> usize {
        (max_message + limits::FRAME_OVERHEAD).div_ceil(3) * 4
    }

    /// How old a message may be that a client misses which comes back in time: its connection may have been dead for a
    /// while before anyone noticed.
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
