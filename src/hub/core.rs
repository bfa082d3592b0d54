//! The hub's core: who is here, who is in which room, and what becomes of each committed thing.
//!
//! A pure `step(input, effects)`: no task, no clock, no disk, no socket. Inputs from the commit log come in its order.

mod fanout;
mod listing;
mod people;
mod presence;
mod recovery;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use self::presence::Movement;
use super::parcel::{Kind, Parcel};
use super::peer::Vitals;
use super::request::{
    IdHasher, Input, Membership, Presence, Publisher, Receipt, Request, SocketId, Stretch, Told,
    Want,
};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::store::sessions::Begun;
use crate::store::{Done, Member, Reader, Record};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Yes,
    /// The mailbox is full; the socket is detached until it asks to be attached again.
    Full,
}

/// What a step does to the world.
pub trait Effects {
    fn deliver(&mut self, to: SocketId, parcel: &Arc<Parcel>) -> Taken;
    fn tell(&mut self, to: SocketId, told: Told);
    fn forget(&mut self, socket: SocketId);
    /// Milliseconds since 1970 (UTC).
    fn now_ms(&self) -> u64;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feed {
    /// Nothing subscribed yet, or the mailbox overflowed: not handed anything.
    Detached,
    Attached,
    /// Its session was told to end it.
    Gone,
}

#[derive(Debug)]
struct Socket {
    namespace: Namespace,
    reader: Arc<Reader>,
    feed: Feed,
    /// The last record it was considered for, so that a union of rooms meets it once.
    considered: u64,
    /// Where it goes on once it subscribes; it is there while it begins.
    begun: Option<Box<Begun>>,
    vitals: Arc<Vitals>,
    /// The last record that it may still have to be handed.
    newest: u64,
    presence: Presence,
    /// That it left was told before it did.
    departed: bool,
}

#[derive(Debug, Default)]
struct Space {
    /// In the order in which they are listed.
    rooms: BTreeMap<RoomName, Room>,
    holders: HashMap<ClientName, SocketId>,
}

#[derive(Debug, Default)]
struct Room {
    sockets: BTreeSet<SocketId>,
    members: BTreeSet<ClientName>,
    /// Of the sockets those that are told who comes and goes.
    watchers: usize,
}

impl Room {
    fn is_empty(&self) -> bool {
        self.sockets.is_empty() && self.members.is_empty()
    }
}

#[derive(Debug, Default)]
pub struct Core {
    head: u64,
    sockets: HashMap<SocketId, Socket, BuildHasherDefault<IdHasher>>,
    spaces: HashMap<Namespace, Space>,
    /// Of those that may come back.
    by_sid: HashMap<Arc<str>, SocketId>,
    /// Counts volatile deliveries down from the top, so that `considered` never meets a record's number.
    volatile: u64,
}

impl Core {
    pub fn new(head: u64, members: Vec<Member>) -> Self {
        let mut core = Self {
            head,
            volatile: u64::MAX,
            ..Self::default()
        };
        for member in members {
            core.room(&member.namespace, &member.room)
                .members
                .insert(member.client);
        }
        core
    }

