//! One task per Engine.IO session: packets in, verbs to the store and the hub, and what is owed back out.
//!
//! The task is one `poll` over everything it waits for, so that reading, writing, timers and the hub never block each
//! other. It knows its transport only as a trait, and nothing of HTTP.

pub mod engine;
pub mod handler;
pub mod namespace;
mod notifications;
mod packets;
pub mod services;
pub mod shared_queue;
pub mod socket;
pub mod verbs;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

use self::engine::heartbeat::{Beat, Heart, Held};
use self::engine::opening::{Opening, Speech};
use self::engine::outbox::{Gone, Outbox, Submission};
use self::engine::transport::{Transport, TransportError};
use self::handler::calls::Calls;
use self::namespace::reactions::Promise;
use self::services::Services;
use self::shared_queue::Sharing;
use self::socket::{Finished, Socket};
use crate::hub::Ticket;
use crate::hub::mailbox::Notices;
use crate::hub::parcel::Frame;
use crate::hub::peer::Peer;
use crate::hub::request::{Publisher, Want};
use crate::limits;
use crate::store::writer::Urgency;
use crate::store::{Op, StoreError};
use crate::wire::attachments::{Assembler, TextFrame};
use crate::wire::engine::{EngineError, EnginePacket, Handshake, PING, decode};
use crate::wire::explain::{Direction, Tracer};
use crate::wire::socket::PacketError;

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub enum End {
    #[error("transport close")]
    Closed,
    #[error("transport error: {0}")]
    Transport(#[from] TransportError),
    #[error("client namespace disconnect")]
    Left,
    #[error("a newer subscriber took this name")]
    Replaced,
    #[error("kicked by {0}")]
    Kicked(Arc<str>),
    #[error("its client came back by another connection")]
    CameBack,
    /// It waited to be let in.
    #[error("refused")]
    Refused,
    #[error("ping timeout")]
    PingTimeout,
    #[error("no namespace entered in time")]
    ConnectTimeout,
    #[error("parse error: {0}")]
    Engine(#[from] EngineError),
    #[error("parse error: {0}")]
    Socket(#[from] PacketError),
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// Pruned while it was handed out; the client comes back and starts afresh.
    #[error("what it missed is no longer kept")]
    Missed,
    #[error("the hub is shutting down")]
    Shutdown,
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

impl End {
    /// What an application is told of it, in the reference's words.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Closed | Self::Missed => "transport close",
            Self::Left => "client namespace disconnect",
            Self::Replaced | Self::Kicked(_) | Self::CameBack | Self::Refused => {
                "server namespace disconnect"
            }
            Self::PingTimeout => "ping timeout",
            Self::Transport(_) => "transport error",
            Self::Engine(_) | Self::Socket(_) => "parse error",
            Self::ConnectTimeout | Self::Forbidden(_) => "forced server close",
            Self::Shutdown | Self::Store(_) => "server shutting down",
        }
    }
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Shutdown
    }
}

/// Runs one session to its end.
pub async fn run(
    services: Arc<Services>,
    transport: Box<dyn Transport>,
    opening: Opening,
    mut shutdown: watch::Receiver<bool>,
) {
    let mut session = Session::new(services, transport, &opening);
    session.open(opening);
    // Both arms are cancel-safe: the session's poll keeps all its state in itself.
    let end = tokio::select! {
        end = poll_fn(|cx| session.poll(cx)) => end,
        _ = shutdown.wait_for(|stopping| *stopping) => End::Shutdown,
    };
    let services = Arc::clone(&session.services);
    // In a box: what its end takes is not held while it lives.
    Box::pin(session.finish(&end)).await;
    if let End::Store(error) = end {
        services.fail(error);
    }
}

struct Session {
    services: Arc<Services>,
    transport: Box<dyn Transport>,
    speech: Speech,
    /// Encoded and not yet taken by the transport.
    out: VecDeque<Frame>,
    /// How many of the first in `out` hold what sockets were handed.
    handed: usize,
    /// The transport was given something since it was last flushed.
    dirty: bool,
    peer: Arc<Peer>,
    sockets: Vec<Socket>,
    assembler: Assembler,
    outbox: Outbox,
    /// Tickets that the hub has not yet answered.
    in_flight: usize,
    /// What a namespace's program was asked.
    calls: Calls,
    /// Acknowledgements of declared events that wait for a commit.
    promises: Vec<Promise>,
    /// Bytes of attachments in `out` that nobody's credit bounds.
    attached: usize,
    /// Nothing is read before: more came than the rate of a namespace allows.
    paid_at: Option<Instant>,
    notices: Arc<Notices>,
    waker: Arc<AtomicWaker>,
    heart: Heart,
    timer: Pin<Box<Sleep>>,
    tracer: Option<Box<Tracer>>,
}

impl Session {
    fn new(services: Arc<Services>, transport: Box<dyn Transport>, opening: &Opening) -> Self {
        let speech = opening.speech;
        let waker = Arc::new(AtomicWaker::new());
        let heart = Heart::new(Instant::now(), &services.settings, speech);
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
            calls: Calls::default(),
            promises: Vec::new(),
            attached: 0,
            paid_at: None,
            notices: Arc::new(Notices::new(Arc::clone(&waker))),
            waker,
            timer: Box::pin(tokio::time::sleep_until(heart.next())),
            heart,
            services,
            tracer: None,
        }
    }

    fn open(&mut self, opening: Opening) {
        let settings = &self.services.settings;
        let handshake = Handshake {
            sid: opening.sid,
            upgrades: opening.upgrades.iter().map(|it| (*it).to_owned()).collect(),
            ping_interval: millis(settings.ping_interval),
            ping_timeout: millis(settings.ping_timeout),
            max_payload: settings.max_payload as u64,
        };
        let watch = settings.trace.clone();
        self.tracer = watch.map(|watch| Box::new(Tracer::session(watch, &handshake.sid)));
        self.out.push_back(Frame::text(handshake.encode()));
    }

    /// Ready only with the end; otherwise everything that could be done was done.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.waker.register(cx.waker());
        loop {
            match self.turn(cx) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(end) => return Poll::Ready(end),
            }
        }
    }

    /// A little of everything; false when there was nothing to do.
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut did = false;
        while let Some((socket, told)) = self.notices.take() {
            self.told(socket, told);
            did = true;
        }
        did |= self.poll_reads(cx)?;
        did |= self.poll_calls(cx)?;
        did |= self.poll_shares(cx);
        if let Poll::Ready(sent) = self.outbox.poll(cx) {
            sent?;
        }
        // Before writing: who is too late is told nothing more.
        did |= self.poll_timer(cx)?;
        // Writing by itself lets nothing else go on.
        did |= self.poll_write(cx)? && self.awaits_store();
        if self.may_read()
            && let Poll::Ready(frame) = self.transport.poll_recv(cx)
        {
            self.frame(frame.ok_or(End::Closed)??)?;
            did = true;
        }
        Ok(did)
    }

    /// Whether there is something to ask of the store, or an answer of its to come: who waits for that has to be polled.
    fn awaits_store(&self) -> bool {
        !self.outbox.is_empty() || self.sockets.iter().any(Socket::is_reading)
    }

    /// Whether what was read before waits for the store or the hub: that is not the peer's doing, and its ping clock
    /// pauses.
    fn held(&self) -> Held {
        // A list may be long, and waits for a reader of the store: one at a time bounds what they take.
        let listing = self.sockets.iter().any(Socket::is_listing);
        let promised: usize = self.promises.iter().map(Promise::bytes).sum();
        if listing
            || !self.outbox.is_empty()
            || self.in_flight >= limits::VERBS_IN_FLIGHT
            || promised > limits::ANSWER_BYTES
            || self.paid_at.is_some()
        {
            Held::Yes
        } else {
            Held::No
        }
    }

    /// Nor is anything read while the peer does not take what it was sent; but then its ping clock runs.
    fn may_read(&self) -> bool {
        if self.held() == Held::Yes || self.out.len() > limits::VERBS_IN_FLIGHT {
            return false;
        }
        // Answers are text; what was asked for by credit is bounded by it.
        let texts = self.out.iter().filter(|it| matches!(it, Frame::Text(_)));
        let early: usize = self.sockets.iter().map(Socket::early_cost).sum();
        let bytes = texts.map(Frame::len).sum::<usize>() + early + self.attached;
        bytes <= limits::ANSWER_BYTES
    }

    fn poll_reads(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut did = false;
        for index in 0..self.sockets.len() {
            let socket = &mut self.sockets[index];
            while let Poll::Ready(done) =
                socket.poll_reads(cx, &self.services, &mut self.outbox, &mut self.out)
            {
                did = true;
                match done? {
                    Finished::Nothing => {}
                    Finished::Rooms(listing) => notifications::answer_rooms(
                        &socket.namespace,
                        &listing,
                        &self.services,
                        &mut self.out,
                    ),
                    Finished::Names { answer, body } => {
                        notifications::acknowledge(&socket.namespace, answer, &body, &mut self.out)
                    }
                    Finished::Counted(counted) => {
                        let (op, ticket) = counted.give_up(socket.id, socket.namespace.clone());
                        self.in_flight += 1;
                        self.outbox
                            .push(Submission::Store(op, Urgency::Now, ticket));
                    }
                    Finished::Missed => return Err(End::Missed),
                }
            }
        }
        Ok(did)
    }

    /// Hands frames to the transport while it takes them, asking the sockets for more when there are none.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        // What the peer has taken counts before it is sent more.
        let mut did = self.poll_flush(cx)?;
        loop {
            match self.transport.poll_ready(cx) {
                Poll::Pending => return Ok(did),
                Poll::Ready(ready) => ready?,
            }
            if self.out.is_empty() {
                self.attached = 0;
                if !self.fill() {
                    break;
                }
                self.handed = self.out.len();
            }
            did = true;
            if let Some(frame) = self.out.pop_front() {
                self.handed = self.handed.saturating_sub(1);
                self.trace(Direction::Sent, &frame);
                self.transport.send(frame)?;
                self.dirty = true;
            }
        }
        did |= self.poll_flush(cx)?;
        Ok(did)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        if !self.dirty {
            return Ok(false);
        }
        let Poll::Ready(flushed) = self.transport.poll_flush(cx) else {
            return Ok(false);
        };
        flushed?;
        self.dirty = false;
        if self.handed == 0 {
            for socket in &mut self.sockets {
                socket.flushed(&mut self.outbox);
            }
        }
        Ok(true)
    }

    fn fill(&mut self) -> bool {
        let mut did = false;
        for socket in &mut self.sockets {
            did |= socket.fill(
                &self.services,
                &self.notices,
                &mut self.outbox,
                &mut self.out,
            );
            socket.note_progress();
        }
        did
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        // A timer is late by up to a millisecond; whether a pong is, the clock says.
        let late = self.heart.awaits_pong() && self.heart.next() <= Instant::now();
        if self.timer.as_mut().poll(cx).is_pending() && !late {
            return Ok(false);
        }
        let now = Instant::now();
        self.paid_at = self.paid_at.filter(|paid_at| *paid_at > now);
        match self.heart.beat(now, &self.services.settings, self.held()) {
            Beat::Ping => self.out.push_back(Frame::Text(PING.into())),
            Beat::Nothing => {}
            Beat::NoPong => return Err(End::PingTimeout),
            Beat::NoConnect => return Err(End::ConnectTimeout),
        }
        self.set_timer();
        Ok(true)
    }

    fn trace(&mut self, direction: Direction, frame: &Frame) {
        let Some(tracer) = &mut self.tracer else {
            return;
        };
        match frame {
            Frame::Text(text) => tracer.text(direction, text),
            Frame::Binary(bytes) => tracer.binary(direction, bytes),
        }
    }

    fn set_timer(&mut self) {
        let next = self.heart.next();
        let next = self.paid_at.map_or(next, |paid_at| paid_at.min(next));
        self.timer.as_mut().reset(next);
    }

    /// Reads nothing more before.
    fn pay_until(&mut self, paid_at: Instant) {
        self.paid_at = self.paid_at.max(Some(paid_at));
        self.set_timer();
    }

    fn frame(&mut self, frame: Frame) -> Result<(), End> {
        self.trace(Direction::Received, &frame);
        let text = match frame {
            Frame::Binary(_) if self.speech == Speech::Echo => {
                self.attached += frame.len();
                self.out.push_back(frame);
                return Ok(());
            }
            Frame::Binary(bytes) => {
                if self.assembler.held() + bytes.len() > self.services.settings.max_frame() {
                    return Err(End::Forbidden("a binary event larger than this hub takes"));
                }
                if let Some(binary) = self.assembler.binary(bytes)? {
                    let packet = binary.packet()?;
                    return self.packet(packet, &binary.attachments);
                }
                return Ok(());
            }
            Frame::Text(text) => text,
        };
        match decode(&text)? {
            EnginePacket::Message(_) if self.speech == Speech::Echo => {
                self.out.push_back(Frame::Text(text));
                Ok(())
            }
            EnginePacket::Message(packet) => match self.assembler.text(packet)? {
                TextFrame::Whole(packet) => self.packet(packet, &[]),
                TextFrame::Partial => Ok(()),
            },
            EnginePacket::Pong(_) => {
                self.heart.pong(Instant::now(), &self.services.settings);
                self.set_timer();
                Ok(())
            }
            EnginePacket::Close => Err(End::Closed),
            EnginePacket::Noop => Ok(()),
            EnginePacket::Open(_) | EnginePacket::Ping(_) | EnginePacket::Upgrade => Err(
                End::Forbidden("an Engine.IO packet that only a server sends"),
            ),
        }
    }

    /// Sends an op on behalf of a socket; the hub will answer its ticket.
    fn ask(&mut self, op: Op, ticket: Ticket) {
        self.in_flight += 1;
        self.outbox
            .push(Submission::Store(op, Urgency::Now, ticket));
    }

    /// One socket leaves; the session goes on.
    fn depart(&mut self, index: usize, end: &End) -> Socket {
        let socket = self.sockets.swap_remove(index);
        self.promises.retain(|promise| !promise.is_of(socket.id));
        self.in_flight -= self.calls.forget(socket.id);
        let shared = socket.sharing.as_ref().map_or(0, Sharing::awaited);
        self.in_flight = self.in_flight.saturating_sub(shared);
        handler::calls::tell_departure(&self.services, &socket, end);
        if let Some(paid_at) = socket.standing.paid_at() {
            self.pay_until(paid_at);
        }
        let max_message = self.services.settings.max_message;
        if let Some(record) = namespace::reactions::farewell(&socket, end, max_message) {
            self.ask(Op::Append { record, id: None }, unanswered(&socket));
        }
        let ticket = farewell(&socket, end);
        self.outbox
            .push(Submission::Store(socket.parting(end), Urgency::Now, ticket));
        socket
    }

    async fn finish(mut self, end: &End) {
        self.calls.give_up(&self.services, end);
        for socket in std::mem::take(&mut self.sockets) {
            handler::calls::tell_departure(&self.services, &socket, end);
            // When the hub itself ends, nobody is left to be told.
            if !matches!(end, End::Shutdown | End::Store(_)) {
                publish_farewell(&self.services, &socket, end).await;
            }
            let (op, ticket) = (socket.parting(end), farewell(&socket, end));
            // With the store gone the hub is going too.
            let _ = self.services.writer.send(op, Urgency::Now, ticket);
        }
        let transport = &mut self.transport;
        let closing = poll_fn(|cx| transport.poll_close(cx));
        // A peer that does not take the goodbye loses it.
        let _ = tokio::time::timeout(limits::DRAIN_TIMEOUT, closing).await;
    }
}

