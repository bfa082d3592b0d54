//! The two kinds of clients.

/// The protocol that the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// Batches and the events of verbs: the client asks for it with `"roomcat":1`.
    Roomcat,
    /// Plain Socket.IO.
    Stock,
}
