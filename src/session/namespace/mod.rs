//! Namespaces: admission, permissions, and the reactions to declared events.

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
