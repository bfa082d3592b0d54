//! CONNECT: decides who may enter a namespace, and registers the new socket with the hub.

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
use crate::hub::socket_stats::SocketStats;
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::session::end::EndReason;
use crate::session::engine::outbox::Submission;
use crate::session::handler::EntryHold;
use crate::session::services;
use crate::session::socket::Socket;
use crate::session::socket::client_kind::ClientKind;
use crate::session::socket::credit::{AckWindow, Credit, EventAcks};
use crate::session::state::Session;
use crate::store::Op;
use crate::store::sessions::ResumeRequest;
use crate::wire::socket;

/// CONNECT's auth object. Every field is optional.
#[derive(Debug, Default, Deserialize)]
struct AuthObject {
    #[serde(rename = "as")]
    name: Option<ClientName>,
    token: Option<String>,
    roomcat: Option<u32>,
    ack: Option<bool>,
    /// Publish under the name without holding it: no cursor moves, no membership changes, and the holder stays.
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
        match self.check_admission(&namespace, auth) {
            Ok(request) => self.ask_to_enter(request),
            Err(error) => self.deny(&namespace, &error),
        }
        Ok(())
    }

    /// The hub's own checks.
    fn check_admission(
        &mut self,
        namespace: &Namespace,
        text: Option<&RawValue>,
    ) -> Result<AdmissionRequest, AdmissionError> {
        let settings = &self.services.settings;
        let rules = settings.namespaces.rules(namespace);
        let rules = Arc::clone(rules.ok_or(AdmissionError::Namespace)?);
        let auth = text.map(|text| serde_json::from_str::<AuthObject>(text.get()));
        let auth = auth
            .transpose()
            .map_err(AdmissionError::Auth)?
            .unwrap_or_default();
        if self.sockets.len() + self.calls.pending_entrances() >= limits::NAMESPACES_PER_CONNECTION
        {
            return Err(AdmissionError::TooMany);
        }
        let outcome = rules.authenticate(settings.token.as_ref(), auth.token.as_deref())?;
        let from = outcome.name(auth.name)?;
        let name = from.clone().filter(|_| !auth.guest);
        let kind = match auth.roomcat {
            Some(1) => ClientKind::Roomcat,
            _ => ClientKind::Stock,
        };
        let credit = match (kind, auth.ack) {
            (ClientKind::Roomcat, _) => Credit::Acks(AckWindow::default()),
            (ClientKind::Stock, Some(true)) => Credit::Events(EventAcks::default()),
            (ClientKind::Stock, _) => Credit::Written(None),
        };
        let is_recoverable = settings.recovery.is_some()
            && matches!(credit, Credit::Written(_))
            && outcome.rights.include(Right::Sub);
        let resume = is_recoverable
            .then(|| recovery::resume_request(auth.pid, auth.offset, &self.services.log_tag))
            .flatten();
        Ok(AdmissionRequest {
            id: self.services.next_socket(),
            sid: services::random_id().into(),
            namespace: namespace.clone(),
            name,
            from,
            permissions: Permissions::new(rules, &outcome, Instant::now()),
            kind,
            credit,
            resume,
            auth: text.map(RawValue::to_owned),
        })
    }

    pub(crate) fn deny(&mut self, namespace: &Namespace, error: &AdmissionError) {
        if let AdmissionError::Namespace | AdmissionError::Token(_) | AdmissionError::Program(_) =
            error
        {
            tracing::info!("refused a connection to {namespace}: {error}");
        }
        let data = error.data().to_string();
        let text = socket::encode_connect_error(namespace, &data);
        self.out.push_back(WireFrame::text(text));
    }

    /// Registers the socket with the hub, in order with the session's other requests.
    pub(crate) fn admit(&mut self, mut request: AdmissionRequest, hold: Option<EntryHold>) {
        self.heartbeat.connected();
        let (resume, auth) = (request.resume.take(), request.auth.take());
        let stats = Arc::new(SocketStats::new(
            Arc::clone(&self.peer),
            request.from.clone(),
            (self.services.clock)(),
        ));
        let mailbox = self.register(&request, Arc::clone(&stats));
        let mut socket = Socket::new(request, mailbox, stats);
        if socket.kind == ClientKind::Stock && socket.permissions.rights.include(Right::Sub) {
            self.enter_whole_namespace(&mut socket, resume);
        }
        if let Some(hold) = hold {
            self.outbox.push(Submission::Release(hold));
        }
        // Most connections enter one namespace.
        self.sockets.reserve_exact(1);
        self.sockets.push(socket);
        self.react_to_connect(self.sockets.len() - 1, auth.as_deref());
    }

    fn register(&mut self, request: &AdmissionRequest, stats: Arc<SocketStats>) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&self.waker)));
        let handle = SocketHandle {
            mailbox: Arc::clone(&mailbox),
            notifications: Arc::clone(&self.notifications),
        };
        let connect = CoreInput::Connect {
            socket: request.id,
            namespace: request.namespace.clone(),
            sid: Arc::clone(&request.sid),
            name: request.name.clone(),
            stats,
        };
        self.send_to_hub(InboxMessage::Connect(request.id, handle, connect));
        mailbox
    }

    /// A stock socket is in the empty room from the start.
    fn enter_whole_namespace(&mut self, socket: &mut Socket, resume: Option<ResumeRequest>) {
        let (id, namespace) = (socket.id, socket.namespace.clone());
        let name = socket.name.clone();
        let mut rooms = vec![RoomName::whole_namespace()];
        if let Some(client) = name.clone() {
            // It subscribes to every room that its name joined. The empty one is among them from the first time on.
            let op = Op::Join {
                namespace: namespace.clone(),
                client,
                rooms: rooms.clone(),
            };
            let request = Request::Join(std::mem::take(&mut rooms), JoinScope::DurableOnly);
            self.submit(op, Ticket::unanswered(id, request));
        }
        self.remember(socket, resume);
        let op = Op::Subscribe {
            namespace,
            client: name,
            rooms,
        };
        let request = Request::Subscribe(ReplayRange::default());
        self.submit(op, Ticket::unanswered(id, request));
    }
}
