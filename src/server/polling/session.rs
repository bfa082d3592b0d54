//! The meeting point of a polling client's HTTP requests and its session: one GET that waits for packets, one POST whose
//! packets wait to be read, and the WebSocket that replaces both after an upgrade.
//!
//! This module knows nothing of HTTP headers and bodies, nor of the meaning of packets.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use tokio::sync::oneshot;

use crate::session::engine::params::EngineMode;
use crate::session::engine::transport::Transport;
use crate::wire::engine;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollingError {
    /// There is no such session, or not any more.
    UnknownSession,
    /// The session exists, and does not accept this request now.
    UnexpectedRequest,
}

type PollingResult<T> = Result<T, PollingError>;
pub(super) type ResponseSender<T> = oneshot::Sender<PollingResult<T>>;

pub struct PollingSession {
    pub mode: EngineMode,
    state: Mutex<PollingState>,
    /// Woken when a request arrives, or when the transport has changed or ended.
    session: AtomicWaker,
}

pub(super) struct PollingState {
    pub phase: PollingPhase,
    pub get: Option<PendingGet>,
    pub post: PostState,
    /// A response was sent. The next GET proves that it arrived.
    pub is_response_unconfirmed: bool,
}

pub(super) enum PollingPhase {
    Polling,
    /// A WebSocket is being probed. Packets go by polling meanwhile.
    Probing,
    /// Packets go by WebSocket from now on. The session takes the transport from this field once.
    Upgraded(Option<Box<dyn Transport>>),
    /// The client has closed the session, and a GET that it sent before may still arrive.
    Closing,
    /// The session is over. If a request ended it, the session takes the reason from this field once.
    Ended(Option<&'static str>),
}

/// A GET that waits for packets.
pub(super) struct PendingGet {
    pub response: ResponseSender<String>,
    /// The session has seen it. Before that, it may have arrived too late.
    pub is_seen: bool,
}

pub(super) enum PostState {
    None,
    /// Its body is being received.
    Receiving(ResponseSender<()>),
    Received(ResponseSender<()>, Bytes),
    /// The session is reading its packets.
    Processing,
}

impl PollingSession {
    pub(super) fn new(mode: EngineMode) -> Self {
        Self {
            mode,
            state: Mutex::new(PollingState {
                phase: PollingPhase::Polling,
                get: None,
                post: PostState::None,
                is_response_unconfirmed: false,
            }),
            session: AtomicWaker::new(),
        }
    }

    /// A GET that waits for packets. A GET that is dropped before its response ends the session: packets in that response
    /// would be lost.
    pub fn get(self: &Arc<Self>) -> PollingResult<PendingRequest<String>> {
        let mut state = self.lock();
        match state.phase {
            PollingPhase::Upgraded(_) => return Err(PollingError::UnexpectedRequest),
            PollingPhase::Ended(_) => return Err(PollingError::UnknownSession),
            PollingPhase::Polling | PollingPhase::Probing | PollingPhase::Closing => {}
        }
        if state.get.is_some() {
            self.close(state, "two GETs at once");
            return Err(PollingError::UnexpectedRequest);
        }
        let (response, result) = oneshot::channel();
        state.is_response_unconfirmed = false;
        state.get = Some(PendingGet {
            response,
            is_seen: false,
        });
        drop(state);
        self.session.wake();
        Ok(PendingRequest::new(self, result, "a GET was given up"))
    }

    /// A POST whose body is about to be received.
    pub fn post(self: &Arc<Self>) -> PollingResult<PendingPost> {
        let mut state = self.lock();
        match (&state.phase, &state.post) {
            (PollingPhase::Upgraded(_), _) => return Err(PollingError::UnexpectedRequest),
            (PollingPhase::Ended(_) | PollingPhase::Closing, _) => {
                return Err(PollingError::UnknownSession);
            }
            (_, PostState::None) => {}
            (_, PostState::Receiving(_) | PostState::Received(..) | PostState::Processing) => {
                self.close(state, "two POSTs at once");
                return Err(PollingError::UnexpectedRequest);
            }
        }
        let (response, result) = oneshot::channel();
        state.post = PostState::Receiving(response);
        Ok(PendingPost {
            request: PendingRequest::new(self, result, "a POST was given up"),
        })
    }

    /// A WebSocket asks to replace polling. `None`: another one is being probed, or has replaced it.
    pub fn probe(self: &Arc<Self>) -> PollingResult<Option<UpgradeProbe>> {
        let mut state = self.lock();
        match state.phase {
            PollingPhase::Ended(_) | PollingPhase::Closing => Err(PollingError::UnknownSession),
            PollingPhase::Probing | PollingPhase::Upgraded(_) => Ok(None),
            PollingPhase::Polling => {
                state.phase = PollingPhase::Probing;
                let session = Arc::clone(self);
                Ok(Some(UpgradeProbe { session }))
            }
        }
    }

    /// Ends the session because of a request that no correct client sends. A GET that waits gets a close packet.
    pub fn abort(&self, reason: &'static str) {
        self.close(self.lock(), reason);
    }

    fn close(&self, mut state: MutexGuard<'_, PollingState>, reason: &'static str) {
        if let Some(get) = state.get.take() {
            // The client may be gone.
            let _ = get.response.send(Ok(engine::CLOSE.to_owned()));
        }
        // An upgraded session continues by WebSocket, even if older requests fail.
        if matches!(
            state.phase,
            PollingPhase::Polling | PollingPhase::Probing | PollingPhase::Closing
        ) {
            state.phase = PollingPhase::Ended(Some(reason));
        }
        drop(state);
        self.session.wake();
    }

