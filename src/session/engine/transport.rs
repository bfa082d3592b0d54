//! What a session needs of its transport: frames in, frames out, one of each kind of readiness.

use std::task::{Context, Poll};

use crate::hub::frame::WireFrame;

#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("a frame is larger than this hub takes")]
    TooLarge,
    #[error("{0}")]
    Broken(String),
}

/// Engine.IO over one connection, or whatever a transport makes of several. Reading and writing are polled by the same task
/// and never wait for each other.
pub trait Transport: Send {
    /// None: the peer closed it.
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<WireFrame, TransportError>>>;
    /// Ready: it takes another frame.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>>;
    /// Only after `poll_ready`.
    fn send(&mut self, frame: WireFrame) -> Result<(), TransportError>;
    /// Hands on all that was sent. Ready: it is taken, by the operating system or, where it can be known, by the peer.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>>;
    /// Flushes and ends it.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}
