//! The verdicts that a session waits for.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::call::{HandlerAck, HandlerError, Verdict};
use crate::address::Namespace;
use crate::hub::socket_id::SocketId;
use crate::session::namespace::admission_request::AdmissionRequest;
use crate::session::socket::catchup;
use crate::store::StoreError;

#[derive(Debug, Default)]
pub struct WaitingCalls {
    /// Sockets that wait to be admitted: at most `limits::NAMESPACES_PER_CONNECTION` together with those already
    /// admitted.
    pub(super) entrances: Vec<(AdmissionRequest, VerdictReceiver)>,
    /// Sockets of returning clients. The store looks up their former sid, then the program is asked about that one.
    pub(super) returning: Vec<(AdmissionRequest, FormerSid)>,
    /// Events whose sender asked for an acknowledgement. Each counts among the verbs in flight.
    pub(super) events: Vec<EventCall>,
}

#[derive(Debug)]
pub(super) struct EventCall {
    pub(super) socket: SocketId,
    pub(super) id: u64,
    pub(super) verdict: VerdictReceiver,
}

type VerdictReceiver = oneshot::Receiver<Verdict>;

type FormerSid = JoinHandle<Result<Option<Arc<str>>, StoreError>>;

impl WaitingCalls {
    pub fn pending_entrances(&self) -> usize {
        self.entrances.len() + self.returning.len()
    }

    pub fn is_entering(&self, namespace: &Namespace) -> bool {
        let asking = self.entrances.iter().map(|(entrance, _)| entrance);
        let returning = self.returning.iter().map(|(entrance, _)| entrance);
        asking
            .chain(returning)
            .any(|entrance| entrance.namespace == *namespace)
    }

    /// Events that wait for their acknowledgement.
    pub fn pending_events(&self) -> usize {
        self.events.len()
    }

    /// Drops the event calls of a socket that leaves.
    pub fn drop_events_of(&mut self, socket: SocketId) {
        self.events.retain(|event| event.socket != socket);
    }

    pub(super) fn poll_returning(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Option<Result<AdmissionRequest, StoreError>> {
        let mut lookups = self.returning.iter_mut().enumerate();
        let (index, sid) =
            lookups.find_map(
                |(index, (_, former_sid))| match Pin::new(former_sid).poll(cx) {
                    Poll::Pending => None,
                    Poll::Ready(sid) => Some((index, sid)),
                },
            )?;
        let (mut entrance, _) = self.returning.remove(index);
        Some(catchup::join_result(sid).map(|sid| {
            entrance.sid = sid.unwrap_or(entrance.sid);
            entrance
        }))
    }

    pub(super) fn poll_entrances(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Option<(AdmissionRequest, Result<HandlerAck, HandlerError>)> {
        let mut entrances = self.entrances.iter_mut().enumerate();
        let (index, result) = entrances
            .find_map(|(index, (_, verdict))| Some((index, poll_verdict(verdict, cx)?)))?;
        Some((self.entrances.remove(index).0, result))
    }

    pub(super) fn poll_events(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Option<(EventCall, Result<HandlerAck, HandlerError>)> {
        let mut events = self.events.iter_mut().enumerate();
        let (index, result) = events
            .find_map(|(index, event)| Some((index, poll_verdict(&mut event.verdict, cx)?)))?;
        Some((self.events.remove(index), result))
    }
}

fn poll_verdict(
    receiver: &mut VerdictReceiver,
    cx: &mut Context<'_>,
) -> Option<Result<HandlerAck, HandlerError>> {
    match Pin::new(receiver).poll(cx) {
        Poll::Pending => None,
        Poll::Ready(Ok(Verdict::Ack(ack))) => Some(Ok(ack)),
        Poll::Ready(Ok(Verdict::Deny(reason))) => Some(Err(HandlerError::Denied(reason))),
        Poll::Ready(Ok(Verdict::Silent) | Err(_)) => Some(Err(HandlerError::Silent)),
    }
}
