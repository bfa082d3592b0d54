//! A session's side of shared queues: its sockets join and leave them, ack, and get their messages.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use super::leases::LeaseTerms;
use super::messages::{ShareEvent, ShareJoin};
use super::queue;
use super::sharer_handle::SharerHandle;
use super::unsent::UnsentBytes;
use crate::address::{RoomName, Seq};
use crate::hub::notification::Notification;
use crate::hub::socket_id::SocketId;
use crate::session::socket::client_kind::ClientKind;
use crate::session::state::Session;
use crate::session::verbs::error::VerbError;

impl Session {
    /// Joins the queue of the socket's name: the verb `sub` with `share`.
    pub(in crate::session) fn share(
        &mut self,
        index: usize,
        rooms: Vec<RoomName>,
        terms: LeaseTerms,
        answer: Option<u64>,
    ) -> Result<(), VerbError> {
        let socket = &self.sockets[index];
        let refused = |why: &str| Err(VerbError::BadRequest(why.to_owned()));
        let Some(name) = socket.name.clone() else {
            return refused("a queue is shared under a client name");
        };
        if socket.kind == ClientKind::Stock {
            return refused("only roomcat clients can share a queue");
        }
        if socket.is_subscribed() {
            return refused("this socket has a subscription of its own");
        }
        if socket
            .sharing
            .as_ref()
            .is_some_and(|sharing| sharing.pending_answers() > 0)
        {
            return refused(
                "the shared queue has not answered this socket's last request; wait for the answer",
            );
        }
        self.unshare(index);
        let socket = &mut self.sockets[index];
        // Bounded by `UnsentBytes`, and by the verbs in flight.
        let (sender, events) = mpsc::unbounded_channel();
        let unsent = Arc::new(UnsentBytes::default());
        let join = ShareJoin {
            socket: socket.id,
            sid: socket.sid.clone(),
            rooms,
            terms,
            answer,
            events: sender,
            unsent: Arc::clone(&unsent),
        };
        let key = (socket.namespace.clone(), name);
        let services = &self.services;
        let requests = services.shared_queues.join(&key, join, |receiver, stats| {
            queue::run(Arc::clone(services), key.clone(), receiver, stats)
        });
        socket.sharing = Some(SharerHandle {
            socket: socket.id,
            requests,
            events,
            frames: VecDeque::new(),
            unsent,
            pending_answers: 1,
        });
        Ok(())
    }

    /// Leaves the shared queue, if the socket is in one.
    pub(in crate::session) fn unshare(&mut self, index: usize) {
        self.sockets[index].sharing = None;
    }

    /// Handles the ack of a sharer. Returns false when the socket is not a sharer.
    pub(in crate::session) fn ack_shared(
        &mut self,
        index: usize,
        seq: Seq,
        answer: Option<u64>,
    ) -> bool {
        let Some(sharing) = &mut self.sockets[index].sharing else {
            return false;
        };
        sharing.ack(seq, answer);
        true
    }

    /// Handles the events of shared queues. Returns whether there was one.
    pub(in crate::session) fn poll_shares(&mut self, cx: &mut Context<'_>) -> bool {
        let mut did_work = false;
        let mut index = 0;
        while let Some(socket) = self.sockets.get_mut(index) {
            let id = socket.id;
            let Some(sharing) = &mut socket.sharing else {
                index += 1;
                continue;
            };
            let before = sharing.frames.len();
            let event = sharing.poll(cx);
            did_work |= sharing.frames.len() > before;
            match event {
                Poll::Pending => index += 1,
                // The queue refused the socket, or the hub is stopping, which the session learns by itself.
                Poll::Ready(None) => self.unshare(index),
                Poll::Ready(Some(event)) => {
                    did_work = true;
                    self.handle_share_event(index, id, event);
                }
            }
        }
        did_work
    }

    fn handle_share_event(&mut self, index: usize, id: SocketId, event: ShareEvent) {
        match event {
            ShareEvent::Frames(_) => {}
            ShareEvent::Answer(None) => {}
            ShareEvent::Answer(Some((answer, body))) => self.answer(index, Some(answer), &body),
            ShareEvent::Refused {
                answer,
                code,
                message,
            } => self.refuse(index, answer, code, &message),
            ShareEvent::StoreRefused { answer, refusal } => {
                self.answer_refusal(index, answer, &refusal)
            }
            ShareEvent::NameTaken => self.handle_notification(id, Notification::NameTaken),
            ShareEvent::Kicked(by) => self.handle_notification(id, Notification::Kicked { by }),
        }
    }
}
