//! Where the requests of one polling client and its session meet: one GET that waits for something to be said, one POST
//! whose packets wait to be taken, and the WebSocket that takes their place.
//!
//! Knows nothing of HTTP's heads and bodies, nor of what the packets hold.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use tokio::sync::oneshot;

use crate::session::engine::params::EngineMode;
use crate::session::engine::transport::Transport;
use crate::wire::engine;

/// Why a request for a session is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejected {
    /// There is no such session, or none any more.
    Unknown,
    /// The session is there, and this is not what it may be asked.
    Misplaced,
}

type Verdict<T> = Result<T, Rejected>;
pub(super) type Answer<T> = oneshot::Sender<Verdict<T>>;

pub struct Door {
    pub mode: EngineMode,
    state: Mutex<State>,
    /// Woken when a request came, or the session's transport is to change or end.
    session: AtomicWaker,
}

pub(super) struct State {
    pub stage: Stage,
    pub get: Option<Get>,
    pub post: Post,
    /// The client got a response, as far as we know; that it asks again is the proof.
    pub untaken: bool,
}

pub(super) enum Stage {
    Polling,
    /// A WebSocket is being tried out; packets go by polling meanwhile.
    Probing,
    /// By WebSocket from here on; the session finds it here once.
    Upgraded(Option<Box<dyn Transport>>),
    /// The client has said farewell, and the GET that it sent before may still come.
    Parting,
    /// Nothing comes or goes any more. What a request did to end it is told the session once.
    Ended(Option<&'static str>),
}

/// The GET that waits.
pub(super) struct Get {
    pub answer: Answer<String>,
    /// The session knows of it; before that it may be one that comes too late.
    pub admitted: bool,
}

pub(super) enum Post {
    Nothing,
    /// Its body is on its way.
    Reading(Answer<()>),
    Read(Answer<()>, Bytes),
    /// The session has it in hand.
    Taking,
}

impl Door {
    pub(super) fn new(mode: EngineMode) -> Self {
        Self {
            mode,
            state: Mutex::new(State {
                stage: Stage::Polling,
                get: None,
                post: Post::Nothing,
                untaken: false,
            }),
            session: AtomicWaker::new(),
        }
    }

    /// A GET: waits for packets. Dropped before its answer it ends the session, for nobody knows what it would have
    /// carried.
    pub fn get(self: &Arc<Self>) -> Verdict<Waiting<String>> {
        let mut state = self.lock();
        match state.stage {
            Stage::Upgraded(_) => return Err(Rejected::Misplaced),
            Stage::Ended(_) => return Err(Rejected::Unknown),
            Stage::Polling | Stage::Probing | Stage::Parting => {}
        }
        if let Some(first) = state.get.take() {
            // Who is gone does not mind.
            let _ = first.answer.send(Ok(engine::CLOSE.to_owned()));
            self.end(state, "two GETs at once");
            return Err(Rejected::Misplaced);
        }
        let (answer, verdict) = oneshot::channel();
        state.untaken = false;
        state.get = Some(Get {
            answer,
            admitted: false,
        });
        drop(state);
        self.session.wake();
        Ok(Waiting::new(self, verdict, "a GET was given up"))
    }

    /// A POST whose body is about to be read.
    pub fn post(self: &Arc<Self>) -> Verdict<Posting> {
        let mut state = self.lock();
        match (&state.stage, &state.post) {
            (Stage::Upgraded(_), _) => return Err(Rejected::Misplaced),
            (Stage::Ended(_) | Stage::Parting, _) => return Err(Rejected::Unknown),
            (_, Post::Nothing) => {}
            (_, Post::Reading(_) | Post::Read(..) | Post::Taking) => {
                self.close(state, "two POSTs at once");
                return Err(Rejected::Misplaced);
            }
        }
        let (answer, verdict) = oneshot::channel();
        state.post = Post::Reading(answer);
        Ok(Posting {
            waiting: Waiting::new(self, verdict, "a POST was given up"),
        })
    }

    /// A WebSocket asks to take the place of polling. None: one already does.
    pub fn probe(self: &Arc<Self>) -> Verdict<Option<Probe>> {
        let mut state = self.lock();
        match state.stage {
            Stage::Ended(_) | Stage::Parting => Err(Rejected::Unknown),
            Stage::Probing | Stage::Upgraded(_) => Ok(None),
            Stage::Polling => {
                state.stage = Stage::Probing;
                let door = Arc::clone(self);
                Ok(Some(Probe { door }))
            }
        }
    }

    /// A request that no client of ours sends; the session ends, and whoever waits is told.
    pub fn refuse(&self, why: &'static str) {
        self.close(self.lock(), why);
    }

    fn close(&self, mut state: MutexGuard<'_, State>, why: &'static str) {
        if let Some(get) = state.get.take() {
            let _ = get.answer.send(Ok(engine::CLOSE.to_owned()));
        }
        self.end(state, why);
    }

