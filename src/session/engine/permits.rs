//! The permits of a byte-bounded queue.

use crate::limits;

/// The permits that a body takes in the append queue: between one entry and the whole queue.
pub fn permits(bytes: usize) -> u32 {
    let permits = bytes.clamp(limits::ENTRY_BYTES, limits::APPEND_QUEUE_BYTES);
    u32::try_from(permits).expect("the append queue is smaller than 4 GiB")
}
