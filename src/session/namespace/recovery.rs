//! Socket.IO's connection state recovery: a stock client that lost its connection returns to its sid and its rooms, and
//! gets the messages that it missed before its CONNECT is answered.
//!
//! The store remembers the sessions; here a session asks it to.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::task::JoinHandle;

use super::admission_request::AdmissionRequest;
use super::socket_recovery::{RecoveryKey, SocketRecovery};
use crate::address::RoomName;
use crate::hub::frame::WireFrame;
use crate::hub::request::Request;
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::session::end::EndReason;
use crate::session::engine::outbox::Submission;
use crate::session::services;
use crate::session::socket::Socket;
use crate::session::socket::credit::Credit;
use crate::session::state::Session;
use crate::store::sessions::{
    HolderId, OpenedSession, ResumeRequest, SessionIdentity, SessionOp, SessionOrigin,
};
use crate::store::writer::Urgency;
use crate::store::{Op, StoreError};
use crate::wire::offset::LogTag;
use crate::wire::socket;

/// A field of CONNECT's auth object. It is ours only if it is a string: an application may use the same key for
/// something else.
#[derive(Debug, Default)]
pub enum OptionalText {
    #[default]
    Missing,
    NotText,
    Text(String),
}

impl<'de> Deserialize<'de> for OptionalText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(serde_json::from_str(raw.get()).map_or(Self::NotText, Self::Text))
    }
}

/// The session that a client asks to return to. `None` when it cannot be of this log. A client without an offset has
/// received no event yet: like the reference server, the hub then starts afresh.
pub fn resume_request(
    pid: OptionalText,
    offset: OptionalText,
    log: &LogTag,
) -> Option<ResumeRequest> {
    let OptionalText::Text(pid) = pid else {
        return None;
    };
    let from = match offset {
        OptionalText::Missing => None,
        OptionalText::NotText => return None,
        OptionalText::Text(offset) => Some(log.seq(&offset)?),
    };
    (pid.len() <= limits::PID_BYTES).then_some(ResumeRequest { pid, from })
}

impl Session {
    /// Asks the store to remember a socket that is about to subscribe, or to restore the session that its client asks for.
    /// Not for clients that ack each event: an event with an ack id carries no offset.
    pub(crate) fn remember(&mut self, socket: &mut Socket, resume: Option<ResumeRequest>) {
        if self.services.settings.recovery.is_none()
            || !matches!(socket.credit(), Credit::Written(_))
        {
            return;
        }
        let holder = HolderId::random();
        socket.recovery = SocketRecovery::Requested(holder);
        let op = SessionOp::Open {
            holder,
            new: SessionIdentity {
                pid: services::random_id().into(),
                sid: Arc::clone(&socket.sid),
                namespace: socket.namespace.clone(),
                client: socket.name.clone(),
            },
            resume,
        };
        let ticket = Ticket::unanswered(socket.id, Request::OpenSession);
        self.submit(Op::Session(op), ticket);
    }

    /// Reads the sid of the session that a client asks for: the namespace's program has to know it before the store has
    /// restored the session. If that fails later, the client gets a new session with that sid.
    pub(crate) fn read_earlier_sid(
        &self,
        request: &AdmissionRequest,
    ) -> Option<JoinHandle<Result<Option<Arc<str>>, StoreError>>> {
        let recovery = self.services.settings.recovery?;
        let pid = request.resume.as_ref()?.pid.clone();
        let (namespace, client) = (request.namespace.clone(), request.name.clone());
        let age = u64::try_from(recovery.as_millis()).unwrap_or(u64::MAX);
        let lost_by_ms = (self.services.clock)().saturating_sub(age);
        let readers = self.services.readers.clone();
        Some(tokio::spawn(async move {
            readers
                .run(move |store| store.sid_of(&pid, &namespace, client.as_ref(), lost_by_ms))
                .await
        }))
    }

