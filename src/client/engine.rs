//! One Engine.IO session over WebSocket with one Socket.IO namespace: handshakes, packets in both directions, and the ping
//! timeout.
//!
//! Writing never blocks reading: packets to send wait in an outbox that is emptied while the connection reads. Callers bound
//! the outbox. Decodes packets, but gives events no meaning: a roomcat hub is like any other Socket.IO server. Does not
//! reconnect.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, Stream};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::dial::{self, ClientWebSocket};
use super::error::{DialError, DisconnectReason};
use super::error_response::ErrorResponse;
use super::target::Target;
use crate::address::Namespace;
use crate::limits;
use crate::wire::attachments::{Assembler, TextFrame};
use crate::wire::engine;
use crate::wire::explain::{Direction, Tracer};
use crate::wire::socket::{self, Packet, PacketError};

pub struct EngineConnection {
    socket: ClientWebSocket,
    namespace: Namespace,
    assembler: Assembler,
    /// Attachments still to come that belong to an unreadable event.
    attachments_to_skip: usize,
    outbox: VecDeque<Message>,
    /// The socket holds frames that are not flushed.
    unflushed: bool,
    /// The approximate size of the pongs in the outbox, in bytes.
    pong_bytes: usize,
    /// Why writing failed. Reading goes on, as the server may have sent the reason.
    write_error: Option<DisconnectReason>,
    /// How long the server may be silent.
    silence_limit: Duration,
    last_received: Instant,
    silence_timer: Pin<Box<Sleep>>,
    /// The pong for [`Self::probe`] arrived.
    probe_answered: bool,
    tracer: Option<Tracer>,
}

/// A packet of any namespace, as it is received.
pub enum ReceivedPacket<'a, 'b> {
    Packet(&'a Packet<'a>, &'b [Bytes]),
    /// An event whose name is not valid here. Other servers may use such names, so it does not end the connection.
    Unreadable(PacketError),
}

impl EngineConnection {
    /// Dials and reads the server's Engine.IO handshake.
    pub async fn open(target: &Target) -> Result<Self, DialError> {
        let mut engine = Self {
            socket: dial::dial(&target.url, &target.dial).await?,
            namespace: target.namespace.clone(),
            assembler: Assembler::default(),
            attachments_to_skip: 0,
            outbox: VecDeque::new(),
            unflushed: false,
            pong_bytes: 0,
            write_error: None,
            silence_limit: limits::DIAL_TIMEOUT,
            last_received: Instant::now(),
            silence_timer: Box::pin(sleep_until(Instant::now() + limits::DIAL_TIMEOUT)),
            probe_answered: false,
            tracer: target.trace.clone().map(Tracer::for_client),
        };
        engine.silence_limit = poll_fn(|cx| engine.poll_open(cx)).await?;
        let timeout = Instant::now() + engine.silence_limit;
        engine.silence_timer.as_mut().reset(timeout);
        Ok(engine)
    }

    /// Sends CONNECT and returns the reply. Calls `on_early` with packets that arrive before it: a server that recovers a
    /// session sends the missed ones first.
    pub async fn enter(
        &mut self,
        auth: Option<&str>,
        mut on_early: impl FnMut(ReceivedPacket<'_, '_>) -> Result<(), DisconnectReason>,
    ) -> Result<Box<RawValue>, DialError> {
        let namespace = self.namespace.clone();
        self.send(socket::encode_connect(&namespace, auth));
        let outcome = self.next(|received| match received {
            ReceivedPacket::Packet(packet @ Packet::Connect { .. }, _)
            | ReceivedPacket::Packet(packet @ Packet::ConnectError { .. }, _) => {
                Ok(connect_reply(packet, &namespace))
            }
            received => on_early(received).map(|()| None),
        });
        outcome.await?
    }

    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Queues a text frame; [`Self::next`] sends it.
    pub fn send(&mut self, frame: String) {
        self.outbox.push_back(Message::text(frame));
    }

    /// Queues an attachment of the text frame before it.
    pub fn send_attachment(&mut self, attachment: Bytes) {
        self.outbox.push_back(Message::Binary(attachment));
    }

    /// Returns the first value that `decode` makes of a packet; sends the outbox meanwhile. Cancel-safe: a packet read from
    /// the socket is decoded or kept.
    pub async fn next<T>(
        &mut self,
        mut decode: impl FnMut(ReceivedPacket<'_, '_>) -> Result<Option<T>, DisconnectReason>,
    ) -> Result<T, DisconnectReason> {
        poll_fn(|cx| self.poll_next(cx, &mut decode)).await
    }

