//! What the hub and the store answer, on its way back to who asked: the other end of every verb.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::namespace::recovery::Recall;
use super::services::Services;
use super::socket::Dialect;
use super::socket::catchup::Listing;
use super::socket::direct_message::Aside;
use super::verbs::bounded_list::Listed;
use super::verbs::delay;
use super::verbs::who::Seen;
use super::{End, Session, Who};
use crate::address::{ClientName, Namespace, RoomName};
use crate::hub::parcel::Frame;
use crate::hub::request::{LiveRoom, Publisher, Receipt, SocketId, Told};
use crate::limits;
use crate::store::{Refusal, RoomInfo};
use crate::wire::socket;

impl Session {
    /// The hub's answer to a ticket, or its own word.
    pub(super) fn told(&mut self, id: SocketId, told: Told) {
        if told.is_an_answer() {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        let Some(index) = self.sockets.iter().position(|socket| socket.id == id) else {
            return;
        };
        match told {
            Told::Connected => {
                // Otherwise the store says who it is.
                if matches!(self.sockets[index].recall, Recall::Nothing) {
                    self.connected(index);
                }
            }
            Told::Begun(begun) => self.begun(index, begun),
            Told::CameBack => {
                let socket = self.depart(index, &End::CameBack);
                let text = socket::encode_disconnect(&socket.namespace);
                self.out.push_back(Frame::text(text));
            }
            Told::Receipt {
                answer,
                publisher,
                receipt,
            } => {
                if self.promises.is_empty() || !self.promised(index, answer, None) {
                    self.answer(index, answer, &receipt_json(publisher, &receipt));
                }
            }
            Told::Delayed {
                answer,
                publisher,
                due_ms,
                count,
            } => self.answer(index, answer, &delay::receipt(publisher, due_ms, count)),
            Told::Refused { answer, refusal } => {
                if !self.promised(index, answer, Some(&refusal)) {
                    self.refused(index, answer, &refusal);
                }
            }
            Told::Rooms {
                answer,
                rooms,
                reader,
            } => {
                self.sockets[index].moved(&reader);
                self.answer(index, answer, &json!({"ok": true, "rooms": rooms}));
            }
            Told::Moved { reader } => self.sockets[index].moved(&reader),
            Told::Subscribed {
                answer,
                reader,
                head,
                stretch,
            } => {
                self.sockets[index].subscribed(&self.services, &reader, head, answer, stretch);
            }
            // A stock socket did not ask: its name left its rooms while it came in, and all the same it is in.
            Told::NoRooms { answer: None } => self.enter_without_rooms(index),
            Told::NoRooms { answer } => {
                self.refuse(
                    index,
                    answer,
                    "no_rooms",
                    "this name has joined no room; name one",
                );
            }
            Told::Attached { head } => self.sockets[index].attached(head),
            Told::Purged {
                answer,
                rooms,
                messages,
            } => self.purged(index, answer, &rooms, messages),
            Told::Emptied { rooms, cursor } => self.sockets[index].emptied(&rooms, cursor),
            Told::Acked { answer } => self.answer(index, answer, &json!({"ok": true})),
            Told::Live {
                answer,
                room,
                rooms,
            } => {
                self.sockets[index].ask_rooms(&self.services, room, rooms, answer);
            }
            Told::Names {
                answer,
                sought,
                live,
            } => self.named(index, sought, live, answer),
            Told::Who {
                answer,
                head,
                present,
                more,
            } => self.seen(
                index,
                Seen {
                    head,
                    present,
                    more,
                },
                answer,
            ),
            Told::NameTaken => self.dismiss(index, &End::Replaced, "name_taken"),
            Told::KickedOut { answer, kicked } => {
                self.sockets[index].listed();
                self.answer(index, answer, &json!({"ok": true, "kicked": kicked}));
            }
            Told::Kicked { by } => self.dismiss(index, &End::Kicked(by), "kicked"),
        }
    }

    /// Sends a socket away; one that speaks our dialect is told why.
    fn dismiss(&mut self, index: usize, end: &End, code: &str) {
        let socket = self.depart(index, end);
        if socket.dialect == Dialect::Roomcat {
            let data = json!({"code": code, "message": end.to_string()}).to_string();
            let text = socket::encode_event(&socket.namespace, None, "closed", &data, 0);
            self.out.push_back(Frame::text(text));
        }
        self.out
            .push_back(Frame::text(socket::encode_disconnect(&socket.namespace)));
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
        tracing::info!("a user connected {}", Who(socket));
        if socket.dialect == Dialect::Stock {
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
        self.sockets[index].enter(Frame::text(text), &mut self.out);
    }

    pub(super) fn refused(&mut self, index: usize, answer: Option<u64>, refusal: &Refusal) {
        let code = match refusal {
            Refusal::OutOfOrder { .. } => "out_of_order",
            Refusal::Full { .. } | Refusal::DelayedQueueFull(_) => "full",
            Refusal::Disk { .. } => "disk",
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
        if code != "out_of_order" {
            self.services.say_refused(&message);
        }
        self.refuse(index, answer, code, &message);
    }

    pub(super) fn refuse(&mut self, index: usize, answer: Option<u64>, code: &str, message: &str) {
        self.answer(
            index,
            answer,
            &json!({"ok": false, "error": {"code": code, "message": message}}),
        );
    }

    pub(super) fn answer(&mut self, index: usize, answer: Option<u64>, body: &Value) {
        if let Some(id) = answer {
            let text = socket::encode_ack(&self.sockets[index].namespace, id, &body.to_string(), 0);
            self.say(index, vec![Frame::text(text)]);
        }
    }

    pub(super) fn say(&mut self, index: usize, frames: Vec<Frame>) {
        self.say_aside(index, Aside::Answer(frames));
    }

    /// Something for this socket alone.
    pub(super) fn say_aside(&mut self, index: usize, aside: Aside) {
        let socket = &mut self.sockets[index];
        let Some(frames) = socket.say(aside) else {
            return;
        };
        let binary = frames.iter().filter(|it| matches!(it, Frame::Binary(_)));
        self.attached += binary.map(Frame::len).sum::<usize>();
        self.out.extend(frames);
    }
}

fn receipt_json(publisher: Publisher, receipt: &Receipt) -> Value {
    let Receipt {
        first,
        count,
        delivered,
        queued,
        duplicate,
    } = receipt;
    let mut body = json!({"ok": true, "delivered": delivered, "queued": queued});
    let place = match publisher {
        Publisher::Single => "seq",
        Publisher::Batch => {
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
    out: &mut VecDeque<Frame>,
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
            let here = |client: &ClientName| live.is_some_and(|room| room.here.contains(client));
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
    let expired = services.writer.counters().expired.load(Ordering::Relaxed);
    let mut body = Listed::of(rooms, more as u64).body("rooms");
    body["expired"] = json!(expired);
    acknowledge(namespace, *answer, &body, out);
}

/// An answer to a verb, when one was asked for.
pub(super) fn acknowledge(
    namespace: &Namespace,
    answer: Option<u64>,
    body: &Value,
    out: &mut VecDeque<Frame>,
) {
    if let Some(id) = answer {
        let text = socket::encode_ack(namespace, id, &body.to_string(), 0);
        out.push_back(Frame::text(text));
    }
}