    pub(super) fn register(&self, session: &std::task::Waker) {
        self.session.register(session);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, PollingState> {
        // No code that holds the lock can panic half-way, so a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that waits for the session. Dropped before its response, it ends the session.
pub struct PendingRequest<T> {
    session: Arc<PollingSession>,
    result: oneshot::Receiver<PollingResult<T>>,
    drop_reason: &'static str,
    is_answered: bool,
}

impl<T> PendingRequest<T> {
    fn new(
        session: &Arc<PollingSession>,
        result: oneshot::Receiver<PollingResult<T>>,
        drop_reason: &'static str,
    ) -> Self {
        Self {
            session: Arc::clone(session),
            result,
            drop_reason,
            is_answered: false,
        }
    }

    pub async fn response(mut self) -> PollingResult<T> {
        self.wait().await
    }

    /// Cancel-safe. A session that ends drops the sender.
    async fn wait(&mut self) -> PollingResult<T> {
        let result = (&mut self.result).await;
        self.is_answered = true;
        result.unwrap_or(Err(PollingError::UnknownSession))
    }
}

impl<T> Drop for PendingRequest<T> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.session.abort(self.drop_reason);
        }
    }
}

/// A POST whose body is being received.
pub struct PendingPost {
    request: PendingRequest<()>,
}

impl PendingPost {
    /// Ready when the session has ended. Cancel-safe.
    pub async fn session_ended(&mut self) -> PollingError {
        match self.request.wait().await {
            Err(error) => error,
            Ok(()) => PollingError::UnknownSession,
        }
    }

    /// Ready when the session has read every packet of the body. Until then the client sends no further POST: that is the
    /// back-pressure.
    pub async fn submit(self, body: Bytes) -> PollingResult<()> {
        self.put(body);
        self.request.response().await
    }

    fn put(&self, body: Bytes) {
        let session = &self.request.session;
        let mut state = session.lock();
        if let PostState::Receiving(response) = std::mem::replace(&mut state.post, PostState::None)
        {
            match state.phase {
                PollingPhase::Polling | PollingPhase::Probing => {
                    state.post = PostState::Received(response, body);
                }
                PollingPhase::Upgraded(_) => {
                    let _ = response.send(Err(PollingError::UnexpectedRequest));
                }
                // Dropping `response` tells the client.
                PollingPhase::Closing | PollingPhase::Ended(_) => {}
            }
        }
        drop(state);
        session.session.wake();
    }

    /// Drops the POST without its body. The session goes on.
    pub fn discard(mut self) {
        self.request.is_answered = true;
        self.request.session.lock().post = PostState::None;
    }
}

/// A WebSocket that is being probed. If it is dropped, polling goes on.
pub struct UpgradeProbe {
    session: Arc<PollingSession>,
}

impl UpgradeProbe {
    pub fn is_active(&self) -> bool {
        matches!(self.session.lock().phase, PollingPhase::Probing)
    }

    /// Answers the waiting GET with a noop packet, because a client upgrades only when none of its requests is open.
    pub fn release_get(&self) {
        let mut state = self.session.lock();
        if let Some(get) = state.get.take_if(|get| get.is_seen) {
            let _ = get.response.send(Ok(engine::NOOP.to_owned()));
        }
    }

    /// The client has upgraded to `transport`, so it has everything that went by polling. Gives the transport back if the
    /// session has ended.
    pub fn complete(self, transport: Box<dyn Transport>) -> Result<(), Box<dyn Transport>> {
        let mut state = self.session.lock();
        if !matches!(state.phase, PollingPhase::Probing) {
            return Err(transport);
        }
        state.phase = PollingPhase::Upgraded(Some(transport));
        state.is_response_unconfirmed = false;
        if let Some(get) = state.get.take() {
            let _ = get.response.send(Err(PollingError::UnexpectedRequest));
        }
        // The session finishes the POST that it is reading and takes no other.
        match std::mem::replace(&mut state.post, PostState::None) {
            PostState::Received(response, _) | PostState::Receiving(response) => {
                let _ = response.send(Err(PollingError::UnexpectedRequest));
            }
            other => state.post = other,
        }
        drop(state);
        self.session.session.wake();
        Ok(())
    }
}

impl Drop for UpgradeProbe {
    fn drop(&mut self) {
        let mut state = self.session.lock();
        if matches!(state.phase, PollingPhase::Probing) {
            state.phase = PollingPhase::Polling;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sessions::PollingSessions;
    use super::super::transport::PollingTransport;
    use super::*;

    #[tokio::test]
    async fn an_upgrade_refuses_a_post_that_was_not_read_before() {
        let sessions = Arc::new(PollingSessions::default());
        let open = || PollingTransport::open(&sessions, EngineMode::Echo, &Arc::default());
        let (_, session, _transport) = open();
        let (_, _, other) = open();
        let probe = session.probe().unwrap().unwrap();
        let mut posted = Box::pin(session.post().unwrap().submit(Bytes::from_static(b"4")));
        tokio::select! {
            biased;
            result = &mut posted => panic!("{result:?}"),
            () = std::future::ready(()) => {}
        }
        assert!(probe.complete(Box::new(other)).is_ok());
        assert_eq!(posted.await, Err(PollingError::UnexpectedRequest));
    }
}
