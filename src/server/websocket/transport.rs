//! Engine.IO over WebSocket: one packet a frame. tungstenite reads them; written they are by [`Outgoing`].

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Sink as _, Stream as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::super::accept::listener::Connection;
use super::frame_writer::Outgoing;
use crate::hub::frame::WireFrame;
use crate::limits;
use crate::session::engine::transport::{Transport, TransportError};

pub struct WebSocket {
    stream: WebSocketStream<Outgoing<Connection>>,
    /// All that came was read: there is nothing more until the connection says so.
    read_up: bool,
}

impl WebSocket {
    /// Takes over a connection that was upgraded; `read` is what already came behind the request's head.
    pub async fn accept(io: Connection, read: Bytes, max_frame: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(limits::PONG_BYTES)
            .max_message_size(Some(max_frame))
            .max_frame_size(Some(max_frame));
        // A copy, which is short: the bytes themselves would keep the whole buffer that the head was read into.
        let (io, read) = (Outgoing::new(io), read.to_vec());
        let role = Role::Server;
        let stream = WebSocketStream::from_partially_read(io, read, role, Some(config)).await;
        Self {
            stream,
            read_up: false,
        }
    }

    /// Writes all that waits, tungstenite's answers too.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            ready!(self.stream.get_mut().poll_send(cx))?;
            if !self.stream.get_mut().take_refused() {
                return Poll::Ready(Ok(()));
            }
            // Once for the answers that it holds, once more for the last one, which had no place among them. Pending means
            // that it was refused again.
            for _ in 0..2 {
                if let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(cx) {
                    flushed?;
                }
            }
        }
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        if self.read_up {
            // An error is met again by reading.
            let _ = ready!(self.stream.get_ref().io().poll_read_ready(cx));
        }
        let next = Pin::new(&mut self.stream).poll_next(cx);
        self.read_up = next.is_pending();
        next
    }
}

impl Transport for WebSocket {
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
                // tungstenite answers WebSocket's own pings; Engine.IO has others.
                Poll::Ready(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => {}
                Poll::Ready(Some(Ok(Message::Close(_))) | None) => break Poll::Ready(None),
                // So does a process that is killed close it: the reference says the same of both.
                Poll::Ready(Some(Err(
                    Error::ConnectionClosed
                    | Error::AlreadyClosed
                    | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake),
                ))) => break Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => break Poll::Ready(Some(Err(broken(error)))),
            }
        };
        // An answer to a ping waits for no frame of ours.
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
        // What cannot be sent any more is lost with the connection.
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
