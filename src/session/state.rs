//! The state of one session, and what every part of it does: submit, and answer.

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
use crate::hub::notification_queue::NotificationQueue;
use crate::hub::peer::Peer;
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
    pub(super) speech: EngineMode,
    /// Encoded and not yet taken by the transport.
    pub(super) out: VecDeque<WireFrame>,
    /// How many of the first in `out` hold what sockets were handed.
    pub(super) handed: usize,
    /// The transport was given something since it was last flushed.
    pub(super) dirty: bool,
    pub(super) peer: Arc<Peer>,
    pub(super) sockets: Vec<Socket>,
    pub(super) assembler: Assembler,
    pub(super) outbox: Outbox,
    /// Tickets that the hub has not yet answered.
    pub(super) in_flight: usize,
    /// What a namespace's program was asked.
    pub(super) calls: WaitingCalls,
    /// Acknowledgements of declared events that wait for a commit.
    pub(super) promises: Vec<PendingAck>,
    /// Bytes of attachments in `out` that nobody's credit bounds.
    pub(super) attached: usize,
    /// Nothing is read before: more came than the rate of a namespace allows.
    pub(super) paid_at: Option<Instant>,
    pub(super) notices: Arc<NotificationQueue>,
    pub(super) waker: Arc<AtomicWaker>,
    pub(super) heart: Heartbeat,
    pub(super) timer: Pin<Box<Sleep>>,
    pub(super) tracer: Option<Box<Tracer>>,
}

impl Session {
    pub(super) fn new(
        services: Arc<Services>,
        transport: Box<dyn Transport>,
        opening: &SessionParams,
    ) -> Self {
        let speech = opening.speech;
        let waker = Arc::new(AtomicWaker::new());
        let heart = Heartbeat::new(Instant::now(), &services.settings, speech);
        Self {
            transport,
            speech,
            out: VecDeque::new(),
            handed: 0,
            dirty: false,
            peer: Arc::clone(&opening.peer),
            sockets: Vec::new(),
            assembler: Assembler::default(),
            outbox: Outbox::new(Arc::clone(&services)),
            in_flight: 0,
            calls: WaitingCalls::default(),
            promises: Vec::new(),
            attached: 0,
            paid_at: None,
            notices: Arc::new(NotificationQueue::new(Arc::clone(&waker))),
            waker,
            timer: Box::pin(tokio::time::sleep_until(heart.next())),
            heart,
            services,
            tracer: None,
        }
    }

    pub(super) fn set_timer(&mut self) {
        let next = self.heart.next();
        let next = self.paid_at.map_or(next, |paid_at| paid_at.min(next));
        self.timer.as_mut().reset(next);
    }

    /// Reads nothing more before.
    pub(super) fn pay_until(&mut self, paid_at: Instant) {
        self.paid_at = self.paid_at.max(Some(paid_at));
        self.set_timer();
    }

    pub(super) fn find(&self, namespace: &Namespace) -> Option<usize> {
        self.sockets
            .iter()
            .position(|socket| socket.namespace == *namespace)
    }

    /// Sends an op on behalf of a socket; the hub will answer its ticket.
    pub(super) fn ask(&mut self, op: Op, ticket: Ticket) {
        self.in_flight += 1;
        self.outbox
            .push(Submission::Store(op, Urgency::Now, ticket));
    }

    pub(super) fn refuse(
        &mut self,
        index: usize,
        answer: Option<u64>,
        code: ErrorCode,
        message: &str,
    ) {
        self.answer(
            index,
            answer,
            &json!({"ok": false, "error": {"code": code, "message": message}}),
        );
    }

    pub(super) fn answer(&mut self, index: usize, answer: Option<u64>, body: &Value) {
        if let Some(id) = answer {
            let text = socket::encode_ack(&self.sockets[index].namespace, id, &body.to_string(), 0);
            self.say(index, vec![WireFrame::text(text)]);
        }
    }

    pub(super) fn say(&mut self, index: usize, frames: Vec<WireFrame>) {
        self.say_aside(index, DirectMessage::Answer(frames));
    }

    /// Something for this socket alone.
    pub(super) fn say_aside(&mut self, index: usize, aside: DirectMessage) {
        let socket = &mut self.sockets[index];
        let Some(frames) = socket.say(aside) else {
            return;
        };
        let binary = frames
            .iter()
            .filter(|it| matches!(it, WireFrame::Binary(_)));
        self.attached += binary.map(WireFrame::len).sum::<usize>();
        self.out.extend(frames);
    }
}
