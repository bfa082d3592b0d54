//! One connection to one namespace of a roomcat hub: its messages as types.
//!
//! Does not reconnect. Callers bound the engine's outbox (by credit, or one request at a time); the engine bounds the answers
//! to pings.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::connection_state::ClientConnection;
use super::engine::{EngineConnection, ReceivedPacket};
use super::error::{ClientError, DialError, DisconnectReason};
use super::error_response::ErrorResponse;
use super::events::{self, Gap, PresenceEvent};
use super::invalid_message::{InvalidMessage, first_argument, parse};
use super::target::Target;
use super::verbs::{self, VerbRequest, VerbResult};
use crate::address::{Namespace, Seq};
use crate::limits;
use crate::wire::batch::{self, DeliveryHeader, PublishHeader};
use crate::wire::socket::{self, EventPacket, Packet};
use crate::wire::verb::Verb;

pub struct HubConnection {
    engine: EngineConnection,
    hub_info: HubInfo,
    last_id: u64,
}

/// The hub's reply to CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubInfo {
    /// The sid of this connection's socket.
    pub sid: String,
    pub version: String,
    /// Random per database. A seq of another log has no meaning in this one.
    pub log: String,
    pub limits: HubLimits,
}

/// The hub's bounds, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HubLimits {
    pub message: usize,
    pub batch: usize,
    pub credit: usize,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self {
            message: limits::MESSAGE_BYTES,
            batch: limits::MESSAGE_BYTES,
            credit: limits::CREDIT_BYTES,
        }
    }
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
    Presence(PresenceEvent),
    /// The hub is about to disconnect this socket, for this reason.
    Closed(ErrorResponse),
}

impl HubConnection {
    /// Dials and enters the namespace, within [`limits::DIAL_TIMEOUT`].
    pub async fn open(target: &Target) -> Result<Self, DialError> {
        timeout(limits::DIAL_TIMEOUT, Self::handshake(target))
            .await
            .unwrap_or(Err(DialError::Timeout(limits::DIAL_TIMEOUT)))
    }

    async fn handshake(target: &Target) -> Result<Self, DialError> {
        let mut engine = EngineConnection::open(target).await?;
        let reply = engine.enter(Some(&target.hub_auth()), |_| Ok(())).await?;
        Ok(Self {
            engine,
            hub_info: hub_info(&reply)?,
            last_id: 0,
        })
    }

    pub fn hub_info(&self) -> &HubInfo {
        &self.hub_info
    }

    /// Queues a verb for the next [`ClientConnection::next`] to send. `args` is the inside of a JSON array.
    pub fn emit(&mut self, id: Option<u64>, verb: Verb, args: &str) {
        let namespace = self.engine.namespace();
        let text = socket::encode_event(namespace, id, verb.as_str(), args, 0);
        self.engine.send(text);
    }

    /// Queues a batch, like [`Self::emit`].
    pub fn emit_batch(&mut self, id: u64, header: &PublishHeader, body: Bytes) {
        let header = serde_json::to_string(header).expect("names and numbers are JSON");
        let args = format!("{header},{}", batch::BODY_PLACEHOLDER);
        let namespace = self.engine.namespace();
        let text = socket::encode_event(namespace, Some(id), batch::EVENT, &args, 1);
        self.engine.send(text);
        self.engine.send_attachment(body);
    }

    /// Sends a request and waits for its response; other messages that arrive meanwhile are dropped.
    pub async fn request<R: VerbRequest>(
        &mut self,
        target: &Target,
        request: &R,
    ) -> Result<R::Response, ClientError> {
        self.last_id += 1;
        let expected = self.last_id;
        self.emit(Some(expected), R::VERB, &request.args());
        loop {
            match self.next().await {
                Ok(HubMessage::Response { id, answer }) if id == expected => {
                    let json = answer.map_err(ClientError::Refused)?;
                    return Ok(R::parse_response(&json)?);
                }
                Ok(HubMessage::Closed(error)) => {
                    return Err(ClientError::from_closed(&target.url, error));
                }
                Ok(_) => {}
                Err(reason) => return Err(reason.with_url(&target.url)),
            }
        }
    }

    /// Sends a disconnect, so that the hub need not wait for a timeout. Messages that it has not confirmed may be lost.
    pub async fn close(self) {
        self.engine.close().await;
    }
}

impl ClientConnection for HubConnection {
    type Incoming = HubMessage;

    async fn next(&mut self) -> Result<HubMessage, DisconnectReason> {
        let namespace = self.engine.namespace().clone();
        self.engine
            .next(|received| decode(&namespace, received))
            .await
    }
}

/// None for packets of other namespaces and for unknown events.
fn decode(
    namespace: &Namespace,
    received: ReceivedPacket<'_, '_>,
) -> Result<Option<HubMessage>, DisconnectReason> {
    let ReceivedPacket::Packet(packet, attachments) = received else {
        return Ok(None);
    };
    Ok(match packet {
        Packet::Ack(ack) if ack.namespace == *namespace => Some(HubMessage::Response {
            id: ack.id,
            answer: verbs::result(&ack.args)?,
        }),
        Packet::Event(event) if event.namespace == *namespace => decode_event(event, attachments)?,
        Packet::Disconnect { namespace: of } if of == namespace => {
            return Err(DisconnectReason::Closed);
        }
        _ => None,
    })
}

fn decode_event(
    packet: &EventPacket<'_>,
    attachments: &[Bytes],
) -> Result<Option<HubMessage>, InvalidMessage> {
    Ok(Some(match (packet.event.as_str(), attachments) {
        (batch::EVENT, [body]) => HubMessage::Batch {
            header: batch_header(&packet.args)?,
            body: body.clone(),
        },
        ("gap", []) => HubMessage::Gap(events::gap(&packet.args)?),
        ("caught-up", []) => HubMessage::CaughtUp {
            head: events::caught_up(&packet.args)?,
        },
        ("presence", []) => HubMessage::Presence(events::presence(&packet.args)?),
        ("closed", []) => HubMessage::Closed(events::closed(&packet.args)?),
        _ => return Ok(None),
    }))
}

/// The header is the first argument of `batch`.
fn batch_header(args: &[&RawValue]) -> Result<DeliveryHeader, InvalidMessage> {
    let what = "a batch";
    let header = DeliveryHeader::decode(first_argument(what, args)?.get());
    header.map_err(|error| InvalidMessage::new(what, error))
}

fn hub_info(reply: &RawValue) -> Result<HubInfo, DialError> {
    /// A Socket.IO server that is no hub replies with `sid` only.
    #[derive(Deserialize)]
    struct ConnectReply {
        roomcat: Option<u32>,
        #[serde(default)]
        sid: String,
        #[serde(default)]
        version: String,
        #[serde(default)]
        log: String,
        #[serde(default)]
        limits: HubLimits,
    }
    let reply: ConnectReply =
        parse("its greeting", reply).map_err(|error| DialError::Protocol(error.to_string()))?;
    match reply.roomcat {
        None => Err(DialError::NotAHub),
        Some(_) => Ok(HubInfo {
            sid: reply.sid,
            version: reply.version,
            log: reply.log,
            limits: reply.limits,
        }),
    }
}
