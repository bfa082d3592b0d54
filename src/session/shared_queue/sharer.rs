//! A session's end of a shared queue: what one of its sockets was handed of it and has not yet been sent, and its acks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde_json::json;
use tokio::sync::mpsc;

use super::desk;
use super::leases::Terms;
use super::messages::{Given, Joining};
use super::sharing::Sharing;
use super::unsent::Unsent;
use crate::address::{RoomName, Seq};
use crate::hub::notification::Notification;
use crate::hub::socket_id::SocketId;
use crate::session::socket::client_kind::ClientKind;
use crate::session::state::Session;
use crate::session::verbs::error::VerbError;

impl Session {
    /// The verb `sub` with `share`.
    pub(in crate::session) fn share(
        &mut self,
        index: usize,
        rooms: Vec<RoomName>,
        terms: Terms,
        answer: Option<u64>,
    ) -> Result<(), VerbError> {
        let socket = &self.sockets[index];
        let refused = |why: &str| Err(VerbError::BadRequest(why.to_owned()));
        let Some(name) = socket.name.clone() else {
            return refused("a queue is shared under a client name");
        };
        if socket.kind == ClientKind::Stock {
            return refused("a queue is shared among clients that ask for this protocol");
        }
        if socket.is_subscribed() {
            return refused("this socket is subscribed by itself");
        }
        if socket.sharing.as_ref().is_some_and(|it| it.awaited() > 0) {
            return refused("this socket has asked something of its queue; wait for the answer");
        }
        self.unshare(index);
        let socket = &mut self.sockets[index];
        // Bounded by what may be unsent, and by what it has in flight.
        let (give, given) = mpsc::unbounded_channel();
        let unsent = Arc::new(Unsent::default());
        let joining = Joining {
            socket: socket.id,
            sid: socket.sid.clone(),
            rooms,
            terms,
            answer,
            given: give,
            unsent: Arc::clone(&unsent),
        };
        let key = (socket.namespace.clone(), name);
        let services = &self.services;
        let desk = services.shares.join(&key, joining, |asked, figures| {
            desk::run(Arc::clone(services), key.clone(), asked, figures)
        });
        socket.sharing = Some(Sharing {
            socket: socket.id,
            desk,
            given,
            frames: VecDeque::new(),
            unsent,
            awaited: 1,
        });
        Ok(())
    }

    /// The socket is no sharer any more, if it was one.
    pub(in crate::session) fn unshare(&mut self, index: usize) {
        self.sockets[index].sharing = None;
    }

    /// An ack of a sharer. False when it is none.
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

    /// Takes what the desks gave.
    pub(in crate::session) fn poll_shares(&mut self, cx: &mut Context<'_>) -> bool {
        let mut did = false;
        let mut index = 0;
        while let Some(socket) = self.sockets.get_mut(index) {
            let id = socket.id;
            let Some(sharing) = &mut socket.sharing else {
                index += 1;
                continue;
            };
            let waiting = sharing.frames.len();
            let given = sharing.poll(cx);
            did |= sharing.frames.len() > waiting;
            match given {
                Poll::Pending => index += 1,
                // It was refused, or the hub is going, and its session hears that by itself.
                Poll::Ready(None) => self.unshare(index),
                Poll::Ready(Some(given)) => {
                    did = true;
                    self.given(index, id, given);
                }
            }
        }
        did
    }

    fn given(&mut self, index: usize, id: SocketId, given: Given) {
        match given {
            Given::Frames(_) => {}
            Given::Answer(None) => {}
            Given::Answer(Some((answer, body))) => self.answer(index, Some(answer), &body),
            Given::Refused {
                answer,
                code,
                message,
            } => {
                let error = json!({"code": code, "message": message});
                self.answer(index, answer, &json!({"ok": false, "error": error}));
            }
            Given::StoreRefused { answer, refusal } => self.answer_refusal(index, answer, &refusal),
            Given::NameTaken => self.handle_notification(id, Notification::NameTaken),
            Given::Kicked(by) => self.handle_notification(id, Notification::Kicked { by }),
        }
    }
}
