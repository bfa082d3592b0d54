//! One task per Engine.IO session: it takes the client's packets, sends requests to the store and the hub, and writes
//! the messages that the client's sockets are owed.
//!
//! The task is one `poll` over everything it waits for, so reading, writing, timers and the hub never block each other. It
//! knows its transport only as a trait, and nothing of HTTP.
//!
//! | folder | may import |
//! |---|---|
//! | end | engine |
//! | settings | namespace |
//! | services | handler, settings, shared_queue |
//! | engine | handler, services, settings |
//! | socket | end, engine, namespace, services, shared_queue |
//! | state | engine, handler, namespace, services, socket |
//! | refusal | state |
//! | handler | end, engine, namespace, services, socket, state |
//! | shared_queue | engine, services, socket, state, verbs |
//! | verbs | namespace, services, shared_queue, socket, state |
//! | namespace | end, engine, handler, services, socket, state, verbs |
//! | packets, notifications | end, namespace, socket, state, verbs |
//! | disconnect | end, engine, handler, namespace, services, socket, state |

mod disconnect;
mod end;
pub mod engine;
pub mod handler;
pub mod namespace;
mod notifications;
mod packets;
mod refusal;
pub mod services;
pub mod settings;
pub mod shared_queue;
pub mod socket;
mod state;
pub mod verbs;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::watch;
use tokio::time::Instant;

use self::end::EndReason;
use self::engine::heartbeat::{HeartbeatAction, ReadState};
use self::engine::params::{EngineMode, SessionParams};
use self::engine::transport::Transport;
use self::namespace::pending_ack::PendingAck;
use self::services::Services;
use self::socket::Socket;
use self::socket::query::QueryResult;
use self::state::Session;
use crate::hub::frame::WireFrame;
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::wire::attachments::TextFrame;
use crate::wire::engine::{EnginePacket, Handshake, PING, decode};
use crate::wire::explain::{Direction, Tracer};