    pub fn step(&mut self, input: Input, effects: &mut impl Effects) {
        match input {
            Input::Committed { done, request } => self.committed(done, request, effects),
            Input::Volatile {
                draft,
                at_ms,
                request:
                    Request {
                        socket,
                        answer,
                        want,
                    },
            } => {
                self.volatile -= 1;
                let record = Record {
                    number: self.volatile,
                    at_ms,
                    header: draft.header,
                    body: draft.body,
                };
                let receipt = self.publish(Parcel::new(record, Kind::Volatile), effects);
                let publisher = if let Want::Publish(publisher) = want {
                    publisher
                } else {
                    Publisher::Single
                };
                effects.tell(
                    socket,
                    Told::Receipt {
                        answer,
                        publisher,
                        receipt,
                    },
                );
            }
            Input::Connect {
                socket,
                namespace,
                sid,
                name,
                vitals,
            } => {
                let reader = Reader {
                    sid: Some(sid),
                    name,
                    ..Reader::default()
                };
                let state = Socket {
                    namespace,
                    reader: Arc::new(reader),
                    feed: Feed::Detached,
                    considered: 0,
                    begun: None,
                    vitals,
                    newest: 0,
                    presence: Presence::Unseen,
                    departed: false,
                };
                self.sockets.insert(socket, state);
                effects.tell(socket, Told::Connected);
            }
            Input::Attach(socket) => {
                if let Some(state) = self.sockets.get_mut(&socket)
                    && state.feed != Feed::Gone
                {
                    state.feed = Feed::Attached;
                    effects.tell(socket, Told::Attached { head: self.head });
                }
            }
            Input::Rooms(request) => self.list_rooms(request, effects),
            Input::Who(request) => self.list_sockets(request, effects),
            Input::Kick(request) => self.kick(request, effects),
        }
    }

    fn committed(&mut self, done: Done, request: Request, effects: &mut impl Effects) {
        let Request {
            socket,
            answer,
            want,
        } = request;
        if answer.is_none() && matches!(want, Want::Ack) {
            return;
        }
        match (done, want) {
            (Done::Appended(record), Want::Publish(publisher)) => {
                self.head = record.number;
                let receipt = self.publish(Parcel::new(record, Kind::Durable), effects);
                effects.tell(
                    socket,
                    Told::Receipt {
                        answer,
                        publisher,
                        receipt,
                    },
                );
            }
            (Done::Duplicate { first }, Want::Publish(publisher)) => {
                let receipt = Receipt {
                    first,
                    count: 0,
                    delivered: 0,
                    queued: 0,
                    duplicate: true,
                };
                effects.tell(
                    socket,
                    Told::Receipt {
                        answer,
                        publisher,
                        receipt,
                    },
                );
            }
            (Done::Delayed { due_ms, count }, Want::Publish(publisher)) => effects.tell(
                socket,
                Told::Delayed {
                    answer,
                    publisher,
                    due_ms,
                    count,
                },
            ),
            (_, Want::Disconnect) => self.disconnect(socket, effects),
            (_, Want::Direct(direct)) => fanout::hand(socket, *direct, effects),
            (done, Want::Begin) => self.begin(socket, done, effects),
            (Done::Refused(refusal), _) => effects.tell(socket, Told::Refused { answer, refusal }),
            (done, Want::Join(rooms, membership)) => {
                let asked = (rooms, membership);
                self.join(socket, answer, asked, done == Done::Joined, effects);
            }
            (done, Want::Leave(rooms)) => {
                self.leave(socket, answer, rooms, done == Done::Left, effects)
            }
            (
                Done::Subscribed {
                    rooms,
                    joined,
                    head,
                },
                Want::Subscribe(stretch),
            ) => {
                self.subscribe(socket, answer, (rooms, joined, head), stretch, effects);
            }
            (
                Done::Purged {
                    rooms,
                    messages,
                    cursor,
                },
                Want::Purge(client),
            ) => {
                self.tell_emptied(socket, &client, (&rooms, cursor), effects);
                let told = Told::Purged {
                    answer,
                    rooms,
                    messages,
                };
                effects.tell(socket, told);
            }
            (_, Want::Ack) => effects.tell(socket, Told::Acked { answer }),
            // An op's outcome is of its own kind; nothing else can come here.
            (
                _,
                Want::Publish(_)
                | Want::Subscribe(_)
                | Want::Rooms(_)
                | Want::Names(_)
                | Want::Purge(_)
                | Want::Who(_)
                | Want::Kick(_),
            ) => {}
        }
    }

    fn room(&mut self, namespace: &Namespace, room: &RoomName) -> &mut Room {
        self.spaces
            .entry(namespace.clone())
            .or_default()
            .rooms
            .entry(room.clone())
            .or_default()
    }

