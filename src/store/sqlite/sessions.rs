//! Sessions as rows: what happens to them is part of the group that it comes in.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Result, params};

use super::commit::Group;
use super::row::{name, optional};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::limits;
use crate::store::sessions::{
    HolderId, OpenedSession, ResumeRequest, RoomCursors, SessionIdentity, SessionOp, SessionOrigin,
    first_rooms, resume, rooms_again, since,
};
use crate::store::{OpOutcome, past};

impl Group<'_> {
    pub(super) fn session(&mut self, op: &SessionOp) -> Result<OpOutcome> {
        match op {
            SessionOp::Open {
                holder,
                new,
                earlier,
            } => {
                return Ok(OpOutcome::SessionOpened(self.begin(
                    *holder,
                    new,
                    earlier.as_ref(),
                )?));
            }
            SessionOp::Enter { holder, rooms } => self.enter(*holder, rooms)?,
            SessionOp::Exit { holder, rooms } => self.exit(*holder, rooms)?,
            SessionOp::Lost(holder) => {
                let sql = "UPDATE sessions SET holder = NULL, lost_ms = ?2 WHERE holder = ?1";
                let mut lost = self.conn.prepare_cached(sql)?;
                lost.execute(params![holder.0, self.now_ms])?;
            }
            SessionOp::Forget(holder) => {
                let sql = "SELECT id FROM sessions WHERE holder = ?1";
                let mut held = self.conn.prepare_cached(sql)?;
                if let Some(id) = held.query_row([holder.0], |row| row.get(0)).optional()? {
                    self.forget(id)?;
                }
            }
            SessionOp::AllLost => {
                let sql =
                    "UPDATE sessions SET holder = NULL, lost_ms = ?1 WHERE holder IS NOT NULL";
                self.conn.prepare_cached(sql)?.execute([self.now_ms])?;
            }
        }
        Ok(OpOutcome::Noop)
    }

    /// None when so many are held that one more cannot be remembered.
    fn begin(
        &mut self,
        holder: HolderId,
        new: &SessionIdentity,
        earlier: Option<&ResumeRequest>,
    ) -> Result<Option<OpenedSession>> {
        if let Some(earlier) = earlier
            && let Some(begun) = self.take_up(holder, new, earlier)?
        {
            return Ok(Some(begun));
        }
        if self.state.sessions >= limits::SESSIONS_REMEMBERED {
            let sql =
                "SELECT id FROM sessions WHERE lost_ms IS NOT NULL ORDER BY lost_ms, pid LIMIT 1";
            let mut longest_gone = self.conn.prepare_cached(sql)?;
            match longest_gone.query_row([], |row| row.get(0)).optional()? {
                Some(id) => self.forget(id)?,
                None => return Ok(None),
            }
        }
        let client = new.client.as_ref().map(ClientName::as_str);
        self.conn
            .prepare_cached("INSERT INTO sessions (pid, sid, namespace, client, holder) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![&*new.pid, &*new.sid, new.namespace.as_str(), client, holder.0])?;
        self.state.sessions += 1;
        let rooms = first_rooms(&self.state.members, new, self.state.head);
        self.insert_rooms(self.conn.last_insert_rowid(), &rooms)?;
        Ok(Some(OpenedSession::new(new, rooms)))
    }

    fn take_up(
        &mut self,
        holder: HolderId,
        new: &SessionIdentity,
        earlier: &ResumeRequest,
    ) -> Result<Option<OpenedSession>> {
        let client = new.client.as_ref().map(ClientName::as_str);
        let found = self
            .conn
            .prepare_cached("SELECT id, sid, lost_ms FROM sessions WHERE pid = ?1 AND namespace = ?2 AND client IS ?3")?
            .query_row(params![earlier.pid, new.namespace.as_str(), client], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((id, sid, lost_ms)) = found else {
            return Ok(None);
        };
        let (id, sid, lost_ms): (i64, String, Option<u64>) = (id, sid, lost_ms);
        if lost_ms.is_some_and(|at_ms| past(at_ms, self.keep.session_age, self.now_ms)) {
            return Ok(None);
        }
        let before = self.rooms_of(id)?;
        let first = first_rooms(&self.state.members, new, self.state.head);
        let since = rooms_again(before.clone(), first, new.client.as_ref());
        let pruned_to = self.pruned_to(new, &since)?;
        let from = earlier.from;
        let rooms = resume(since.clone(), from, self.state.head, |room| {
            pruned_to.get(room).copied()
        });
        let Some(rooms) = rooms else { return Ok(None) };
        self.conn
            .prepare_cached("UPDATE sessions SET holder = ?2, lost_ms = NULL WHERE id = ?1")?
            .execute(params![id, holder.0])?;
        self.delete_rooms(id, before.keys().filter(|room| !since.contains_key(*room)))?;
        let mut entered = since;
        entered.retain(|room, _| !before.contains_key(room));
        self.insert_rooms(id, &entered)?;
        Ok(Some(OpenedSession {
            pid: earlier.pid.as_str().into(),
            sid: Arc::from(sid),
            origin: SessionOrigin::Recovered,
            rooms,
        }))
    }

    /// Of each room the place behind the highest record pruned there.
    fn pruned_to(
        &self,
        new: &SessionIdentity,
        rooms: &RoomCursors,
    ) -> Result<HashMap<RoomName, Seq>> {
        let mut pruned_to = HashMap::new();
        let sql = "SELECT pruned_to, pruned_count FROM rooms WHERE namespace = ?1 AND name = ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        for room in rooms.keys() {
            let found = statement
                .query_row(params![new.namespace.as_str(), room.as_str()], |row| {
                    Ok(Seq::new(row.get(0)?, row.get(1)?))
                })
                .optional()?;
            pruned_to.extend(found.map(|place| (room.clone(), place)));
        }
        Ok(pruned_to)
    }

    fn enter(&self, holder: HolderId, rooms: &[RoomName]) -> Result<()> {
        let sql = "SELECT id, namespace, client FROM sessions WHERE holder = ?1";
        let mut held = self.conn.prepare_cached(sql)?;
        let found = held.query_row([holder.0], |row| {
            let namespace = name(row, 1, Namespace::parse)?;
            Ok((row.get(0)?, namespace, optional(row, 2, ClientName::parse)?))
        });
        let Some((id, namespace, client)) = found.optional()? else {
            return Ok(());
        };
        let place = |room: &RoomName| {
            let who = (&namespace, client.as_ref());
            let since = since(&self.state.members, who, room, self.state.head);
            (room.clone(), since)
        };
        self.insert_rooms(id, &rooms.iter().map(place).collect())
    }

    fn exit(&self, holder: HolderId, rooms: &[RoomName]) -> Result<()> {
        let sql = "SELECT id FROM sessions WHERE holder = ?1";
        let mut held = self.conn.prepare_cached(sql)?;
        match held.query_row([holder.0], |row| row.get(0)).optional()? {
            Some(id) => self.delete_rooms(id, rooms.iter()),
            None => Ok(()),
        }
    }

    fn rooms_of(&self, id: i64) -> Result<RoomCursors> {
        let sql = "SELECT room, since_record, since_index FROM session_rooms WHERE session = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rooms = statement.query_map([id], |row| {
            Ok((
                name(row, 0, RoomName::parse)?,
                Seq::new(row.get(1)?, row.get(2)?),
            ))
        })?;
        rooms.collect()
    }

    /// Those that it is in already keep their place.
    fn insert_rooms(&self, id: i64, rooms: &RoomCursors) -> Result<()> {
        let mut insert = self.conn.prepare_cached(
            "INSERT OR IGNORE INTO session_rooms (session, room, since_record, since_index) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (room, since) in rooms {
            insert.execute(params![id, room.as_str(), since.record, since.index])?;
        }
        Ok(())
    }

    fn delete_rooms<'a>(&self, id: i64, rooms: impl Iterator<Item = &'a RoomName>) -> Result<()> {
        let sql = "DELETE FROM session_rooms WHERE session = ?1 AND room = ?2";
        let mut delete = self.conn.prepare_cached(sql)?;
        for room in rooms {
            delete.execute(params![id, room.as_str()])?;
        }
        Ok(())
    }

    fn forget(&mut self, id: i64) -> Result<()> {
        forget(self.conn, id)?;
        self.state.sessions -= 1;
        Ok(())
    }
}

pub(super) fn forget(conn: &Connection, id: i64) -> Result<()> {
    conn.prepare_cached("DELETE FROM session_rooms WHERE session = ?1")?
        .execute([id])?;
    conn.prepare_cached("DELETE FROM sessions WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// As a reader asks for it, `StoreReader::sid_of`.
pub(super) fn sid_of(
    conn: &Connection,
    pid: &str,
    (namespace, client): (&Namespace, Option<&ClientName>),
    lost_by_ms: u64,
) -> Result<Option<Arc<str>>> {
    let lost_by_ms = lost_by_ms.min(i64::MAX as u64);
    let client = client.map(ClientName::as_str);
    conn.prepare_cached(
        "SELECT sid FROM sessions WHERE pid = ?1 AND namespace = ?2 AND client IS ?3 AND (lost_ms IS NULL OR lost_ms > ?4)",
    )?
    .query_row(params![pid, namespace.as_str(), client, lost_by_ms], |row| {
        Ok(Arc::from(row.get::<_, String>(0)?))
    })
    .optional()
}
