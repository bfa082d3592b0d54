//! HTTP long-polling as a session's transport. Outgoing packets go into the GET that waits, incoming packets come from
//! POSTs. After an upgrade it forwards to the WebSocket, without the session noticing.
//!
//! A response counts as delivered when the client sends its next GET. A named client later gets again the messages that
//! were lost with a response.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::time::Sleep;

use super::session::{
    PollingError, PollingPhase, PollingSession, PollingState, PostState, ResponseSender,
};
use super::sessions::PollingSessions;
use crate::hub::frame::WireFrame;
use crate::hub::peer::Peer;
use crate::limits;
use crate::session::engine::params::EngineMode;
use crate::session::engine::transport::{Transport, TransportError};
use crate::session::services;
use crate::wire::engine;
use crate::wire::payload::{PayloadDecoder, PayloadEncoder, PayloadError, PayloadPacket};

pub struct PollingTransport {
    sessions: Arc<PollingSessions>,
    sid: Arc<str>,
    session: Arc<PollingSession>,
    /// Packets for the GET that waits, and their bytes.
    response: VecDeque<WireFrame>,
    response_bytes: usize,
    /// The POST that is being read, and how to answer it.
    post: Option<(PayloadDecoder, ResponseSender<()>)>,
    /// Packets read since other tasks last had a turn.
    packets_in_a_row: usize,
    close_state: CloseState,
    /// Set after an upgrade: everything goes through it.
    websocket: Option<Box<dyn Transport>>,
    peer: Arc<Peer>,
}

/// Who closed the session.
enum CloseState {
    /// The hub, unless the client closes it first.
    Hub,
    Client,
    /// The client, and its last GET has not arrived yet. This sleep bounds the wait for it.
    AwaitingGet(Pin<Box<Sleep>>),
}

