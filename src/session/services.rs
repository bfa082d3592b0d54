//! What every session of a hub shared_queues: its settings and the ways to the store and the hub's task.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Semaphore, mpsc};

use super::handler::Programs;
use super::settings::HubSettings;
use super::shared_queue::registry::SharedQueues;
use crate::hub::inbox::InboxMessage;
use crate::hub::socket_id::SocketId;
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::store::StoreError;
use crate::store::reader_pool::ReaderPool;
use crate::store::writer::Writer;
use crate::wire::offset::LogTag;

pub struct Services {
    /// Of the namespaces that declare one.
    pub programs: Programs,
    /// Queues that several sockets split.
    pub shared_queues: SharedQueues,
    pub settings: HubSettings,
    pub log_id: Arc<str>,
    pub log_tag: LogTag,
    pub writer: Writer<Ticket>,
    pub inbox: mpsc::Sender<InboxMessage>,
    pub readers: ReaderPool,
    /// Permits are bytes: what waits for a commit over all publishers, held until the receipt.
    pub append_queue: Arc<Semaphore>,
    pub clock: fn() -> u64,
    /// The first failure of the store that a session met: it ends the hub.
    failed: mpsc::Sender<StoreError>,
    next_socket: AtomicU64,
    /// When it was last said that something is refused, milliseconds since 1970.
    said_refused_ms: AtomicU64,
}

impl Services {
    pub fn new(
        settings: HubSettings,
        log_id: &str,
        writer: Writer<Ticket>,
        inbox: mpsc::Sender<InboxMessage>,
        readers: ReaderPool,
        clock: fn() -> u64,
        failed: mpsc::Sender<StoreError>,
    ) -> Self {
        Self {
            programs: Programs::new(&settings.namespaces),
            shared_queues: SharedQueues::default(),
            settings,
            log_id: log_id.into(),
            log_tag: LogTag::new(log_id),
            writer,
            inbox,
            readers,
            append_queue: Arc::new(Semaphore::new(limits::APPEND_QUEUE_BYTES)),
            clock,
            failed,
            next_socket: AtomicU64::new(1),
            said_refused_ms: AtomicU64::new(0),
        }
    }

    /// What cannot be read was acknowledged once: a hub that went on would hide it.
    pub fn fail(&self, error: StoreError) {
        // One is enough to end it.
        let _ = self.failed.try_send(error);
    }

    /// Tells whoever runs the hub that there is no room: once in a while, for peers go on trying.
    pub fn say_refused(&self, why: &str) {
        let now = (self.clock)();
        let said = self.said_refused_ms.load(Ordering::Relaxed);
        let pause = u64::try_from(limits::REFUSAL_LOG_INTERVAL.as_millis()).unwrap_or(u64::MAX);
        if now.saturating_sub(said) >= pause {
            self.said_refused_ms.store(now, Ordering::Relaxed);
            tracing::warn!("refusing for now: {why}");
        }
    }

    pub fn next_socket(&self) -> SocketId {
        SocketId(self.next_socket.fetch_add(1, Ordering::Relaxed))
    }
}

/// A random id of 20 characters, as Socket.IO's sids: 120 bits, URL-safe. It does not begin with a dash: sids are typed as
/// words of commands, and would be taken for a flag.
pub fn random_id() -> String {
    use base64::Engine as _;
    loop {
        let mut bytes = [0; 15];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        let id = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        if !id.starts_with('-') {
            return id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_can_be_typed() {
        for _ in 0..1000 {
            let id = random_id();
            assert!(id.len() == 20 && !id.starts_with('-'), "{id}");
        }
    }
}