    /// Sends the packets in the outbox. Drops packets that arrive meanwhile.
    pub async fn flush(&mut self) -> Result<(), DisconnectReason> {
        self.wait_until(|engine| engine.outbox.is_empty() && !engine.unflushed)
            .await
    }

    /// Waits until the server has read everything that was sent: until it answers a WebSocket ping sent after it. Drops
    /// packets that arrive meanwhile.
    pub async fn probe(&mut self) -> Result<(), DisconnectReason> {
        self.probe_answered = false;
        self.outbox.push_back(Message::Ping(Bytes::new()));
        self.wait_until(|engine| engine.probe_answered).await
    }

    async fn wait_until(
        &mut self,
        is_done: impl Fn(&Self) -> bool,
    ) -> Result<(), DisconnectReason> {
        poll_fn(|cx| {
            let outcome = self.poll_next(cx, &mut |_| Ok(None::<()>));
            if is_done(self) {
                Poll::Ready(Ok(()))
            } else {
                outcome
            }
        })
        .await
    }

    /// Sends a disconnect, so that the server need not wait for a timeout. Messages that it has not confirmed may be
    /// lost.
    pub async fn close(mut self) {
        self.queue_disconnect();
        let written = poll_fn(|cx| {
            self.poll_write(cx);
            if self.outbox.is_empty() && !self.unflushed || self.write_error.is_some() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        // If this times out, the server still notices the closed socket.
        let _ = timeout(limits::CLOSE_TIMEOUT, written).await;
    }

    /// Sends a disconnect and waits until the server closes the connection. Closing earlier, with unread data, would
    /// reset the connection and lose data that the server has not read yet.
    pub async fn close_and_drain(mut self) {
        self.queue_disconnect();
        let drained = poll_fn(|cx| {
            loop {
                self.poll_write(cx);
                match self.poll_frame(cx) {
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        let _ = timeout(limits::HANG_UP_TIMEOUT, drained).await;
    }

    fn queue_disconnect(&mut self) {
        self.send(socket::encode_disconnect(&self.namespace));
        self.send(engine::CLOSE.to_owned());
        self.outbox.push_back(Message::Close(None));
    }

    /// Reads the handshake; returns how long the server may be silent.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Result<Duration, DialError>> {
        let no_handshake = || DialError::Protocol("no Engine.IO handshake".to_owned());
        loop {
            match self.poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(reason)) => return Poll::Ready(Err(reason.into())),
                Poll::Ready(Ok(Message::Text(frame))) => {
                    let engine::EnginePacket::Open(open) = engine::decode(&frame)? else {
                        return Poll::Ready(Err(no_handshake()));
                    };
                    let open = engine::Handshake::decode(open)?;
                    let silence_limit = open.ping_interval.saturating_add(open.ping_timeout);
                    return Poll::Ready(Ok(Duration::from_millis(silence_limit)));
                }
                Poll::Ready(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Poll::Ready(Ok(_)) => return Poll::Ready(Err(no_handshake())),
            }
        }
    }

    fn poll_next<T>(
        &mut self,
        cx: &mut Context<'_>,
        decode: &mut impl FnMut(ReceivedPacket<'_, '_>) -> Result<Option<T>, DisconnectReason>,
    ) -> Poll<Result<T, DisconnectReason>> {
        loop {
            self.poll_write(cx);
            match self.poll_frame(cx) {
                Poll::Ready(Ok(message)) => {
                    self.last_received = Instant::now();
                    if let Some(value) = self.handle_frame(message, decode)? {
                        return Poll::Ready(Ok(value));
                    }
                }
                Poll::Ready(Err(reason)) => return Poll::Ready(Err(reason)),
                Poll::Pending => {
                    if let Some(reason) = self.write_error.take() {
                        return Poll::Ready(Err(reason));
                    }
                    return self.poll_silence(cx).map(Err);
                }
            }
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, DisconnectReason>> {
        match Pin::new(&mut self.socket).poll_next(cx) {
            Poll::Ready(Some(Ok(message))) => {
                trace(&mut self.tracer, Direction::Received, &message);
                Poll::Ready(Ok(message))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Err(error.into())),
            Poll::Ready(None) => Poll::Ready(Err(DisconnectReason::Closed)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Moves frames from the outbox to the socket, as far as it accepts them.
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        while self.write_error.is_none() && (self.unflushed || !self.outbox.is_empty()) {
            let mut socket = Pin::new(&mut self.socket);
            let done = match socket.as_mut().poll_ready(cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => match self.outbox.pop_front() {
                    Some(message) => {
                        self.unflushed = true;
                        trace(&mut self.tracer, Direction::Sent, &message);
                        socket.start_send(message)
                    }
                    None => match socket.poll_flush(cx) {
                        Poll::Pending => return,
                        Poll::Ready(done) => {
                            self.unflushed = false;
                            done
                        }
                    },
                },
                Poll::Ready(failed) => failed,
            };
            self.write_error = done.err().map(DisconnectReason::from);
        }
    }

    /// Any frame counts as a sign of life, not only a ping. The timer is reset only when it fires.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<DisconnectReason> {
        while self.silence_timer.as_mut().poll(cx).is_ready() {
            let due = self.last_received + self.silence_limit;
            if due <= Instant::now() {
                return Poll::Ready(DisconnectReason::Timeout(self.silence_limit));
            }
            self.silence_timer.as_mut().reset(due);
        }
        Poll::Pending
    }

    /// Fails if the server sends pings and does not read the pongs.
    fn pong<T>(&mut self, probe: &str) -> Result<Option<T>, DisconnectReason> {
        if self.outbox.is_empty() {
            self.pong_bytes = 0;
        }
        self.pong_bytes += probe.len() + limits::ENTRY_BYTES;
        if self.pong_bytes > limits::ANSWER_BYTES {
            return Err(DisconnectReason::Protocol(
                "it sends pings and does not read the pongs".to_owned(),
            ));
        }
        self.send(format!("{}{probe}", engine::PONG));
        Ok(None)
    }

    fn handle_frame<T>(
        &mut self,
        message: Message,
        decode: &mut impl FnMut(ReceivedPacket<'_, '_>) -> Result<Option<T>, DisconnectReason>,
    ) -> Result<Option<T>, DisconnectReason> {
        match message {
            Message::Text(frame) => match engine::decode(&frame)? {
                engine::EnginePacket::Ping(probe) => self.pong(probe),
                engine::EnginePacket::Message(text) => match self.assembler.text(text) {
                    Ok(TextFrame::Complete(packet)) => decode(ReceivedPacket::Packet(&packet, &[])),
                    Ok(TextFrame::Partial) => Ok(None),
                    Err(error @ (PacketError::Event(_) | PacketError::Unnamed)) => {
                        self.attachments_to_skip = socket::attachments(text);
                        decode(ReceivedPacket::Unreadable(error))
                    }
                    Err(error) => Err(error.into()),
                },
                engine::EnginePacket::Close => Err(DisconnectReason::Closed),
                _ => Ok(None),
            },
            Message::Binary(_) if self.attachments_to_skip > 0 => {
                self.attachments_to_skip -= 1;
                Ok(None)
            }
            Message::Binary(attachment) => {
                let Some(binary) = self.assembler.binary(attachment)? else {
                    return if self.assembler.held() > limits::FRAME_BYTES_MAX {
                        Err(DisconnectReason::Protocol(
                            "too many attachments".to_owned(),
                        ))
                    } else {
                        Ok(None)
                    };
                };
                decode(ReceivedPacket::Packet(
                    &binary.packet()?,
                    &binary.attachments,
                ))
            }
            Message::Pong(_) => {
                self.probe_answered = true;
                Ok(None)
            }
            // The library answers WebSocket pings, and a close frame ends the stream.
            _ => Ok(None),
        }
    }
}

/// Reads the reply to CONNECT; None for another namespace.
fn connect_reply(
    packet: &Packet<'_>,
    requested: &Namespace,
) -> Option<Result<Box<RawValue>, DialError>> {
    match packet {
        // A Socket.IO v2 server enters `/` without being asked, and its CONNECT is empty.
        Packet::Connect { auth, .. } if !has_sid(*auth) => Some(Err(DialError::Version2)),
        Packet::Connect {
            namespace,
            auth: Some(reply),
        } if namespace == requested => Some(Ok((*reply).to_owned())),
        Packet::ConnectError { namespace, data } if namespace == requested => Some(Err(
            DialError::Denied(ErrorResponse::from_connect_error(data)),
        )),
        _ => None,
    }
}

/// Servers of protocol v5 send the sid; earlier ones did not.
fn has_sid(reply: Option<&RawValue>) -> bool {
    #[derive(Deserialize)]
    struct SidReply {
        #[serde(rename = "sid")]
        _sid: String,
    }
    reply.is_some_and(|reply| serde_json::from_str::<SidReply>(reply.get()).is_ok())
}

/// WebSocket's own control frames are not traced.
fn trace(tracer: &mut Option<Tracer>, direction: Direction, message: &Message) {
    let Some(tracer) = tracer else { return };
    match message {
        Message::Text(text) => tracer.text(direction, text),
        Message::Binary(bytes) => tracer.binary(direction, bytes),
        _ => {}
    }
}