    fn end(&self, mut state: MutexGuard<'_, State>, why: &'static str) {
        // By WebSocket it goes on, whatever becomes of requests that came before.
        if matches!(
            state.stage,
            Stage::Polling | Stage::Probing | Stage::Parting
        ) {
            state.stage = Stage::Ended(Some(why));
        }
        drop(state);
        self.session.wake();
    }

    pub(super) fn register(&self, session: &std::task::Waker) {
        self.session.register(session);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half-way, so a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that waits for the session.
pub struct Waiting<T> {
    door: Arc<Door>,
    verdict: oneshot::Receiver<Verdict<T>>,
    given_up: &'static str,
    answered: bool,
}

impl<T> Waiting<T> {
    fn new(
        door: &Arc<Door>,
        verdict: oneshot::Receiver<Verdict<T>>,
        given_up: &'static str,
    ) -> Self {
        Self {
            door: Arc::clone(door),
            verdict,
            given_up,
            answered: false,
        }
    }

    pub async fn answer(mut self) -> Verdict<T> {
        self.verdict().await
    }

    /// Cancel-safe. A session that ended answers by not answering.
    async fn verdict(&mut self) -> Verdict<T> {
        let verdict = (&mut self.verdict).await;
        self.answered = true;
        verdict.unwrap_or(Err(Rejected::Unknown))
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        if !self.answered {
            self.door.refuse(self.given_up);
        }
    }
}

/// A POST whose body is being read.
pub struct Posting {
    waiting: Waiting<()>,
}

impl Posting {
    /// Ready when the session has ended. Cancel-safe.
    pub async fn ended(&mut self) -> Rejected {
        match self.waiting.verdict().await {
            Err(rejected) => rejected,
            Ok(()) => Rejected::Unknown,
        }
    }

    /// Ready when the session has taken every packet of it, and would take more: that is the back-pressure.
    pub async fn submit(self, body: Bytes) -> Verdict<()> {
        self.put(body);
        self.waiting.answer().await
    }

    fn put(&self, body: Bytes) {
        let door = &self.waiting.door;
        let mut state = door.lock();
        if let Post::Reading(answer) = std::mem::replace(&mut state.post, Post::Nothing) {
            match state.stage {
                Stage::Polling | Stage::Probing => state.post = Post::Read(answer, body),
                Stage::Upgraded(_) => {
                    let _ = answer.send(Err(Rejected::Misplaced));
                }
                // Whoever waits is told by the sender's end.
                Stage::Parting | Stage::Ended(_) => {}
            }
        }
        drop(state);
        door.session.wake();
    }

    /// Its body is not taken; the session goes on.
    pub fn withdraw(mut self) {
        self.waiting.answered = true;
        self.waiting.door.lock().post = Post::Nothing;
    }
}

/// A WebSocket that is being tried out. Dropped, polling goes on.
pub struct Probe {
    door: Arc<Door>,
}

impl Probe {
    pub fn is_wanted(&self) -> bool {
        matches!(self.door.lock().stage, Stage::Probing)
    }

    /// Answers the GET that waits with nothing: a client changes only when no request of its own is on its way.
    pub fn release(&self) {
        let mut state = self.door.lock();
        if let Some(get) = state.get.take_if(|get| get.admitted) {
            let _ = get.answer.send(Ok(engine::NOOP.to_owned()));
        }
    }

    /// The client has changed to `transport`: it has all that went by polling. Gives it back when the session has ended.
    pub fn complete(self, transport: Box<dyn Transport>) -> Result<(), Box<dyn Transport>> {
        let mut state = self.door.lock();
        if !matches!(state.stage, Stage::Probing) {
            return Err(transport);
        }
        state.stage = Stage::Upgraded(Some(transport));
        state.untaken = false;
        if let Some(get) = state.get.take() {
            let _ = get.answer.send(Err(Rejected::Misplaced));
        }
        // The session takes nothing more by polling, but for what it has in hand.
        match std::mem::replace(&mut state.post, Post::Nothing) {
            Post::Read(answer, _) | Post::Reading(answer) => {
                let _ = answer.send(Err(Rejected::Misplaced));
            }
            other => state.post = other,
        }
        drop(state);
        self.door.session.wake();
        Ok(())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let mut state = self.door.lock();
        if matches!(state.stage, Stage::Probing) {
            state.stage = Stage::Polling;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Doors;
    use super::*;

    #[tokio::test]
    async fn a_post_that_was_not_taken_before_the_change_is_refused() {
        let doors = Arc::new(Doors::default());
        let (_, door, _session) = doors.open(EngineMode::Echo, &Arc::default());
        let (_, _, other) = doors.open(EngineMode::Echo, &Arc::default());
        let probe = door.probe().unwrap().unwrap();
        let mut posted = Box::pin(door.post().unwrap().submit(Bytes::from_static(b"4")));
        tokio::select! {
            biased;
            verdict = &mut posted => panic!("{verdict:?}"),
            () = std::future::ready(()) => {}
        }
        assert!(probe.complete(Box::new(other)).is_ok());
        assert_eq!(posted.await, Err(Rejected::Misplaced));
    }
}
