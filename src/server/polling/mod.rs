//! Engine.IO over HTTP long-polling, as a session's transport: what it says goes into the GET that waits, what it hears
//! comes from POSTs; and by WebSocket once the client has changed to it, without the session noticing.
//!
//! A response counts as taken when the client asks again: what was lost on the way is delivered again later to those who
//! have a name.

pub mod door;

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::time::Sleep;

use self::door::{Answer, Door, Post, Rejected, Stage, State};
use crate::hub::frame::WireFrame;
use crate::hub::peer::Peer;
use crate::limits;
use crate::session::engine::params::EngineMode;
use crate::session::engine::transport::{Transport, TransportError};
use crate::session::services;
use crate::wire::engine;
use crate::wire::payload::{PayloadDecoder, PayloadEncoder, PayloadError, PayloadPacket};

/// The polling sessions of a hub by their sids. Sids are looked up and never parsed.
#[derive(Default)]
pub struct Doors {
    open: Mutex<HashMap<Arc<str>, Arc<Door>>>,
}

impl Doors {
    /// The transport of a new session and its sid. It is found by it for as long as the transport lives.
    pub fn open(
        self: &Arc<Self>,
        mode: EngineMode,
        peer: &Arc<Peer>,
    ) -> (Arc<str>, Arc<Door>, Polling) {
        let sid: Arc<str> = services::random_id().into();
        let door = Arc::new(Door::new(mode));
        self.lock().insert(Arc::clone(&sid), Arc::clone(&door));
        let transport = Polling {
            doors: Arc::clone(self),
            sid: Arc::clone(&sid),
            door: Arc::clone(&door),
            response: VecDeque::new(),
            bytes: 0,
            taking: None,
            in_a_row: 0,
            farewell: Farewell::Ours,
            websocket: None,
            peer: Arc::clone(peer),
        };
        (sid, door, transport)
    }

