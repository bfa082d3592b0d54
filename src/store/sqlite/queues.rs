//! Pending messages of members: a scan of each room, shared by `queue` and `rooms`.

use std::collections::BTreeMap;

use rusqlite::{Connection, Result, params};

use super::row::{Bodies, indexed_row, name};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::store::membership::Memberships;
use crate::store::owed::{Cursors, Reader, first_unread, owed};
use crate::store::queues::{PendingQueues, QueueInfo};

pub(super) fn queues(
    conn: &Connection,
    namespace: &Namespace,
    client: Option<&ClientName>,
) -> Result<PendingQueues> {
    let rooms: Vec<(i64, RoomName)> = conn
        .prepare_cached(
            "SELECT id, name FROM rooms
              WHERE namespace = ?1 AND EXISTS (SELECT 1 FROM members WHERE room = rooms.id AND client = coalesce(?2, client))
              ORDER BY name",
        )?
        .query_map(
            params![namespace.as_str(), client.map(ClientName::as_str)],
            |row| Ok((row.get(0)?, name(row, 1, RoomName::parse)?)),
        )?
        .collect::<Result<_>>()?;
    let mut queues = PendingQueues::default();
    for (id, room) in rooms {
        let mut members = room_members(conn, id)?;
        members.retain(|member, _| client.is_none_or(|client| client == member));
        queues.extend(scan_room(conn, id, &room, members, Detail::Bodies)?);
    }
    Ok(queues)
}

pub(super) fn memberships(
    conn: &Connection,
    namespace: &Namespace,
    client: &ClientName,
    head: u64,
) -> Result<Memberships> {
    let cursors = conn
        .prepare_cached(
            "SELECT name, cursor_record, cursor_index FROM members JOIN rooms ON rooms.id = members.room
              WHERE client = ?1 AND namespace = ?2 ORDER BY name",
        )?
        .query_map(params![client.as_str(), namespace.as_str()], |row| {
            let cursor = Seq::new(row.get(1)?, row.get(2)?);
            Ok((name(row, 0, RoomName::parse)?, cursor))
        })?
        .collect::<Result<_>>()?;
    Ok(Memberships { cursors, head })
}

pub(super) type RoomMembers = BTreeMap<ClientName, Cursors>;

/// The members of a room, each with all its cursors in the namespace.
pub(super) fn room_members(conn: &Connection, room: i64) -> Result<RoomMembers> {
    let mut members = RoomMembers::new();
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

/// What a scan reads of each record. The log itself is needed only for the size and age of bodies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Counts,
    Bodies,
}

/// Sums over records.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    messages: u64,
    bytes: u64,
}

impl Totals {
    fn add(&mut self, messages: u32, bytes: u64) {
        self.messages += u64::from(messages);
        self.bytes += bytes;
    }
}

/// A member during the scan of its room.
struct ScannedMember {
    reader: Reader,
    cursor: Seq,
    oldest_ms: Option<u64>,
    /// Records for everyone before this member's cursor.
    before: Totals,
    /// What this member is owed of records that exclude some readers.
    selected: Totals,
}

/// The pending queue of each member of a room, by name. One scan serves all members: they join it at their cursors, and
/// records for everyone are summed up once.
pub(super) fn scan_room(
    conn: &Connection,
    id: i64,
    room: &RoomName,
    members: RoomMembers,
    detail: Detail,
) -> Result<Vec<QueueInfo>> {
    let mut members: Vec<ScannedMember> = members
        .into_iter()
        .map(|(client, cursors)| ScannedMember {
            cursor: cursors.get(room).copied().unwrap_or(Seq::START),
            reader: Reader::offline(client, cursors, |other| other == room),
            oldest_ms: None,
            before: Totals::default(),
            selected: Totals::default(),
        })
        .collect();
    members.sort_by_key(|member| member.cursor);
    let from = members
        .first()
        .map_or(u64::MAX >> 1, |lowest| lowest.cursor.record);
    // The members that have joined the scan, and those of them that have an oldest message.
    let (mut joined, mut dated) = (0, 0);
    let mut total = Totals::default();
    let mut scan = conn.prepare_cached(match detail {
        Detail::Counts => {
            "SELECT record, count, plain, 0, 0 FROM log_rooms WHERE room = ?1 AND record >= ?2 ORDER BY record"
        }
        Detail::Bodies => {
            "SELECT record, log_rooms.count, plain, at_ms, length(body) FROM log_rooms JOIN log USING (record)
              WHERE room = ?1 AND record >= ?2 ORDER BY record"
        }
    })?;
    let mut rows = scan.query(params![id, from])?;
    while let Some(row) = rows.next()? {
        let (number, count, plain): (u64, u32, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (at_ms, bytes): (u64, u64) = (row.get(3)?, row.get(4)?);
        while let Some(member) = members.get_mut(joined)
            && let Some(first) = first_unread(number, count, member.cursor)
        {
            member.before = total;
            member.before.add(if plain { first } else { 0 }, 0);
            joined += 1;
        }
        if plain {
            total.add(count, bytes);
            for member in &mut members[dated..joined] {
                member.oldest_ms.get_or_insert(at_ms);
            }
            dated = joined;
            continue;
        }
        let record = indexed_row(conn, number, Bodies::None)?;
        for member in &mut members[..joined] {
            if let Some(first) = owed(number, &record.header, &member.reader) {
                member.selected.add(count - first, bytes);
                member.oldest_ms.get_or_insert(at_ms);
            }
        }
    }
    // Members that never joined the scan have nothing pending.
    for member in &mut members[joined..] {
        member.before = total;
    }
    let info = |member: ScannedMember| {
        let (before, selected) = (member.before, member.selected);
        Some(QueueInfo {
            client: member.reader.name?,
            room: room.clone(),
            pending: total.messages - before.messages + selected.messages,
            oldest_ms: member.oldest_ms,
            bytes: total.bytes - before.bytes + selected.bytes,
        })
    };
    let mut queues: Vec<QueueInfo> = members.into_iter().filter_map(info).collect();
    queues.sort_by(|a, b| a.client.cmp(&b.client));
    Ok(queues)
}
