//! What a session's peer asks for, packet by packet, and what the hub answers: the two ends of every verb.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::catchup::Listing;
use super::credit::{Answers, Credit, Window};
use super::outbox::Submission;
use super::services::{self, Services};
use super::socket::{Dialect, Socket};
use super::verbs::{self, Publish, Sender, Storage, VerbError};
use super::{End, Session, Who, leave};
use crate::address::{ClientName, Namespace, RoomName};
use crate::hub::mailbox::Mailbox;
use crate::hub::parcel::Frame;
use crate::hub::request::{
    Input, LiveRoom, Membership, Publisher, Receipt, Request, SocketId, Stretch, Told, Want,
};
use crate::hub::{Handle, Ticket};
use crate::limits;
use crate::store::{Op, Refusal, RoomInfo};
use crate::wire::socket::{self, EventPacket, Packet};

/// CONNECT's auth object; everything in it is optional.
#[derive(Debug, Default, Deserialize)]
struct Auth {
    #[serde(rename = "as")]
    name: Option<ClientName>,
    token: Option<String>,
    roomcat: Option<u32>,
    ack: Option<bool>,
}

impl Session {
    pub(super) fn packet(&mut self, packet: Packet<'_>, attachments: &[Bytes]) -> Result<(), End> {
        match packet {
            Packet::Connect { namespace, auth } => self.connect(namespace, auth),
            Packet::Disconnect { namespace } => {
                if let Some(index) = self.find(&namespace) {
                    leave(
                        &self.services,
                        &self.sockets.swap_remove(index),
                        &End::Closed,
                    );
                }
                Ok(())
            }
            Packet::Event(event) => {
                let index = self
                    .find(&event.namespace)
                    .ok_or(End::Forbidden("an event before its CONNECT"))?;
                self.event(index, event, attachments);
                Ok(())
            }
            Packet::Ack(ack) => {
                let index = self
                    .find(&ack.namespace)
                    .ok_or(End::Forbidden("an ack before its CONNECT"))?;
                self.sockets[index].answered(ack.id, &mut self.outbox);
                Ok(())
            }
            Packet::ConnectError { .. } => Err(End::Forbidden("a packet that only a server sends")),
        }
    }

    fn find(&self, namespace: &Namespace) -> Option<usize> {
        self.sockets
            .iter()
            .position(|socket| socket.namespace == *namespace)
    }

    fn connect(&mut self, namespace: Namespace, auth: Option<&RawValue>) -> Result<(), End> {
        if self.find(&namespace).is_some() {
            return Err(End::Forbidden("a second CONNECT to a namespace"));
        }
        let auth = match auth
            .map(|auth| serde_json::from_str::<Auth>(auth.get()))
            .transpose()
        {
            Ok(auth) => auth.unwrap_or_default(),
            Err(error) => {
                self.deny(&namespace, "bad_request", &format!("auth: {error}"));
                return Ok(());
            }
        };
        if self.sockets.len() >= limits::NAMESPACES_PER_CONNECTION {
            self.deny(
                &namespace,
                "bad_request",
                "too many namespaces on one connection",
            );
            return Ok(());
        }
        let token = self.services.settings.token.as_ref();
        if token.is_some_and(|token| {
            !auth
                .token
                .as_ref()
                .is_some_and(|offered| token.matches(offered))
        }) {
            let message = if auth.token.is_some() {
                "the token is wrong"
            } else {
                "this hub wants a token"
            };
            tracing::info!("refused a connection to {namespace}: {message}");
            self.deny(&namespace, "token", message);
            return Ok(());
        }
        self.heart.connected();
        self.admit(namespace, auth);
        Ok(())
    }

    fn deny(&mut self, namespace: &Namespace, code: &str, message: &str) {
        let data = json!({"message": message, "data": {"code": code}}).to_string();
        self.out
            .push_back(Frame::text(socket::encode_connect_error(namespace, &data)));
    }

