//! One connection to one namespace of a hub: the handshakes, packets both ways at once, and the watch for pings.
//!
//! Writing never keeps it from reading: what is emitted waits in an outbox that [`Connection::next`] empties while it
//! listens. The outbox is bounded by whoever emits (credit, one verb at a time). Does not reconnect.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use serde::Serialize;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::Target;
use super::answers::{self, Answer, Greeting, HubLimits, Misunderstood};
use super::dial::{self, Socket};
use super::error::{ClientError, DialError, LostReason, Refusal};
use super::subscription::Gap;
use crate::address::{Namespace, Seq};
use crate::limits;
use crate::wire::attachments::{Assembler, Text};
use crate::wire::batch::{self, DeliveryHeader};
use crate::wire::engine;
use crate::wire::socket::{self, EventPacket, Packet};

pub struct Connection {
    socket: Socket,
    namespace: Namespace,
    hello: Hello,
    assembler: Assembler,
    outbox: VecDeque<Message>,
    /// Something was given to the socket since it was last flushed.
    unflushed: bool,
    /// Writing failed; what the hub had sent before is still read, as it may say why.
    write_failed: Option<LostReason>,
    patience: Duration,
    heard: Instant,
    alarm: Pin<Box<Sleep>>,
    calls: u64,
}

/// What the hub said of itself when the namespace was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    pub version: String,
    /// Random per database: seqs of another log mean nothing in this one.
    pub log: String,
    pub limits: HubLimits,
}

/// What a hub sends to a roomcat client.
#[derive(Debug)]
pub enum Incoming {
    Answer {
        id: u64,
        answer: Answer,
    },
    Batch {
        header: DeliveryHeader,
        body: Bytes,
    },
    Gap(Gap),
    CaughtUp {
        head: Seq,
    },
    /// The hub is about to disconnect this socket, and says why.
    Closed(Refusal),
}

impl Connection {
    /// Dials and enters the namespace; the whole of it within `limits::DIAL_TIMEOUT`.
    pub async fn open(target: &Target) -> Result<Self, DialError> {
        timeout(limits::DIAL_TIMEOUT, Self::handshake(target))
            .await
            .unwrap_or(Err(DialError::Timeout(limits::DIAL_TIMEOUT)))
    }

    async fn handshake(target: &Target) -> Result<Self, DialError> {
        let mut socket = dial::dial(&target.url).await?;
        let open = next_text(&mut socket).await?;
        let engine::Packet::Open(open) = engine::decode(&open)? else {
            return Err(DialError::Protocol("no Engine.IO handshake".to_owned()));
        };
        let open = engine::Handshake::decode(open)?;
        let patience = Duration::from_millis(open.ping_interval.saturating_add(open.ping_timeout));
        let connect = socket::encode_connect(&target.namespace, Some(&auth(target)));
        socket.send(Message::text(connect)).await?;
        let hello = entered(&mut socket, &target.namespace).await?;
        let heard = Instant::now();
        Ok(Self {
            socket,
            namespace: target.namespace.clone(),
            hello,
            assembler: Assembler::default(),
            outbox: VecDeque::new(),
            unflushed: false,
            write_failed: None,
            patience,
            heard,
            alarm: Box::pin(sleep_until(heard + patience)),
            calls: 0,
        })
    }

    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// `args` is the inside of a JSON array. Sent by [`Self::next`].
    pub fn emit(&mut self, id: Option<u64>, event: &str, args: &str) {
        let text = socket::encode_event(&self.namespace, id, event, args, 0);
        self.outbox.push_back(Message::text(text));
    }

    /// Like [`Self::emit`], with one attachment behind the arguments.
    pub fn emit_with(&mut self, id: u64, event: &str, args: &str, attachment: Bytes) {
        let args = format!("{args},{}", batch::BODY_PLACEHOLDER);
        let text = socket::encode_event(&self.namespace, Some(id), event, &args, 1);
        self.outbox.push_back(Message::text(text));
        self.outbox.push_back(Message::Binary(attachment));
    }

    /// The next thing the hub sent; what waits in the outbox is sent meanwhile. Cancel-safe: nothing is taken from the
    /// socket that is not returned or kept here.
    pub async fn next(&mut self) -> Result<Incoming, LostReason> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// A verb and its answer, for a connection that does nothing else.
    pub async fn call(
        &mut self,
        target: &Target,
        verb: &str,
        args: &str,
    ) -> Result<Answer, ClientError> {
        self.calls += 1;
        let asked = self.calls;
        self.emit(Some(asked), verb, args);
        loop {
            match self.next().await {
                Ok(Incoming::Answer { id, answer }) if id == asked => return Ok(answer),
                Ok(Incoming::Closed(refusal)) => {
                    let url = target.url.to_string();
                    return Err(ClientError::Denied { url, refusal });
                }
                Ok(_) => {}
                Err(reason) => return Err(reason.at(&target.url)),
            }
        }
    }

