//! What waits for members, as `queue` lists it, and where one of them stands.

use rusqlite::{Connection, Result, params};

use super::read::{ends, stored};
use super::rooms::members;
use super::row::{Bodies, name};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::store::owed::{Reader, first_unread, owed};
use crate::store::queues::{Memberships, PendingQueues, QueueInfo};

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
        queues.extend(of_room(conn, id, &room, client)?);
    }
    Ok(queues)
}

/// Sums over records.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    messages: u64,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, messages: u32, bytes: u64) {
        self.messages += u64::from(messages);
        self.bytes += bytes;
    }
}

/// A member as the scan of its room meets it.
struct Waiting {
    reader: Reader,
    cursor: Seq,
    oldest_ms: Option<u64>,
    /// What was for everyone and the scan had passed when it came to this member's cursor.
    passed: Sum,
    /// What is owed of records that are not for everyone.
    picked: Sum,
}

/// In one scan, however many members there are: they join it at their cursors, and what is for everyone is added up once.
fn of_room(
    conn: &Connection,
    id: i64,
    room: &RoomName,
    client: Option<&ClientName>,
) -> Result<Vec<QueueInfo>> {
    let members = members(conn, id)?;
    let asked = members
        .iter()
        .filter(|(member, _)| client.is_none_or(|client| client == *member));
    let mut waiting: Vec<Waiting> = asked
        .map(|(member, joined)| Waiting {
            reader: Reader::offline(member.clone(), room, joined),
            cursor: joined.get(room).copied().unwrap_or(Seq::START),
            oldest_ms: None,
            passed: Sum::default(),
            picked: Sum::default(),
        })
        .collect();
    waiting.sort_by_key(|member| member.cursor);
    let from = waiting
        .first()
        .map_or(u64::MAX >> 1, |lowest| lowest.cursor.record);
    let mut met = 0;
    // Those before it have an oldest message, unless nothing that is for everyone came since they were met.
    let mut dated = 0;
    let mut total = Sum::default();
    let mut scan = conn.prepare_cached(
        "SELECT record, log_rooms.count, plain, at_ms, length(body) FROM log_rooms JOIN log USING (record)
          WHERE room = ?1 AND record >= ?2 ORDER BY record",
    )?;
    let mut rows = scan.query(params![id, from])?;
    while let Some(row) = rows.next()? {
        let (number, count, plain): (u64, u32, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (at_ms, bytes): (u64, u64) = (row.get(3)?, row.get(4)?);
        while let Some(member) = waiting.get_mut(met)
            && let Some(first) = first_unread(number, count, member.cursor)
        {
            member.passed = total;
            member.passed.add(if plain { first } else { 0 }, 0);
            met += 1;
        }
        if plain {
            total.add(count, bytes);
            for member in &mut waiting[dated..met] {
                member.oldest_ms.get_or_insert(at_ms);
            }
            dated = met;
            continue;
        }
        let stored = stored(conn, number, Bodies::None)?;
        for member in &mut waiting[..met] {
            if let Some(first) = owed(number, &stored.header, &member.reader) {
                member.picked.add(count - first, bytes);
                member.oldest_ms.get_or_insert(at_ms);
            }
        }
    }
    // Who was never met has nothing waiting.
    for member in &mut waiting[met..] {
        member.passed = total;
    }
    let info = |member: Waiting| {
        let (passed, picked) = (member.passed, member.picked);
        Some(QueueInfo {
            client: member.reader.name?,
            room: room.clone(),
            pending: total.messages - passed.messages + picked.messages,
            oldest_ms: member.oldest_ms,
            bytes: total.bytes - passed.bytes + picked.bytes,
        })
    };
    Ok(waiting.into_iter().filter_map(info).collect())
}

pub(super) fn memberships(
    conn: &Connection,
    namespace: &Namespace,
    client: &ClientName,
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
    let (_, end, _, _) = ends(conn)?;
    Ok(Memberships {
        cursors,
        head: end - 1,
    })
}