/// What is declared for a socket's end waits its turn like any other publish.
async fn publish_farewell(services: &Services, socket: &Socket, end: &End) {
    let Some(record) = namespace::reactions::farewell(socket, end, services.settings.max_message)
    else {
        return;
    };
    let mut ticket = unanswered(socket);
    let place = Arc::clone(&services.append_queue)
        .acquire_many_owned(engine::outbox::cost(record.body.len()));
    match tokio::time::timeout(limits::DRAIN_TIMEOUT, place).await {
        Ok(Ok(permit)) => ticket.permit = Some(permit),
        Ok(Err(_)) | Err(_) => {
            tracing::warn!(
                "nobody was told that {} left: the store is busy",
                Who(socket)
            );
            return;
        }
    }
    let op = Op::Append { record, id: None };
    // With the store gone the hub is going too.
    let _ = services.writer.send(op, Urgency::Now, ticket);
}

/// For a publish of which nobody wants to know what became.
fn unanswered(socket: &Socket) -> Ticket {
    Ticket::unanswered(socket.id, Want::Publish(Publisher::Single))
}

/// A socket is gone: what tells the hub to forget it, after everything that it asked for before.
fn farewell(socket: &Socket, end: &End) -> Ticket {
    tracing::info!("a user disconnected {} ({end})", Who(socket));
    Ticket::unanswered(socket.id, Want::Disconnect)
}

/// A socket as the log shows it: `/admin alice (sid)`.
struct Who<'a>(&'a Socket);

impl std::fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Socket {
            namespace,
            sid,
            from,
            ..
        } = self.0;
        match from {
            Some(name) => write!(f, "{namespace} {name} ({sid})"),
            None => write!(f, "{namespace} ({sid})"),
        }
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
