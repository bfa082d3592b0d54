//! The part of the file that the writer keeps in memory: the end of the log, the cursors, and the row ids of rooms.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::{Connection, OptionalExtension, Result, params};

use super::row::name;
use super::{delayed_rows, session_rows};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::limits;
use crate::store::delayed::DelayedUsage;
use crate::store::members::Members;
use crate::store::membership::Member;
use crate::store::message::log_bytes;

pub(super) struct WriterState {
    /// The number of the last record ever appended.
    pub(super) head: u64,
    /// The time of the last record ever appended.
    pub(super) last_ms: u64,
    /// The size of the whole log, pruned records included: where the next record starts.
    pub(super) end: u64,
    pub(super) members: Members,
    /// How many sessions are stored.
    pub(super) sessions: usize,
    pub(super) delayed: DelayedUsage,
    /// The file's data version when the delayed records were counted.
    pub(super) delayed_version: i64,
    rooms: HashMap<(Namespace, RoomName), RoomState>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct RoomState {
    /// Its row.
    pub(super) id: i64,
    /// The size of the room's records: where its next one starts.
    pub(super) end: u64,
}

impl WriterState {
    pub(super) fn load(conn: &Connection) -> Result<Self> {
        let pruned = |name| -> Result<u64> {
            let sql = "SELECT value FROM meta WHERE name = ?1";
            conn.query_row(sql, [name], |row| row.get(0))
        };
        let mut head = pruned("pruned_to")?;
        let mut last_ms = pruned("pruned_ms")?;
        let mut end = pruned("pruned_end")?;
        let last = conn
            .query_row(
                "SELECT record, at_ms, start, length(body) FROM log ORDER BY record DESC LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .optional()?;
        if let Some((record, at_ms, start, body_bytes)) = last {
            let start: u64 = start;
            head = head.max(record);
            last_ms = last_ms.max(at_ms);
            end = end.max(start + log_bytes(body_bytes));
        }
        Ok(Self {
            head,
            last_ms,
            end,
            members: load_members(conn)?,
            sessions: session_rows::count(conn)?,
            delayed_version: delayed_rows::data_version(conn)?,
            delayed: delayed_rows::usage(conn)?,
            rooms: HashMap::new(),
        })
    }

    /// A room's state. Creates its row if there is none.
    pub(super) fn room(
        &mut self,
        conn: &Connection,
        namespace: &Namespace,
        room: &RoomName,
    ) -> Result<&mut RoomState> {
        let key = (namespace.clone(), room.clone());
        if self.rooms.len() >= limits::ROOMS_REMEMBERED && !self.rooms.contains_key(&key) {
            self.rooms.clear();
        }
        match self.rooms.entry(key) {
            Entry::Occupied(room) => Ok(room.into_mut()),
            Entry::Vacant(entry) => {
                let loaded = load_room(conn, namespace, room)?;
                Ok(entry.insert(loaded))
            }
        }
    }
}

fn load_room(conn: &Connection, namespace: &Namespace, room: &RoomName) -> Result<RoomState> {
    let names = params![namespace.as_str(), room.as_str()];
    let id = conn
        .prepare_cached("SELECT id FROM rooms WHERE namespace = ?1 AND name = ?2")?
        .query_row(names, |row| row.get(0))
        .optional()?;
    let Some(id) = id else {
        conn.prepare_cached("INSERT INTO rooms (namespace, name) VALUES (?1, ?2)")?
            .execute(names)?;
        return Ok(RoomState {
            id: conn.last_insert_rowid(),
            end: 0,
        });
    };
    let end = conn
        .prepare_cached(
            "SELECT log_rooms.start, length(body) FROM log_rooms JOIN log USING (record)
              WHERE room = ?1 ORDER BY record DESC LIMIT 1",
        )?
        .query_row([id], |row| {
            Ok(row.get::<_, u64>(0)? + log_bytes(row.get(1)?))
        })
        .optional()?;
    Ok(RoomState {
        id,
        end: end.unwrap_or(0),
    })
}

fn load_members(conn: &Connection) -> Result<Members> {
    let mut members = Members::default();
    let mut statement = conn.prepare(
        "SELECT namespace, client, name, cursor_record, cursor_index FROM members JOIN rooms ON rooms.id = room",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        members.restore(Member {
            namespace: name(row, 0, Namespace::parse)?,
            client: name(row, 1, ClientName::parse)?,
            room: name(row, 2, RoomName::parse)?,
            cursor: Seq::new(row.get(3)?, row.get(4)?),
        });
    }
    Ok(members)
}