/// Runs one session to its end.
pub async fn run(
    services: Arc<Services>,
    transport: Box<dyn Transport>,
    params: SessionParams,
    mut shutdown: watch::Receiver<bool>,
) {
    let mut session = Session::new(services, transport, &params);
    session.send_handshake(params);
    // Both arms are cancel-safe: `poll` keeps all its state in the session.
    let end = tokio::select! {
        end = poll_fn(|cx| session.poll(cx)) => end,
        _ = shutdown.wait_for(|is_stopping| *is_stopping) => EndReason::Shutdown,
    };
    let services = Arc::clone(&session.services);
    // Boxed, so that a live session does not carry the memory that its end needs.
    Box::pin(session.finish(&end)).await;
    if let EndReason::Store(error) = end {
        services.fail(error);
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Session {
    fn send_handshake(&mut self, params: SessionParams) {
        let settings = &self.services.settings;
        let handshake = Handshake {
            sid: params.sid,
            upgrades: params
                .upgrades
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
            ping_interval: millis(settings.ping_interval),
            ping_timeout: millis(settings.ping_timeout),
            max_payload: settings.max_payload as u64,
        };
        let sink = settings.trace.clone();
        self.tracer = sink.map(|sink| Box::new(Tracer::for_session(sink, &handshake.sid)));
        self.out.push_back(WireFrame::text(handshake.encode()));
    }

    /// Ready when the session ends. Pending when nothing more can be done now.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<EndReason> {
        self.waker.register(cx.waker());
        loop {
            match self.poll_once(cx) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(end) => return Poll::Ready(end),
            }
        }
    }

    /// Does a little of everything. False when there was nothing to do.
    fn poll_once(&mut self, cx: &mut Context<'_>) -> Result<bool, EndReason> {
        let mut progressed = false;
        while let Some((socket, notification)) = self.notifications.take() {
            self.handle_notification(socket, notification);
            progressed = true;
        }
        progressed |= self.poll_reads(cx)?;
        progressed |= self.poll_calls(cx)?;
        progressed |= self.poll_shares(cx);
        if let Poll::Ready(sent) = self.outbox.poll(cx) {
            sent?;
        }
        // Before writing: a client that timed out gets nothing more.
        progressed |= self.poll_timer(cx)?;
        // A write alone enables no other work, except a read of the store.
        progressed |= self.poll_write(cx)? && self.awaits_store();
        if self.may_read()
            && let Poll::Ready(frame) = self.transport.poll_recv(cx)
        {
            self.handle_frame(frame.ok_or(EndReason::Closed)??)?;
            progressed = true;
        }
        Ok(progressed)
    }

    /// Whether a request or an answer of the store is outstanding: its future must be polled.
    fn awaits_store(&self) -> bool {
        !self.outbox.is_empty() || self.sockets.iter().any(Socket::is_reading)
    }

    /// Requests and calls that wait for an answer.
    fn in_flight(&self) -> usize {
        let shared = self
            .sockets
            .iter()
            .filter_map(|socket| socket.sharing.as_ref());
        self.hub_requests
            + self.calls.pending_events()
            + shared
                .map(|sharing| sharing.pending_answers())
                .sum::<usize>()
    }

    /// Reading pauses while earlier requests wait for the store or the hub. The client cannot help that, so its ping clock
    /// pauses too.
    fn read_state(&self) -> ReadState {
        let is_querying = self.sockets.iter().any(Socket::is_querying);
        let pending_acks: usize = self.pending_acks.iter().map(PendingAck::bytes).sum();
        if is_querying
            || !self.outbox.is_empty()
            || self.in_flight() >= limits::VERBS_IN_FLIGHT
            || pending_acks > limits::ANSWER_BYTES
            || self.throttled_until.is_some()
        {
            ReadState::Paused
        } else {
            ReadState::Reading
        }
    }

    /// Also false while the client does not take its frames. Its ping clock runs meanwhile.
    fn may_read(&self) -> bool {
        if self.read_state() == ReadState::Paused || self.out.len() > limits::VERBS_IN_FLIGHT {
            return false;
        }
        // Answers are text. Deliveries, which are bounded by credit, are mostly binary.
        let texts = self
            .out
            .iter()
            .filter(|frame| matches!(frame, WireFrame::Text(_)));
        let early: usize = self.sockets.iter().map(Socket::early_cost).sum();
        let bytes = texts.map(WireFrame::len).sum::<usize>() + early + self.attachment_bytes;
        bytes <= limits::ANSWER_BYTES
    }

    /// Takes the results of store reads for the sockets.
    fn poll_reads(&mut self, cx: &mut Context<'_>) -> Result<bool, EndReason> {
        let mut progressed = false;
        for index in 0..self.sockets.len() {
            let socket = &mut self.sockets[index];
            while let Poll::Ready(read) =
                socket.poll_log(cx, &self.services, &mut self.outbox, &mut self.out)
            {
                read?;
                progressed = true;
            }
            if let Poll::Ready((ack_id, result)) = socket.poll_query(cx) {
                progressed = true;
                match result? {
                    QueryResult::Answer(body) => self.answer(index, ack_id, &body),
                    QueryResult::Submit(op, request) => {
                        let ticket = Ticket::new(socket.request(ack_id, request));
                        self.submit(*op, ticket);
                    }
                }
            }
        }
        Ok(progressed)
    }

    /// Gives frames to the transport while it takes them, and asks the sockets for more when there are none.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, EndReason> {
        // Count the frames that the client has taken before sending more.
        let mut progressed = self.poll_flush(cx)?;
        loop {
            match self.transport.poll_ready(cx) {
                Poll::Pending => return Ok(progressed),
                Poll::Ready(ready) => ready?,
            }
            if self.out.is_empty() {
                self.attachment_bytes = 0;
                if !self.fill() {
                    break;
                }
                self.delivery_frames = self.out.len();
            }
            progressed = true;
            if let Some(frame) = self.out.pop_front() {
                self.delivery_frames = self.delivery_frames.saturating_sub(1);
                self.trace(Direction::Sent, &frame);
                self.transport.send(frame)?;
                self.needs_flush = true;
            }
        }
        progressed |= self.poll_flush(cx)?;
        Ok(progressed)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Result<bool, EndReason> {
        if !self.needs_flush {
            return Ok(false);
        }
        let Poll::Ready(flushed) = self.transport.poll_flush(cx) else {
            return Ok(false);
        };
        flushed?;
        self.needs_flush = false;
        if self.delivery_frames == 0 {
            for socket in &mut self.sockets {
                socket.flushed(&mut self.outbox);
            }
        }
        Ok(true)
    }

    fn fill(&mut self) -> bool {
        let mut progressed = false;
        for socket in &mut self.sockets {
            progressed |= socket.fill(
                &self.services,
                &self.notifications,
                &mut self.outbox,
                &mut self.out,
            );
            socket.note_progress();
        }
        progressed
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Result<bool, EndReason> {
        // A timer may fire up to a millisecond late. For a missing pong the clock decides.
        let is_late = self.heartbeat.awaits_pong() && self.heartbeat.next() <= Instant::now();
        if self.timer.as_mut().poll(cx).is_pending() && !is_late {
            return Ok(false);
        }
        let now = Instant::now();
        self.throttled_until = self.throttled_until.filter(|until| *until > now);
        let read_state = self.read_state();
        match self
            .heartbeat
            .advance(now, &self.services.settings, read_state)
        {
            HeartbeatAction::Ping => self.out.push_back(WireFrame::Text(PING.into())),
            HeartbeatAction::None => {}
            HeartbeatAction::PongTimeout => return Err(EndReason::PingTimeout),
            HeartbeatAction::ConnectTimeout => return Err(EndReason::ConnectTimeout),
        }
        self.set_timer();
        Ok(true)
    }

    fn trace(&mut self, direction: Direction, frame: &WireFrame) {
        let Some(tracer) = &mut self.tracer else {
            return;
        };
        match frame {
            WireFrame::Text(text) => tracer.text(direction, text),
            WireFrame::Binary(bytes) => tracer.binary(direction, bytes),
        }
    }

    fn handle_frame(&mut self, frame: WireFrame) -> Result<(), EndReason> {
        self.trace(Direction::Received, &frame);
        let text = match frame {
            WireFrame::Binary(_) if self.mode == EngineMode::Echo => {
                self.attachment_bytes += frame.len();
                self.out.push_back(frame);
                return Ok(());
            }
            WireFrame::Binary(bytes) => {
                if self.assembler.held() + bytes.len() > self.services.settings.max_frame() {
                    let why = "a binary event larger than this hub takes";
                    return Err(EndReason::Forbidden(why));
                }
                if let Some(binary) = self.assembler.binary(bytes)? {
                    let packet = binary.packet()?;
                    return self.handle_packet(packet, &binary.attachments);
                }
                return Ok(());
            }
            WireFrame::Text(text) => text,
        };
        match decode(&text)? {
            EnginePacket::Message(_) if self.mode == EngineMode::Echo => {
                self.out.push_back(WireFrame::Text(text));
                Ok(())
            }
            EnginePacket::Message(packet) => match self.assembler.text(packet)? {
                TextFrame::Complete(packet) => self.handle_packet(packet, &[]),
                TextFrame::Partial => Ok(()),
            },
            EnginePacket::Pong(_) => {
                self.heartbeat.pong(Instant::now(), &self.services.settings);
                self.set_timer();
                Ok(())
            }
            EnginePacket::Close => Err(EndReason::Closed),
            EnginePacket::Noop => Ok(()),
            EnginePacket::Open(_) | EnginePacket::Ping(_) | EnginePacket::Upgrade => Err(
                EndReason::Forbidden("an Engine.IO packet that only a server sends"),
            ),
        }
    }
}
