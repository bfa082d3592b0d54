//! Entering a namespace: who asks, whether they may, and what the hub is told of the socket that comes of it.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::admission_request::{AdmissionError, AdmissionRequest};
use super::permissions::Permissions;
use super::policy::Right;
use super::recovery::{self, OptionalText};
use crate::address::{ClientName, Namespace, RoomName};
use crate::hub::frame::WireFrame;
use crate::hub::inbox::{InboxMessage, SocketHandle};
use crate::hub::input::CoreInput;
use crate::hub::mailbox::Mailbox;
use crate::hub::request::{JoinScope, ReplayRange, Request};
use crate::hub::socket_id::SocketId;
use crate::hub::socket_stats::SocketStats;
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::session::end::EndReason;
use crate::session::engine::outbox::Submission;
use crate::session::handler::EntryHold;
use crate::session::services::{self};
use crate::session::socket::credit::{AckWindow, Credit, EventAcks};
use crate::session::socket::{ClientKind, NewSocket, Socket};
use crate::session::state::Session;
use crate::store::Op;
use crate::store::sessions::ResumeRequest;
use crate::wire::socket;

/// CONNECT's auth object; everything in it is optional.
#[derive(Debug, Default, Deserialize)]
struct Auth {
    #[serde(rename = "as")]
    name: Option<ClientName>,
    token: Option<String>,
    roomcat: Option<u32>,
    ack: Option<bool>,
    /// Speaks under its name and holds nothing of it: no cursor moves, no membership, and whoever holds it stays.
    #[serde(default)]
    guest: bool,
    #[serde(default)]
    pid: OptionalText,
    #[serde(default)]
    offset: OptionalText,
}

impl Session {
    pub(crate) fn connect(
        &mut self,
        namespace: Namespace,
        auth: Option<&RawValue>,
    ) -> Result<(), EndReason> {
        if self.find(&namespace).is_some() || self.calls.is_entering(&namespace) {
            return Err(EndReason::Forbidden("a second CONNECT to a namespace"));
        }
        match self.entrance(&namespace, auth) {
            Ok(entrance) => self.ask_to_enter(entrance),
            Err(denial) => self.deny(&namespace, &denial),
        }
        Ok(())
    }

    /// What the hub itself has to say to it.
    fn entrance(
        &mut self,
        namespace: &Namespace,
        text: Option<&RawValue>,
    ) -> Result<AdmissionRequest, AdmissionError> {
        let settings = &self.services.settings;
        let rules = settings.namespaces.rules(namespace);
        let rules = Arc::clone(rules.ok_or(AdmissionError::Namespace)?);
        let auth = text.map(|text| serde_json::from_str::<Auth>(text.get()));
        let auth = auth
            .transpose()
            .map_err(AdmissionError::Auth)?
            .unwrap_or_default();
        if self.sockets.len() + self.calls.pending_entrances() >= limits::NAMESPACES_PER_CONNECTION
        {
            return Err(AdmissionError::TooMany);
        }
        let pass = rules.pass(settings.token.as_ref(), auth.token.as_deref())?;
        let from = pass.name(auth.name)?;
        let name = from.clone().filter(|_| !auth.guest);
        let dialect = match auth.roomcat {
            Some(1) => ClientKind::Roomcat,
            _ => ClientKind::Stock,
        };
        let credit = match (dialect, auth.ack) {
            (ClientKind::Roomcat, _) => Credit::Acks(AckWindow::default()),
            (ClientKind::Stock, Some(true)) => Credit::Events(EventAcks::default()),
            (ClientKind::Stock, _) => Credit::Written(None),
        };
        let recoverable = settings.recovery.is_some()
            && matches!(credit, Credit::Written(_))
            && pass.may.allow(Right::Sub);
        let earlier = recoverable
            .then(|| recovery::earlier(auth.pid, auth.offset, &self.services.log_tag))
            .flatten();
        Ok(AdmissionRequest {
            id: self.services.next_socket(),
            sid: services::random_id().into(),
            namespace: namespace.clone(),
            name,
            from,
            standing: Permissions::new(rules, &pass, Instant::now()),
            dialect,
            credit,
            earlier,
            auth: text.map(RawValue::to_owned),
        })
    }

    pub(crate) fn deny(&mut self, namespace: &Namespace, denial: &AdmissionError) {
        if let AdmissionError::Namespace | AdmissionError::Token(_) | AdmissionError::Program(_) =
            denial
        {
            tracing::info!("refused a connection to {namespace}: {denial}");
        }
        let data = denial.data().to_string();
        let text = socket::encode_connect_error(namespace, &data);
        self.out.push_back(WireFrame::text(text));
    }

    /// Registers the socket with the hub, in the order of everything else; stock sockets are in the empty room at once.
    pub(crate) fn admit(&mut self, entrance: AdmissionRequest, hold: Option<EntryHold>) {
        let AdmissionRequest {
            id,
            sid,
            namespace,
            name,
            from,
            standing,
            dialect,
            credit,
            earlier,
            auth,
        } = entrance;
        self.heart.connected();
        let since_ms = (self.services.clock)();
        let vitals = SocketStats::new(Arc::clone(&self.peer), from.clone(), since_ms);
        let vitals = Arc::new(vitals);
        let mailbox = self.register(
            id,
            CoreInput::Connect {
                socket: id,
                namespace: namespace.clone(),
                sid: Arc::clone(&sid),
                name: name.clone(),
                stats: Arc::clone(&vitals),
            },
        );
        let may_sub = standing.may.allow(Right::Sub);
        let mut entering = Socket::new(NewSocket {
            id,
            namespace,
            sid,
            name,
            from,
            dialect,
            credit,
            mailbox,
            standing,
            vitals,
        });
        if dialect == ClientKind::Stock && may_sub {
            self.enter_whole_namespace(&mut entering, earlier);
        }
        if let Some(hold) = hold {
            self.outbox.push(Submission::Release(hold));
        }
        // Most connections have this one and no other.
        self.sockets.reserve_exact(1);
        self.sockets.push(entering);
        self.greet(self.sockets.len() - 1, auth.as_deref());
    }

    /// The hub hears of a socket, which has this mailbox from then on.
    fn register(&mut self, id: SocketId, socket: CoreInput) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&self.waker)));
        let handle = SocketHandle {
            mailbox: Arc::clone(&mailbox),
            notifications: Arc::clone(&self.notices),
        };
        self.in_flight += 1;
        self.outbox
            .push(Submission::Hub(InboxMessage::Connect(id, handle, socket)));
        mailbox
    }

    /// A stock socket is in the empty room from the start.
    fn enter_whole_namespace(&mut self, entering: &mut Socket, earlier: Option<ResumeRequest>) {
        let (id, namespace) = (entering.id, entering.namespace.clone());
        let name = entering.name.clone();
        let mut rooms = vec![RoomName::whole_namespace()];
        if let Some(client) = name.clone() {
            // It takes every room it has joined, the empty one among them from its first time on.
            let op = Op::Join {
                namespace: namespace.clone(),
                client,
                rooms: rooms.clone(),
            };
            let want = Request::Join(std::mem::take(&mut rooms), JoinScope::DurableOnly);
            self.ask(op, Ticket::unanswered(id, want));
        }
        self.remember(entering, earlier);
        let op = Op::Subscribe {
            namespace,
            client: name,
            rooms,
        };
        let want = Request::Subscribe(ReplayRange::default());
        self.ask(op, Ticket::unanswered(id, want));
    }
}
