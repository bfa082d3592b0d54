//! The hub's core: the sockets, the rooms that they are in, and the effects of each commit on them.
//!
//! A pure `step(input, effects)`: no task, no clock, no disk, no socket. Inputs from the commit log come in its order.

mod effects;
mod fanout;
mod listing;
mod people;
mod presence;
mod recovery;
mod rooms;
mod state;

use std::sync::Arc;

pub use self::effects::Effects;
use self::rooms::{NewSubscription, Requester};
pub use self::state::Core;
use self::state::{Attachment, SocketState};
use super::delivery::{Delivery, DeliveryKind};
use super::input::CoreInput;
use super::notification::{DeliveryReceipt, Notification};
use super::request::{PresenceMode, PublishVerb, Request, SocketRequest};
use super::socket_id::SocketId;
use super::socket_stats::SocketStats;
use crate::address::Namespace;
use crate::store::{NewRecord, OpOutcome, Reader, Record};

impl Core {
    pub fn step(&mut self, input: CoreInput, effects: &mut impl Effects) {
        match input {
            CoreInput::Committed { outcome, request } => {
                self.apply_commit(outcome, request, effects);
            }
            CoreInput::Volatile {
                record,
                at_ms,
                request,
            } => self.publish_volatile(record, at_ms, request, effects),
            CoreInput::Connect {
                socket,
                namespace,
                sid,
                name,
                stats,
            } => {
                let reader = Reader {
                    sid: Some(sid),
                    name,
                    ..Reader::default()
                };
                self.connect(socket, namespace, reader, stats);
                effects.notify(socket, Notification::Connected);
            }
            CoreInput::Attach(socket) => {
                if let Some(state) = self.sockets.get_mut(&socket)
                    && state.attachment != Attachment::Closing
                {
                    state.attachment = Attachment::Attached;
                    effects.notify(socket, Notification::Attached { head: self.head });
                }
            }
            CoreInput::Rooms(request) => self.list_rooms(request, effects),
            CoreInput::Who(request) => self.list_sockets(request, effects),
            CoreInput::Kick(request) => self.kick(request, effects),
        }
    }

    fn connect(
        &mut self,
        id: SocketId,
        namespace: Namespace,
        reader: Reader,
        stats: Arc<SocketStats>,
    ) {
        if let Some(sid) = &reader.sid {
            // A returning client may give the sid that it is about to take over.
            self.by_sid.entry(Arc::clone(sid)).or_insert(id);
        }
        let state = self.namespaces.entry(namespace.clone()).or_default();
        state.sockets.insert(id);
        let socket = SocketState {
            namespace,
            reader: Arc::new(reader),
            attachment: Attachment::Detached,
            last_considered: 0,
            restored: None,
            stats,
            newest_owed: 0,
            presence: PresenceMode::Off,
            is_leave_announced: false,
        };
        self.sockets.insert(id, socket);
    }

    fn publish_volatile(
        &mut self,
        record: NewRecord,
        at_ms: u64,
        request: SocketRequest,
        effects: &mut impl Effects,
    ) {
        self.last_volatile -= 1;
        let record = Record {
            number: self.last_volatile,
            at_ms,
            header: record.header,
            body: record.body,
        };
        let receipt = self.publish(Delivery::new(record, DeliveryKind::Volatile), effects);
        notify_receipt(request, receipt, effects);
    }

    /// Applies a committed fact, then answers the socket that requested it, if there is one.
    fn apply_commit(
        &mut self,
        outcome: OpOutcome,
        request: Option<SocketRequest>,
        effects: &mut impl Effects,
    ) {
        let requester = request.as_ref().map(|request| request.socket);
        self.apply_membership(&outcome, requester, effects);
        match (outcome, request) {
            (OpOutcome::Appended(record), request) => {
                self.head = record.number;
                let receipt = self.publish(Delivery::new(record, DeliveryKind::Durable), effects);
                if let Some(request) = request {
                    notify_receipt(request, receipt, effects);
                }
            }
            (outcome, Some(request)) => self.answer(outcome, request, effects),
            (_, None) => {}
        }
    }

    fn answer(&mut self, outcome: OpOutcome, request: SocketRequest, effects: &mut impl Effects) {
        let SocketRequest {
            socket,
            ack_id,
            kind,
        } = request;
        let requester = Requester { socket, ack_id };
        match (outcome, kind) {
            (_, Request::Disconnect) => self.disconnect(socket, effects),
            (_, Request::Direct(direct)) => fanout::deliver_direct(socket, *direct, effects),
            (outcome, Request::OpenSession) => self.open_session(socket, outcome, effects),
            (_, Request::Ack) if ack_id.is_none() => {}
            (OpOutcome::Refused(refusal), _) => {
                effects.notify(socket, Notification::Refused { ack_id, refusal });
            }
            (OpOutcome::Duplicate { first }, kind) => {
                let request = SocketRequest {
                    socket,
                    ack_id,
                    kind,
                };
                notify_receipt(request, DeliveryReceipt::of_duplicate(first), effects);
            }
            (OpOutcome::Delayed { due_ms, count }, Request::Publish(publisher)) => {
                let notification = Notification::Delayed {
                    ack_id,
                    publisher,
                    due_ms,
                    count,
                };
                effects.notify(socket, notification);
            }
            (_, Request::Join(rooms, scope)) => self.join(requester, rooms, scope, effects),
            (_, Request::Leave(rooms)) => self.leave(requester, rooms, effects),
            (
                OpOutcome::Subscribed {
                    rooms,
                    joined,
                    head,
                    ..
                },
                Request::Subscribe(range),
            ) => {
                let subscription = NewSubscription {
                    rooms,
                    joined,
                    head,
                    range,
                };
                self.subscribe(requester, subscription, effects);
            }
            (OpOutcome::Purged { rooms, .. }, Request::Purge { messages }) => {
                let notification = Notification::Purged {
                    ack_id,
                    rooms,
                    messages,
                };
                effects.notify(socket, notification);
            }
            (_, Request::Ack) => effects.notify(socket, Notification::Acked { ack_id }),
            // The outcome of an op always fits its request, and the rest never go through the store.
            (
                _,
                Request::Publish(_)
                | Request::Subscribe(_)
                | Request::Rooms(_)
                | Request::Names(_)
                | Request::Purge { .. }
                | Request::Who(_)
                | Request::Kick(_),
            ) => {}
        }
    }
}

fn notify_receipt(request: SocketRequest, receipt: DeliveryReceipt, effects: &mut impl Effects) {
    let notification = Notification::Receipt {
        ack_id: request.ack_id,
        publisher: match request.kind {
            Request::Publish(publisher) => publisher,
            _ => PublishVerb::Single,
        },
        receipt,
    };
    effects.notify(request.socket, notification);
}
