//! Rooms and names: which sockets are in a room, which clients are its members, and which socket holds a name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::effects::Effects;
use super::presence::PresenceAction;
use super::recovery::restore_cursors;
use super::state::{Attachment, Core, SocketState};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::hub::notification::Notification;
use crate::hub::request::{JoinScope, PresenceMode, ReplayRange};
use crate::hub::socket_id::SocketId;
use crate::store::{OpOutcome, Reader};

/// The socket that made a request, and the ack id to answer with.
#[derive(Clone, Copy)]
pub(super) struct Requester {
    pub(super) socket: SocketId,
    pub(super) ack_id: Option<u64>,
}

/// A subscription as the store committed it.
pub(super) struct NewSubscription {
    /// The rooms to listen to, each with the client's cursor.
    pub(super) rooms: Vec<(RoomName, Seq)>,
    /// Every room that the client has joined.
    pub(super) joined: Vec<RoomName>,
    pub(super) head: u64,
    pub(super) range: ReplayRange,
}

impl Core {
    /// Updates the members of rooms after a commit, and notifies the holder of the member's name. The requester is not
    /// notified here: it gets an answer.
    pub(super) fn apply_membership(
        &mut self,
        outcome: &OpOutcome,
        requester: Option<SocketId>,
        effects: &mut impl Effects,
    ) {
        match outcome {
            OpOutcome::Joined {
                namespace,
                client,
                rooms,
            } => {
                self.add_members(namespace, client, rooms);
                let holder = self
                    .holder(namespace, client)
                    .filter(|holder| Some(*holder) != requester);
                self.update_reader(holder, effects, |reader| note_membership(reader, rooms));
            }
            OpOutcome::Left {
                namespace,
                client,
                rooms,
            } => {
                for room in rooms {
                    self.room(namespace, room).members.remove(client);
                    self.remove_if_empty(namespace, room);
                }
                let holder = self
                    .holder(namespace, client)
                    .filter(|holder| Some(*holder) != requester);
                self.update_reader(holder, effects, |reader| {
                    for room in rooms {
                        reader.other_rooms.remove(room);
                    }
                });
            }
            OpOutcome::Subscribed {
                namespace,
                client: Some(client),
                joined,
                ..
            } => self.add_members(namespace, client, joined),
            OpOutcome::Purged {
                namespace,
                client,
                rooms,
                cursor,
            } => {
                if let Some(holder) = self.holder(namespace, client) {
                    let (rooms, cursor) = (rooms.clone(), *cursor);
                    effects.notify(holder, Notification::PendingPurged { rooms, cursor });
                }
            }
            _ => {}
        }
    }

    fn add_members(&mut self, namespace: &Namespace, client: &ClientName, rooms: &[RoomName]) {
        for room in rooms {
            self.room(namespace, room).members.insert(client.clone());
        }
    }

    fn holder(&self, namespace: &Namespace, client: &ClientName) -> Option<SocketId> {
        let namespace = self.namespaces.get(namespace)?;
        namespace.holders.get(client).copied()
    }

    /// Changes the reader of a socket and notifies its session.
    fn update_reader(
        &mut self,
        socket: Option<SocketId>,
        effects: &mut impl Effects,
        change: impl FnOnce(&mut Reader),
    ) {
        if let Some(id) = socket
            && let Some(socket) = self.sockets.get_mut(&id)
        {
            change(Arc::make_mut(&mut socket.reader));
            let reader = Arc::clone(&socket.reader);
            effects.notify(id, Notification::ReaderChanged { reader });
        }
    }

    pub(super) fn join(
        &mut self,
        requester: Requester,
        rooms: Vec<RoomName>,
        scope: JoinScope,
        effects: &mut impl Effects,
    ) {
        let id = requester.socket;
        let Some(mut socket) = self.sockets.remove(&id) else {
            return;
        };
        let entered = match socket.attachment {
            Attachment::Detached | Attachment::Attached if scope == JoinScope::Live => {
                self.enter_rooms(id, &mut socket, &rooms)
            }
            // A closing socket enters no room, but its name is a member.
            _ => {
                note_membership(Arc::make_mut(&mut socket.reader), &rooms);
                Vec::new()
            }
        };
        let entered = entered.into_iter();
        self.announce(PresenceAction::Join, (id, &socket), entered, effects);
        self.finish_room_change(requester, socket, rooms, effects);
    }

