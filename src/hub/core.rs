//! The hub's core: who is here, who is in which room, and what becomes of each committed thing.
//!
//! A pure `step(input, effects)`: no task, no clock, no disk, no socket. Inputs from the commit log come in its order.

mod fanout;
mod listing;
mod people;
mod presence;
mod recovery;
mod rooms;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use super::parcel::{Kind, Parcel};
use super::peer::Vitals;
use super::request::{
    IdHasher, Input, Presence, Publisher, Receipt, Request, SocketId, Told, Want,
};
use crate::address::{ClientName, Namespace, RoomName};
use crate::store::sessions::OpenedSession;
use crate::store::{Member, NewRecord, OpOutcome, Reader, Record};

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
    begun: Option<Box<OpenedSession>>,
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
    /// Those that are here: not those that were told to go.
    sockets: BTreeSet<SocketId>,
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
    /// Of two with one sid, who came back with it.
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
                record,
                at_ms,
                request,
            } => self.fan_out_volatile(record, at_ms, request, effects),
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
                self.connect(socket, namespace, reader, vitals);
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

    fn connect(&mut self, id: SocketId, namespace: Namespace, reader: Reader, vitals: Arc<Vitals>) {
        if let Some(sid) = &reader.sid {
            // Somebody who comes back may show the sid that it is about to take over.
            self.by_sid.entry(Arc::clone(sid)).or_insert(id);
        }
        let space = self.spaces.entry(namespace.clone()).or_default();
        space.sockets.insert(id);
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
        self.sockets.insert(id, state);
    }

    /// What skips the store has numbers of its own, below those of the log.
    fn fan_out_volatile(
        &mut self,
        record: NewRecord,
        at_ms: u64,
        request: Request,
        effects: &mut impl Effects,
    ) {
        self.volatile -= 1;
        let record = Record {
            number: self.volatile,
            at_ms,
            header: record.header,
            body: record.body,
        };
        let receipt = self.publish(Parcel::new(record, Kind::Volatile), effects);
        let told = Told::Receipt {
            answer: request.answer,
            publisher: match request.want {
                Want::Publish(publisher) => publisher,
                _ => Publisher::Single,
            },
            receipt,
        };
        effects.tell(request.socket, told);
    }

    fn committed(&mut self, done: OpOutcome, request: Request, effects: &mut impl Effects) {
        let Request {
            socket,
            answer,
            want,
        } = request;
        if answer.is_none() && matches!(want, Want::Ack) {
            return;
        }
        match (done, want) {
            (done, Want::Publish(publisher)) => {
                let told = self.published(done, publisher, answer, effects);
                told.into_iter().for_each(|told| effects.tell(socket, told));
            }
            (_, Want::Disconnect) => self.disconnect(socket, effects),
            (_, Want::Direct(direct)) => fanout::hand(socket, *direct, effects),
            (done, Want::Begin) => self.begin(socket, done, effects),
            (OpOutcome::Refused(refusal), _) => {
                effects.tell(socket, Told::Refused { answer, refusal })
            }
            (done, Want::Join(rooms, membership)) => {
                let asked = (rooms, membership);
                self.join(socket, answer, asked, done == OpOutcome::Joined, effects);
            }
            (done, Want::Leave(rooms)) => {
                self.leave(socket, answer, rooms, done == OpOutcome::Left, effects)
            }
            (
                OpOutcome::Subscribed {
                    rooms,
                    joined,
                    head,
                },
                Want::Subscribe(stretch),
            ) => {
                self.subscribe(socket, answer, (rooms, joined, head), stretch, effects);
            }
            (OpOutcome::Purged { rooms, cursor }, Want::Purge { client, messages }) => {
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
                Want::Subscribe(_)
                | Want::Rooms(_)
                | Want::Names(_)
                | Want::Purge { .. }
                | Want::Who(_)
                | Want::Kick(_),
            ) => {}
        }
    }

    /// What whoever published it is told.
    fn published(
        &mut self,
        done: OpOutcome,
        publisher: Publisher,
        answer: Option<u64>,
        effects: &mut impl Effects,
    ) -> Option<Told> {
        let receipt = match done {
            OpOutcome::Appended(record) => {
                self.head = record.number;
                self.publish(Parcel::new(record, Kind::Durable), effects)
            }
            OpOutcome::Duplicate { first } => Receipt::of_duplicate(first),
            OpOutcome::Delayed { due_ms, count } => {
                return Some(Told::Delayed {
                    answer,
                    publisher,
                    due_ms,
                    count,
                });
            }
            OpOutcome::Refused(refusal) => return Some(Told::Refused { answer, refusal }),
            _ => return None,
        };
        Some(Told::Receipt {
            answer,
            publisher,
            receipt,
        })
    }
}
