//! The state of one session, and the methods that all its parts use: sending requests to the store and the hub, and
//! answers to the client.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::task::AtomicWaker;
use serde_json::{Value, json};
use tokio::time::{Instant, Sleep};

use super::engine::heartbeat::Heartbeat;
use super::engine::outbox::{Outbox, Submission};
use super::engine::params::{EngineMode, SessionParams};
use super::engine::transport::Transport;
use super::handler::waiting_calls::WaitingCalls;
use super::namespace::pending_ack::PendingAck;
use super::services::Services;
use super::socket::Socket;
use super::socket::direct_message::DirectMessage;
use crate::address::Namespace;
use crate::hub::frame::WireFrame;
use crate::hub::inbox::InboxMessage;
use crate::hub::input::CoreInput;
use crate::hub::notification_queue::NotificationQueue;
use crate::hub::peer::Peer;
use crate::hub::request::{Request, SocketRequest};
use crate::hub::ticket::Ticket;
use crate::store::Op;
use crate::store::writer::Urgency;
use crate::wire::attachments::Assembler;
use crate::wire::error_code::ErrorCode;
use crate::wire::explain::Tracer;
use crate::wire::socket;

pub struct Session {
    pub(super) services: Arc<Services>,
    pub(super) transport: Box<dyn Transport>,
    pub(super) mode: EngineMode,
    /// Encoded frames that the transport has not taken yet.
    pub(super) out: VecDeque<WireFrame>,
    /// How many frames at the front of `out` carry deliveries: cursors may move once these are flushed.
    pub(super) delivery_frames: usize,
    /// The transport has frames since its last flush.
    pub(super) needs_flush: bool,
    pub(super) peer: Arc<Peer>,
    pub(super) sockets: Vec<Socket>,
    pub(super) assembler: Assembler,
    pub(super) outbox: Outbox,
    /// Requests that wait for the hub's response.
    pub(super) hub_requests: usize,
    /// Calls of the namespaces' programs that wait for an answer.
    pub(super) calls: WaitingCalls,
    /// Acknowledgements of declared events that wait for a commit.
    pub(super) pending_acks: Vec<PendingAck>,
    /// Bytes of attachments in `out` that no credit bounds.
    pub(super) attachment_bytes: usize,
    /// Until then the session reads nothing: the client sent more than the namespace's rate allows.
    pub(super) throttled_until: Option<Instant>,
    pub(super) notifications: Arc<NotificationQueue>,
    pub(super) waker: Arc<AtomicWaker>,
    pub(super) heartbeat: Heartbeat,
    pub(super) timer: Pin<Box<Sleep>>,
    pub(super) tracer: Option<Box<Tracer>>,
}

impl Session {
    pub(super) fn new(
        services: Arc<Services>,
        transport: Box<dyn Transport>,
        params: &SessionParams,
    ) -> Self {
        let mode = params.mode;
        let waker = Arc::new(AtomicWaker::new());
        let heartbeat = Heartbeat::new(Instant::now(), &services.settings, mode);
        Self {
            transport,
            mode,
            out: VecDeque::new(),
            delivery_frames: 0,
            needs_flush: false,
            peer: Arc::clone(&params.peer),
            sockets: Vec::new(),
            assembler: Assembler::default(),
            outbox: Outbox::new(Arc::clone(&services)),
            hub_requests: 0,
            calls: WaitingCalls::default(),
            pending_acks: Vec::new(),
            attachment_bytes: 0,
            throttled_until: None,
            notifications: Arc::new(NotificationQueue::new(Arc::clone(&waker))),
            waker,
            timer: Box::pin(tokio::time::sleep_until(heartbeat.next())),
            heartbeat,
            services,
            tracer: None,
        }
    }

    pub(super) fn find(&self, namespace: &Namespace) -> Option<usize> {
        self.sockets
            .iter()
            .position(|socket| socket.namespace == *namespace)
    }

    pub(super) fn set_timer(&mut self) {
        let next = self.heartbeat.next();
        let next = self.throttled_until.map_or(next, |until| until.min(next));
        self.timer.as_mut().reset(next);
    }

    /// Pauses reading until then.
    pub(super) fn throttle(&mut self, until: Instant) {
        self.throttled_until = self.throttled_until.max(Some(until));
        self.set_timer();
    }

    /// Counts messages against the rate of the socket's namespace.
    pub(super) fn spend(&mut self, index: usize, messages: u32) {
        if let Some(until) = self.sockets[index].permissions.spend(messages) {
            self.throttle(until);
        }
    }

    /// Sends an op to the store; the hub responds to its ticket.
    pub(super) fn submit(&mut self, op: Op, ticket: Ticket) {
        self.hub_requests += 1;
        self.outbox
            .push(Submission::Store(op, Urgency::Now, ticket));
    }

    /// Sends a message to the hub, which responds to it.
    pub(super) fn send_to_hub(&mut self, message: InboxMessage) {
        self.hub_requests += 1;
        self.outbox.push(Submission::Hub(message));
    }

    /// Sends a query to the hub. Until it is answered the session reads nothing more.
    pub(super) fn query_hub(
        &mut self,
        index: usize,
        ack_id: Option<u64>,
        request: Request,
        input: fn(SocketRequest) -> CoreInput,
    ) {
        let socket = &mut self.sockets[index];
        socket.query_sent();
        let input = input(socket.request(ack_id, request));
        self.send_to_hub(InboxMessage::Core(input));
    }

    /// Answers a request with an error.
    pub(super) fn refuse(
        &mut self,
        index: usize,
        ack_id: Option<u64>,
        code: ErrorCode,
        message: &str,
    ) {
        let error = json!({"code": code, "message": message});
        self.answer(index, ack_id, &json!({"ok": false, "error": error}));
    }

    /// Answers a request, if the client wants an answer.
    pub(super) fn answer(&mut self, index: usize, ack_id: Option<u64>, body: &Value) {
        if let Some(id) = ack_id {
            let text = socket::encode_ack(&self.sockets[index].namespace, id, &body.to_string(), 0);
            self.send_frames(index, vec![WireFrame::text(text)]);
        }
    }

    pub(super) fn send_frames(&mut self, index: usize, frames: Vec<WireFrame>) {
        self.send_direct(index, DirectMessage::Frames(frames));
    }

    /// Sends a message to this socket alone.
    pub(super) fn send_direct(&mut self, index: usize, message: DirectMessage) {
        let socket = &mut self.sockets[index];
        let Some(frames) = socket.direct_frames(message) else {
            return;
        };
        let binary = frames
            .iter()
            .filter(|frame| matches!(frame, WireFrame::Binary(_)));
        self.attachment_bytes += binary.map(WireFrame::len).sum::<usize>();
        self.out.extend(frames);
    }
}
