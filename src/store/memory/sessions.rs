//! The sessions of the store in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::limits;
use crate::store::members::Members;
use crate::store::owed::Cursors;
use crate::store::recovery::{cursor_on_entry, initial_rooms, resume, resumed_rooms};
use crate::store::retention::has_passed;
use crate::store::sessions::{
    HolderId, OpenedSession, ResumeRequest, SessionIdentity, SessionOrigin,
};

#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// By pid.
    sessions: BTreeMap<Arc<str>, StoredSession>,
    holders: HashMap<HolderId, Arc<str>>,
}

#[derive(Debug)]
struct StoredSession {
    identity: SessionIdentity,
    state: SessionState,
    rooms: Cursors,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionState {
    Held(HolderId),
    /// When its connection was lost, milliseconds since 1970.
    Lost(u64),
}

/// What sessions need of the rest of the store.
pub(super) struct SessionContext<'a> {
    pub(super) members: &'a Members,
    pub(super) head: u64,
    pub(super) now_ms: u64,
    pub(super) session_age: Duration,
}

impl Sessions {
    /// None if `limits::SESSIONS_REMEMBERED` sessions are held, so that none can make room.
    pub(super) fn open(
        &mut self,
        (holder, new, request): (HolderId, &SessionIdentity, Option<ResumeRequest>),
        context: &SessionContext<'_>,
        pruned_to: impl Fn(&RoomName) -> Option<Seq>,
    ) -> Option<OpenedSession> {
        let resumed =
            request.and_then(|request| self.resume((holder, new, request), context, pruned_to));
        if resumed.is_some() {
            return resumed;
        }
        if self.sessions.len() >= limits::SESSIONS_REMEMBERED {
            let lost = self
                .sessions
                .iter()
                .filter_map(|(pid, session)| match session.state {
                    SessionState::Lost(at_ms) => Some((at_ms, Arc::clone(pid))),
                    SessionState::Held(_) => None,
                });
            let (_, lost_first) = lost.min()?;
            self.sessions.remove(&lost_first);
        }
        let rooms = initial_rooms(context.members, new, context.head);
        let opened = OpenedSession::new(new, rooms.clone());
        self.holders.insert(holder, Arc::clone(&new.pid));
        let session = StoredSession {
            state: SessionState::Held(holder),
            rooms,
            identity: new.clone(),
        };
        self.sessions.insert(Arc::clone(&opened.pid), session);
        Some(opened)
    }

    fn resume(
        &mut self,
        (holder, new, request): (HolderId, &SessionIdentity, ResumeRequest),
        context: &SessionContext<'_>,
        pruned_to: impl Fn(&RoomName) -> Option<Seq>,
    ) -> Option<OpenedSession> {
        let session = self.sessions.get_mut(&*request.pid)?;
        let identity = &session.identity;
        let is_same = identity.namespace == new.namespace && identity.client == new.client;
        let is_expired = match session.state {
            SessionState::Lost(at_ms) => has_passed(at_ms, context.session_age, context.now_ms),
            SessionState::Held(_) => false,
        };
        if !is_same || is_expired {
            return None;
        }
        let initial = initial_rooms(context.members, new, context.head);
        let entered = resumed_rooms(session.rooms.clone(), initial, new.client.as_ref());
        let rooms = resume(entered.clone(), request.from, context.head, pruned_to)?;
        session.rooms = entered;
        if let SessionState::Held(former) = session.state {
            self.holders.remove(&former);
        }
        session.state = SessionState::Held(holder);
        self.holders
            .insert(holder, Arc::clone(&session.identity.pid));
        Some(OpenedSession {
            pid: Arc::clone(&session.identity.pid),
            sid: Arc::clone(&session.identity.sid),
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
        let identity = &session.identity;
        let is_same = identity.namespace == *namespace && identity.client.as_ref() == client;
        let is_alive = match session.state {
            SessionState::Held(_) => true,
            SessionState::Lost(at_ms) => at_ms > lost_by_ms,
        };
        (is_same && is_alive).then(|| Arc::clone(&identity.sid))
    }

    pub(super) fn enter(
        &mut self,
        holder: HolderId,
        rooms: Vec<RoomName>,
        context: &SessionContext<'_>,
    ) {
        let Some(session) = self.held_by(holder) else {
            return;
        };
        for room in rooms {
            let identity = &session.identity;
            let client = (&identity.namespace, identity.client.as_ref());
            let cursor = cursor_on_entry(context.members, client, &room, context.head);
            session.rooms.entry(room).or_insert(cursor);
        }
    }

    pub(super) fn exit(&mut self, holder: HolderId, rooms: &[RoomName]) {
        if let Some(session) = self.held_by(holder) {
            session.rooms.retain(|room, _| !rooms.contains(room));
        }
    }

    pub(super) fn lost(&mut self, holder: HolderId, now_ms: u64) {
        if let Some(session) = self.held_by(holder) {
            session.state = SessionState::Lost(now_ms);
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
            if let SessionState::Held(_) = session.state {
                session.state = SessionState::Lost(now_ms);
            }
        }
        self.holders.clear();
    }

    pub(super) fn prune(&mut self, session_age: Duration, now_ms: u64) {
        self.sessions.retain(|_, session| match session.state {
            SessionState::Held(_) => true,
            SessionState::Lost(at_ms) => !has_passed(at_ms, session_age, now_ms),
        });
    }

    fn held_by(&mut self, holder: HolderId) -> Option<&mut StoredSession> {
        let pid = self.holders.get(&holder)?;
        self.sessions.get_mut(pid)
    }
}
