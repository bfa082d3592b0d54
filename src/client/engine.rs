//! One Engine.IO session over WebSocket, and in it one Socket.IO namespace: the handshakes, packets both ways at once, and
//! the watch for pings.
//!
//! Writing never keeps it from reading: what is sent waits in an outbox that is emptied while it listens. The outbox is
//! bounded by whoever sends. Knows what a packet is and nothing of what events mean: a roomcat hub and any other
//! Socket.IO server are the same to it. Does not reconnect.

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

use super::Target;
use super::answers;
use super::dial::{self, ClientWebSocket};
use super::error::{DialError, DisconnectReason};
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
    /// Attachments to come that belong to what was passed over.
    passed_over: usize,
    outbox: VecDeque<Message>,
    /// Something was given to the socket since it was last flushed.
    unflushed: bool,
    /// What answers to pings cost that were not all written yet.
    pongs: usize,
    /// Writing failed; what the server had sent before is still read, as it may say why.
    write_failed: Option<DisconnectReason>,
    patience: Duration,
    heard: Instant,
    alarm: Pin<Box<Sleep>>,
    /// The answer to the WebSocket ping of [`Self::settle`] came.
    ponged: bool,
    tracer: Option<Tracer>,
}

/// What came: of whatever namespace.
pub enum ReceivedPacket<'a, 'b> {
    Packet(&'a Packet<'a>, &'b [Bytes]),
    /// An event whose name is none here. Other servers may use it all the same: no reason to lose the connection.
    Unreadable(PacketError),
}

impl EngineConnection {
    /// Dials, and has the server's Engine.IO handshake.
    pub async fn open(target: &Target) -> Result<Self, DialError> {
        let mut engine = Self {
            socket: dial::dial(&target.url, &target.dial).await?,
            namespace: target.namespace.clone(),
            assembler: Assembler::default(),
            passed_over: 0,
            outbox: VecDeque::new(),
            unflushed: false,
            pongs: 0,
            write_failed: None,
            patience: limits::DIAL_TIMEOUT,
            heard: Instant::now(),
            alarm: Box::pin(sleep_until(Instant::now() + limits::DIAL_TIMEOUT)),
            ponged: false,
            tracer: target.trace.clone().map(Tracer::for_client),
        };
        let patience = poll_fn(|cx| engine.poll_open(cx)).await?;
        engine.patience = patience;
        engine.alarm.as_mut().reset(Instant::now() + patience);
        Ok(engine)
    }

    /// Sends CONNECT and waits for the reply, which is returned. Packets that come before it are handed to `early`: a
    /// server that recovers a session sends what was missed first.
    pub async fn enter(
        &mut self,
        auth: Option<&str>,
        mut early: impl FnMut(ReceivedPacket<'_, '_>) -> Result<(), DisconnectReason>,
    ) -> Result<Box<RawValue>, DialError> {
        let namespace = self.namespace.clone();
        self.send(socket::encode_connect(&namespace, auth));
        let outcome = self.next(|taken| match taken {
            ReceivedPacket::Packet(packet @ Packet::Connect { .. }, _)
            | ReceivedPacket::Packet(packet @ Packet::ConnectError { .. }, _) => {
                Ok(reply(packet, &namespace))
            }
            taken => early(taken).map(|()| None),
        });
        outcome.await?
    }

    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// A text frame, sent by the next [`Self::next`].
    pub fn send(&mut self, frame: String) {
        self.outbox.push_back(Message::text(frame));
    }

    /// An attachment of what was sent before it.
    pub fn send_attachment(&mut self, attachment: Bytes) {
        self.outbox.push_back(Message::Binary(attachment));
    }

    /// The next packet that means something to `understand`; what waits in the outbox is sent meanwhile. Cancel-safe:
    /// nothing is taken from the socket that is not handed on or kept here.
    pub async fn next<T>(
        &mut self,
        mut understand: impl FnMut(ReceivedPacket<'_, '_>) -> Result<Option<T>, DisconnectReason>,
    ) -> Result<T, DisconnectReason> {
        poll_fn(|cx| self.poll_next(cx, &mut understand)).await
    }

