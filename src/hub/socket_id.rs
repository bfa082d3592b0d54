//! The number of a socket inside this process, and a cheap hash for it.

use std::hash::Hasher;

/// One live connection to one namespace. An id is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// Ids are consecutive, so one multiplication spreads them well enough.
#[derive(Debug, Default, Clone, Copy)]
pub struct SocketIdHasher(u64);

impl Hasher for SocketIdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, id: u64) {
        // hashbrown takes its control byte from the high bits; the multiplication fills them.
        self.0 = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}
