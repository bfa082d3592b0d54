//! What a session waits for from its namespaces' programs.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::call::{Answer, NoAnswer, Verdict};
use crate::address::Namespace;
use crate::hub::socket_id::SocketId;
use crate::session::namespace::admission_request::AdmissionRequest;
use crate::session::socket::catchup;
use crate::store::StoreError;

/// What a session waits for.
#[derive(Debug, Default)]
pub struct Calls {
    /// May they come in? At most `limits::NAMESPACES_PER_CONNECTION` with those who are in.
    pub(super) entrances: Vec<(AdmissionRequest, Waiting)>,
    /// Who were they before? The program is asked about the sid that they will have.
    pub(super) returning: Vec<(AdmissionRequest, Asking)>,
    /// How is an event acknowledged? Each counts among the verbs in flight.
    pub(super) events: Vec<Event>,
}

#[derive(Debug)]
pub(super) struct Event {
    pub(super) socket: SocketId,
    pub(super) id: u64,
    pub(super) waiting: Waiting,
}

type Waiting = oneshot::Receiver<Verdict>;

type Asking = JoinHandle<Result<Option<Arc<str>>, StoreError>>;

impl Calls {
    pub fn asked(&self) -> usize {
        self.entrances.len() + self.returning.len()
    }

    pub fn is_asked(&self, namespace: &Namespace) -> bool {
        let asked = self.entrances.iter().map(|(entrance, _)| entrance);
        let returning = self.returning.iter().map(|(entrance, _)| entrance);
        asked
            .chain(returning)
            .any(|entrance| entrance.namespace == *namespace)
    }

    /// Events that wait for their acknowledgement.
    pub fn pending_events(&self) -> usize {
        self.events.len()
    }

    /// A socket that is gone waits for nothing.
    pub fn forget(&mut self, socket: SocketId) {
        self.events.retain(|event| event.socket != socket);
    }

    pub(super) fn poll_returning(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Option<Result<AdmissionRequest, StoreError>> {
        let asking = self.returning.iter_mut().enumerate();
        let (place, sid) = asking.into_iter().find_map(|(place, (_, asking))| {
            match Pin::new(asking).poll(cx) {
                Poll::Pending => None,
                Poll::Ready(sid) => Some((place, sid)),
            }
        })?;
        let (mut entrance, _) = self.returning.remove(place);
        Some(catchup::join_result(sid).map(|sid| {
            entrance.sid = sid.unwrap_or(entrance.sid);
            entrance
        }))
    }

    pub(super) fn poll_entrances(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Option<(AdmissionRequest, Result<Answer, NoAnswer>)> {
        let waiting = self.entrances.iter_mut();
        let (place, answer) = waiting
            .enumerate()
            .find_map(|(place, (_, waiting))| Some((place, answered(waiting, cx)?)))?;
        Some((self.entrances.remove(place).0, answer))
    }

    pub(super) fn poll_events(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Option<(Event, Result<Answer, NoAnswer>)> {
        let waiting = self.events.iter_mut();
        let (place, answer) = waiting
            .enumerate()
            .find_map(|(place, event)| Some((place, answered(&mut event.waiting, cx)?)))?;
        Some((self.events.remove(place), answer))
    }
}

fn answered(waiting: &mut Waiting, cx: &mut Context<'_>) -> Option<Result<Answer, NoAnswer>> {
    match Pin::new(waiting).poll(cx) {
        Poll::Pending => None,
        Poll::Ready(Ok(Verdict::Ack(answer))) => Some(Ok(answer)),
        Poll::Ready(Ok(Verdict::Deny(why))) => Some(Err(NoAnswer::Denied(why))),
        Poll::Ready(Ok(Verdict::Silent) | Err(_)) => Some(Err(NoAnswer::Silent)),
    }
}
