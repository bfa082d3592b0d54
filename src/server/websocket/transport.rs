//! WebSocket as a session's transport: one Engine.IO packet per frame. tungstenite reads frames, [`FrameWriter`] writes
//! them.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Sink as _, Stream as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::super::accept::peer_stream::PeerStream;
use super::frame_writer::FrameWriter;
use crate::hub::frame::WireFrame;
use crate::limits;
use crate::session::engine::transport::{Transport, TransportError};

pub struct WebSocketTransport {
    stream: WebSocketStream<FrameWriter<PeerStream>>,
    /// Everything that arrived has been read. The next read waits for the connection to be readable.
    is_drained: bool,
}

impl WebSocketTransport {
    /// Takes over an upgraded connection. `read` holds the bytes that came right after the request's headers.
    pub async fn accept(io: PeerStream, read: Bytes, max_frame: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(limits::PONG_BYTES)
            .max_message_size(Some(max_frame))
            .max_frame_size(Some(max_frame));
        // A short copy. Keeping `read` would keep the whole buffer that the headers were read into.
        let (io, read) = (FrameWriter::new(io), read.to_vec());
        let role = Role::Server;
        let stream = WebSocketStream::from_partially_read(io, read, role, Some(config)).await;
        Self {
            stream,
            is_drained: false,
        }
    }

    /// Writes every pending frame, tungstenite's too.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            ready!(self.stream.get_mut().poll_send(cx))?;
            if !self.stream.get_mut().take_blocked() {
                return Poll::Ready(Ok(()));
            }
            // Flush twice: tungstenite queues pongs and keeps one extra that did not fit. Pending means that a frame
            // found no room again.
            for _ in 0..2 {
                if let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(cx) {
                    flushed?;
                }
            }
        }
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        if self.is_drained {
            // Reading returns the same error.
            let _ = ready!(self.stream.get_ref().io().poll_read_ready(cx));
        }
        let next = Pin::new(&mut self.stream).poll_next(cx);
        self.is_drained = next.is_pending();
        next
    }
}

impl Transport for WebSocketTransport {
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<WireFrame, TransportError>>> {
        let frame = loop {
            match self.poll_message(cx) {
                Poll::Pending => break Poll::Pending,
                Poll::Ready(Some(Ok(Message::Text(text)))) => {
                    break Poll::Ready(Some(Ok(WireFrame::Text(text))));
                }
                Poll::Ready(Some(Ok(Message::Binary(bytes)))) => {
                    break Poll::Ready(Some(Ok(WireFrame::Binary(bytes))));
                }
                // tungstenite answers WebSocket pings. Engine.IO has pings of its own.
                Poll::Ready(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => {}
                Poll::Ready(Some(Ok(Message::Close(_))) | None) => break Poll::Ready(None),
                // A process that is killed ends its connection like this. The reference treats both the same.
                Poll::Ready(Some(Err(
                    Error::ConnectionClosed
                    | Error::AlreadyClosed
                    | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake),
                ))) => break Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => break Poll::Ready(Some(Err(broken(error)))),
            }
        };
        // Send a pong now, without waiting for a frame of ours.
        if frame.is_pending()
            && !self.stream.get_ref().is_empty()
            && let Poll::Ready(Err(error)) = self.poll_send(cx)
        {
            return Poll::Ready(Some(Err(broken(error))));
        }
        frame
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if self.stream.get_ref().has_room() {
            Poll::Ready(Ok(()))
        } else {
            self.poll_send(cx).map_err(broken)
        }
    }

    fn send(&mut self, frame: WireFrame) -> Result<(), TransportError> {
        self.stream.get_mut().push(frame);
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.poll_send(cx).map_err(broken)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Errors can be ignored: the connection ends either way.
        let _ = ready!(self.poll_send(cx));
        let _ = ready!(Pin::new(&mut self.stream).poll_close(cx));
        self.poll_send(cx).map(drop)
    }
}

fn broken(error: Error) -> TransportError {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => TransportError::TooLarge,
        error => TransportError::Broken(error.to_string()),
    }
}