    fn tidy(&mut self, namespace: &Namespace, room: &RoomName) {
        let Some(space) = self.spaces.get_mut(namespace) else {
            return;
        };
        if space.rooms.get(room).is_some_and(Room::is_empty) {
            space.rooms.remove(room);
        }
        if space.rooms.is_empty() && space.holders.is_empty() {
            self.spaces.remove(namespace);
        }
    }

    fn join(
        &mut self,
        id: SocketId,
        answer: Option<u64>,
        (rooms, membership): (Vec<RoomName>, Membership),
        durable: bool,
        effects: &mut impl Effects,
    ) {
        let Some(mut socket) = self.sockets.remove(&id) else {
            return;
        };
        let reader = Arc::make_mut(&mut socket.reader);
        let mut entered = Vec::new();
        for room in &rooms {
            let state = self.room(&socket.namespace, room);
            if durable && let Some(name) = &reader.name {
                state.members.insert(name.clone());
            }
            if membership == Membership::Live {
                if state.enter(id, socket.presence) {
                    entered.push(room);
                }
                reader
                    .rooms
                    .entry(room.clone())
                    .or_insert(Seq::after_record(self.head));
                socket.feed = Feed::Attached;
            } else if !reader.rooms.contains_key(room) {
                reader.also_in.insert(room.clone());
            }
        }
        if durable {
            self.tell_holder(&socket, effects, |holder| {
                for room in &rooms {
                    if !holder.rooms.contains_key(room) {
                        holder.also_in.insert(room.clone());
                    }
                }
            });
        }
        let came = entered.into_iter();
        self.tell_move(Movement::Join, (id, &socket), came, effects);
        self.settle(id, socket, (answer, rooms), effects);
    }

    /// Puts a socket that moved back in its place and tells it where it is.
    fn settle(
        &mut self,
        id: SocketId,
        socket: Socket,
        (answer, rooms): (Option<u64>, Vec<RoomName>),
        effects: &mut impl Effects,
    ) {
        let reader = Arc::clone(&socket.reader);
        self.sockets.insert(id, socket);
        effects.tell(
            id,
            Told::Rooms {
                answer,
                rooms,
                reader,
            },
        );
    }

    /// Whoever holds the name that this socket speaks for is in other rooms now: that counts for `except`. The socket
    /// itself is not among the sockets at the moment.
    fn tell_holder(
        &mut self,
        socket: &Socket,
        effects: &mut impl Effects,
        change: impl FnOnce(&mut Reader),
    ) {
        let holder = socket.reader.name.as_ref().and_then(|name| {
            let space = self.spaces.get(&socket.namespace)?;
            space.holders.get(name).copied()
        });
        if let Some(id) = holder
            && let Some(holder) = self.sockets.get_mut(&id)
        {
            change(Arc::make_mut(&mut holder.reader));
            let reader = Arc::clone(&holder.reader);
            effects.tell(id, Told::Moved { reader });
        }
    }

    /// Whoever holds the name gets nothing any more of what was given up.
    fn tell_emptied(
        &self,
        asker: SocketId,
        client: &ClientName,
        (rooms, cursor): (&[RoomName], Seq),
        effects: &mut impl Effects,
    ) {
        let namespace = self.sockets.get(&asker).map(|socket| &socket.namespace);
        let space = namespace.and_then(|namespace| self.spaces.get(namespace));
        if let Some(holder) = space.and_then(|space| space.holders.get(client)) {
            let rooms = rooms.to_vec();
            effects.tell(*holder, Told::Emptied { rooms, cursor });
        }
    }

    fn leave(
        &mut self,
        id: SocketId,
        answer: Option<u64>,
        rooms: Vec<RoomName>,
        durable: bool,
        effects: &mut impl Effects,
    ) {
        let Some(mut socket) = self.sockets.remove(&id) else {
            return;
        };
        let reader = Arc::make_mut(&mut socket.reader);
        let mut left = Vec::new();
        for room in &rooms {
            let state = self.room(&socket.namespace, room);
            if durable && let Some(name) = &reader.name {
                state.members.remove(name);
            }
            if state.exit(id, socket.presence) {
                left.push(room);
            }
            reader.rooms.remove(room);
            reader.also_in.remove(room);
            self.tidy(&socket.namespace, room);
        }
        if durable {
            self.tell_holder(&socket, effects, |holder| {
                for room in &rooms {
                    holder.also_in.remove(room);
                }
            });
        }
        let went = left.into_iter();
        self.tell_move(Movement::Leave, (id, &socket), went, effects);
        self.settle(id, socket, (answer, rooms), effects);
    }

