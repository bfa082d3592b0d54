//! What a session's peer asks for, packet by packet.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::credit::{Answers, Credit, Window};
use super::outbox::Submission;
use super::services::{self};
use super::socket::{Dialect, Socket};
use super::verbs::{self, Publish, Sender, Storage, VerbError};
use super::{End, Session};
use crate::address::{ClientName, Namespace, RoomName};
use crate::hub::mailbox::Mailbox;
use crate::hub::parcel::Frame;
use crate::hub::request::{Input, Membership, Publisher, Request, Stretch, Want};
use crate::hub::{Handle, Message, Ticket};
use crate::limits;
use crate::store::Op;
use crate::wire::batch;
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
                    self.depart(index, &End::Closed);
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
        let input = Input::Connect {
            socket: id,
            namespace: namespace.clone(),
            sid: Arc::clone(&sid),
            name: name.clone(),
        };
        self.in_flight += 1;
        self.outbox
            .push(Submission::Hub(Message::Connect(id, handle, input)));
        if dialect == Dialect::Stock {
            let mut rooms = vec![RoomName::whole_namespace()];
            if let Some(client) = name.clone() {
                // It takes every room it has joined, the empty one among them from its first time on.
                let op = Op::Join {
                    namespace: namespace.clone(),
                    client,
                    rooms: rooms.clone(),
                };
                let want = Want::Join(std::mem::take(&mut rooms), Membership::DurableOnly);
                self.ask(
                    op,
                    Ticket::new(Request {
                        socket: id,
                        answer: None,
                        want,
                    }),
                );
            }
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
            batch::EVENT => self
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
                self.sockets[index].lists_rooms();
                self.outbox
                    .push(Submission::Hub(Message::Other(Input::Rooms(request))));
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
                let input = Input::Volatile {
                    draft,
                    at_ms,
                    request,
                };
                self.outbox
                    .push(Submission::Hub(Message::Volatile(input, None)));
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
            dialect,
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
        // For a name; a roomcat socket then listens by `sub`, a stock one subscribes anew: something may wait there.
        let membership = match name {
            Some(_) => Membership::DurableOnly,
            None => Membership::Live,
        };
        let subscribes = *dialect == Dialect::Stock && name.is_some();
        let again = subscribes.then(|| {
            let op = Op::Subscribe {
                namespace: namespace.clone(),
                client: name.clone(),
                rooms: Vec::new(),
            };
            let request = Request {
                socket: *id,
                answer: None,
                want: Want::Subscribe(Stretch::default()),
            };
            (op, Ticket::new(request))
        });
        let request = Request {
            socket: *id,
            answer,
            want: Want::Join(rooms, membership),
        };
        self.ask(op, Ticket::new(request));
        if let Some((op, ticket)) = again {
            self.ask(op, ticket);
        }
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
        mut stretch: Stretch,
        answer: Option<u64>,
    ) -> Result<(), VerbError> {
        // Nothing of this log was read yet, in whatever room.
        if stretch.log.as_deref() != Some(&*self.services.log_id) {
            stretch.within = None;
        }
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
}
