//! What a session's peer asks for, packet by packet.

use bytes::Bytes;
use serde_json::json;

use super::end::EndReason;
use super::engine::outbox::Submission;
use super::namespace::policy::Right;
use super::shared_queue;
use super::socket::{ClientKind, Socket};
use super::state::Session;
use super::verbs::delay::StorageMode;
use super::verbs::error::VerbError;
use super::verbs::{self, Ack, Listed, PublishRequest, Sender};
use crate::address::RoomName;
use crate::hub::inbox::InboxMessage;
use crate::hub::input::CoreInput;
use crate::hub::request::{JoinScope, PublishVerb, ReplayRange, Request, SocketRequest};
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::store::Op;
use crate::wire::batch::Audience;
use crate::wire::socket::{EventPacket, Packet};
use crate::wire::verb::Verb;

impl Session {
    pub(super) fn packet(
        &mut self,
        packet: Packet<'_>,
        attachments: &[Bytes],
    ) -> Result<(), EndReason> {
        match packet {
            Packet::Connect { namespace, auth } => self.connect(namespace, auth),
            Packet::Disconnect { namespace } => {
                let index = self
                    .find(&namespace)
                    .ok_or(EndReason::Forbidden("a DISCONNECT before its CONNECT"))?;
                self.depart(index, &EndReason::Left);
                Ok(())
            }
            Packet::Event(event) => {
                let index = self
                    .find(&event.namespace)
                    .ok_or(EndReason::Forbidden("an event before its CONNECT"))?;
                self.event(index, event, attachments);
                Ok(())
            }
            Packet::Ack(ack) => {
                let index = self
                    .find(&ack.namespace)
                    .ok_or(EndReason::Forbidden("an ack before its CONNECT"))?;
                self.sockets[index].answered(ack.id, &mut self.outbox);
                self.sockets[index].note_progress();
                Ok(())
            }
            Packet::ConnectError { .. } => {
                Err(EndReason::Forbidden("a packet that only a server sends"))
            }
        }
    }

    fn event(&mut self, index: usize, packet: EventPacket<'_>, attachments: &[Bytes]) {
        let socket = &self.sockets[index];
        let declared = socket.standing.rules.on.contains_key(packet.event.as_str());
        // An application's own `join` comes before ours for those who do not know ours.
        let verb = match Verb::parse(packet.event.as_str()) {
            Some(_) if declared && socket.dialect == ClientKind::Stock => None,
            verb => verb,
        };
        let takes = verb.map_or(Some(Right::Pub), verbs::takes);
        let mut messages = u32::from(takes == Some(Right::Pub));
        let done = match takes {
            Some(right) if !socket.standing.may.allow(right) => Err(self.forbid(index, right)),
            _ => match verb {
                Some(verb) => self.verb(index, verb, &packet, attachments, &mut messages),
                None if declared => {
                    self.react(index, &packet, attachments);
                    Ok(())
                }
                None => self.undeclared(index, &packet, attachments),
            },
        };
        if let Err(error) = done {
            self.refuse(index, packet.id, error.code(), &error.to_string());
        }
        self.spend(index, messages);
    }

    fn forbid(&mut self, index: usize, right: Right) -> VerbError {
        let error = VerbError::Forbidden(right);
        let socket = &mut self.sockets[index];
        if socket.standing.first_refusal() {
            tracing::debug!("{}: {error}", socket);
        }
        error
    }

    /// So many messages came; with more than the namespace's rate nothing is read for a while.
    fn spend(&mut self, index: usize, messages: u32) {
        if let Some(next) = self.sockets[index].standing.spend(messages) {
            self.pay_until(next);
        }
    }

    fn verb(
        &mut self,
        index: usize,
        verb: Verb,
        packet: &EventPacket<'_>,
        attachments: &[Bytes],
        messages: &mut u32,
    ) -> Result<(), VerbError> {
        let (id, args) = (packet.id, &packet.args[..]);
        match verb {
            Verb::Batch => {
                let publish = self.sender(index, |sender| {
                    verbs::batch(sender, args, attachments.to_vec())
                })?;
                *messages = publish.record.header.count;
                self.publish(index, publish, PublishVerb::Batch, id);
            }
            Verb::Pub => {
                let publish =
                    self.sender(index, |sender| verbs::single(sender, args, attachments))?;
                self.publish(index, publish, PublishVerb::Single, id);
            }
            Verb::Join => self.join(index, verbs::rooms(args)?, id)?,
            Verb::Leave => self.leave(index, verbs::rooms(args)?, id),
            Verb::Sub => {
                let (rooms, stretch) = verbs::sub(args)?;
                match shared_queue::options::lease_terms(args)? {
                    Some(terms) => self.share(index, rooms, terms, id)?,
                    None => self.subscribe(index, rooms, stretch, id)?,
                }
            }
            Verb::Ack => self.acked(index, verbs::ack(args)?, id),
            Verb::Queue => self.list_queues(index, args, id)?,
            Verb::Peek => self.peek(index, args, id)?,
            Verb::Purge => self.purge(index, args, id)?,
            Verb::Who => self.list_sockets(index, verbs::who(args)?, id),
            Verb::Kick => self.kick(index, verbs::kick(args)?, id)?,
            Verb::Rooms => match verbs::list(args)? {
                Listed::Rooms(room) => self.list_rooms(index, room, id),
                Listed::Names(sought) => self.list_names(index, sought, id),
            },
        }
        Ok(())
    }