    /// Replaces what the socket listens to and attaches it; the newest holder of a name wins.
    fn subscribe(
        &mut self,
        id: SocketId,
        answer: Option<u64>,
        (mut rooms, joined, head): (Vec<(RoomName, Seq)>, Vec<RoomName>, u64),
        stretch: Stretch,
        effects: &mut impl Effects,
    ) {
        if let Some(within) = &stretch.within {
            rooms.retain(|(room, _)| within.contains(room));
        }
        let Some(mut socket) = self.sockets.remove(&id) else {
            return;
        };
        if let Some(begun) = socket.begun.take() {
            recovery::go_on(*begun, socket.reader.name.as_ref(), &mut rooms);
        }
        if rooms.is_empty() {
            effects.tell(id, Told::NoRooms { answer });
            self.sockets.insert(id, socket);
            return;
        }
        self.leave_all(id, &socket);
        socket.presence = stretch.presence;
        let reader = Arc::make_mut(&mut socket.reader);
        let before = std::mem::replace(&mut reader.rooms, BTreeMap::from_iter(rooms));
        reader.also_in = joined
            .iter()
            .filter(|room| !reader.rooms.contains_key(*room))
            .cloned()
            .collect();
        for room in reader.rooms.keys() {
            let state = self.room(&socket.namespace, room);
            state.enter(id, socket.presence);
            if let Some(name) = &reader.name
                && joined.contains(room)
            {
                state.members.insert(name.clone());
            }
        }
        if let Some(name) = reader.name.clone() {
            let holders = &mut self
                .spaces
                .entry(socket.namespace.clone())
                .or_default()
                .holders;
            if let Some(older) = holders.insert(name, id).filter(|older| *older != id) {
                self.displace(older, effects);
            }
        }
        self.tell_moves((id, &socket), &before, effects);
        socket.feed = Feed::Attached;
        socket.newest = head;
        let reader = Arc::clone(&socket.reader);
        effects.tell(
            id,
            Told::Subscribed {
                answer,
                reader,
                head,
                stretch,
            },
        );
        self.sockets.insert(id, socket);
    }

    /// Somebody else holds the name of this socket.
    fn displace(&mut self, older: SocketId, effects: &mut impl Effects) {
        if let Some(mut socket) = self.sockets.remove(&older) {
            self.tell_departure(older, &socket, effects);
            socket.departed = true;
            self.sockets.insert(older, socket);
        }
        effects.tell(older, Told::NameTaken);
    }

    fn disconnect(&mut self, id: SocketId, effects: &mut impl Effects) {
        effects.forget(id);
        let Some(socket) = self.sockets.remove(&id) else {
            return;
        };
        self.leave_all(id, &socket);
        self.tell_departure(id, &socket, effects);
        self.forget_sid(id, &socket);
        if let Some(name) = &socket.reader.name
            && let Some(space) = self.spaces.get_mut(&socket.namespace)
            && let Entry::Occupied(holder) = space.holders.entry(name.clone())
            && *holder.get() == id
        {
            holder.remove();
            self.tidy(&socket.namespace, &RoomName::whole_namespace());
        }
    }

    fn leave_all(&mut self, id: SocketId, socket: &Socket) {
        for room in socket.reader.rooms.keys() {
            if let Some(state) = self
                .spaces
                .get_mut(&socket.namespace)
                .and_then(|space| space.rooms.get_mut(room))
            {
                state.exit(id, socket.presence);
            }
            self.tidy(&socket.namespace, room);
        }
    }
}