    /// Registers the socket with the hub, in the order of everything else; stock sockets are in the empty room at once.
    fn admit(&mut self, namespace: Namespace, auth: Auth) {
        let dialect = if auth.roomcat == Some(1) {
            Dialect::Roomcat
        } else {
            Dialect::Stock
        };
        let credit = match (dialect, auth.ack) {
            (Dialect::Roomcat, _) => Credit::Acks(Window::default()),
            (Dialect::Stock, Some(true)) => Credit::Events(Answers::default()),
            (Dialect::Stock, _) => Credit::Written(None),
        };
        let id = self.services.next_socket();
        let sid: Arc<str> = services::random_id().into();
        let name = auth.name;
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&self.waker)));
        let handle = Handle {
            mailbox: Arc::clone(&mailbox),
            notices: Arc::clone(&self.notices),
        };
        let membership = match (dialect, &name) {
            (Dialect::Roomcat, Some(_)) => Membership::DurableOnly,
            _ => Membership::Live,
        };
        let whole = vec![RoomName::whole_namespace()];
        let op = match (dialect, name.clone()) {
            (Dialect::Stock, Some(client)) => Op::Join {
                namespace: namespace.clone(),
                client,
                rooms: whole.clone(),
            },
            _ => Op::Mark,
        };
        let want = Want::Connect {
            namespace: namespace.clone(),
            sid: Arc::clone(&sid),
            name: name.clone(),
            membership,
        };
        let request = Request {
            socket: id,
            answer: None,
            want,
        };
        self.ask(
            op,
            Ticket {
                request,
                permit: None,
                handle: Some(handle),
            },
        );
        if dialect == Dialect::Stock {
            // A named one takes every room it has joined, the empty one among them since just now.
            let rooms = if name.is_some() { Vec::new() } else { whole };
            let op = Op::Subscribe {
                namespace: namespace.clone(),
                client: name.clone(),
                rooms,
            };
            let want = Want::Subscribe(Stretch::default());
            self.ask(
                op,
                Ticket::new(Request {
                    socket: id,
                    answer: None,
                    want,
                }),
            );
        }
        self.sockets.push(Socket::new(
            id, namespace, sid, name, dialect, credit, mailbox,
        ));
    }

    fn event(&mut self, index: usize, packet: EventPacket<'_>, attachments: &[Bytes]) {
        let (id, args) = (packet.id, &packet.args[..]);
        let done = match packet.event.as_str() {
            "batch" => self
                .sender(index, |sender| {
                    verbs::batch(sender, args, attachments.to_vec())
                })
                .map(|publish| {
                    self.publish(index, publish, Publisher::Batch, id);
                }),
            "pub" => self
                .sender(index, |sender| verbs::single(sender, args, attachments))
                .map(|publish| {
                    self.publish(index, publish, Publisher::Single, id);
                }),
            "join" => verbs::rooms(args).and_then(|rooms| self.join(index, rooms, id)),
            "leave" => verbs::rooms(args).map(|rooms| self.leave(index, rooms, id)),
            "sub" => verbs::sub(args)
                .and_then(|(rooms, stretch)| self.subscribe(index, rooms, stretch, id)),
            "ack" => verbs::ack(args).map(|seq| {
                let Self {
                    sockets,
                    outbox,
                    in_flight,
                    ..
                } = self;
                if sockets[index].ack(seq, id, outbox) {
                    // The hub answers only who asked.
                    *in_flight += usize::from(id.is_some());
                } else {
                    self.answer(index, id, &json!({"ok": true}));
                }
            }),
            "rooms" => verbs::list(args).map(|room| {
                let request = Request {
                    socket: self.sockets[index].id,
                    answer: id,
                    want: Want::Rooms(room),
                };
                self.in_flight += 1;
                self.outbox.push(Submission::Hub(Input::Rooms(request)));
            }),
            _ => {
                let event = packet.event.clone();
                self.sender(index, |sender| {
                    verbs::relay(sender, event, args, attachments)
                })
                .map(|publish| {
                    self.publish(index, publish, Publisher::Single, id);
                })
            }
        };
        if let Err(error) = done {
            self.refuse(index, id, error.code(), &error.to_string());
        }
    }

    fn sender<T>(&self, index: usize, with: impl FnOnce(Sender<'_>) -> T) -> T {
        let Socket {
            namespace,
            sid,
            name,
            ..
        } = &self.sockets[index];
        with(Sender {
            namespace,
            sid,
            name: name.as_ref(),
            max_message: self.services.settings.max_message,
        })
    }

    fn publish(
        &mut self,
        index: usize,
        publish: Publish,
        publisher: Publisher,
        answer: Option<u64>,
    ) {
        let Publish { draft, id, storage } = publish;
        let request = Request {
            socket: self.sockets[index].id,
            answer,
            want: Want::Publish(publisher),
        };
        match storage {
            Storage::Log => self.ask(Op::Append { draft, id }, Ticket::new(request)),
            Storage::Nowhere => {
                self.in_flight += 1;
                let at_ms = (self.services.clock)();
                self.outbox.push(Submission::Hub(Input::Volatile {
                    draft,
                    at_ms,
                    request,
                }));
            }
        }
    }

    fn join(
        &mut self,
        index: usize,
        rooms: Vec<RoomName>,
        answer: Option<u64>,
    ) -> Result<(), VerbError> {
        let Socket {
            id,
            namespace,
            name,
            ..
        } = &self.sockets[index];
        if self.sockets[index].rooms_after(&rooms) > limits::ROOMS_PER_SOCKET {
            let limit = limits::ROOMS_PER_SOCKET;
            return Err(VerbError::BadRequest(format!(
                "a socket can be in at most {limit} rooms"
            )));
        }
        let op = match name.clone() {
            Some(client) => Op::Join {
                namespace: namespace.clone(),
                client,
                rooms: rooms.clone(),
            },
            None => Op::Mark,
        };
        let request = Request {
            socket: *id,
            answer,
            want: Want::Join(rooms),
        };
        self.ask(op, Ticket::new(request));
        Ok(())
    }

    fn leave(&mut self, index: usize, rooms: Vec<RoomName>, answer: Option<u64>) {
        let Socket {
            id,
            namespace,
            name,
            ..
        } = &self.sockets[index];
        let op = match name.clone() {
            Some(client) => Op::Leave {
                namespace: namespace.clone(),
                client,
                rooms: rooms.clone(),
            },
            None => Op::Mark,
        };
        let request = Request {
            socket: *id,
            answer,
            want: Want::Leave(rooms),
        };
        self.ask(op, Ticket::new(request));
    }

    fn subscribe(
        &mut self,
        index: usize,
        rooms: Vec<RoomName>,
        stretch: Stretch,
        answer: Option<u64>,
    ) -> Result<(), VerbError> {
        let Socket {
            id,
            namespace,
            name,
            ..
        } = &self.sockets[index];
        if rooms.is_empty() && name.is_none() {
            return Err(VerbError::BadRequest(
                "name at least one room, or connect with a client name".to_owned(),
            ));
        }
        let op = Op::Subscribe {
            namespace: namespace.clone(),
            client: name.clone(),
            rooms,
        };
        let request = Request {
            socket: *id,
            answer,
            want: Want::Subscribe(stretch),
        };
        self.ask(op, Ticket::new(request));
        Ok(())
    }

    /// The hub's answer to a ticket, or its own word.
    pub(super) fn told(&mut self, id: SocketId, told: Told) {
        if !matches!(told, Told::Attached { .. } | Told::NameTaken) {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        let Some(index) = self.sockets.iter().position(|socket| socket.id == id) else {
            return;
        };
        match told {
            Told::Connected => self.connected(index),
            Told::Receipt {
                answer,
                publisher,
                receipt,
            } => {
                self.answer(index, answer, &receipt_json(publisher, &receipt));
            }
            Told::Refused { answer, refusal } => self.refused(index, answer, &refusal),
            Told::Rooms {
                answer,
                rooms,
                reader,
            } => {
                self.sockets[index].moved(reader);
                self.answer(index, answer, &json!({"ok": true, "rooms": rooms}));
            }
            Told::Subscribed {
                answer,
                reader,
                head,
                stretch,
            } => {
                self.sockets[index].subscribed(&self.services, &reader, head, answer, stretch);
            }
            Told::NoRooms { answer } => {
                self.refuse(
                    index,
                    answer,
                    "no_rooms",
                    "this name has joined no room; name one",
                );
            }
            Told::Attached { head } => self.sockets[index].attached(head),
            Told::Acked { answer } => self.answer(index, answer, &json!({"ok": true})),
            Told::Live {
                answer,
                room,
                rooms,
            } => {
                self.sockets[index].ask_rooms(&self.services, room, rooms, answer);
            }
            Told::NameTaken => {
                let message = "a newer subscriber took this name";
                let socket = self.sockets.swap_remove(index);
                if socket.dialect == Dialect::Roomcat {
                    let data = json!({"code": "name_taken", "message": message}).to_string();
                    let text = socket::encode_event(&socket.namespace, None, "closed", &data, 0);
                    self.out.push_back(Frame::text(text));
                }
                self.out
                    .push_back(Frame::text(socket::encode_disconnect(&socket.namespace)));
                leave(&self.services, &socket, &End::Forbidden(message));
            }
        }
    }

    fn connected(&mut self, index: usize) {
        let socket = &self.sockets[index];
        tracing::info!("a user connected {}", Who(socket));
        let data = match socket.dialect {
            Dialect::Stock => json!({"sid": &*socket.sid}),
            Dialect::Roomcat => json!({
                "sid": &*socket.sid,
                "roomcat": 1,
                "version": env!("CARGO_PKG_VERSION"),
                "log": &*self.services.log_id,
                "limits": {
                    "message": self.services.settings.max_message,
                    "batch": limits::BATCH_BYTES,
                    "credit": limits::CREDIT_BYTES,
                },
            }),
        };
        let text = socket::encode_connect(&socket.namespace, Some(&data.to_string()));
        self.out.push_back(Frame::text(text));
    }

    fn refused(&mut self, index: usize, answer: Option<u64>, refusal: &Refusal) {
        let code = match refusal {
            Refusal::OutOfOrder { .. } => "out_of_order",
            Refusal::Full { .. } => "full",
            Refusal::Disk { .. } => "disk",
        };
        let mut message = refusal.to_string();
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
        self.refuse(index, answer, code, &message);
    }

    fn refuse(&mut self, index: usize, answer: Option<u64>, code: &str, message: &str) {
        self.answer(
            index,
            answer,
            &json!({"ok": false, "error": {"code": code, "message": message}}),
        );
    }

    fn answer(&mut self, index: usize, answer: Option<u64>, body: &Value) {
        if let Some(id) = answer {
            let text = socket::encode_ack(&self.sockets[index].namespace, id, &body.to_string(), 0);
            self.out.push_back(Frame::text(text));
        }
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
    let rooms: Vec<Value> = names
        .into_iter()
        .take(limits::ROOMS_LISTED)
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
        })
        .collect();
    if let Some(id) = *answer {
        let body = json!({"ok": true, "rooms": rooms, "expired": services.writer.counters().expired.load(Ordering::Relaxed)});
        out.push_back(Frame::text(socket::encode_ack(
            namespace,
            id,
            &body.to_string(),
            0,
        )));
    }
}
