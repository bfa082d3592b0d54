//! One task per Engine.IO session: packets in, verbs to the store and the hub, and what is owed back out.
//!
//! The task is one `poll` over everything it waits for, so that reading, writing, timers and the hub never block each
//! other. It knows its transport only as a trait, and nothing of HTTP.

mod disconnect;
mod end;
pub mod engine;
pub mod handler;
pub mod namespace;
mod notifications;
mod packets;
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
use self::engine::heartbeat::{HeartbeatAction, Held};
use self::engine::outbox::Submission;
use self::engine::params::{EngineMode, SessionParams};
use self::engine::transport::Transport;
use self::namespace::pending_ack::PendingAck;
use self::services::Services;
use self::socket::{Finished, Socket};
use self::state::Session;
use crate::hub::frame::WireFrame;
use crate::limits;
use crate::store::writer::Urgency;
use crate::wire::attachments::TextFrame;
use crate::wire::engine::{EnginePacket, Handshake, PING, decode};
use crate::wire::explain::{Direction, Tracer};

/// Runs one session to its end.
pub async fn run(
    services: Arc<Services>,
    transport: Box<dyn Transport>,
    opening: SessionParams,
    mut shutdown: watch::Receiver<bool>,
) {
    let mut session = Session::new(services, transport, &opening);
    session.open(opening);
    // Both arms are cancel-safe: the session's poll keeps all its state in itself.
    let end = tokio::select! {
        end = poll_fn(|cx| session.poll(cx)) => end,
        _ = shutdown.wait_for(|stopping| *stopping) => EndReason::Shutdown,
    };
    let services = Arc::clone(&session.services);
    // In a box: what its end takes is not held while it lives.
    Box::pin(session.finish(&end)).await;
    if let EndReason::Store(error) = end {
        services.fail(error);
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Session {
    fn open(&mut self, opening: SessionParams) {
        let settings = &self.services.settings;
        let handshake = Handshake {
            sid: opening.sid,
            upgrades: opening.upgrades.iter().map(|it| (*it).to_owned()).collect(),
            ping_interval: millis(settings.ping_interval),
            ping_timeout: millis(settings.ping_timeout),
            max_payload: settings.max_payload as u64,
        };
        let watch = settings.trace.clone();
        self.tracer = watch.map(|watch| Box::new(Tracer::for_session(watch, &handshake.sid)));
        self.out.push_back(WireFrame::text(handshake.encode()));
    }

    /// Ready only with the end; otherwise everything that could be done was done.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<EndReason> {
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
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<bool, EndReason> {
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
            self.frame(frame.ok_or(EndReason::Closed)??)?;
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
        let promised: usize = self.promises.iter().map(PendingAck::bytes).sum();
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
        let texts = self
            .out
            .iter()
            .filter(|it| matches!(it, WireFrame::Text(_)));
        let early: usize = self.sockets.iter().map(Socket::early_cost).sum();
        let bytes = texts.map(WireFrame::len).sum::<usize>() + early + self.attached;
        bytes <= limits::ANSWER_BYTES
    }

    fn poll_reads(&mut self, cx: &mut Context<'_>) -> Result<bool, EndReason> {
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
                    Finished::Missed => return Err(EndReason::Missed),
                }
            }
        }
        Ok(did)
    }

    /// Hands frames to the transport while it takes them, asking the sockets for more when there are none.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, EndReason> {
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

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Result<bool, EndReason> {
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

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Result<bool, EndReason> {
        // A timer is late by up to a millisecond; whether a pong is, the clock says.
        let late = self.heart.awaits_pong() && self.heart.next() <= Instant::now();
        if self.timer.as_mut().poll(cx).is_pending() && !late {
            return Ok(false);
        }
        let now = Instant::now();
        self.paid_at = self.paid_at.filter(|paid_at| *paid_at > now);
        match self.heart.beat(now, &self.services.settings, self.held()) {
            HeartbeatAction::Ping => self.out.push_back(WireFrame::Text(PING.into())),
            HeartbeatAction::Nothing => {}
            HeartbeatAction::NoPong => return Err(EndReason::PingTimeout),
            HeartbeatAction::NoConnect => return Err(EndReason::ConnectTimeout),
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

    fn frame(&mut self, frame: WireFrame) -> Result<(), EndReason> {
        self.trace(Direction::Received, &frame);
        let text = match frame {
            WireFrame::Binary(_) if self.speech == EngineMode::Echo => {
                self.attached += frame.len();
                self.out.push_back(frame);
                return Ok(());
            }
            WireFrame::Binary(bytes) => {
                if self.assembler.held() + bytes.len() > self.services.settings.max_frame() {
                    return Err(EndReason::Forbidden(
                        "a binary event larger than this hub takes",
                    ));
                }
                if let Some(binary) = self.assembler.binary(bytes)? {
                    let packet = binary.packet()?;
                    return self.packet(packet, &binary.attachments);
                }
                return Ok(());
            }
            WireFrame::Text(text) => text,
        };
        match decode(&text)? {
            EnginePacket::Message(_) if self.speech == EngineMode::Echo => {
                self.out.push_back(WireFrame::Text(text));
                Ok(())
            }
            EnginePacket::Message(packet) => match self.assembler.text(packet)? {
                TextFrame::Complete(packet) => self.packet(packet, &[]),
                TextFrame::Partial => Ok(()),
            },
            EnginePacket::Pong(_) => {
                self.heart.pong(Instant::now(), &self.services.settings);
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
