//! One connection to one namespace of a roomcat hub: what is said there, as types.
//!
//! Does not reconnect. The outbox of its engine is bounded by whoever emits (credit, one verb at a time), and by the engine
//! where the server makes it answer.

use bytes::Bytes;
use tokio::time::timeout;

use super::Target;
use super::answers::{self, Answer, Greeting, HubLimits, Misunderstood};
use super::engine::{Engine, Taken};
use super::error::{ClientError, DialError, LostReason, Refusal};
use super::link::Line;
use super::subscription::Gap;
use crate::address::{Namespace, Seq};
use crate::limits;
use crate::wire::batch::{self, DeliveryHeader};
use crate::wire::socket::{self, EventPacket, Packet};

pub struct Connection {
    engine: Engine,
    hello: Hello,
    calls: u64,
}

/// What the hub said of itself when the namespace was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Of this connection's socket.
    pub sid: String,
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
    Presence(answers::Presence),
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
        let mut engine = Engine::open(target).await?;
        let auth = target.auth.roomcat(target);
        let reply = engine.enter(Some(&auth), |_| Ok(())).await?;
        Ok(Self {
            engine,
            hello: hello(&reply)?,
            calls: 0,
        })
    }

    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// `args` is the inside of a JSON array. Sent by the next [`Line::next`].
    pub fn emit(&mut self, id: Option<u64>, event: &str, args: &str) {
        let text = socket::encode_event(self.engine.namespace(), id, event, args, 0);
        self.engine.send(text);
    }

    /// Like [`Self::emit`], with one attachment behind the arguments.
    pub fn emit_with(&mut self, id: u64, event: &str, args: &str, attachment: Bytes) {
        let args = format!("{args},{}", batch::BODY_PLACEHOLDER);
        let text = socket::encode_event(self.engine.namespace(), Some(id), event, &args, 1);
        self.engine.send(text);
        self.engine.send_attachment(attachment);
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
                    return Err(ClientError::closed(&target.url, refusal));
                }
                Ok(_) => {}
                Err(reason) => return Err(reason.at(&target.url)),
            }
        }
    }

    /// Says goodbye, so that the hub need not find out. What was not confirmed before may be lost.
    pub async fn close(self) {
        self.engine.close().await;
    }
}

impl Line for Connection {
    type Incoming = Incoming;

    async fn next(&mut self) -> Result<Incoming, LostReason> {
        let namespace = self.engine.namespace().clone();
        self.engine
            .next(|taken| understand(&namespace, taken))
            .await
    }
}

/// Packets of other namespaces, and events that mean nothing to a roomcat client, are passed over.
fn understand(namespace: &Namespace, taken: Taken<'_, '_>) -> Result<Option<Incoming>, LostReason> {
    let Taken::Packet(packet, attachments) = taken else {
        return Ok(None);
    };
    Ok(match packet {
        Packet::Ack(ack) if ack.namespace == *namespace => Some(Incoming::Answer {
            id: ack.id,
            answer: answers::answer(&ack.args)?,
        }),
        Packet::Event(event) if event.namespace == *namespace => {
            incoming_event(event, attachments)?
        }
        Packet::Disconnect { namespace: which } if which == namespace => {
            return Err(LostReason::Closed);
        }
        _ => None,
    })
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
        ("presence", []) => Incoming::Presence(answers::presence(&packet.args)?),
        ("closed", []) => Incoming::Closed(answers::closed(&packet.args)?),
        _ => return Ok(None),
    }))
}

fn hello(reply: &serde_json::value::RawValue) -> Result<Hello, DialError> {
    let greeting: Greeting = answers::parse("its greeting", reply)
        .map_err(|error| DialError::Protocol(error.to_string()))?;
    match greeting.roomcat {
        None => Err(DialError::NotAHub),
        Some(_) => Ok(Hello {
            sid: greeting.sid,
            version: greeting.version,
            log: greeting.log,
            limits: greeting.limits,
        }),
    }
}
