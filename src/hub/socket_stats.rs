//! The figures of one socket that the verb `who` shows. Its session writes them, the hub's listing reads them, and
//! neither waits for the other.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::peer::Peer;
use crate::address::{ClientName, Seq};
use crate::store::Reader;

/// The numbers are read one by one and may be of different moments. They are only shown to people; no decision depends
/// on them.
#[derive(Debug)]
pub struct SocketStats {
    pub peer: Arc<Peer>,
    /// The name that the socket publishes under.
    pub name: Option<ClientName>,
    /// Milliseconds since 1970 (UTC).
    pub connected_at_ms: u64,
    record: AtomicU64,
    index: AtomicU32,
    unconfirmed: AtomicU64,
    /// With the cursors that its subscription began with.
    reader: Mutex<Arc<Reader>>,
}

impl SocketStats {
    pub fn new(peer: Arc<Peer>, name: Option<ClientName>, connected_at_ms: u64) -> Self {
        Self {
            peer,
            name,
            connected_at_ms,
            record: AtomicU64::new(0),
            index: AtomicU32::new(0),
            unconfirmed: AtomicU64::new(0),
            reader: Mutex::default(),
        }
    }

    /// Everything before `cursor` was sent to the socket or skipped; `unconfirmed` of those messages are not acked.
    pub fn record_progress(&self, cursor: Seq, unconfirmed: u64) {
        self.record.store(cursor.record, Ordering::Relaxed);
        self.index.store(cursor.index, Ordering::Relaxed);
        self.unconfirmed.store(unconfirmed, Ordering::Relaxed);
    }

    pub fn set_reader(&self, reader: Arc<Reader>) {
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = reader;
    }

    pub fn cursor(&self) -> Seq {
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
