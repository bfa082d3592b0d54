//! Counts the bytes that the queue gave to a sharer and that its transport has not taken. The queue adds, the session
//! subtracts.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::hub::frame::WireFrame;
use crate::limits;

/// A count of bytes, with an overhead for each group of frames.
#[derive(Debug, Default)]
pub struct UnsentBytes(AtomicUsize);

impl UnsentBytes {
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    /// Adds frames. Returns the new count.
    pub fn add(&self, frames: &[WireFrame]) -> usize {
        let cost = cost(frames);
        self.0.fetch_add(cost, Ordering::AcqRel) + cost
    }

    /// Subtracts frames. Returns true when that makes room after the count was full.
    pub fn subtract(&self, frames: &[WireFrame]) -> bool {
        let cost = cost(frames);
        let before = self.0.fetch_sub(cost, Ordering::AcqRel);
        is_full(before) && !is_full(before - cost)
    }
}

/// Whether a sharer with this many unsent bytes gets no more for now.
pub fn is_full(unsent: usize) -> bool {
    unsent >= limits::SHARE_WINDOW_BYTES
}

fn cost(frames: &[WireFrame]) -> usize {
    limits::ENTRY_BYTES + frames.iter().map(WireFrame::len).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_again_once_and_only_after_there_was_none() {
        let unsent = UnsentBytes::default();
        let half = [WireFrame::text("x".repeat(limits::SHARE_WINDOW_BYTES / 2))];
        assert!(!is_full(unsent.add(&half)));
        assert!(!unsent.subtract(&half));
        unsent.add(&half);
        assert!(is_full(unsent.add(&half)));
        assert!(is_full(unsent.add(&half)));
        assert!(!unsent.subtract(&half), "two are left");
        assert!(unsent.subtract(&half));
        assert!(!unsent.subtract(&half));
        assert_eq!(unsent.bytes(), 0);
        // Even empty groups count.
        let most = limits::SHARE_WINDOW_BYTES / limits::ENTRY_BYTES;
        let full = (0..=most).find(|_| is_full(unsent.add(&[])));
        assert_eq!(full, Some(most - 1));
    }
}
