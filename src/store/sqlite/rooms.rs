//! Rooms as `rooms` lists them: their messages and members.

use rusqlite::{Connection, OptionalExtension, Result};

use super::queues::{Detail, room_members, scan_room};
use super::row::name;
use crate::address::{Namespace, RoomName};
use crate::store::traits::RoomInfo;

pub(super) fn rooms(conn: &Connection, namespace: &Namespace) -> Result<Vec<RoomInfo>> {
    let names: Vec<RoomName> = conn
        .prepare_cached("SELECT name FROM rooms WHERE namespace = ?1 ORDER BY name")?
        .query_map([namespace.as_str()], |row| name(row, 0, RoomName::parse))?
        .collect::<Result<_>>()?;
    let mut infos = Vec::new();
    for name in &names {
        infos.extend(info(conn, namespace, name)?);
    }
    Ok(infos)
}

/// None if the room has neither messages nor members.
pub(super) fn info(
    conn: &Connection,
    namespace: &Namespace,
    room: &RoomName,
) -> Result<Option<RoomInfo>> {
    let id: Option<i64> = conn
        .prepare_cached("SELECT id FROM rooms WHERE namespace = ?1 AND name = ?2")?
        .query_row([namespace.as_str(), room.as_str()], |row| row.get(0))
        .optional()?;
    let Some(id) = id else {
        return Ok(None);
    };
    let (messages, last_ms): (u64, Option<u64>) = conn
        .prepare_cached(
            "SELECT coalesce(sum(count), 0),
                    (SELECT at_ms FROM log JOIN log_rooms USING (record) WHERE room = ?1 ORDER BY record DESC LIMIT 1)
               FROM log_rooms WHERE room = ?1",
        )?
        .query_row([id], |row| row.try_into())?;
    let members = room_members(conn, id)?;
    if messages == 0 && members.is_empty() {
        return Ok(None);
    }
    let queues = scan_room(conn, id, room, members, Detail::Counts)?;
    Ok(Some(RoomInfo {
        room: room.clone(),
        messages,
        last_ms,
        members: queues
            .into_iter()
            .map(|queue| (queue.client, queue.pending))
            .collect(),
    }))
}
