//! A reader's connection: pages, counts and lists out of what is committed. Opened when it is first used.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Result, Transaction};

use super::fault::fatal;
use super::merge::{Indexed, Merge, Order};
use super::names::names;
use super::open::prepare_for_speed;
use super::queues::{memberships, queues};
use super::rooms::{info, rooms};
use super::row::{Bodies, Stored, stored_between};
use super::sessions::sid_of;
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::limits;
use crate::store::names::NameQuery;
use crate::store::owed::{Reader, first_unread, owed};
use crate::store::queues::{Memberships, PendingQueues};
use crate::store::{LogPage, RoomInfo, StoreError, StoreReader, gap};

pub(super) struct SqliteReader {
    path: PathBuf,
    conn: Option<Connection>,
}

impl SqliteReader {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, conn: None }
    }

    /// Everything that one question reads is read as of one commit.
    fn ask<R>(
        &mut self,
        question: impl FnOnce(&Transaction<'_>) -> Result<R>,
    ) -> Result<R, StoreError> {
        let answer = (|| {
            let conn = match &mut self.conn {
                Some(conn) => conn,
                closed => closed.insert(connect(&self.path)?),
            };
            let transaction = conn.transaction()?;
            let answer = question(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        })();
        answer.map_err(|error| fatal(&self.path, error))
    }
}

fn connect(path: &PathBuf) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(limits::DB_BUSY_WAIT)?;
    prepare_for_speed(&conn, limits::DB_READER_CACHE_BYTES)?;
    Ok(conn)
}

impl StoreReader for SqliteReader {
    fn page(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        from: Seq,
        upto: u64,
    ) -> Result<LogPage, StoreError> {
        self.ask(|conn| page(conn, namespace, &reader.starting_at(from), upto))
    }

    fn pending(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        from: Seq,
        upto: u64,
    ) -> Result<u64, StoreError> {
        self.ask(|conn| pending(conn, namespace, &reader.starting_at(from), upto))
    }

    fn seq_of_last(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        n: u64,
        upto: u64,
    ) -> Result<Seq, StoreError> {
        self.ask(|conn| last(conn, namespace, &reader.from_the_start(), n, upto))
    }

    fn seq_at(&mut self, at_ms: u64) -> Result<Seq, StoreError> {
        self.ask(|conn| at(conn, at_ms))
    }

    fn sid_of(
        &mut self,
        pid: &str,
        namespace: &Namespace,
        client: Option<&ClientName>,
        lost_by_ms: u64,
    ) -> Result<Option<Arc<str>>, StoreError> {
        self.ask(|conn| sid_of(conn, pid, (namespace, client), lost_by_ms))
    }

    fn rooms(
        &mut self,
        namespace: &Namespace,
        room: Option<&RoomName>,
    ) -> Result<Vec<RoomInfo>, StoreError> {
        self.ask(|conn| match room {
            Some(room) => Ok(info(conn, namespace, room)?.into_iter().collect()),
            None => rooms(conn, namespace),
        })
    }

    fn names(
        &mut self,
        namespace: &Namespace,
        sought: &NameQuery,
    ) -> Result<Vec<String>, StoreError> {
        self.ask(|conn| names(conn, namespace, sought))
    }

    fn queues(
        &mut self,
        namespace: &Namespace,
        client: Option<&ClientName>,
    ) -> Result<PendingQueues, StoreError> {
        self.ask(|conn| queues(conn, namespace, client))
    }

    fn memberships(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
    ) -> Result<Memberships, StoreError> {
        self.ask(|conn| memberships(conn, namespace, client))
    }
}

/// One of the reader's rooms that the store knows.
pub(super) struct Row {
    pub(super) id: i64,
    name: RoomName,
    cursor: Seq,
    /// The place behind the highest record pruned.
    pruned_to: Seq,
}

fn rows(conn: &Connection, namespace: &Namespace, reader: &Reader) -> Result<Vec<Row>> {
    let mut known = Vec::with_capacity(reader.rooms.len());
    for (room, cursor) in &reader.rooms {
        known.extend(row(conn, namespace, room, *cursor)?);
    }
    Ok(known)
}

pub(super) fn row(
    conn: &Connection,
    namespace: &Namespace,
    room: &RoomName,
    cursor: Seq,
) -> Result<Option<Row>> {
    conn.prepare_cached(
        "SELECT id, pruned_to, pruned_count FROM rooms WHERE namespace = ?1 AND name = ?2",
    )?
    .query_row([namespace.as_str(), room.as_str()], |row| {
        Ok(Row {
            id: row.get(0)?,
            name: room.clone(),
            cursor,
            pruned_to: Seq::new(row.get(1)?, row.get(2)?),
        })
    })
    .optional()
}

fn merge<'a>(conn: &'a Connection, order: Order, rows: &[Row], upto: u64) -> Result<Merge<'a>> {
    let rooms = rows.iter().map(|row| (row.id, row.cursor.record));
    Merge::new(conn, order, rooms, upto)
}

/// The first message not passed by a cursor in one of the rooms it is in: all there is to `owed` for a plain record.
fn first_behind(indexed: &Indexed, rows: &[Row]) -> Option<u32> {
    let cursors = indexed.rooms.iter().map(|place| rows[*place].cursor);
    cursors
        .filter_map(|cursor| first_unread(indexed.number, indexed.count, cursor))
        .min()
}

