//! Rooms as `rooms` lists them: what they hold and what waits for each member.

use std::collections::BTreeMap;

use rusqlite::{Connection, Result, params};

use super::read::{row, stored};
use super::row::{Bodies, name};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::store::RoomInfo;
use crate::store::owed::{Reader, first_unread, owed};

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

/// None when it has neither messages nor members.
pub(super) fn info(
    conn: &Connection,
    namespace: &Namespace,
    room: &RoomName,
) -> Result<Option<RoomInfo>> {
    let Some(row) = row(conn, namespace, room, Seq::START)? else {
        return Ok(None);
    };
    let (messages, last_ms): (u64, Option<u64>) = conn
        .prepare_cached(
            "SELECT coalesce(sum(count), 0),
                    (SELECT at_ms FROM log JOIN log_rooms USING (record) WHERE room = ?1 ORDER BY record DESC LIMIT 1)
               FROM log_rooms WHERE room = ?1",
        )?
        .query_row([row.id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let members = members(conn, row.id)?;
    if messages == 0 && members.is_empty() {
        return Ok(None);
    }
    Ok(Some(RoomInfo {
        room: room.clone(),
        messages,
        last_ms,
        members: pending(conn, row.id, room, &members)?,
    }))
}

pub(super) type Members = BTreeMap<ClientName, BTreeMap<RoomName, Seq>>;

/// The members of a room, by name, each with all its cursors in the namespace.
pub(super) fn members(conn: &Connection, room: i64) -> Result<Members> {
    let mut members = Members::new();
    let mut statement = conn.prepare_cached(
        "SELECT theirs.client, rooms.name, theirs.cursor_record, theirs.cursor_index
           FROM rooms AS here
           JOIN members AS m ON m.room = here.id
           JOIN members AS theirs ON theirs.client = m.client
           JOIN rooms ON rooms.id = theirs.room AND rooms.namespace = here.namespace
          WHERE here.id = ?1",
    )?;
    let mut rows = statement.query([room])?;
    while let Some(row) = rows.next()? {
        let client = name(row, 0, ClientName::parse)?;
        let room = name(row, 1, RoomName::parse)?;
        let cursor = Seq::new(row.get(2)?, row.get(3)?);
        members.entry(client).or_default().insert(room, cursor);
    }
    Ok(members)
}

/// A member as the scan of its room meets it.
struct Waiting {
    reader: Reader,
    cursor: Seq,
    /// Messages for everyone that the scan had passed when it came to this member's cursor.
    passed: u64,
    /// Messages owed of records that are not for everyone.
    picked: u64,
}

/// What waits for each member, in one scan however many there are: members join it at their cursors, and what is for
/// everyone is counted once.
fn pending(
    conn: &Connection,
    id: i64,
    room: &RoomName,
    members: &Members,
) -> Result<Vec<(ClientName, u64)>> {
    let mut waiting: Vec<Waiting> = members
        .iter()
        .map(|(client, joined)| Waiting {
            reader: Reader::offline(client.clone(), room, joined),
            cursor: joined.get(room).copied().unwrap_or(Seq::START),
            passed: 0,
            picked: 0,
        })
        .collect();
    waiting.sort_by_key(|member| member.cursor);
    let from = waiting
        .first()
        .map_or(u64::MAX >> 1, |lowest| lowest.cursor.record);
    let mut met = 0;
    let mut total = 0;
    let mut scan = conn.prepare_cached(
        "SELECT record, count, plain FROM log_rooms WHERE room = ?1 AND record >= ?2 ORDER BY record",
    )?;
    let mut rows = scan.query(params![id, from])?;
    while let Some(row) = rows.next()? {
        let (number, count, plain): (u64, u32, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        while let Some(member) = waiting.get_mut(met)
            && let Some(first) = first_unread(number, count, member.cursor)
        {
            member.passed = total + if plain { u64::from(first) } else { 0 };
            met += 1;
        }
        if plain {
            total += u64::from(count);
            continue;
        }
        let stored = stored(conn, number, Bodies::None)?;
        for member in &mut waiting[..met] {
            let first = owed(number, &stored.header, &member.reader);
            member.picked += first.map_or(0, |first| u64::from(count - first));
        }
    }
    // Who was never met has nothing waiting.
    for member in &mut waiting[met..] {
        member.passed = total;
    }
    let mut pending: Vec<(ClientName, u64)> = waiting
        .into_iter()
        .filter_map(|member| Some((member.reader.name?, total - member.passed + member.picked)))
        .collect();
    pending.sort();
    Ok(pending)
}