    /// Updates the remembered session after a change of its client's rooms.
    pub(crate) fn update_stored_session(&mut self, index: usize, change: Op) {
        if let Op::Session(_) = change {
            let ticket = Ticket::unanswered(self.sockets[index].id, Request::Ack);
            self.outbox
                .push(Submission::Store(change, Urgency::Now, ticket));
        }
    }

    /// Handles the store's response. `opened` is `None` when the store could not remember the socket.
    pub(crate) fn session_opened(&mut self, index: usize, opened: Option<OpenedSession>) {
        let socket = &mut self.sockets[index];
        let SocketRecovery::Requested(holder) = socket.recovery else {
            return;
        };
        let Some(OpenedSession {
            pid, sid, origin, ..
        }) = opened
        else {
            self.services
                .log_refusal("the store cannot remember a connection for recovery");
            socket.recovery = SocketRecovery::Off;
            return self.complete_connect(index);
        };
        let key = RecoveryKey {
            pid,
            log: self.services.log_tag.clone(),
        };
        socket.sid = sid;
        match origin {
            SessionOrigin::New => {
                socket.recovery = SocketRecovery::Active(holder, key);
                self.complete_connect(index);
            }
            // Its subscription brings the messages that it missed.
            SessionOrigin::Recovered => {
                socket.recovery = SocketRecovery::Restoring(holder, key);
                tracing::info!("a user connected {socket}, recovered");
            }
        }
    }
}

impl Socket {
    /// The offset of an event that is not in the log: the end of everything sent so far.
    pub fn offset(&self) -> Option<String> {
        Some(self.recovery.log()?.offset(self.cursor()))
    }

    /// The answer to the CONNECT of a stock client.
    pub fn connect_reply(&self) -> WireFrame {
        let data = match &self.recovery {
            SocketRecovery::Restoring(_, key) | SocketRecovery::Active(_, key) => {
                json!({"sid": &*self.sid, "pid": &*key.pid})
            }
            SocketRecovery::Off | SocketRecovery::Requested(_) => json!({"sid": &*self.sid}),
        };
        let text = socket::encode_connect(&self.namespace, Some(&data.to_string()));
        WireFrame::text(text)
    }

    /// The op with which the store remembers that the socket enters rooms. `Op::Noop` when it remembers nothing.
    pub fn enter_op(&self, rooms: &[RoomName]) -> Op {
        self.session_op(|holder| SessionOp::Enter {
            holder,
            rooms: rooms.to_vec(),
        })
    }

    pub fn exit_op(&self, rooms: &[RoomName]) -> Op {
        self.session_op(|holder| SessionOp::Exit {
            holder,
            rooms: rooms.to_vec(),
        })
    }

    pub fn forget_op(&self) -> Op {
        self.session_op(SessionOp::Forget)
    }

    /// The op for the end of the socket. As in the reference server, a client that loses its connection may return; one
    /// that leaves, or that the hub disconnects, may not. When the hub stops, its next start marks the session as lost.
    pub fn end_op(&self, end: &EndReason) -> Op {
        match end {
            EndReason::Shutdown | EndReason::Store(_) => Op::Noop,
            EndReason::Closed
            | EndReason::Transport(_)
            | EndReason::PingTimeout
            | EndReason::ConnectTimeout
            | EndReason::Missed => self.session_op(SessionOp::Lost),
            EndReason::Left
            | EndReason::NameTaken
            | EndReason::Kicked(_)
            | EndReason::Replaced
            | EndReason::NotAdmitted
            | EndReason::Engine(_)
            | EndReason::Packet(_)
            | EndReason::Forbidden(_) => self.forget_op(),
        }
    }

    fn session_op(&self, op: impl FnOnce(HolderId) -> SessionOp) -> Op {
        let holder = self.recovery.holder();
        holder.map_or(Op::Noop, |holder| Op::Session(op(holder)))
    }
}
