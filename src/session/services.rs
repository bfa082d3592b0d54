//! What all sessions of a hub share: its settings, and how to reach the store and the hub's task.

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
    /// The programs of the namespaces that declare one.
    pub programs: Programs,
    /// The queues that several sockets share.
    pub shared_queues: SharedQueues,
    pub settings: HubSettings,
    pub log_id: Arc<str>,
    pub log_tag: LogTag,
    pub writer: Writer<Ticket>,
    pub inbox: mpsc::Sender<InboxMessage>,
    pub readers: ReaderPool,
    /// Bounds the bytes that wait for a commit, over all publishers. A permit is one byte, and is held until the
    /// receipt.
    pub append_queue: Arc<Semaphore>,
    pub clock: fn() -> u64,
    /// Takes the first store error that a session meets. It ends the hub.
    failed: mpsc::Sender<StoreError>,
    next_socket: AtomicU64,
    /// When the last refusal was logged, milliseconds since 1970.
    refusal_logged_ms: AtomicU64,
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
            refusal_logged_ms: AtomicU64::new(0),
        }
    }

    /// Ends the hub. A hub that went on would hide that acknowledged messages cannot be read.
    pub fn fail(&self, error: StoreError) {
        // The first error is enough.
        let _ = self.failed.try_send(error);
    }

    /// Logs that the hub refuses something, at most once in `limits::REFUSAL_LOG_INTERVAL`: clients keep trying.
    pub fn log_refusal(&self, why: &str) {
        let now = (self.clock)();
        let logged = self.refusal_logged_ms.load(Ordering::Relaxed);
        let pause = u64::try_from(limits::REFUSAL_LOG_INTERVAL.as_millis()).unwrap_or(u64::MAX);
        if now.saturating_sub(logged) >= pause {
            self.refusal_logged_ms.store(now, Ordering::Relaxed);
            tracing::warn!("refusing for now: {why}");
        }
    }

    pub fn next_socket(&self) -> SocketId {
        SocketId(self.next_socket.fetch_add(1, Ordering::Relaxed))
    }
}

/// A random id of 20 characters, like Socket.IO's sids: 120 bits, URL-safe. It does not begin with a dash, so that people can
/// type it as an argument of a command.
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
    fn an_id_never_looks_like_a_flag() {
        for _ in 0..1000 {
            let id = random_id();
            assert!(id.len() == 20 && !id.starts_with('-'), "{id}");
        }
    }
}
