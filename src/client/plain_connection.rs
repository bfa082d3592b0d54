//! One connection to a namespace of any Socket.IO server, as a plain client of it: events both ways, and acknowledgements.
//!
//! Where the server recovers sessions, it remembers what the next connection needs for it, as the JavaScript client does
//! (Socket.IO docs, "Connection state recovery"). Does not reconnect.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::Target;
use super::answers;
use super::connection_state::ClientConnection;
use super::engine::{EngineConnection, ReceivedPacket};
use super::error::{DialError, DisconnectReason, ErrorResponse};
use crate::address::{EventName, Namespace};
use crate::limits;
use crate::wire::socket::{self, EventPacket, Packet, PacketError, join_args};

pub struct PlainConnection {
    engine: EngineConnection,
    session: Option<RecoveryState>,
    /// Came before the namespace was entered.
    early: VecDeque<ServerMessage>,
    recovered: SessionOrigin,
}

/// What a server sends.
#[derive(Debug)]
pub enum ServerMessage {
    Event(ReceivedEvent),
    /// The answer to what was emitted with this ack id.
    Ack {
        id: u64,
        args: EventArgs,
    },
    /// The server put this client out of the namespace.
    Disconnected(ErrorResponse),
    /// An event that cannot be shown.
    Unreadable(PacketError),
}

#[derive(Debug)]
pub struct ReceivedEvent {
    pub event: EventName,
    pub args: EventArgs,
    /// The server wants an acknowledgement of this id.
    pub id: Option<u64>,
    pub last: LastArgument,
}

/// What the last argument of an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastArgument {
    Argument,
    /// The server's own addition: the event's place in what it can recover. Told from an application's text by nothing
    /// but that the server recovers.
    Offset,
}

/// Arguments as they came, or as they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventArgs {
    /// The inside of a JSON array; placeholders stand for the attachments.
    pub json: String,
    pub attachments: Vec<Bytes>,
}

/// What a server recovers a session by. Whoever knows the pid can take the session over.
#[derive(Clone)]
pub struct RecoveryState {
    pid: String,
    offset: Option<String>,
}

/// Whether this connection goes on where the one before it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionOrigin {
    Recovered,
    New,
}

impl PlainConnection {
    /// Dials and enters the namespace; the whole of it within `limits::DIAL_TIMEOUT`. `session` is that of an earlier
    /// connection.
    pub async fn open(target: &Target, session: Option<&RecoveryState>) -> Result<Self, DialError> {
        timeout(limits::DIAL_TIMEOUT, Self::handshake(target, session))
            .await
            .unwrap_or(Err(DialError::Timeout(limits::DIAL_TIMEOUT)))
    }

    async fn handshake(
        target: &Target,
        session: Option<&RecoveryState>,
    ) -> Result<Self, DialError> {
        let mut engine = EngineConnection::open(target).await?;
        let resume = session.map(RecoveryState::members).unwrap_or_default();
        let auth = target.auth.plain(target, &resume);
        let (mut early, mut bytes) = (VecDeque::new(), 0);
        // What was missed is part of the session that it is sent for.
        let mut past = session.cloned();
        let keep = |taken: ReceivedPacket<'_, '_>| {
            if let Some(said) = understand(&target.namespace, &mut past, taken)? {
                bytes += said.cost();
                early.push_back(said);
            }
            if bytes > limits::RECOVERED_BYTES {
                Err(DisconnectReason::Protocol(
                    "too much before its reply".to_owned(),
                ))
            } else {
                Ok(())
            }
        };
        let reply = engine.enter(auth.as_deref(), keep).await?;
        let pid = pid(&reply);
        let recovered = match (&past, &pid) {
            (Some(past), Some(pid)) if past.pid == *pid => SessionOrigin::Recovered,
            _ => SessionOrigin::New,
        };
        let session = match recovered {
            SessionOrigin::Recovered => past,
            SessionOrigin::New => pid.map(|pid| RecoveryState { pid, offset: None }),
        };
        Ok(Self {
            engine,
            session,
            early,
            recovered,
        })
    }

    pub fn origin(&self) -> SessionOrigin {
        self.recovered
    }

    /// What the next connection is opened with.
    pub fn session(&self) -> Option<&RecoveryState> {
        self.session.as_ref()
    }

