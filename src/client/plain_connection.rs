//! One connection to a namespace of any Socket.IO server: events in both directions, and acknowledgements.
//!
//! If the server recovers sessions, remembers the data that the next connection needs, as the JavaScript client does
//! (Socket.IO docs, "Connection state recovery"). Does not reconnect.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::connection_state::ClientConnection;
use super::engine::{EngineConnection, ReceivedPacket};
use super::error::{DialError, DisconnectReason};
use super::error_response::ErrorResponse;
use super::target::Target;
use crate::address::{EventName, Namespace};
use crate::limits;
use crate::wire::socket::{self, EventPacket, Packet, PacketError, join_args};

pub struct PlainConnection {
    engine: EngineConnection,
    recovery: Option<RecoveryState>,
    /// Messages that arrived before the reply to CONNECT.
    early: VecDeque<ServerMessage>,
    origin: Continuity,
}

#[derive(Debug)]
pub enum ServerMessage {
    Event(ReceivedEvent),
    /// The acknowledgement of the event that was emitted with this id.
    Ack {
        id: u64,
        args: EventArgs,
    },
    /// The server disconnected this client from the namespace.
    Disconnected(ErrorResponse),
    /// An event that cannot be shown.
    Unreadable(PacketError),
}

#[derive(Debug)]
pub struct ReceivedEvent {
    pub event: EventName,
    pub args: EventArgs,
    /// The ack id, if the server wants an acknowledgement.
    pub id: Option<u64>,
    pub last_argument: LastArgument,
}

/// Whether the last argument of an event may be an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastArgument {
    Argument,
    /// The event's offset for session recovery, added by the server. Looks like any text argument: only a server that recovers
    /// sessions adds one.
    Offset,
}

/// The arguments of an event or of an acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventArgs {
    /// The inside of a JSON array; placeholders stand for the attachments.
    pub json: String,
    pub attachments: Vec<Bytes>,
}

/// The credentials for recovering a session. The pid is a secret, because it opens the session.
#[derive(Clone)]
pub struct RecoveryState {
    pid: String,
    offset: Option<String>,
}

/// Whether this connection continues the session of the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    Recovered,
    New,
}

impl PlainConnection {
    /// Dials and enters the namespace, within [`limits::DIAL_TIMEOUT`]. `recovery` is that of an earlier connection.
    pub async fn open(
        target: &Target,
        recovery: Option<&RecoveryState>,
    ) -> Result<Self, DialError> {
        timeout(limits::DIAL_TIMEOUT, Self::handshake(target, recovery))
            .await
            .unwrap_or(Err(DialError::Timeout(limits::DIAL_TIMEOUT)))
    }

    async fn handshake(
        target: &Target,
        recovery: Option<&RecoveryState>,
    ) -> Result<Self, DialError> {
        let mut engine = EngineConnection::open(target).await?;
        let fields = recovery.map(RecoveryState::auth_fields).unwrap_or_default();
        let auth = target.plain_auth(&fields);
        let (mut early, mut bytes) = (VecDeque::new(), 0);
        // Messages before the reply are those that the recovered session missed.
        let mut past = recovery.cloned();
        let keep = |received: ReceivedPacket<'_, '_>| {
            if let Some(message) = decode(&target.namespace, &mut past, received)? {
                bytes += message.cost();
                early.push_back(message);
            }
            if bytes > limits::RECOVERED_BYTES {
                Err(DisconnectReason::Protocol(
                    "too many messages before its reply".to_owned(),
                ))
            } else {
                Ok(())
            }
        };
        let reply = engine.enter(auth.as_deref(), keep).await?;
        let pid = pid(&reply);
        let (origin, recovery) = match (past, pid) {
            (Some(past), Some(pid)) if past.pid == pid => (Continuity::Recovered, Some(past)),
            (_, pid) => {
                let new = pid.map(|pid| RecoveryState { pid, offset: None });
                (Continuity::New, new)
            }
        };
        Ok(Self {
            engine,
            recovery,
            early,
            origin,
        })
    }

    pub fn origin(&self) -> Continuity {
        self.origin
    }

    /// The recovery state to open the next connection with.
    pub fn recovery_state(&self) -> Option<&RecoveryState> {
        self.recovery.as_ref()
    }

    /// Queues an event; [`ClientConnection::next`] and [`Self::settle`] send it.
    pub fn emit(&mut self, id: Option<u64>, event: &EventName, args: &EventArgs) {
        let count = args.attachments.len();
        let namespace = self.engine.namespace();
        let text = socket::encode_event(namespace, id, event.as_str(), &args.json, count);
        self.engine.send(text);
        for attachment in &args.attachments {
            self.engine.send_attachment(attachment.clone());
        }
    }

