//! The members of every room and their cursors, in memory. Every store keeps this index beside its log: it decides what
//! a join, a leave or an ack changes, and which records the cursors pin. It does not store memberships itself.

use std::collections::{BTreeSet, HashMap};

use super::membership::Member;
use super::message::MessageHeader;
use super::op::OpOutcome;
use super::owed::{Cursors, Reader, first_unread, owed};
use crate::address::{ClientName, Namespace, RoomName, Seq};

#[derive(Debug, Default, Clone)]
pub struct Members {
    clients: HashMap<(Namespace, ClientName), Cursors>,
    /// The same by room, lowest cursor first. The first cursor pins the room.
    rooms: HashMap<(Namespace, RoomName), BTreeSet<(Seq, ClientName)>>,
}

impl Members {
    /// Adds a membership as it was stored.
    pub fn restore(&mut self, member: Member) {
        let Member {
            namespace,
            client,
            room,
            cursor,
        } = member;
        self.rooms
            .entry((namespace.clone(), room.clone()))
            .or_default()
            .insert((cursor, client.clone()));
        self.clients
            .entry((namespace, client))
            .or_default()
            .insert(room, cursor);
    }

    /// Makes `client` a member with this cursor. Returns the rooms that it was not a member of before.
    pub fn join(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
        rooms: &[RoomName],
        cursor: Seq,
    ) -> Vec<RoomName> {
        let mut joined = Vec::new();
        for room in rooms {
            if self.cursor(namespace, client, room).is_some() {
                continue;
            }
            self.restore(Member {
                namespace: namespace.clone(),
                client: client.clone(),
                room: room.clone(),
                cursor,
            });
            joined.push(room.clone());
        }
        joined
    }

    /// Ends memberships. Returns the rooms that `client` was a member of.
    pub fn leave(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
        rooms: &[RoomName],
    ) -> Vec<RoomName> {
        let key = (namespace.clone(), client.clone());
        let Some(cursors) = self.clients.get_mut(&key) else {
            return Vec::new();
        };
        let mut left = Vec::new();
        for room in rooms {
            let Some(cursor) = cursors.remove(room) else {
                continue;
            };
            let by_room = (namespace.clone(), room.clone());
            if let Some(members) = self.rooms.get_mut(&by_room) {
                members.remove(&(cursor, client.clone()));
                if members.is_empty() {
                    self.rooms.remove(&by_room);
                }
            }
            left.push(room.clone());
        }
        if cursors.is_empty() {
            self.clients.remove(&key);
        }
        left
    }

    /// Moves cursors forward, never back. Returns the rooms whose cursor moved.
    pub fn ack(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
        rooms: &[RoomName],
        cursor: Seq,
    ) -> Vec<RoomName> {
        let Some(cursors) = self.clients.get_mut(&(namespace.clone(), client.clone())) else {
            return Vec::new();
        };
        let mut moved = Vec::new();
        for room in rooms {
            let Some(at) = cursors.get_mut(room).filter(|at| **at < cursor) else {
                continue;
            };
            if let Some(members) = self.rooms.get_mut(&(namespace.clone(), room.clone())) {
                members.remove(&(*at, client.clone()));
                members.insert((cursor, client.clone()));
            }
            *at = cursor;
            moved.push(room.clone());
        }
        moved
    }

    /// The outcome of a `Subscribe` whose rooms are joined. `head` is the number of the last record.
    pub fn subscribed(
        &self,
        namespace: &Namespace,
        client: Option<&ClientName>,
        rooms: &[RoomName],
        head: u64,
    ) -> OpOutcome {
        let cursors = client.and_then(|client| self.cursors(namespace, client));
        let now = Seq::after_record(head);
        let cursor_of = |room: &RoomName| {
            let cursor = cursors.and_then(|cursors| cursors.get(room));
            (room.clone(), cursor.copied().unwrap_or(now))
        };
        let joined: Vec<RoomName> = cursors
            .into_iter()
            .flat_map(Cursors::keys)
            .cloned()
            .collect();
        let requested = if rooms.is_empty() && client.is_some() {
            &joined
        } else {
            rooms
        };
        let mut seen = BTreeSet::new();
        let rooms = requested
            .iter()
            .filter(|room| seen.insert(*room))
            .map(cursor_of)
            .collect();
        OpOutcome::Subscribed {
            namespace: namespace.clone(),
            client: client.cloned(),
            rooms,
            joined,
            head,
        }
    }

