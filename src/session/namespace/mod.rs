//! Namespaces: who may enter, what they may do there, and what declared events do.

pub mod admission;
pub mod admission_request;
pub mod pending_ack;
pub mod permissions;
pub mod policy;
pub mod rate;
pub mod reactions;
pub mod recovery;
pub mod socket_recovery;
pub mod token;
