//! The transport of a session, as a trait.

use std::task::{Context, Poll};

use crate::hub::frame::WireFrame;

#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("a frame is larger than this hub takes")]
    TooLarge,
    #[error("{0}")]
    Broken(String),
}

/// Engine.IO frames over one or several connections. The same task polls reading and writing; neither waits for the other.
pub trait Transport: Send {
    /// `None`: the client closed it.
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<WireFrame, TransportError>>>;
    /// Ready when the transport can take another frame.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>>;
    /// Takes a frame. Call it only after `poll_ready` was ready.
    fn send(&mut self, frame: WireFrame) -> Result<(), TransportError>;
    /// Flushes every frame. Ready when the operating system has them or, on transports that know, the client.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>>;
    /// Flushes and closes the transport.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}
