//! Engine.IO over WebSocket: one packet a frame.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::hub::parcel::Frame;
use crate::limits;
use crate::session::transport::{Transport, TransportError};

pub struct WebSocket<S> {
    stream: WebSocketStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Takes over a connection that was upgraded; `read` is what already came behind the request's head.
    pub async fn accept(io: S, read: Bytes, max_frame: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::READ_BUFFER_BYTES)
            .write_buffer_size(limits::WRITE_BUFFER_BYTES)
            .max_message_size(Some(max_frame))
            .max_frame_size(Some(max_frame));
        let stream =
            WebSocketStream::from_partially_read(io, read.into(), Role::Server, Some(config)).await;
        Self { stream }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Transport for WebSocket<S> {
    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, TransportError>>> {
        loop {
            return Poll::Ready(match Pin::new(&mut self.stream).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(Message::Text(text)))) => Some(Ok(Frame::Text(text))),
                Poll::Ready(Some(Ok(Message::Binary(bytes)))) => Some(Ok(Frame::Binary(bytes))),
                // tungstenite answers WebSocket's own pings; Engine.IO has others.
                Poll::Ready(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => {
                    continue;
                }
                Poll::Ready(Some(Ok(Message::Close(_))) | None) => None,
                // So does a process that is killed close it: the reference says the same of both.
                Poll::Ready(Some(Err(
                    Error::ConnectionClosed
                    | Error::AlreadyClosed
                    | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake),
                ))) => None,
                Poll::Ready(Some(Err(error))) => Some(Err(broken(error))),
            });
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Pin::new(&mut self.stream).poll_ready(cx).map_err(broken)
    }

    fn send(&mut self, frame: Frame) -> Result<(), TransportError> {
        let message = match frame {
            Frame::Text(text) => Message::Text(text),
            Frame::Binary(bytes) => Message::Binary(bytes),
        };
        Pin::new(&mut self.stream)
            .start_send(message)
            .map_err(broken)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Pin::new(&mut self.stream).poll_flush(cx).map_err(broken)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.stream).poll_close(cx).map(drop)
    }
}

fn broken(error: Error) -> TransportError {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => TransportError::TooLarge,
        error => TransportError::Broken(error.to_string()),
    }
}