    pub fn find(&self, sid: &str) -> Option<Arc<Door>> {
        self.lock().get(sid).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Door>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct Polling {
    doors: Arc<Doors>,
    sid: Arc<str>,
    door: Arc<Door>,
    /// For the GET that waits.
    response: VecDeque<WireFrame>,
    bytes: usize,
    /// The POST that is being taken, and how it is answered.
    taking: Option<(PayloadDecoder, Answer<()>)>,
    /// Packets taken since others had their turn.
    in_a_row: usize,
    farewell: Farewell,
    /// What everything is done by once the client has changed to it.
    websocket: Option<Box<dyn Transport>>,
    peer: Arc<Peer>,
}

/// Who ends the session.
enum Farewell {
    Ours,
    Theirs,
    /// Theirs came before their last GET, which is awaited so long.
    Awaiting(Pin<Box<Sleep>>),
}

impl Polling {
    /// The next packet of the POST in hand.
    fn posted(&mut self) -> Option<Result<WireFrame, PayloadError>> {
        let (packets, _) = self.taking.as_mut()?;
        Some(match packets.part() {
            Some(Ok(PayloadPacket::Text(text))) => {
                if matches!(engine::decode(text), Ok(engine::EnginePacket::Close)) {
                    self.farewell = Farewell::Theirs;
                }
                Ok(WireFrame::text(text))
            }
            Some(Ok(PayloadPacket::Binary(bytes))) => Ok(WireFrame::Binary(bytes.into())),
            Some(Err(error)) => Err(error),
            None => {
                let (_, answer) = self.taking.take()?;
                // The next POST may come as soon as this one is answered.
                self.door.lock().post = Post::Nothing;
                let _ = answer.send(Ok(()));
                return None;
            }
        })
    }

    /// What requests have changed since the session last looked.
    fn look(&mut self, cx: &mut Context<'_>) -> Result<(), Over> {
        if self.websocket.is_some() {
            return Ok(());
        }
        self.door.register(cx.waker());
        let mut state = self.door.lock();
        match &mut state.stage {
            Stage::Upgraded(websocket) => {
                self.websocket = websocket.take();
                self.peer.mark_upgraded();
                Ok(())
            }
            Stage::Ended(why) => Err(Over(why.take())),
            Stage::Polling | Stage::Probing | Stage::Parting => Ok(()),
        }
    }

    /// What was meant for a GET that has not come goes first.
    fn poll_catch_up(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
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

    /// Gives the GET that waits what was collected for it.
    fn respond(&mut self) {
        let mut state = self.door.lock();
        let Some(get) = state.get.take() else { return };
        state.untaken = true;
        drop(state);
        self.bytes = 0;
        let mut payload = PayloadEncoder::default();
        for frame in self.response.drain(..) {
            match frame {
                WireFrame::Text(text) => payload.text(&text),
                WireFrame::Binary(bytes) => payload.binary(&bytes),
            }
        }
        // A GET that has gone away has ended the session too.
        let _ = get.answer.send(Ok(payload.finish()));
    }

    /// Answers the POST in hand for good.
    fn release_post(&mut self, state: &mut State) {
        let verdict = match self.farewell {
            Farewell::Ours => Err(Rejected::Misplaced),
            Farewell::Theirs | Farewell::Awaiting(_) => Ok(()),
        };
        let waiting = std::mem::replace(&mut state.post, Post::Nothing);
        let answer = match (self.taking.take(), waiting) {
            (Some((_, answer)), _) | (None, Post::Reading(answer) | Post::Read(answer, _)) => {
                answer
            }
            (None, Post::Nothing | Post::Taking) => return,
        };
        let _ = answer.send(verdict);
    }
}

/// A request ended the session, with the reason that it was not told yet.
struct Over(Option<&'static str>);

impl From<Over> for TransportError {
    fn from(over: Over) -> Self {
        Self::Broken(over.0.unwrap_or("ended").to_owned())
    }
}

impl Transport for Polling {
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<WireFrame, TransportError>>> {
        loop {
            if self.in_a_row >= limits::POSTED_IN_A_ROW {
                self.in_a_row = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Some(packet) = self.posted() {
                self.in_a_row += 1;
                let broken = |error: PayloadError| TransportError::Broken(error.to_string());
                return Poll::Ready(Some(packet.map_err(broken)));
            }
            if let Err(over) = self.look(cx) {
                return Poll::Ready(Some(Err(over.into())));
            }
            if let Some(websocket) = &mut self.websocket {
                return websocket.poll_recv(cx);
            }
            let mut state = self.door.lock();
            match std::mem::replace(&mut state.post, Post::Taking) {
                Post::Read(answer, body) => self.taking = Some((PayloadDecoder::new(body), answer)),
                other => {
                    state.post = other;
                    self.in_a_row = 0;
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.look(cx)?;
        ready!(self.poll_catch_up(cx))?;
        if let Some(websocket) = &mut self.websocket {
            return websocket.poll_ready(cx);
        }
        if self.response.len() >= limits::POLLED_PACKETS || self.bytes >= limits::POLLED_BYTES {
            self.respond();
            return Poll::Pending;
        }
        match &mut self.door.lock().get {
            Some(get) => {
                get.admitted = true;
                Poll::Ready(Ok(()))
            }
            None => Poll::Pending,
        }
    }

    fn send(&mut self, frame: WireFrame) -> Result<(), TransportError> {
        match &mut self.websocket {
            Some(websocket) => websocket.send(frame),
            None => {
                self.bytes += frame.len();
                self.response.push_back(frame);
                Ok(())
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.look(cx)?;
        ready!(self.poll_catch_up(cx))?;
        if let Some(websocket) = &mut self.websocket {
            return websocket.poll_flush(cx);
        }
        if !self.response.is_empty() {
            self.respond();
            return Poll::Pending;
        }
        if self.door.lock().untaken {
            Poll::Pending
        } else {
            Poll::Ready(Ok(()))
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // What ended it is known by now.
        let _ = self.look(cx);
        if let Some(websocket) = &mut self.websocket {
            return websocket.poll_close(cx);
        }
        let door = Arc::clone(&self.door);
        let mut state = door.lock();
        self.release_post(&mut state);
        let last = match (&mut self.farewell, state.get.take()) {
            (Farewell::Ours, Some(get)) if !get.admitted => (get, Err(Rejected::Unknown)),
            (Farewell::Ours, Some(get)) => (get, Ok(engine::CLOSE.to_owned())),
            (_, Some(get)) => (get, Ok(engine::NOOP.to_owned())),
            (Farewell::Ours, None) => {
                state.stage = Stage::Ended(None);
                return Poll::Ready(());
            }
            (Farewell::Theirs, None) => {
                state.stage = Stage::Parting;
                let crossed = tokio::time::sleep(limits::CROSSED);
                self.farewell = Farewell::Awaiting(Box::pin(crossed));
                drop(state);
                return self.poll_close(cx);
            }
            (Farewell::Awaiting(crossed), None) => {
                ready!(crossed.as_mut().poll(cx));
                state.stage = Stage::Ended(None);
                return Poll::Ready(());
            }
        };
        state.stage = Stage::Ended(None);
        let (get, verdict) = last;
        let _ = get.answer.send(verdict);
        Poll::Ready(())
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        let mut state = self.door.lock();
        state.stage = Stage::Ended(None);
        // Whoever waits is told by this.
        state.get = None;
        state.post = Post::Nothing;
        drop(state);
        self.doors.lock().remove(&self.sid);
    }
}
