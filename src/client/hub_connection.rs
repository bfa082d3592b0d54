//! One connection to one namespace of a roomcat hub: what is said there, as types.
//!
//! Does not reconnect. The outbox of its engine is bounded by whoever emits (credit, one verb at a time), and by the engine
//! where the server makes it answer.

use bytes::Bytes;
use tokio::time::timeout;

use super::Target;
use super::answers::{self, ConnectReply, HubLimits, InvalidMessage, VerbResult};
use super::connection_state::ClientConnection;
use super::engine::{EngineConnection, ReceivedPacket};
use super::error::{ClientError, DialError, DisconnectReason, ErrorResponse};
use super::subscription::Gap;
use crate::address::{Namespace, Seq};
use crate::limits;
use crate::wire::batch::{self, DeliveryHeader};
use crate::wire::socket::{self, EventPacket, Packet};

pub struct HubConnection {
    engine: EngineConnection,
    hello: HubInfo,
    calls: u64,
}

/// What the hub said of itself when the namespace was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubInfo {
    /// Of this connection's socket.
    pub sid: String,
    pub version: String,
    /// Random per database: seqs of another log mean nothing in this one.
    pub log: String,
    pub limits: HubLimits,
}

/// What a hub sends to a roomcat client.
#[derive(Debug)]
pub enum HubMessage {
    Response {
        id: u64,
        answer: VerbResult,
    },
    Batch {
        header: DeliveryHeader,
        body: Bytes,
    },
    Gap(Gap),
    CaughtUp {
        head: Seq,
    },
    Presence(answers::PresenceEvent),
    /// The hub is about to disconnect this socket, and says why.
    Closed(ErrorResponse),
}

impl HubConnection {
    /// Dials and enters the namespace; the whole of it within `limits::DIAL_TIMEOUT`.
    pub async fn open(target: &Target) -> Result<Self, DialError> {
        timeout(limits::DIAL_TIMEOUT, Self::handshake(target))
            .await
            .unwrap_or(Err(DialError::Timeout(limits::DIAL_TIMEOUT)))
    }

    async fn handshake(target: &Target) -> Result<Self, DialError> {
        let mut engine = EngineConnection::open(target).await?;
        let auth = target.auth.roomcat(target);
        let reply = engine.enter(Some(&auth), |_| Ok(())).await?;
        Ok(Self {
            engine,
            hello: hello(&reply)?,
            calls: 0,
        })
    }

    pub fn hub_info(&self) -> &HubInfo {
        &self.hello
    }

    /// `args` is the inside of a JSON array. Sent by the next [`ClientConnection::next`].
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
    ) -> Result<VerbResult, ClientError> {
        self.calls += 1;
        let asked = self.calls;
        self.emit(Some(asked), verb, args);
        loop {
            match self.next().await {
                Ok(HubMessage::Response { id, answer }) if id == asked => return Ok(answer),
                Ok(HubMessage::Closed(refusal)) => {
                    return Err(ClientError::from_closed(&target.url, refusal));
                }
                Ok(_) => {}
                Err(reason) => return Err(reason.with_url(&target.url)),
            }
        }
    }

    /// Says goodbye, so that the hub need not find out. What was not confirmed before may be lost.
    pub async fn close(self) {
        self.engine.close().await;
    }
}

impl ClientConnection for HubConnection {
    type Incoming = HubMessage;

    async fn next(&mut self) -> Result<HubMessage, DisconnectReason> {
        let namespace = self.engine.namespace().clone();
        self.engine
            .next(|taken| understand(&namespace, taken))
            .await
    }
}

/// Packets of other namespaces, and events that mean nothing to a roomcat client, are passed over.
fn understand(
    namespace: &Namespace,
    taken: ReceivedPacket<'_, '_>,
) -> Result<Option<HubMessage>, DisconnectReason> {
    let ReceivedPacket::Packet(packet, attachments) = taken else {
        return Ok(None);
    };
    Ok(match packet {
        Packet::Ack(ack) if ack.namespace == *namespace => Some(HubMessage::Response {
            id: ack.id,
            answer: answers::answer(&ack.args)?,
        }),
        Packet::Event(event) if event.namespace == *namespace => {
            incoming_event(event, attachments)?
        }
        Packet::Disconnect { namespace: which } if which == namespace => {
            return Err(DisconnectReason::Closed);
        }
        _ => None,
    })
}

fn incoming_event(
    packet: &EventPacket<'_>,
    attachments: &[Bytes],
) -> Result<Option<HubMessage>, InvalidMessage> {
    Ok(Some(match (packet.event.as_str(), attachments) {
        (batch::EVENT, [body]) => HubMessage::Batch {
            header: answers::header(&packet.args)?,
            body: body.clone(),
        },
        ("gap", []) => HubMessage::Gap(answers::gap(&packet.args)?),
        ("caught-up", []) => HubMessage::CaughtUp {
            head: answers::caught_up(&packet.args)?,
        },
        ("presence", []) => HubMessage::Presence(answers::presence(&packet.args)?),
        ("closed", []) => HubMessage::Closed(answers::closed(&packet.args)?),
        _ => return Ok(None),
    }))
}

fn hello(reply: &serde_json::value::RawValue) -> Result<HubInfo, DialError> {
    let greeting: ConnectReply = answers::parse("its greeting", reply)
        .map_err(|error| DialError::Protocol(error.to_string()))?;
    match greeting.roomcat {
        None => Err(DialError::NotAHub),
        Some(_) => Ok(HubInfo {
            sid: greeting.sid,
            version: greeting.version,
            log: greeting.log,
            limits: greeting.limits,
        }),
    }
}