    /// Returns the rooms that the socket was not in before.
    fn enter_rooms<'a>(
        &mut self,
        id: SocketId,
        socket: &mut SocketState,
        rooms: &'a [RoomName],
    ) -> Vec<&'a RoomName> {
        let reader = Arc::make_mut(&mut socket.reader);
        let live = Seq::after_record(self.head);
        let mut entered = Vec::new();
        for room in rooms {
            if self
                .room(&socket.namespace, room)
                .enter(id, socket.presence)
            {
                entered.push(room);
            }
            reader.rooms.entry(room.clone()).or_insert(live);
            socket.attachment = Attachment::Attached;
        }
        entered
    }

    /// Puts the socket back into the map and notifies its session of its rooms.
    fn finish_room_change(
        &mut self,
        requester: Requester,
        socket: SocketState,
        rooms: Vec<RoomName>,
        effects: &mut impl Effects,
    ) {
        let Requester { socket: id, ack_id } = requester;
        let reader = Arc::clone(&socket.reader);
        self.sockets.insert(id, socket);
        effects.notify(
            id,
            Notification::RoomsChanged {
                ack_id,
                rooms,
                reader,
            },
        );
    }

    pub(super) fn leave(
        &mut self,
        requester: Requester,
        rooms: Vec<RoomName>,
        effects: &mut impl Effects,
    ) {
        let id = requester.socket;
        let Some(mut socket) = self.sockets.remove(&id) else {
            return;
        };
        let reader = Arc::make_mut(&mut socket.reader);
        let mut left = Vec::new();
        for name in &rooms {
            let room = self.room(&socket.namespace, name);
            if room.exit(id, socket.presence) {
                left.push(name);
            }
            reader.rooms.remove(name);
            reader.other_rooms.remove(name);
            self.remove_if_empty(&socket.namespace, name);
        }
        self.announce(
            PresenceAction::Leave,
            (id, &socket),
            left.into_iter(),
            effects,
        );
        self.finish_room_change(requester, socket, rooms, effects);
    }

    /// Replaces the rooms that the socket listens to and attaches it. The newest holder of a name wins.
    pub(super) fn subscribe(
        &mut self,
        requester: Requester,
        subscription: NewSubscription,
        effects: &mut impl Effects,
    ) {
        let Requester { socket: id, ack_id } = requester;
        let NewSubscription {
            mut rooms,
            joined,
            head,
            range,
        } = subscription;
        if let Some(within) = &range.within {
            rooms.retain(|(room, _)| within.contains(room));
        }
        let Some(mut socket) = self.sockets.remove(&id) else {
            return;
        };
        if socket.attachment == Attachment::Closing {
            // A closing socket gets no subscription.
            rooms.clear();
        } else if let Some(restored) = socket.restored.take() {
            restore_cursors(*restored, socket.reader.name.as_ref(), &mut rooms);
        }
        if rooms.is_empty() {
            self.sockets.insert(id, socket);
            return effects.notify(id, Notification::NoRooms { ack_id });
        }
        let before = self.replace_rooms(id, &mut socket, rooms, &joined, range.presence);
        self.take_name(id, &socket, effects);
        self.announce_difference((id, &socket), &before, effects);
        socket.attachment = Attachment::Attached;
        socket.newest_owed = head;
        let reader = Arc::clone(&socket.reader);
        self.sockets.insert(id, socket);
        effects.notify(
            id,
            Notification::Subscribed {
                ack_id,
                reader,
                head,
                range,
            },
        );
    }

    /// Returns the rooms that the socket listened to before.
    fn replace_rooms(
        &mut self,
        id: SocketId,
        socket: &mut SocketState,
        rooms: Vec<(RoomName, Seq)>,
        joined: &[RoomName],
        presence: PresenceMode,
    ) -> BTreeMap<RoomName, Seq> {
        self.exit_rooms(id, socket);
        socket.presence = presence;
        let reader = Arc::make_mut(&mut socket.reader);
        let before = std::mem::replace(&mut reader.rooms, BTreeMap::from_iter(rooms));
        reader.other_rooms = joined
            .iter()
            .filter(|room| !reader.rooms.contains_key(*room))
            .cloned()
            .collect();
        for name in reader.rooms.keys() {
            let room = self.room(&socket.namespace, name);
            room.enter(id, socket.presence);
        }
        before
    }

    /// The socket becomes the holder of its name; an older holder is notified.
    fn take_name(&mut self, id: SocketId, socket: &SocketState, effects: &mut impl Effects) {
        let Some(name) = socket.reader.name.clone() else {
            return;
        };
        let namespace = self.namespaces.entry(socket.namespace.clone()).or_default();
        let Some(older) = namespace
            .holders
            .insert(name, id)
            .filter(|older| *older != id)
        else {
            return;
        };
        if let Some(mut socket) = self.sockets.remove(&older) {
            self.announce_disconnect(older, &socket, effects);
            socket.is_leave_announced = true;
            self.sockets.insert(older, socket);
        }
        effects.notify(older, Notification::NameTaken);
    }

    pub(super) fn disconnect(&mut self, id: SocketId, effects: &mut impl Effects) {
        effects.remove(id);
        let Some(socket) = self.sockets.remove(&id) else {
            return;
        };
        self.exit_rooms(id, &socket);
        self.announce_disconnect(id, &socket, effects);
        self.remove_sid(id, &socket);
        self.remove_from_namespace(id, &socket);
    }

    /// The socket is no longer listed and holds no name.
    pub(super) fn remove_from_namespace(&mut self, id: SocketId, socket: &SocketState) {
        if let Some(namespace) = self.namespaces.get_mut(&socket.namespace) {
            namespace.sockets.remove(&id);
            if let Some(name) = &socket.reader.name
                && namespace.holders.get(name) == Some(&id)
            {
                namespace.holders.remove(name);
            }
        }
        self.remove_if_empty(&socket.namespace, &RoomName::whole_namespace());
    }

    pub(super) fn exit_rooms(&mut self, id: SocketId, socket: &SocketState) {
        for name in socket.reader.rooms.keys() {
            if let Some(room) = self
                .namespaces
                .get_mut(&socket.namespace)
                .and_then(|namespace| namespace.rooms.get_mut(name))
            {
                room.exit(id, socket.presence);
            }
            self.remove_if_empty(&socket.namespace, name);
        }
    }
}

/// The reader's client is a member of `rooms`, whether or not the reader listens to them.
fn note_membership(reader: &mut Reader, rooms: &[RoomName]) {
    for room in rooms {
        if !reader.rooms.contains_key(room) {
            reader.other_rooms.insert(room.clone());
        }
    }
}
