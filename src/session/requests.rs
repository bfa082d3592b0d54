//! What a session's peer asks for, packet by packet.

use bytes::Bytes;
use serde_json::json;

use super::outbox::Submission;
use super::socket::{Dialect, Socket};
use super::verbs::{self, Publish, Sender, Storage, VerbError};
use super::{End, Session};
use crate::address::{Namespace, RoomName};
use crate::hub::request::{Input, Membership, Publisher, Request, Stretch, Want};
use crate::hub::{Message, Ticket};
use crate::limits;
use crate::store::Op;
use crate::wire::batch;
use crate::wire::socket::{EventPacket, Packet};

impl Session {
    pub(super) fn packet(&mut self, packet: Packet<'_>, attachments: &[Bytes]) -> Result<(), End> {
        match packet {
            Packet::Connect { namespace, auth } => self.connect(namespace, auth),
            Packet::Disconnect { namespace } => {
                if let Some(index) = self.find(&namespace) {
                    self.depart(index, &End::Left);
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

    pub(super) fn find(&self, namespace: &Namespace) -> Option<usize> {
        self.sockets
            .iter()
            .position(|socket| socket.namespace == *namespace)
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
        let entering = self.sockets[index].entering(&rooms);
        let (op, following) = match name.clone() {
            Some(client) => {
                let op = Op::Join {
                    namespace: namespace.clone(),
                    client,
                    rooms: rooms.clone(),
                };
                (op, entering)
            }
            None => (entering, Op::Mark),
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
        self.follow(index, following);
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
        let exiting = self.sockets[index].exiting(&rooms);
        let (op, following) = match name.clone() {
            Some(client) => {
                let op = Op::Leave {
                    namespace: namespace.clone(),
                    client,
                    rooms: rooms.clone(),
                };
                (op, exiting)
            }
            None => (exiting, Op::Mark),
        };
        let request = Request {
            socket: *id,
            answer,
            want: Want::Leave(rooms),
        };
        self.ask(op, Ticket::new(request));
        self.follow(index, following);
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
        // Where such a subscription goes on is for the client to say, by `since`.
        let forgetting = self.sockets[index].forgetting();
        self.follow(index, forgetting);
        Ok(())
    }
}
