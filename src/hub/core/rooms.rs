//! Who enters which room, who leaves, and who holds a name: what moves sockets and members about.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::presence::Movement;
use super::{Core, Effects, Feed, Room, Socket, recovery};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::hub::request::{Membership, SocketId, Stretch, Told};
use crate::store::Reader;

impl Core {
    pub(super) fn room(&mut self, namespace: &Namespace, room: &RoomName) -> &mut Room {
        self.spaces
            .entry(namespace.clone())
            .or_default()
            .rooms
            .entry(room.clone())
            .or_default()
    }

    pub(super) fn tidy(&mut self, namespace: &Namespace, room: &RoomName) {
        let Some(space) = self.spaces.get_mut(namespace) else {
            return;
        };
        if space.rooms.get(room).is_some_and(Room::is_empty) {
            space.rooms.remove(room);
        }
        if space.rooms.is_empty() && space.holders.is_empty() && space.sockets.is_empty() {
            self.spaces.remove(namespace);
        }
    }

    pub(super) fn join(
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
        let membership = match socket.feed {
            // Its name is a member nevertheless.
            Feed::Gone => Membership::DurableOnly,
            Feed::Detached | Feed::Attached => membership,
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
                reader.other_rooms.insert(room.clone());
            }
        }
        if durable {
            self.tell_holder(&socket, effects, |holder| {
                for room in &rooms {
                    if !holder.rooms.contains_key(room) {
                        holder.other_rooms.insert(room.clone());
                    }
                }
            });
        }
        for room in &rooms {
            // Who was sent away enters none.
            self.tidy(&socket.namespace, room);
        }
        let came = entered.into_iter();
        self.tell_move(Movement::Join, (id, &socket), came, effects);
        self.settle(id, socket, (answer, rooms), effects);
    }

    /// Puts a socket that moved back in its place and tells it where it is.
    pub(super) fn settle(
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
    pub(super) fn tell_holder(
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
    pub(super) fn tell_emptied(
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

    pub(super) fn leave(
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
            reader.other_rooms.remove(room);
            self.tidy(&socket.namespace, room);
        }
        if durable {
            self.tell_holder(&socket, effects, |holder| {
                for room in &rooms {
                    holder.other_rooms.remove(room);
                }
            });
        }
        let went = left.into_iter();
        self.tell_move(Movement::Leave, (id, &socket), went, effects);
        self.settle(id, socket, (answer, rooms), effects);
    }

    /// Replaces what the socket listens to and attaches it; the newest holder of a name wins.
    pub(super) fn subscribe(
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
        if socket.feed == Feed::Gone {
            // Sent away in the meantime; what the store knows of its name counts all the same.
            let (namespace, name) = (socket.namespace.clone(), socket.reader.name.clone());
            self.sockets.insert(id, socket);
            for room in name.is_some().then_some(joined).into_iter().flatten() {
                let members = &mut self.room(&namespace, &room).members;
                members.extend(name.clone());
            }
            return effects.tell(id, Told::NoRooms { answer });
        }
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
        reader.other_rooms = joined
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
    pub(super) fn displace(&mut self, older: SocketId, effects: &mut impl Effects) {
        if let Some(mut socket) = self.sockets.remove(&older) {
            self.tell_departure(older, &socket, effects);
            socket.departed = true;
            self.sockets.insert(older, socket);
        }
        effects.tell(older, Told::NameTaken);
    }

    pub(super) fn disconnect(&mut self, id: SocketId, effects: &mut impl Effects) {
        effects.forget(id);
        let Some(socket) = self.sockets.remove(&id) else {
            return;
        };
        self.leave_all(id, &socket);
        self.tell_departure(id, &socket, effects);
        self.forget_sid(id, &socket);
        self.vacate(id, &socket);
    }

    /// It is not among those who are here any more, and holds no name.
    pub(super) fn vacate(&mut self, id: SocketId, socket: &Socket) {
        if let Some(space) = self.spaces.get_mut(&socket.namespace) {
            space.sockets.remove(&id);
            if let Some(name) = &socket.reader.name
                && space.holders.get(name) == Some(&id)
            {
                space.holders.remove(name);
            }
        }
        self.tidy(&socket.namespace, &RoomName::whole_namespace());
    }

    pub(super) fn leave_all(&mut self, id: SocketId, socket: &Socket) {
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