fn page(conn: &Connection, namespace: &Namespace, reader: &Reader, upto: u64) -> Result<LogPage> {
    let rows = rows(conn, namespace, reader)?;
    let mut page = LogPage {
        gap: gap(reader, |room| {
            let row = rows.iter().find(|row| row.name == *room);
            row.map(|row| row.pruned_to)
        }),
        ..LogPage::default()
    };
    let mut merge = merge(conn, Order::Ascending, &rows, upto)?;
    let mut bytes = 0;
    let mut looked_at = 0;
    while let Some(indexed) = merge.next()? {
        if first_behind(&indexed, &rows).is_none() {
            continue;
        }
        let here = Some(Seq::new(indexed.number, 0));
        if looked_at == limits::PAGE_LOOKED_AT {
            page.next = here;
            break;
        }
        looked_at += 1;
        let stored = stored(conn, indexed.number, Bodies::Short)?;
        let Some(first) = owed(stored.number, &stored.header, reader) else {
            continue;
        };
        bytes += stored.body_bytes;
        let full = page.records.len() == limits::PAGE_RECORDS || bytes > limits::PAGE_BYTES;
        if full && !page.records.is_empty() {
            page.next = here;
            break;
        }
        let body = match &stored.body {
            Some(short) => short.clone(),
            None => long_body(conn, stored.number)?,
        };
        page.records.push((first, stored.with_body(body)));
    }
    Ok(page)
}

/// A record that the index names, and so is there.
pub(super) fn stored(conn: &Connection, number: u64, bodies: Bodies) -> Result<Stored> {
    let found = stored_between(conn, number, number, 1, bodies)?.pop();
    found.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

fn long_body(conn: &Connection, number: u64) -> Result<Bytes> {
    conn.prepare_cached("SELECT body FROM log WHERE record = ?1")?
        .query_row([number], |row| Ok(row.get::<_, Vec<u8>>(0)?.into()))
}

pub(super) fn pending(
    conn: &Connection,
    namespace: &Namespace,
    reader: &Reader,
    upto: u64,
) -> Result<u64> {
    let rows = rows(conn, namespace, reader)?;
    let mut merge = merge(conn, Order::Ascending, &rows, upto)?;
    let mut messages = 0;
    while let Some(indexed) = merge.next()? {
        let first = if indexed.plain {
            first_behind(&indexed, &rows)
        } else {
            let stored = stored(conn, indexed.number, Bodies::None)?;
            owed(indexed.number, &stored.header, reader)
        };
        messages += first.map_or(0, |first| u64::from(indexed.count - first));
    }
    Ok(messages)
}

fn last(
    conn: &Connection,
    namespace: &Namespace,
    reader: &Reader,
    n: u64,
    upto: u64,
) -> Result<Seq> {
    let rows = rows(conn, namespace, reader)?;
    let mut merge = merge(conn, Order::Descending, &rows, upto)?;
    let mut begin = Seq::after_record(upto);
    let mut missing = n;
    while missing > 0
        && let Some(indexed) = merge.next()?
    {
        if !indexed.plain {
            let stored = stored(conn, indexed.number, Bodies::None)?;
            if owed(indexed.number, &stored.header, reader).is_none() {
                continue;
            }
        }
        let skipped = u64::from(indexed.count).saturating_sub(missing);
        begin = Seq::new(indexed.number, skipped as u32);
        missing = missing.saturating_sub(u64::from(indexed.count));
    }
    Ok(begin)
}

/// Times never descend along the log, so a time is found by halving.
fn at(conn: &Connection, at_ms: u64) -> Result<Seq> {
    let (mut before, end, pruned_to, pruned_ms) = ends(conn)?;
    let oldest = before;
    // Every record up to `before` is older; every one from `first` on is not.
    let mut first = end;
    let mut next = conn.prepare_cached(
        "SELECT record, at_ms FROM log WHERE record > ?1 ORDER BY record LIMIT 1",
    )?;
    while first - before > 1 {
        let middle = before + (first - before) / 2;
        // The first record behind the middle speaks for all numbers between: there is none there.
        let found = next
            .query_row([middle - 1], |row| {
                Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?))
            })
            .optional()?;
        match found {
            Some((number, time)) if time < at_ms => before = number,
            _ => first = middle,
        }
    }
    let older = if before == oldest { 0 } else { before };
    if pruned_to > older && pruned_ms >= at_ms {
        return Ok(Seq::after_record(older));
    }
    let found = next.query_row([before], |row| row.get(0)).optional()?;
    Ok(Seq::new(found.unwrap_or(end), 0))
}

/// The number before the first record, the one behind the last that was ever given, and the highest pruned with its time.
pub(super) fn ends(conn: &Connection) -> Result<(u64, u64, u64, u64)> {
    conn.prepare_cached(
        "SELECT coalesce((SELECT min(record) FROM log), 1) - 1,
                1 + max((SELECT value FROM meta WHERE name = 'pruned_to'), coalesce((SELECT max(record) FROM log), 0)),
                (SELECT value FROM meta WHERE name = 'pruned_to'),
                (SELECT value FROM meta WHERE name = 'pruned_ms')",
    )?
    .query_row([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })
}