/// A request ended the session. The reason can be taken once.
struct SessionEnded(Option<&'static str>);

impl From<SessionEnded> for TransportError {
    fn from(ended: SessionEnded) -> Self {
        Self::Broken(ended.0.unwrap_or("ended").to_owned())
    }
}

impl PollingTransport {
    /// Opens a session under a new sid. Requests find it for as long as the transport lives.
    pub fn open(
        sessions: &Arc<PollingSessions>,
        mode: EngineMode,
        peer: &Arc<Peer>,
    ) -> (Arc<str>, Arc<PollingSession>, Self) {
        let sid: Arc<str> = services::random_id().into();
        let session = Arc::new(PollingSession::new(mode));
        sessions.insert(Arc::clone(&sid), Arc::clone(&session));
        let transport = Self {
            sessions: Arc::clone(sessions),
            sid: Arc::clone(&sid),
            session: Arc::clone(&session),
            response: VecDeque::new(),
            response_bytes: 0,
            post: None,
            packets_in_a_row: 0,
            close_state: CloseState::Hub,
            websocket: None,
            peer: Arc::clone(peer),
        };
        (sid, session, transport)
    }

    /// The next packet of the POST that is being read.
    fn next_packet(&mut self) -> Option<Result<WireFrame, PayloadError>> {
        let (packets, _) = self.post.as_mut()?;
        Some(match packets.next_packet() {
            Some(Ok(PayloadPacket::Text(text))) => {
                if matches!(engine::decode(text), Ok(engine::EnginePacket::Close)) {
                    self.close_state = CloseState::Client;
                }
                Ok(WireFrame::text(text))
            }
            Some(Ok(PayloadPacket::Binary(bytes))) => Ok(WireFrame::Binary(bytes.into())),
            Some(Err(error)) => Err(error),
            None => {
                let (_, response) = self.post.take()?;
                // The next POST may come as soon as this one is answered.
                self.session.lock().post = PostState::None;
                let _ = response.send(Ok(()));
                return None;
            }
        })
    }

    /// Takes over an upgrade, and notices that a request ended the session.
    fn update(&mut self, cx: &mut Context<'_>) -> Result<(), SessionEnded> {
        if self.websocket.is_some() {
            return Ok(());
        }
        self.session.register(cx.waker());
        let mut state = self.session.lock();
        match &mut state.phase {
            PollingPhase::Upgraded(websocket) => {
                self.websocket = websocket.take();
                self.peer.mark_upgraded();
                Ok(())
            }
            PollingPhase::Ended(reason) => Err(SessionEnded(reason.take())),
            PollingPhase::Polling | PollingPhase::Probing | PollingPhase::Closing => Ok(()),
        }
    }

    /// After an upgrade, sends the packets that no GET came for, before anything newer.
    fn poll_send_response(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let Some(websocket) = &mut self.websocket else {
            return Poll::Ready(Ok(()));
        };
        while !self.response.is_empty() {
            ready!(websocket.poll_ready(cx))?;
            if let Some(frame) = self.response.pop_front() {
                websocket.send(frame)?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Answers the waiting GET with the packets collected for it.
    fn respond(&mut self) {
        let mut state = self.session.lock();
        let Some(get) = state.get.take() else { return };
        state.is_response_unconfirmed = true;
        drop(state);
        self.response_bytes = 0;
        let mut payload = PayloadEncoder::default();
        for frame in self.response.drain(..) {
            match frame {
                WireFrame::Text(text) => payload.text(&text),
                WireFrame::Binary(bytes) => payload.binary(&bytes),
            }
        }
        // Fails only if the GET was dropped, which has ended the session.
        let _ = get.response.send(Ok(payload.finish()));
    }

    /// Answers the last POST, if there is one.
    fn answer_last_post(&mut self, state: &mut PollingState) {
        let result = match self.close_state {
            CloseState::Hub => Err(PollingError::UnexpectedRequest),
            CloseState::Client | CloseState::AwaitingGet(_) => Ok(()),
        };
        let waiting = std::mem::replace(&mut state.post, PostState::None);
        let response = match (self.post.take(), waiting) {
            (Some((_, response)), _)
            | (None, PostState::Receiving(response) | PostState::Received(response, _)) => response,
            (None, PostState::None | PostState::Processing) => return,
        };
        let _ = response.send(result);
    }
}

impl Transport for PollingTransport {
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<WireFrame, TransportError>>> {
        loop {
            if self.packets_in_a_row >= limits::POSTED_PACKETS_PER_TURN {
                self.packets_in_a_row = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Some(packet) = self.next_packet() {
                self.packets_in_a_row += 1;
                let broken = |error: PayloadError| TransportError::Broken(error.to_string());
                return Poll::Ready(Some(packet.map_err(broken)));
            }
            if let Err(ended) = self.update(cx) {
                return Poll::Ready(Some(Err(ended.into())));
            }
            if let Some(websocket) = &mut self.websocket {
                return websocket.poll_recv(cx);
            }
            let mut state = self.session.lock();
            match std::mem::replace(&mut state.post, PostState::Processing) {
                PostState::Received(response, body) => {
                    self.post = Some((PayloadDecoder::new(body), response));
                }
                other => {
                    state.post = other;
                    self.packets_in_a_row = 0;
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.update(cx)?;
        ready!(self.poll_send_response(cx))?;
        if let Some(websocket) = &mut self.websocket {
            return websocket.poll_ready(cx);
        }
        if self.response.len() >= limits::POLLED_PACKETS
            || self.response_bytes >= limits::POLLED_BYTES
        {
            self.respond();
            return Poll::Pending;
        }
        match &mut self.session.lock().get {
            Some(get) => {
                get.is_seen = true;
                Poll::Ready(Ok(()))
            }
            None => Poll::Pending,
        }
    }

    fn send(&mut self, frame: WireFrame) -> Result<(), TransportError> {
        match &mut self.websocket {
            Some(websocket) => websocket.send(frame),
            None => {
                self.response_bytes += frame.len();
                self.response.push_back(frame);
                Ok(())
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.update(cx)?;
        ready!(self.poll_send_response(cx))?;
        if let Some(websocket) = &mut self.websocket {
            return websocket.poll_flush(cx);
        }
        if !self.response.is_empty() {
            self.respond();
            return Poll::Pending;
        }
        if self.session.lock().is_response_unconfirmed {
            Poll::Pending
        } else {
            Poll::Ready(Ok(()))
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Takes over an upgrade that completed meanwhile. The reason of the end is known already.
        let _ = self.update(cx);
        if let Some(websocket) = &mut self.websocket {
            return websocket.poll_close(cx);
        }
        let session = Arc::clone(&self.session);
        let mut state = session.lock();
        self.answer_last_post(&mut state);
        let (get, result) = match (&mut self.close_state, state.get.take()) {
            (CloseState::Hub, Some(get)) if !get.is_seen => {
                (get, Err(PollingError::UnknownSession))
            }
            (CloseState::Hub, Some(get)) => (get, Ok(engine::CLOSE.to_owned())),
            (_, Some(get)) => (get, Ok(engine::NOOP.to_owned())),
            (CloseState::Hub, None) => {
                state.phase = PollingPhase::Ended(None);
                return Poll::Ready(());
            }
            (CloseState::Client, None) => {
                state.phase = PollingPhase::Closing;
                let timeout = tokio::time::sleep(limits::CROSSED_REQUEST_WAIT);
                self.close_state = CloseState::AwaitingGet(Box::pin(timeout));
                drop(state);
                return self.poll_close(cx);
            }
            (CloseState::AwaitingGet(timeout), None) => {
                ready!(timeout.as_mut().poll(cx));
                state.phase = PollingPhase::Ended(None);
                return Poll::Ready(());
            }
        };
        state.phase = PollingPhase::Ended(None);
        let _ = get.response.send(result);
        Poll::Ready(())
    }
}

impl Drop for PollingTransport {
    fn drop(&mut self) {
        let mut state = self.session.lock();
        state.phase = PollingPhase::Ended(None);
        // Dropping the senders answers the requests that wait.
        state.get = None;
        state.post = PostState::None;
        drop(state);
        self.sessions.remove(&self.sid);
    }
}
