//! Stock clients that lost their connection and come back (Socket.IO's connection state recovery): to the sid and rooms that
//! they had, and to what they missed, which comes before CONNECT is answered.
//!
//! What is remembered is the store's; here it is asked for and given up.

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

/// A field of CONNECT's auth object that is ours if it is a text; an application may have one of that name for something
/// else, and that is no mistake.
#[derive(Debug, Default)]
pub enum OptionalText {
    #[default]
    Nothing,
    Other,
    Text(String),
}

impl<'de> Deserialize<'de> for OptionalText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(serde_json::from_str(raw.get()).map_or(Self::Other, Self::Text))
    }
}

/// The session that a client shows; None when it is nothing that this log could have given. Without an offset it got no
/// event yet: the reference starts afresh then, and loses what came meanwhile.
pub fn earlier(pid: OptionalText, offset: OptionalText, log: &LogTag) -> Option<ResumeRequest> {
    let OptionalText::Text(pid) = pid else {
        return None;
    };
    let from = match offset {
        OptionalText::Nothing => None,
        OptionalText::Other => return None,
        OptionalText::Text(offset) => Some(log.seq(&offset)?),
    };
    (pid.len() <= limits::PID_BYTES).then_some(ResumeRequest { pid, from })
}

impl Session {
    /// Asks the store to remember a socket that is about to subscribe, or to take up what it shows. Clients that answer each
    /// event are not asked for: an event with an ack id moves no offset.
    pub(crate) fn remember(&mut self, socket: &mut Socket, earlier: Option<ResumeRequest>) {
        if self.services.settings.recovery.is_none()
            || !matches!(socket.credit(), Credit::Written(_))
        {
            return;
        }
        let holder = HolderId::random();
        socket.recall = SocketRecovery::Asked(holder);
        let op = SessionOp::Open {
            holder,
            new: SessionIdentity {
                pid: services::random_id().into(),
                sid: Arc::clone(&socket.sid),
                namespace: socket.namespace.clone(),
                client: socket.name.clone(),
            },
            resume: earlier,
        };
        let ticket = Ticket::unanswered(socket.id, Request::OpenSession);
        self.ask(Op::Session(op), ticket);
    }

    /// Asks whose session it is that somebody shows who is about to enter, where others have to know its sid before the
    /// store has taken the session up. If that fails in the end, it is a new session with that sid.
    pub(crate) fn who_was_it(
        &self,
        entrance: &AdmissionRequest,
    ) -> Option<JoinHandle<Result<Option<Arc<str>>, StoreError>>> {
        let recovery = self.services.settings.recovery?;
        let pid = entrance.earlier.as_ref()?.pid.clone();
        let (namespace, client) = (entrance.namespace.clone(), entrance.name.clone());
        let age = u64::try_from(recovery.as_millis()).unwrap_or(u64::MAX);
        let lost_by_ms = (self.services.clock)().saturating_sub(age);
        let readers = self.services.readers.clone();
        Some(tokio::spawn(async move {
            readers
                .run(move |store| store.sid_of(&pid, &namespace, client.as_ref(), lost_by_ms))
                .await
        }))
    }

    /// The rooms of a client are the store's; those of its session follow them.
    pub(crate) fn follow(&mut self, index: usize, change: Op) {
        if let Op::Session(_) = change {
            // Nobody asked, and nobody is answered.
            let ticket = Ticket::unanswered(self.sockets[index].id, Request::Ack);
            self.outbox
                .push(Submission::Store(change, Urgency::Now, ticket));
        }
    }

    /// What the store remembers of it from now on.
    pub(crate) fn begun(&mut self, index: usize, begun: Option<OpenedSession>) {
        let socket = &mut self.sockets[index];
        let SocketRecovery::Asked(holder) = socket.recall else {
            return;
        };
        let Some(OpenedSession {
            pid, sid, origin, ..
        }) = begun
        else {
            self.services
                .say_refused("a connection cannot be remembered, so that it may come back");
            socket.recall = SocketRecovery::Nothing;
            return self.connected(index);
        };
        let pass = RecoveryKey {
            pid,
            log: self.services.log_tag.clone(),
        };
        socket.sid = sid;
        match origin {
            SessionOrigin::New => {
                socket.recall = SocketRecovery::Known(holder, pass);
                self.connected(index);
            }
            // What it missed comes with its subscription.
            SessionOrigin::Recovered => {
                socket.recall = SocketRecovery::Returning(holder, pass);
                tracing::info!("a user connected {}, recovered", socket);
            }
        }
    }
}

impl Socket {
    /// The offset of what is not in the log: of everything that it was handed so far.
    pub fn offset(&self) -> Option<String> {
        Some(self.recall.log()?.offset(self.position()))
    }

    /// CONNECT's answer to a stock client.
    pub fn greeting(&self) -> WireFrame {
        let data = match &self.recall {
            SocketRecovery::Returning(_, pass) | SocketRecovery::Known(_, pass) => {
                json!({"sid": &*self.sid, "pid": &*pass.pid})
            }
            SocketRecovery::Nothing | SocketRecovery::Asked(_) => json!({"sid": &*self.sid}),
        };
        let text = socket::encode_connect(&self.namespace, Some(&data.to_string()));
        WireFrame::text(text)
    }

    /// What takes the place of a change of its rooms in the order of all things.
    pub fn entering(&self, rooms: &[RoomName]) -> Op {
        self.recall.holder().map_or(Op::Noop, |holder| {
            let rooms = rooms.to_vec();
            Op::Session(SessionOp::Enter { holder, rooms })
        })
    }

    pub fn exiting(&self, rooms: &[RoomName]) -> Op {
        self.recall.holder().map_or(Op::Noop, |holder| {
            let rooms = rooms.to_vec();
            Op::Session(SessionOp::Exit { holder, rooms })
        })
    }

    pub fn forgetting(&self) -> Op {
        let holder = self.recall.holder();
        holder.map_or(Op::Noop, |holder| Op::Session(SessionOp::Forget(holder)))
    }

    /// What takes the place of its end. As in the reference, who loses the connection may come back, and who says goodbye or
    /// is sent away may not. When the hub goes, the next one says when that was.
    pub fn parting(&self, end: &EndReason) -> Op {
        let Some(holder) = self.recall.holder() else {
            return Op::Noop;
        };
        match end {
            EndReason::Shutdown | EndReason::Store(_) => Op::Noop,
            EndReason::Closed
            | EndReason::Transport(_)
            | EndReason::PingTimeout
            | EndReason::ConnectTimeout
            | EndReason::Missed => Op::Session(SessionOp::Lost(holder)),
            EndReason::Left
            | EndReason::Replaced
            | EndReason::Kicked(_)
            | EndReason::CameBack
            | EndReason::Refused
            | EndReason::Engine(_)
            | EndReason::Socket(_)
            | EndReason::Forbidden(_) => Op::Session(SessionOp::Forget(holder)),
        }
    }
}
