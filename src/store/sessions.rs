//! Sockets that may come back (Socket.IO's connection state recovery): what is remembered of each, so that a client that
//! shows its `pid` gets its sid and its rooms again, and what it missed there.
//!
//! The words for it, what every store decides alike, and the sessions of the store in memory. Knows nothing of sockets: who
//! holds a session is a number.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::members::Members;
use super::owed::Reader;
use super::{gap, past};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::limits;

/// Of each room the first seq that is still owed there.
pub type RoomCursors = BTreeMap<RoomName, Seq>;

/// What happens to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionOp {
    /// Takes up the `earlier` session if it is one of the same namespace and client that may still come back, and nothing
    /// of what it missed is gone; otherwise begins `new`. Either way `holder` holds it from now on and nobody else does.
    Open {
        holder: HolderId,
        new: SessionIdentity,
        earlier: Option<ResumeRequest>,
    },
    /// It is in these rooms too; of those that are new to it, from here on (a member: from its cursor on).
    Enter {
        holder: HolderId,
        rooms: Vec<RoomName>,
    },
    Exit {
        holder: HolderId,
        rooms: Vec<RoomName>,
    },
    /// Its connection was lost: it may come back until `Retention::session_age` has passed.
    Lost(HolderId),
    /// It ended for good.
    Forget(HolderId),
    /// Whoever held a session is gone: the hub begins. Their time counts from here.
    AllLost,
}

/// Who holds a session: random, so that none of an earlier run is met again. What a former holder does changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HolderId(pub u64);

impl HolderId {
    pub fn random() -> Self {
        let number = getrandom::u64().expect("the system has randomness");
        // SQLite's integers are signed.
        Self(number >> 1)
    }
}

/// A session when it begins: of a client its rooms, of anyone else the empty room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionIdentity {
    /// Who shows it takes the session up.
    pub pid: Arc<str>,
    pub sid: Arc<str>,
    pub namespace: Namespace,
    pub client: Option<ClientName>,
}

/// What a client shows of its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumeRequest {
    pub pid: String,
    /// The first place that it did not get; None: it got nothing yet.
    pub from: Option<Seq>,
}

/// The session that is held now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedSession {
    pub pid: Arc<str>,
    pub sid: Arc<str>,
    pub origin: SessionOrigin,
    /// Where its rooms go on. Of a client those that are not here go on at its cursors.
    pub rooms: RoomCursors,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionOrigin {
    New,
    Recovered,
}

/// The rooms of a session that is taken up: those it entered, as far as its client is still a member of them, and those
/// that it would begin with, which are new to it.
pub(super) fn rooms_again(
    mut since: RoomCursors,
    first: RoomCursors,
    client: Option<&ClientName>,
) -> RoomCursors {
    if client.is_some() {
        since.retain(|room, _| first.contains_key(room));
    }
    for (room, place) in first {
        since.entry(room).or_insert(place);
    }
    since
}

/// Where a session goes on that got everything before `from`; None when that is no place in this log, or some of what it
/// missed is gone. A room is owed nothing from before it was entered, whatever the client says.
pub(super) fn resume(
    mut since: RoomCursors,
    from: Option<Seq>,
    head: u64,
    pruned_to: impl Fn(&RoomName) -> Option<Seq>,
) -> Option<RoomCursors> {
    if from.is_some_and(|from| from > Seq::after_record(head)) {
        return None;
    }
    for place in since.values_mut() {
        *place = from.map_or(*place, |from| from.max(*place));
    }
    let reader = Reader {
        rooms: since,
        ..Reader::default()
    };
    gap(&reader, pruned_to).is_none().then_some(reader.rooms)
}

/// From where a session is owed the messages of a room that it enters.
pub(super) fn since(
    members: &Members,
    (namespace, client): (&Namespace, Option<&ClientName>),
    room: &RoomName,
    head: u64,
) -> Seq {
    let cursor = client.and_then(|client| members.cursor(namespace, client, room));
    cursor.unwrap_or(Seq::after_record(head))
}

/// The rooms of a session that begins.
pub(super) fn first_rooms(members: &Members, new: &SessionIdentity, head: u64) -> RoomCursors {
    match &new.client {
        Some(client) => members
            .cursors(&new.namespace, client)
            .cloned()
            .unwrap_or_default(),
        None => RoomCursors::from([(RoomName::whole_namespace(), Seq::after_record(head))]),
    }
}

impl OpenedSession {
    pub(super) fn new(session: &SessionIdentity, rooms: RoomCursors) -> Self {
        Self {
            pid: Arc::clone(&session.pid),
            sid: Arc::clone(&session.sid),
            origin: SessionOrigin::New,
            rooms: if session.client.is_some() {
                RoomCursors::new()
            } else {
                rooms
            },
        }
    }
}

/// The sessions of the store in memory.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    sessions: BTreeMap<Arc<str>, Session>,
    holders: HashMap<HolderId, Arc<str>>,
}

#[derive(Debug)]
struct Session {
    began: SessionIdentity,
    state: State,
    since: RoomCursors,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Held(HolderId),
    /// Since when, milliseconds since 1970.
    Lost(u64),
}