    /// Acknowledges an event, without arguments.
    pub fn ack(&mut self, id: u64) {
        let text = socket::encode_ack(self.engine.namespace(), id, "", 0);
        self.engine.send(text);
    }

    /// Waits until the server has read the emitted events, within a bound. A disconnect right after an event can
    /// overtake it: Socket.IO's server passes events to the application a moment after reading them, and drops them if
    /// the client has disconnected by then.
    pub async fn settle(&mut self) -> Result<(), DisconnectReason> {
        self.engine.flush().await?;
        match timeout(limits::SETTLE_TIMEOUT, self.engine.probe()).await {
            // The server may close the connection because of the event.
            Ok(Err(DisconnectReason::Closed)) | Err(_) => Ok(()),
            Ok(outcome) => outcome,
        }
    }

    /// Sends a disconnect and waits until the server closes the connection.
    pub async fn close(self) {
        self.engine.close_and_drain().await;
    }
}

impl ClientConnection for PlainConnection {
    type Incoming = ServerMessage;

    async fn next(&mut self) -> Result<ServerMessage, DisconnectReason> {
        if let Some(message) = self.early.pop_front() {
            return Ok(message);
        }
        let namespace = self.engine.namespace().clone();
        let recovery = &mut self.recovery;
        self.engine
            .next(|received| decode(&namespace, recovery, received))
            .await
    }
}

impl ServerMessage {
    /// The approximate size in memory, in bytes.
    fn cost(&self) -> usize {
        let args = match self {
            Self::Event(ReceivedEvent { args, .. }) | Self::Ack { args, .. } => args.len(),
            Self::Disconnected(_) | Self::Unreadable(_) => 0,
        };
        args + limits::ENTRY_BYTES
    }
}

impl EventArgs {
    /// Bytes of the text and the attachments.
    pub fn len(&self) -> usize {
        self.json.len() + self.attachments.iter().map(Bytes::len).sum::<usize>()
    }

    fn new(args: &[&RawValue], attachments: &[Bytes]) -> Self {
        Self {
            json: join_args(args),
            attachments: attachments.to_vec(),
        }
    }
}

impl RecoveryState {
    /// Members of the auth object; their values are JSON.
    fn auth_fields(&self) -> Vec<(&'static str, String)> {
        let quote = |text: &str| serde_json::to_string(text).expect("a string is JSON");
        let mut fields = vec![("pid", quote(&self.pid))];
        fields.extend(
            self.offset
                .as_deref()
                .map(|offset| ("offset", quote(offset))),
        );
        fields
    }

    /// Takes the offset of an event: its last argument, if that is a text and the event has no ack id.
    fn take_offset(&mut self, event: &EventPacket<'_>) -> LastArgument {
        let text = event
            .args
            .last()
            .filter(|last| event.id.is_none() && last.get().len() <= limits::OFFSET_BYTES)
            .and_then(|last| serde_json::from_str::<String>(last.get()).ok());
        match text {
            Some(offset) => {
                self.offset = Some(offset);
                LastArgument::Offset
            }
            None => LastArgument::Argument,
        }
    }
}

/// None for packets of other namespaces.
fn decode(
    namespace: &Namespace,
    recovery: &mut Option<RecoveryState>,
    received: ReceivedPacket<'_, '_>,
) -> Result<Option<ServerMessage>, DisconnectReason> {
    let (packet, attachments) = match received {
        ReceivedPacket::Packet(packet, attachments) => (packet, attachments),
        ReceivedPacket::Unreadable(error) => return Ok(Some(ServerMessage::Unreadable(error))),
    };
    Ok(match packet {
        Packet::Event(event) if event.namespace == *namespace => {
            let last_argument = recovery
                .as_mut()
                .map_or(LastArgument::Argument, |recovery| {
                    recovery.take_offset(event)
                });
            Some(ServerMessage::Event(ReceivedEvent {
                event: event.event.clone(),
                args: EventArgs::new(&event.args, attachments),
                id: event.id,
                last_argument,
            }))
        }
        Packet::Ack(ack) if ack.namespace == *namespace => Some(ServerMessage::Ack {
            id: ack.id,
            args: EventArgs::new(&ack.args, attachments),
        }),
        Packet::Disconnect { namespace: of } if of == namespace => Some(
            ServerMessage::Disconnected(ErrorResponse::without_code("it disconnected this client")),
        ),
        Packet::ConnectError {
            namespace: of,
            data,
        } if of == namespace => Some(ServerMessage::Disconnected(
            ErrorResponse::from_connect_error(data),
        )),
        _ => None,
    })
}

fn pid(reply: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct PidReply {
        pid: String,
    }
    let reply: PidReply = serde_json::from_str(reply.get()).ok()?;
    (reply.pid.len() <= limits::OFFSET_BYTES).then_some(reply.pid)
}
