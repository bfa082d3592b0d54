//! Changes of recoverable sessions as part of a transaction.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{OptionalExtension, Result, params};

use super::row::{name, optional_name};
use super::session_rows;
use super::transaction::OpTransaction;
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::limits;
use crate::store::op::OpOutcome;
use crate::store::owed::Cursors;
use crate::store::recovery::{cursor_on_entry, initial_rooms, resume, resumed_rooms};
use crate::store::retention::has_passed;
use crate::store::sessions::{
    HolderId, OpenedSession, ResumeRequest, SessionIdentity, SessionOp, SessionOrigin,
};

impl OpTransaction<'_> {
    pub(super) fn session(&mut self, op: &SessionOp) -> Result<OpOutcome> {
        match op {
            SessionOp::Open {
                holder,
                new,
                resume,
            } => {
                let opened = self.open_session(*holder, new, resume.as_ref())?;
                return Ok(OpOutcome::SessionOpened(opened));
            }
            SessionOp::Enter { holder, rooms } => self.enter_rooms(*holder, rooms)?,
            SessionOp::Exit { holder, rooms } => {
                if let Some(id) = session_rows::held_by(self.conn, *holder)? {
                    session_rows::delete_rooms(self.conn, id, rooms.iter())?;
                }
            }
            SessionOp::Lost(holder) => session_rows::set_lost(self.conn, *holder, self.now_ms)?,
            SessionOp::Forget(holder) => {
                if let Some(id) = session_rows::held_by(self.conn, *holder)? {
                    self.delete_session(id)?;
                }
            }
            SessionOp::AllLost => session_rows::set_all_lost(self.conn, self.now_ms)?,
        }
        Ok(OpOutcome::Noop)
    }

    /// None if `limits::SESSIONS_REMEMBERED` sessions are held, so that none can make room.
    fn open_session(
        &mut self,
        holder: HolderId,
        new: &SessionIdentity,
        request: Option<&ResumeRequest>,
    ) -> Result<Option<OpenedSession>> {
        if let Some(request) = request
            && let Some(resumed) = self.resume_session(holder, new, request)?
        {
            return Ok(Some(resumed));
        }
        if self.state.sessions >= limits::SESSIONS_REMEMBERED {
            match session_rows::lost_first(self.conn)? {
                Some(id) => self.delete_session(id)?,
                None => return Ok(None),
            }
        }
        let id = session_rows::insert(self.conn, new, holder)?;
        self.state.sessions += 1;
        let rooms = initial_rooms(&self.state.members, new, self.state.head);
        session_rows::insert_rooms(self.conn, id, &rooms)?;
        Ok(Some(OpenedSession::new(new, rooms)))
    }

    fn resume_session(
        &mut self,
        holder: HolderId,
        new: &SessionIdentity,
        request: &ResumeRequest,
    ) -> Result<Option<OpenedSession>> {
        let client = new.client.as_ref().map(ClientName::as_str);
        let found = self
            .conn
            .prepare_cached("SELECT id, sid, lost_ms FROM sessions WHERE pid = ?1 AND namespace = ?2 AND client IS ?3")?
            .query_row(params![request.pid, new.namespace.as_str(), client], |row| {
                <(i64, String, Option<u64>)>::try_from(row)
            })
            .optional()?;
        let Some((id, sid, lost_ms)) = found else {
            return Ok(None);
        };
        let age = self.retention.session_age;
        if lost_ms.is_some_and(|at_ms| has_passed(at_ms, age, self.now_ms)) {
            return Ok(None);
        }
        let before = session_rows::rooms(self.conn, id)?;
        let initial = initial_rooms(&self.state.members, new, self.state.head);
        let mut entered = resumed_rooms(before.clone(), initial, new.client.as_ref());
        let pruned_to = self.pruned_to(new, &entered)?;
        let rooms = resume(entered.clone(), request.from, self.state.head, |room| {
            pruned_to.get(room).copied()
        });
        let Some(rooms) = rooms else { return Ok(None) };
        session_rows::set_holder(self.conn, id, holder)?;
        let exited = before.keys().filter(|room| !entered.contains_key(*room));
        session_rows::delete_rooms(self.conn, id, exited)?;
        entered.retain(|room, _| !before.contains_key(room));
        session_rows::insert_rooms(self.conn, id, &entered)?;
        Ok(Some(OpenedSession {
            pid: request.pid.as_str().into(),
            sid: Arc::from(sid),
            origin: SessionOrigin::Recovered,
            rooms,
        }))
    }

    /// For each room, the place after the highest record pruned there.
    fn pruned_to(&self, new: &SessionIdentity, rooms: &Cursors) -> Result<HashMap<RoomName, Seq>> {
        let mut pruned_to = HashMap::new();
        let sql = "SELECT pruned_to, pruned_count FROM rooms WHERE namespace = ?1 AND name = ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        for room in rooms.keys() {
            let found = statement
                .query_row(params![new.namespace.as_str(), room.as_str()], |row| {
                    Ok(Seq::new(row.get(0)?, row.get(1)?))
                })
                .optional()?;
            pruned_to.extend(found.map(|seq| (room.clone(), seq)));
        }
        Ok(pruned_to)
    }

    fn enter_rooms(&self, holder: HolderId, rooms: &[RoomName]) -> Result<()> {
        let sql = "SELECT id, namespace, client FROM sessions WHERE holder = ?1";
        let mut held = self.conn.prepare_cached(sql)?;
        let found = held.query_row([holder.0], |row| {
            let namespace = name(row, 1, Namespace::parse)?;
            let client = optional_name(row, 2, ClientName::parse)?;
            Ok((row.get(0)?, namespace, client))
        });
        let Some((id, namespace, client)) = found.optional()? else {
            return Ok(());
        };
        let cursor = |room: &RoomName| {
            let client = (&namespace, client.as_ref());
            let cursor = cursor_on_entry(&self.state.members, client, room, self.state.head);
            (room.clone(), cursor)
        };
        session_rows::insert_rooms(self.conn, id, &rooms.iter().map(cursor).collect())
    }

    fn delete_session(&mut self, id: i64) -> Result<()> {
        session_rows::delete(self.conn, id)?;
        self.state.sessions -= 1;
        Ok(())
    }
}