    /// A member that is offline, as it would read these of its rooms, or all of them if `rooms` is empty.
    pub fn offline_reader(
        &self,
        namespace: &Namespace,
        client: &ClientName,
        rooms: &[RoomName],
    ) -> Reader {
        let cursors = self.cursors(namespace, client).cloned().unwrap_or_default();
        let reads = |room: &RoomName| rooms.is_empty() || rooms.contains(room);
        Reader::offline(client.clone(), cursors, reads)
    }

    pub fn cursors(&self, namespace: &Namespace, client: &ClientName) -> Option<&Cursors> {
        self.clients.get(&(namespace.clone(), client.clone()))
    }

    pub fn cursor(
        &self,
        namespace: &Namespace,
        client: &ClientName,
        room: &RoomName,
    ) -> Option<Seq> {
        self.cursors(namespace, client)?.get(room).copied()
    }

    /// The lowest cursor in a room. Messages at or after it must stay. None if the room has no members.
    pub fn pin(&self, namespace: &Namespace, room: &RoomName) -> Option<Seq> {
        Some(self.lowest(namespace, room)?.0)
    }

    /// Whether a member of one of the record's rooms has not acknowledged its last message.
    pub fn is_pinned(&self, number: u64, header: &MessageHeader) -> bool {
        header.rooms.iter().any(|room| {
            self.pin(&header.namespace, room)
                .is_some_and(|pin| first_unread(number, header.count, pin).is_some())
        })
    }

    /// How many messages members would lose with this record, counted once per member.
    pub fn still_owed(&self, number: u64, header: &MessageHeader) -> u64 {
        let mut clients = BTreeSet::new();
        for room in header.rooms.iter() {
            let by_room = (header.namespace.clone(), room.clone());
            let members = self.rooms.get(&by_room).into_iter().flatten();
            clients.extend(
                members
                    .take_while(|(cursor, _)| first_unread(number, header.count, *cursor).is_some())
                    .map(|(_, client)| client),
            );
        }
        clients
            .into_iter()
            .filter_map(|client| {
                let cursors = self.cursors(&header.namespace, client)?.clone();
                let reader = Reader::offline(client.clone(), cursors, |_| true);
                owed(number, header, &reader)
            })
            .map(|first| u64::from(header.count - first))
            .sum()
    }

    /// For each room that has members, the member with the lowest cursor.
    pub fn lowest_of_each_room(&self) -> impl Iterator<Item = Member> + '_ {
        self.rooms
            .iter()
            .filter_map(|((namespace, room), members)| {
                let (cursor, client) = members.first()?;
                Some(Member {
                    namespace: namespace.clone(),
                    client: client.clone(),
                    room: room.clone(),
                    cursor: *cursor,
                })
            })
    }

    /// All memberships, by namespace, client and room.
    pub fn all(&self) -> Vec<Member> {
        let mut all: Vec<Member> = self
            .clients
            .iter()
            .flat_map(|((namespace, client), cursors)| {
                cursors.iter().map(|(room, cursor)| Member {
                    namespace: namespace.clone(),
                    client: client.clone(),
                    room: room.clone(),
                    cursor: *cursor,
                })
            })
            .collect();
        all.sort_by(|a, b| {
            (&a.namespace, &a.client, &a.room).cmp(&(&b.namespace, &b.client, &b.room))
        });
        all
    }

    fn lowest(&self, namespace: &Namespace, room: &RoomName) -> Option<&(Seq, ClientName)> {
        self.rooms.get(&(namespace.clone(), room.clone()))?.first()
    }
}