    /// Sent by the next [`ClientConnection::next`] or [`Self::settle`].
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

    /// Returns when the server has read what was emitted, or does not say so in time. A goodbye right behind an event
    /// can overtake it: the reference server hands events to its application a moment after it read them, and not at
    /// all when the client has left by then.
    pub async fn settle(&mut self) -> Result<(), DisconnectReason> {
        self.engine.flush().await?;
        match timeout(limits::SETTLE_TIMEOUT, self.engine.probe()).await {
            // The event may have been what it hung up for.
            Ok(Err(DisconnectReason::Closed)) | Err(_) => Ok(()),
            Ok(outcome) => outcome,
        }
    }

    /// Says goodbye, and stays until it was heard.
    pub async fn close(self) {
        self.engine.close_and_drain().await;
    }
}

impl ClientConnection for PlainConnection {
    type Incoming = ServerMessage;

    async fn next(&mut self) -> Result<ServerMessage, DisconnectReason> {
        if let Some(said) = self.early.pop_front() {
            return Ok(said);
        }
        let namespace = self.engine.namespace().clone();
        let Self {
            engine, session, ..
        } = self;
        engine
            .next(|taken| understand(&namespace, session, taken))
            .await
    }
}

impl ServerMessage {
    fn cost(&self) -> usize {
        let held = match self {
            Self::Event(ReceivedEvent { args, .. }) | Self::Ack { args, .. } => args.len(),
            Self::Disconnected(_) | Self::Unreadable(_) => 0,
        };
        held + limits::ENTRY_BYTES
    }
}

impl EventArgs {
    /// Bytes of the text and the attachments.
    pub fn len(&self) -> usize {
        self.json.len() + self.attachments.iter().map(Bytes::len).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.json.is_empty()
    }

    fn of(args: &[&RawValue], attachments: &[Bytes]) -> Self {
        Self {
            json: join_args(args),
            attachments: attachments.to_vec(),
        }
    }
}

impl RecoveryState {
    /// Members of the auth object, their values JSON.
    fn members(&self) -> Vec<(&'static str, String)> {
        let quoted = |text: &str| serde_json::to_string(text).expect("a string is JSON");
        let pid = Some(("pid", quoted(&self.pid)));
        let offset = self.offset.as_deref().map(quoted);
        pid.into_iter()
            .chain(offset.map(|offset| ("offset", offset)))
            .collect()
    }

    /// An event without an ack id that ends in a text moves the offset.
    fn passed(&mut self, event: &EventPacket<'_>) -> LastArgument {
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

fn understand(
    namespace: &Namespace,
    session: &mut Option<RecoveryState>,
    taken: ReceivedPacket<'_, '_>,
) -> Result<Option<ServerMessage>, DisconnectReason> {
    let (packet, attachments) = match taken {
        ReceivedPacket::Packet(packet, attachments) => (packet, attachments),
        ReceivedPacket::Unreadable(error) => return Ok(Some(ServerMessage::Unreadable(error))),
    };
    Ok(match packet {
        Packet::Event(event) if event.namespace == *namespace => {
            let last = session
                .as_mut()
                .map_or(LastArgument::Argument, |session| session.passed(event));
            Some(ServerMessage::Event(ReceivedEvent {
                event: event.event.clone(),
                args: EventArgs::of(&event.args, attachments),
                id: event.id,
                last,
            }))
        }
        Packet::Ack(ack) if ack.namespace == *namespace => Some(ServerMessage::Ack {
            id: ack.id,
            args: EventArgs::of(&ack.args, attachments),
        }),
        Packet::Disconnect { namespace: which } if which == namespace => {
            Some(ServerMessage::Disconnected(ErrorResponse {
                code: None,
                message: "it disconnected this client".to_owned(),
            }))
        }
        Packet::ConnectError {
            namespace: which,
            data,
        } if which == namespace => Some(ServerMessage::Disconnected(answers::connect_error(data))),
        _ => None,
    })
}

fn pid(reply: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Reply {
        pid: String,
    }
    let reply: Reply = serde_json::from_str(reply.get()).ok()?;
    (reply.pid.len() <= limits::OFFSET_BYTES).then_some(reply.pid)
}
