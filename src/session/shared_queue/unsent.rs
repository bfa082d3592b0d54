//! How much a sharer was handed that its transport has not taken: the desk adds, the session takes away. Knows frames and
//! nothing of whose they are.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::hub::frame::WireFrame;
use crate::limits;

/// In bytes, each handing counting for something more.
#[derive(Debug, Default)]
pub struct Unsent(AtomicUsize);

impl Unsent {
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    /// These were handed. What there is now.
    pub fn add(&self, frames: &[WireFrame]) -> usize {
        let cost = cost(frames);
        self.0.fetch_add(cost, Ordering::AcqRel) + cost
    }

    /// These were taken. True when there is room again since.
    pub fn sent(&self, frames: &[WireFrame]) -> bool {
        let cost = cost(frames);
        let before = self.0.fetch_sub(cost, Ordering::AcqRel);
        is_full(before) && !is_full(before - cost)
    }
}

/// Whether whoever was handed so much is to take of it first.
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
        let unsent = Unsent::default();
        let half = [WireFrame::text("x".repeat(limits::SHARE_WINDOW_BYTES / 2))];
        assert!(!is_full(unsent.add(&half)));
        assert!(!unsent.sent(&half));
        unsent.add(&half);
        assert!(is_full(unsent.add(&half)));
        assert!(is_full(unsent.add(&half)));
        assert!(!unsent.sent(&half), "two are there still");
        assert!(unsent.sent(&half));
        assert!(!unsent.sent(&half));
        assert_eq!(unsent.bytes(), 0);
        // Nothing is free, however small.
        let most = limits::SHARE_WINDOW_BYTES / limits::ENTRY_BYTES;
        let full = (0..=most).find(|_| is_full(unsent.add(&[])));
        assert_eq!(full, Some(most - 1));
    }
}