    /// Sends what waits. Packets that come meanwhile are passed over.
    pub async fn flush(&mut self) -> Result<(), DisconnectReason> {
        self.until(|engine| engine.outbox.is_empty() && !engine.unflushed)
            .await
    }

    /// Returns when the server's WebSocket has read everything that was sent: it answers a ping behind it. Packets that
    /// come meanwhile are passed over.
    pub async fn probe(&mut self) -> Result<(), DisconnectReason> {
        self.ponged = false;
        self.outbox.push_back(Message::Ping(Bytes::new()));
        self.until(|engine| engine.ponged).await
    }

    async fn until(&mut self, holds: impl Fn(&Self) -> bool) -> Result<(), DisconnectReason> {
        poll_fn(|cx| {
            let lost = self.poll_next(cx, &mut |_| Ok(None::<()>));
            match (holds(self), lost) {
                (true, _) => Poll::Ready(Ok(())),
                (false, Poll::Ready(Err(reason))) => Poll::Ready(Err(reason)),
                (false, _) => Poll::Pending,
            }
        })
        .await
    }

    /// Says goodbye, so that the server need not find out. What it had not confirmed before may be lost.
    pub async fn close(mut self) {
        self.say_goodbye();
        let written = poll_fn(|cx| {
            self.poll_write(cx);
            if self.outbox.is_empty() && !self.unflushed || self.write_failed.is_some() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        // Too late is as good as never: the server notices the closed socket.
        let _ = timeout(limits::CLOSE_TIMEOUT, written).await;
    }

    /// Says goodbye and stays until the server has hung up: a connection that is closed with something unread in it is
    /// reset, and what the server had not read yet is gone.
    pub async fn close_and_drain(mut self) {
        self.say_goodbye();
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

    fn say_goodbye(&mut self) {
        let goodbye = socket::encode_disconnect(&self.namespace);
        self.send(goodbye);
        self.send(engine::CLOSE.to_owned());
        self.outbox.push_back(Message::Close(None));
    }

    /// The handshake; how long the server may stay silent.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Result<Duration, DialError>> {
        let no_handshake = || DialError::Protocol("no EngineConnection.IO handshake".to_owned());
        loop {
            match self.poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(reason)) => return Poll::Ready(Err(reason.into())),
                Poll::Ready(Ok(Message::Text(frame))) => {
                    let engine::EnginePacket::Open(open) = engine::decode(&frame)? else {
                        return Poll::Ready(Err(no_handshake()));
                    };
                    let open = engine::Handshake::decode(open)?;
                    let patience = open.ping_interval.saturating_add(open.ping_timeout);
                    return Poll::Ready(Ok(Duration::from_millis(patience)));
                }
                Poll::Ready(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Poll::Ready(Ok(_)) => return Poll::Ready(Err(no_handshake())),
            }
        }
    }

    fn poll_next<T>(
        &mut self,
        cx: &mut Context<'_>,
        understand: &mut impl FnMut(ReceivedPacket<'_, '_>) -> Result<Option<T>, DisconnectReason>,
    ) -> Poll<Result<T, DisconnectReason>> {
        loop {
            self.poll_write(cx);
            match self.poll_frame(cx) {
                Poll::Ready(Ok(message)) => {
                    self.heard = Instant::now();
                    if let Some(incoming) = self.take(message, understand)? {
                        return Poll::Ready(Ok(incoming));
                    }
                }
                Poll::Ready(Err(reason)) => return Poll::Ready(Err(reason)),
                Poll::Pending => {
                    if let Some(reason) = self.write_failed.take() {
                        return Poll::Ready(Err(reason));
                    }
                    return self.poll_alarm(cx).map(Err);
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

    /// Gives the socket what it takes of the outbox.
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        while self.write_failed.is_none() && (self.unflushed || !self.outbox.is_empty()) {
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
            self.write_failed = done.err().map(DisconnectReason::from);
        }
    }

    /// Any frame counts as a sign of life, not only a ping. The alarm is set anew only when it rings.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<DisconnectReason> {
        while self.alarm.as_mut().poll(cx).is_ready() {
            let due = self.heard + self.patience;
            if due <= Instant::now() {
                return Poll::Ready(DisconnectReason::Timeout(self.patience));
            }
            self.alarm.as_mut().reset(due);
        }
        Poll::Pending
    }

    /// Whoever sends pings and never reads the answers is no server.
    fn pong<T>(&mut self, probe: &str) -> Result<Option<T>, DisconnectReason> {
        if self.outbox.is_empty() {
            self.pongs = 0;
        }
        self.pongs += probe.len() + limits::ENTRY_BYTES;
        if self.pongs > limits::ANSWER_BYTES {
            return Err(DisconnectReason::Protocol(
                "it pings and does not read the answers".to_owned(),
            ));
        }
        self.send(format!("{}{probe}", engine::PONG));
        Ok(None)
    }

    fn take<T>(
        &mut self,
        message: Message,
        understand: &mut impl FnMut(ReceivedPacket<'_, '_>) -> Result<Option<T>, DisconnectReason>,
    ) -> Result<Option<T>, DisconnectReason> {
        match message {
            Message::Text(frame) => match engine::decode(&frame)? {
                engine::EnginePacket::Ping(probe) => self.pong(probe),
                engine::EnginePacket::Message(text) => match self.assembler.text(text) {
                    Ok(TextFrame::Complete(packet)) => {
                        understand(ReceivedPacket::Packet(&packet, &[]))
                    }
                    Ok(TextFrame::Partial) => Ok(None),
                    Err(error @ (PacketError::Event(_) | PacketError::Unnamed)) => {
                        self.passed_over = socket::attachments(text);
                        understand(ReceivedPacket::Unreadable(error))
                    }
                    Err(error) => Err(error.into()),
                },
                engine::EnginePacket::Close => Err(DisconnectReason::Closed),
                _ => Ok(None),
            },
            Message::Binary(_) if self.passed_over > 0 => {
                self.passed_over -= 1;
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
                understand(ReceivedPacket::Packet(
                    &binary.packet()?,
                    &binary.attachments,
                ))
            }
            Message::Pong(_) => {
                self.ponged = true;
                Ok(None)
            }
            // WebSocket's own pings are answered by the library, and its close frame ends the stream.
            _ => Ok(None),
        }
    }
}

/// What an answer to CONNECT means; None when it is of another namespace.
fn reply(packet: &Packet<'_>, wanted: &Namespace) -> Option<Result<Box<RawValue>, DialError>> {
    match packet {
        // Servers of Socket.IO v2 enter `/` unasked, and their CONNECT says nothing.
        Packet::Connect { auth, .. } if !has_sid(*auth) => Some(Err(DialError::Version2)),
        Packet::Connect {
            namespace,
            auth: Some(reply),
        } if namespace == wanted => Some(Ok((*reply).to_owned())),
        Packet::ConnectError { namespace, data } if namespace == wanted => {
            Some(Err(DialError::Denied(answers::connect_error(data))))
        }
        _ => None,
    }
}

/// Every server of protocol v5 names the socket; those before did not.
fn has_sid(reply: Option<&RawValue>) -> bool {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "sid")]
        _sid: String,
    }
    reply.is_some_and(|reply| serde_json::from_str::<Named>(reply.get()).is_ok())
}

/// What WebSocket does for itself is not shown.
fn trace(tracer: &mut Option<Tracer>, direction: Direction, message: &Message) {
    let Some(tracer) = tracer else { return };
    match message {
        Message::Text(text) => tracer.text(direction, text),
        Message::Binary(bytes) => tracer.binary(direction, bytes),
        _ => {}
    }
}
