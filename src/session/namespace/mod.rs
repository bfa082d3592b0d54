//! A namespace: who may enter it, what they may do there, and what its declared events do.

pub mod admission;
pub mod permissions;
pub mod policy;
pub mod rate;
pub mod reactions;
pub mod recovery;
