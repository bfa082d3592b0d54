//! The size of the write-ahead log, in pages, from which the store decides when to do a checkpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limits;

#[derive(Default)]
pub(super) struct Wal {
    /// Its length at the last commit.
    length: Arc<AtomicUsize>,
    /// Its length when [`Wal::bytes_allowed`] was last called.
    seen: usize,
    /// The part that is in the database already. The log starts over with the next commit after all of it is, unless readers
    /// use it.
    moved: usize,
}

impl Wal {
    /// The counter that the connection's hook updates.
    pub(super) fn length(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.length)
    }

    pub(super) fn bytes(&self) -> usize {
        self.pages() * limits::DB_PAGE_BYTES
    }

    /// How long the log may become now. Small commits stay in the part of the file that exists, because a file that grows
    /// takes the disk twice as long to sync.
    pub(super) fn bytes_allowed(&mut self) -> usize {
        let length = self.pages();
        let grown = length.saturating_sub(self.seen) * limits::DB_PAGE_BYTES;
        self.seen = length;
        if grown <= limits::SMALL_COMMIT_BYTES {
            limits::WAL_BYTES_MIN
        } else {
            limits::WAL_BYTES
        }
    }

    pub(super) fn bytes_to_move(&mut self) -> usize {
        let length = self.pages();
        if length < self.moved {
            self.moved = 0;
        }
        (length - self.moved) * limits::DB_PAGE_BYTES
    }

    /// Records that a checkpoint moved these pages into the database.
    pub(super) fn set_moved(&mut self, pages: usize) {
        self.moved = pages;
    }

    /// Records that the disk refused a checkpoint, so that it is not tried again at once.
    pub(super) fn set_all_moved(&mut self) {
        self.moved = self.pages();
    }

    fn pages(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }
}