    fn acked(&mut self, index: usize, ack: Ack, answer: Option<u64>) {
        if self.ack_shared(index, ack.seq, answer) {
            return;
        }
        if self.sockets[index].ack(ack, answer, &mut self.outbox) {
            // The hub answers only who asked.
            self.in_flight += usize::from(answer.is_some());
        } else {
            self.answer(index, answer, &json!({"ok": true}));
        }
        self.sockets[index].note_progress();
    }

    fn list_rooms(&mut self, index: usize, room: Option<RoomName>, answer: Option<u64>) {
        let request = SocketRequest {
            socket: self.sockets[index].id,
            ack_id: answer,
            kind: Request::Rooms(room),
        };
        self.in_flight += 1;
        self.sockets[index].lists_rooms();
        self.outbox
            .push(Submission::Hub(InboxMessage::Core(CoreInput::Rooms(
                request,
            ))));
    }

    /// An application's event of which nothing is declared: for the namespace's program, or else for everyone there.
    fn undeclared(
        &mut self,
        index: usize,
        packet: &EventPacket<'_>,
        attachments: &[Bytes],
    ) -> Result<(), VerbError> {
        if self.call_program(index, packet, attachments) {
            return Ok(());
        }
        let event = packet.event.clone();
        let publish = self.sender(index, |sender| {
            verbs::relay(sender, Audience::All, event, &packet.args, attachments)
        })?;
        self.publish(index, publish, PublishVerb::Single, packet.id);
        Ok(())
    }

    fn sender<T>(&self, index: usize, with: impl FnOnce(Sender<'_>) -> T) -> T {
        with(self.sockets[index].sender(self.services.settings.max_message))
    }

    pub(super) fn publish(
        &mut self,
        index: usize,
        publish: PublishRequest,
        publisher: PublishVerb,
        answer: Option<u64>,
    ) {
        let PublishRequest {
            record,
            id,
            storage,
        } = publish;
        let request = SocketRequest {
            socket: self.sockets[index].id,
            ack_id: answer,
            kind: Request::Publish(publisher),
        };
        match storage {
            StorageMode::Log => self.ask(Op::Append { record, id }, Ticket::new(request)),
            StorageMode::Later(when) => match when.due((self.services.clock)()) {
                Ok(due_ms) => self.ask(Op::Delay { record, id, due_ms }, Ticket::new(request)),
                Err(error) => self.refuse(index, answer, error.code(), &error.to_string()),
            },
            StorageMode::Nowhere => {
                self.in_flight += 1;
                let at_ms = (self.services.clock)();
                let input = CoreInput::Volatile {
                    record,
                    at_ms,
                    request,
                };
                self.outbox
                    .push(Submission::Hub(InboxMessage::Volatile(input, None)));
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
            None => (entering, Op::Noop),
        };
        // For a name; a roomcat socket then listens by `sub`, a stock one subscribes anew: something may wait there.
        let membership = match name {
            Some(_) => JoinScope::DurableOnly,
            None => JoinScope::Live,
        };
        let subscribes = *dialect == ClientKind::Stock && name.is_some();
        let again = subscribes.then(|| {
            let op = Op::Subscribe {
                namespace: namespace.clone(),
                client: name.clone(),
                rooms: Vec::new(),
            };
            let ticket = Ticket::unanswered(*id, Request::Subscribe(ReplayRange::default()));
            (op, ticket)
        });
        let request = SocketRequest {
            socket: *id,
            ack_id: answer,
            kind: Request::Join(rooms, membership),
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
            None => (exiting, Op::Noop),
        };
        let request = SocketRequest {
            socket: *id,
            ack_id: answer,
            kind: Request::Leave(rooms),
        };
        self.ask(op, Ticket::new(request));
        self.follow(index, following);
    }

    fn subscribe(
        &mut self,
        index: usize,
        rooms: Vec<RoomName>,
        mut stretch: ReplayRange,
        answer: Option<u64>,
    ) -> Result<(), VerbError> {
        if self.sockets[index].is_peeking() {
            let why = "this socket peeks; wait for the end of that";
            return Err(VerbError::BadRequest(why.to_owned()));
        }
        // Nothing of this log was read yet, in whatever room.
        if stretch.log.as_deref() != Some(&*self.services.log_id) {
            stretch.within = None;
            stretch.keep = None;
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
        let request = SocketRequest {
            socket: *id,
            ack_id: answer,
            kind: Request::Subscribe(stretch),
        };
        self.ask(op, Ticket::new(request));
        self.unshare(index);
        // Where such a subscription goes on is for the client to say, by `since`.
        let forgetting = self.sockets[index].forgetting();
        self.follow(index, forgetting);
        Ok(())
    }
}