    /// Says goodbye, so that the hub need not find out. What was not confirmed before may be lost.
    pub async fn close(mut self) {
        self.outbox
            .push_back(Message::text(socket::encode_disconnect(&self.namespace)));
        self.outbox.push_back(Message::text(engine::CLOSE));
        self.outbox.push_back(Message::Close(None));
        let written = poll_fn(|cx| {
            self.poll_write(cx);
            match self.outbox.is_empty() && !self.unflushed || self.write_failed.is_some() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        });
        // Too late is as good as never: the hub notices the closed socket.
        let _ = timeout(limits::CLOSE_TIMEOUT, written).await;
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, LostReason>> {
        loop {
            self.poll_write(cx);
            match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    self.heard = Instant::now();
                    if let Some(incoming) = self.take(message)? {
                        return Poll::Ready(Ok(incoming));
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error.into())),
                Poll::Ready(None) => return Poll::Ready(Err(LostReason::Closed)),
                Poll::Pending => {
                    if let Some(reason) = self.write_failed.take() {
                        return Poll::Ready(Err(reason));
                    }
                    return self.poll_alarm(cx).map(Err);
                }
            }
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
            self.write_failed = done.err().map(LostReason::from);
        }
    }

    /// Any frame counts as a sign of life, not only a ping. The alarm is set anew only when it rings.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<LostReason> {
        while self.alarm.as_mut().poll(cx).is_ready() {
            let due = self.heard + self.patience;
            if due <= Instant::now() {
                return Poll::Ready(LostReason::Silent(self.patience));
            }
            self.alarm.as_mut().reset(due);
        }
        Poll::Pending
    }

    fn take(&mut self, message: Message) -> Result<Option<Incoming>, LostReason> {
        match message {
            Message::Text(frame) => match engine::decode(&frame)? {
                engine::Packet::Ping(probe) => {
                    let pong = format!("{}{probe}", engine::PONG);
                    self.outbox.push_back(Message::text(pong));
                    Ok(None)
                }
                engine::Packet::Message(text) => match self.assembler.text(text)? {
                    Text::Whole(packet) => self.understand(&packet, &[]),
                    Text::Partial => Ok(None),
                },
                engine::Packet::Close => Err(LostReason::Closed),
                _ => Ok(None),
            },
            Message::Binary(attachment) => {
                let Some(binary) = self.assembler.binary(attachment)? else {
                    return match self.assembler.held() > limits::FRAME_BYTES_MAX {
                        true => Err(LostReason::Protocol("too many attachments".to_owned())),
                        false => Ok(None),
                    };
                };
                self.understand(&binary.packet()?, &binary.attachments)
            }
            // WebSocket's own pings are answered by the library, and its close frame ends the stream.
            _ => Ok(None),
        }
    }

    /// Packets of other namespaces, and events that mean nothing to a roomcat client, are passed over.
    fn understand(
        &self,
        packet: &Packet<'_>,
        attachments: &[Bytes],
    ) -> Result<Option<Incoming>, LostReason> {
        Ok(match packet {
            Packet::Ack(ack) if ack.namespace == self.namespace => Some(Incoming::Answer {
                id: ack.id,
                answer: answers::answer(&ack.args)?,
            }),
            Packet::Event(event) if event.namespace == self.namespace => {
                incoming_event(event, attachments)?
            }
            Packet::Disconnect { namespace } if *namespace == self.namespace => {
                return Err(LostReason::Closed);
            }
            _ => None,
        })
    }
}

fn incoming_event(
    packet: &EventPacket<'_>,
    attachments: &[Bytes],
) -> Result<Option<Incoming>, Misunderstood> {
    Ok(Some(match (packet.event.as_str(), attachments) {
        (batch::EVENT, [body]) => Incoming::Batch {
            header: answers::header(&packet.args)?,
            body: body.clone(),
        },
        ("gap", []) => Incoming::Gap(answers::gap(&packet.args)?),
        ("caught-up", []) => Incoming::CaughtUp {
            head: answers::caught_up(&packet.args)?,
        },
        ("closed", []) => Incoming::Closed(answers::closed(&packet.args)?),
        _ => return Ok(None),
    }))
}

/// CONNECT's auth object.
fn auth(target: &Target) -> String {
    #[derive(Serialize)]
    struct Auth<'a> {
        #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<&'a str>,
        roomcat: u32,
    }
    serde_json::to_string(&Auth {
        name: target.name.as_ref().map(|name| name.as_str()),
        token: target.token.as_deref(),
        roomcat: 1,
    })
    .expect("strings and a number are JSON")
}

/// Waits for the reply to CONNECT.
async fn entered(socket: &mut Socket, namespace: &Namespace) -> Result<Hello, DialError> {
    loop {
        let frame = next_text(socket).await?;
        let text = match engine::decode(&frame)? {
            engine::Packet::Message(text) => text,
            engine::Packet::Ping(probe) => {
                let pong = format!("{}{probe}", engine::PONG);
                socket.send(Message::text(pong)).await?;
                continue;
            }
            engine::Packet::Close => return Err(DialError::Protocol("it closed".to_owned())),
            _ => continue,
        };
        match Assembler::default().text(text)? {
            Text::Whole(Packet::Connect {
                namespace: which,
                auth: Some(reply),
            }) if which == *namespace => return hello(reply),
            Text::Whole(Packet::ConnectError {
                namespace: which,
                data,
            }) if which == *namespace => {
                return Err(DialError::Denied(answers::connect_error(data)));
            }
            _ => {}
        }
    }
}

fn hello(reply: &serde_json::value::RawValue) -> Result<Hello, DialError> {
    let greeting: Greeting = answers::parse("its greeting", reply)
        .map_err(|error| DialError::Protocol(error.to_string()))?;
    match greeting.roomcat {
        None => Err(DialError::NotAHub),
        Some(_) => Ok(Hello {
            version: greeting.version,
            log: greeting.log,
            limits: greeting.limits,
        }),
    }
}

/// For the handshakes, in which only text comes.
async fn next_text(socket: &mut Socket) -> Result<String, DialError> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(_)) => return Err(DialError::Protocol("no handshake".to_owned())),
            Some(Err(error)) => return Err(error.into()),
            None => return Err(DialError::Protocol("it closed".to_owned())),
        }
    }
}