/// What the sessions ask of the rest of the store.
pub(super) struct Around<'a> {
    pub(super) members: &'a Members,
    pub(super) head: u64,
    pub(super) now_ms: u64,
    pub(super) session_age: Duration,
}

impl Sessions {
    /// None when so many are held that one more cannot be remembered.
    pub(super) fn begin(
        &mut self,
        (holder, new, earlier): (HolderId, &SessionIdentity, Option<ResumeRequest>),
        around: &Around<'_>,
        pruned_to: impl Fn(&RoomName) -> Option<Seq>,
    ) -> Option<OpenedSession> {
        let begun = earlier.and_then(|it| self.take_up((holder, new, it), around, pruned_to));
        if begun.is_some() {
            return begun;
        }
        if self.sessions.len() >= limits::SESSIONS_REMEMBERED {
            let lost = self.sessions.iter().filter_map(|(pid, it)| match it.state {
                State::Lost(at_ms) => Some((at_ms, Arc::clone(pid))),
                State::Held(_) => None,
            });
            let (_, longest_gone) = lost.min()?;
            self.sessions.remove(&longest_gone);
        }
        let since = first_rooms(around.members, new, around.head);
        let begun = OpenedSession::new(new, since.clone());
        self.holders.insert(holder, Arc::clone(&new.pid));
        let session = Session {
            state: State::Held(holder),
            since,
            began: new.clone(),
        };
        self.sessions.insert(Arc::clone(&begun.pid), session);
        Some(begun)
    }

    fn take_up(
        &mut self,
        (holder, new, earlier): (HolderId, &SessionIdentity, ResumeRequest),
        around: &Around<'_>,
        pruned_to: impl Fn(&RoomName) -> Option<Seq>,
    ) -> Option<OpenedSession> {
        let session = self.sessions.get_mut(&*earlier.pid)?;
        let same = session.began.namespace == new.namespace && session.began.client == new.client;
        let gone = match session.state {
            State::Lost(at_ms) => past(at_ms, around.session_age, around.now_ms),
            State::Held(_) => false,
        };
        if !same || gone {
            return None;
        }
        let first = first_rooms(around.members, new, around.head);
        let since = rooms_again(session.since.clone(), first, new.client.as_ref());
        let rooms = resume(since.clone(), earlier.from, around.head, pruned_to)?;
        session.since = since;
        if let State::Held(former) = session.state {
            self.holders.remove(&former);
        }
        session.state = State::Held(holder);
        self.holders.insert(holder, Arc::clone(&session.began.pid));
        Some(OpenedSession {
            pid: Arc::clone(&session.began.pid),
            sid: Arc::clone(&session.began.sid),
            origin: SessionOrigin::Recovered,
            rooms,
        })
    }

    pub(super) fn sid_of(
        &self,
        pid: &str,
        namespace: &Namespace,
        client: Option<&ClientName>,
        lost_by_ms: u64,
    ) -> Option<Arc<str>> {
        let session = self.sessions.get(pid)?;
        let began = &session.began;
        let same = began.namespace == *namespace && began.client.as_ref() == client;
        let there = match session.state {
            State::Held(_) => true,
            State::Lost(at_ms) => at_ms > lost_by_ms,
        };
        (same && there).then(|| Arc::clone(&began.sid))
    }

    pub(super) fn enter(&mut self, holder: HolderId, rooms: Vec<RoomName>, around: &Around<'_>) {
        let Some(session) = self.held_by(holder) else {
            return;
        };
        for room in rooms {
            let who = (&session.began.namespace, session.began.client.as_ref());
            let place = since(around.members, who, &room, around.head);
            session.since.entry(room).or_insert(place);
        }
    }

    pub(super) fn exit(&mut self, holder: HolderId, rooms: &[RoomName]) {
        if let Some(session) = self.held_by(holder) {
            session.since.retain(|room, _| !rooms.contains(room));
        }
    }

    pub(super) fn lost(&mut self, holder: HolderId, now_ms: u64) {
        if let Some(session) = self.held_by(holder) {
            session.state = State::Lost(now_ms);
            self.holders.remove(&holder);
        }
    }

    pub(super) fn forget(&mut self, holder: HolderId) {
        if let Some(pid) = self.holders.remove(&holder) {
            self.sessions.remove(&pid);
        }
    }

    pub(super) fn all_lost(&mut self, now_ms: u64) {
        for session in self.sessions.values_mut() {
            if let State::Held(_) = session.state {
                session.state = State::Lost(now_ms);
            }
        }
        self.holders.clear();
    }

    pub(super) fn prune(&mut self, session_age: Duration, now_ms: u64) {
        self.sessions.retain(|_, session| match session.state {
            State::Held(_) => true,
            State::Lost(at_ms) => !past(at_ms, session_age, now_ms),
        });
    }

    fn held_by(&mut self, holder: HolderId) -> Option<&mut Session> {
        let pid = self.holders.get(&holder)?;
        self.sessions.get_mut(pid)
    }
}
