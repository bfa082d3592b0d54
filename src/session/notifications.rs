//! What the hub and the store answer, on its way back to who asked: the other end of every verb.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::end::EndReason;
use super::namespace::socket_recovery::SocketRecovery;
use super::services::Services;
use super::socket::ClientKind;
use super::socket::catchup::Listing;
use super::state::Session;
use super::verbs::bounded_list::BoundedList;
use super::verbs::delay;
use super::verbs::who::Seen;
use crate::address::{ClientName, Namespace, RoomName};
use crate::hub::frame::WireFrame;
use crate::hub::notification::{DeliveryReceipt, LiveRoom, Notification};
use crate::hub::request::PublishVerb;
use crate::hub::socket_id::SocketId;
use crate::limits;
use crate::store::{Refusal, RoomInfo};
use crate::wire::error_code::ErrorCode;
use crate::wire::socket;

impl Session {
    /// The hub's answer to a ticket, or its own word.
    pub(super) fn told(&mut self, id: SocketId, told: Notification) {
        if told.is_response() {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        let Some(index) = self.sockets.iter().position(|socket| socket.id == id) else {
            return;
        };
        match told {
            Notification::Connected => {
                // Otherwise the store says who it is.
                if matches!(self.sockets[index].recall, SocketRecovery::Nothing) {
                    self.connected(index);
                }
            }
            Notification::SessionOpened(begun) => self.begun(index, begun),
            Notification::Replaced => {
                let socket = self.depart(index, &EndReason::CameBack);
                let text = socket::encode_disconnect(&socket.namespace);
                self.out.push_back(WireFrame::text(text));
            }
            Notification::Receipt {
                ack_id,
                publisher,
                receipt,
            } => {
                if self.promises.is_empty() || !self.promised(index, ack_id, None) {
                    self.answer(index, ack_id, &receipt_json(publisher, &receipt));
                }
            }
            Notification::Delayed {
                ack_id,
                publisher,
                due_ms,
                count,
            } => self.answer(index, ack_id, &delay::receipt(publisher, due_ms, count)),
            Notification::Refused { ack_id, refusal } => {
                if !self.promised(index, ack_id, Some(&refusal)) {
                    self.refused(index, ack_id, &refusal);
                }
            }
            Notification::RoomsChanged {
                ack_id,
                rooms,
                reader,
            } => {
                self.sockets[index].moved(&reader);
                self.answer(index, ack_id, &json!({"ok": true, "rooms": rooms}));
            }
            Notification::ReaderChanged { reader } => self.sockets[index].moved(&reader),
            Notification::Subscribed {
                ack_id,
                reader,
                head,
                range,
            } => {
                self.sockets[index].subscribed(&self.services, &reader, head, ack_id, range);
            }
            // A stock socket did not ask: its name left its rooms while it came in, and all the same it is in.
            Notification::NoRooms { ack_id: None } => self.enter_without_rooms(index),
            Notification::NoRooms { ack_id } => {
                self.refuse(
                    index,
                    ack_id,
                    ErrorCode::NoRooms,
                    "this name has joined no room; name one",
                );
            }
            Notification::Attached { head } => self.sockets[index].attached(head),
            Notification::Purged {
                ack_id,
                rooms,
                messages,
            } => self.purged(index, ack_id, &rooms, messages),
            Notification::PendingPurged { rooms, cursor } => {
                self.sockets[index].emptied(&rooms, cursor)
            }
            Notification::Acked { ack_id } => self.answer(index, ack_id, &json!({"ok": true})),
            Notification::LiveRooms {
                ack_id,
                room,
                rooms,
            } => {
                self.sockets[index].ask_rooms(&self.services, room, rooms, ack_id);
            }
            Notification::Names {
                ack_id,
                sought,
                live,
            } => self.named(index, sought, live, ack_id),
            Notification::Sockets {
                ack_id,
                head,
                sockets: present,
                more,
            } => self.seen(
                index,
                Seen {
                    head,
                    present,
                    more,
                },
                ack_id,
            ),
            Notification::NameTaken => {
                self.dismiss(index, &EndReason::Replaced, ErrorCode::NameTaken)
            }
            Notification::KickCount { ack_id, kicked } => {
                self.sockets[index].listed();
                self.answer(index, ack_id, &json!({"ok": true, "kicked": kicked}));
            }
            Notification::Kicked { by } => {
                self.dismiss(index, &EndReason::Kicked(by), ErrorCode::Kicked)
            }
        }
    }

    /// Sends a socket away; one that speaks our dialect is told why.
    fn dismiss(&mut self, index: usize, end: &EndReason, code: ErrorCode) {
        let socket = self.depart(index, end);
        if socket.dialect == ClientKind::Roomcat {
            let data = json!({"code": code, "message": end.to_string()}).to_string();
            let text = socket::encode_event(&socket.namespace, None, "closed", &data, 0);
            self.out.push_back(WireFrame::text(text));
        }
        self.out
            .push_back(WireFrame::text(socket::encode_disconnect(
                &socket.namespace,
            )));
    }

    fn enter_without_rooms(&mut self, index: usize) {
        let socket = &mut self.sockets[index];
        if !socket.is_entered() {
            let greeting = socket.greeting();
            socket.enter(greeting, &mut self.out);
        }
    }

    pub(super) fn connected(&mut self, index: usize) {
        let socket = &self.sockets[index];
        tracing::info!("a user connected {}", socket);
        if socket.dialect == ClientKind::Stock {
            let greeting = socket.greeting();
            self.sockets[index].enter(greeting, &mut self.out);
            return;
        }
        let data = json!({
            "sid": &*socket.sid,
            "roomcat": 1,
            "version": env!("CARGO_PKG_VERSION"),
            "log": &*self.services.log_id,
            "limits": {
                "message": self.services.settings.max_message,
                "batch": limits::BATCH_BYTES,
                "credit": limits::CREDIT_BYTES,
            },
        });
        let text = socket::encode_connect(&socket.namespace, Some(&data.to_string()));
        self.sockets[index].enter(WireFrame::text(text), &mut self.out);
    }

    pub(super) fn refused(&mut self, index: usize, answer: Option<u64>, refusal: &Refusal) {
        let code = match refusal {
            Refusal::OutOfOrder { .. } => ErrorCode::OutOfOrder,
            Refusal::Full { .. } | Refusal::DelayedQueueFull(_) => ErrorCode::Full,
            Refusal::Disk { .. } => ErrorCode::Disk,
        };
        let mut message = refusal.to_string();
        if let Refusal::DelayedQueueFull(crowded) = refusal {
            message.push_str(&delay::until(crowded));
        }
        if let Refusal::Full {
            namespace,
            client,
            room,
            ..
        } = refusal
        {
            let address = if namespace.is_root() && !room.is_whole_namespace() {
                room.to_string()
            } else {
                format!("{namespace}#{room}")
            };
            message.push_str(&format!(
                r#"; "roomcat leave '{address}' --as '{client}'" frees it"#
            ));
        }
        if code != ErrorCode::OutOfOrder {
            self.services.say_refused(&message);
        }
        self.refuse(index, answer, code, &message);
    }
}

fn receipt_json(publisher: PublishVerb, receipt: &DeliveryReceipt) -> Value {
    let DeliveryReceipt {
        first,
        count,
        delivered,
        queued,
        duplicate,
    } = receipt;
    let mut body = json!({"ok": true, "delivered": delivered, "queued": queued});
    let place = match publisher {
        PublishVerb::Single => "seq",
        PublishVerb::Batch => {
            body["count"] = json!(count);
            "first"
        }
    };
    if let Some(first) = first {
        body[place] = json!(first);
    }
    if *duplicate {
        body["duplicate"] = json!(true);
    }
    body
}

/// The verb `rooms`: what the hub knows of who is here, and the store of what is kept.
pub(super) fn answer_rooms(
    namespace: &Namespace,
    listing: &Listing,
    services: &Services,
    out: &mut VecDeque<WireFrame>,
) {
    let Listing {
        answer,
        live,
        stored,
    } = listing;
    let live: BTreeMap<&RoomName, &LiveRoom> = live.iter().map(|room| (&room.room, room)).collect();
    let stored: BTreeMap<&RoomName, &RoomInfo> =
        stored.iter().map(|room| (&room.room, room)).collect();
    let mut names: Vec<&RoomName> = live.keys().chain(stored.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(limits::ROOMS_LISTED);
    names.truncate(limits::ROOMS_LISTED);
    let rooms = names
        .into_iter()
        .map(|name| {
            let (live, stored) = (live.get(name), stored.get(name));
            let here = |client: &ClientName| live.is_some_and(|room| room.present_members.contains(client));
            let members = stored.map(|room| &room.members[..]).unwrap_or_default();
            let members: Vec<Value> = members
                .iter()
                .map(|(client, pending)| json!({"name": client, "pending": pending, "here": here(client)}))
                .collect();
            json!({
                "room": name,
                "sockets": live.map_or(0, |room| room.sockets),
                "messages": stored.map_or(0, |room| room.messages),
                "last": stored.and_then(|room| room.last_ms),
                "members": members,
            })
        });
    let expired = services.writer.expired_messages();
    let mut body = BoundedList::of(rooms, more as u64).body("rooms");
    body["expired"] = json!(expired);
    acknowledge(namespace, *answer, &body, out);
}

/// An answer to a verb, when one was asked for.
pub(super) fn acknowledge(
    namespace: &Namespace,
    answer: Option<u64>,
    body: &Value,
    out: &mut VecDeque<WireFrame>,
) {
    if let Some(id) = answer {
        let text = socket::encode_ack(namespace, id, &body.to_string(), 0);
        out.push_back(WireFrame::text(text));
    }
}
