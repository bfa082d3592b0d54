//! A reader's connection: pages, counts and lists of everything committed. It is opened on first use.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Result, Transaction};

use super::fault::fatal;
use super::merge::{IndexEntry, RoomMerge, ScanOrder};
use super::names::names;
use super::open::tune;
use super::queues::{memberships, queues};
use super::rooms::{info, rooms};
use super::row::{Bodies, indexed_row};
use super::session_rows::sid_of;
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::limits;
use crate::store::error::StoreError;
use crate::store::membership::Memberships;
use crate::store::names::NameQuery;
use crate::store::owed::{Reader, first_unread, owed};
use crate::store::queues::PendingQueues;
use crate::store::traits::{LogPage, RoomInfo, StoreReader};

pub(super) struct SqliteReader {
    path: PathBuf,
    conn: Option<Connection>,
}

impl SqliteReader {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, conn: None }
    }

    /// Runs a query that sees the store as of one commit.
    fn query<R>(
        &mut self,
        query: impl FnOnce(&Transaction<'_>) -> Result<R>,
    ) -> Result<R, StoreError> {
        let answer = (|| {
            let conn = match &mut self.conn {
                Some(conn) => conn,
                conn => conn.insert(connect(&self.path)?),
            };
            let transaction = conn.transaction()?;
            let answer = query(&transaction)?;
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
    tune(&conn, limits::DB_READER_CACHE_BYTES)?;
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
        self.query(|conn| page(conn, namespace, &reader.starting_at(from), upto))
    }

    fn pending(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        from: Seq,
        upto: u64,
    ) -> Result<u64, StoreError> {
        self.query(|conn| pending(conn, namespace, &reader.starting_at(from), upto))
    }

    fn seq_of_last(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        n: u64,
        upto: u64,
    ) -> Result<Seq, StoreError> {
        self.query(|conn| seq_of_last(conn, namespace, &reader.from_the_start(), n, upto))
    }

    fn seq_at(&mut self, at_ms: u64) -> Result<Seq, StoreError> {
        self.query(|conn| seq_at(conn, at_ms))
    }

    fn sid_of(
        &mut self,
        pid: &str,
        namespace: &Namespace,
        client: Option<&ClientName>,
        lost_by_ms: u64,
    ) -> Result<Option<Arc<str>>, StoreError> {
        self.query(|conn| sid_of(conn, pid, (namespace, client), lost_by_ms))
    }

    fn rooms(
        &mut self,
        namespace: &Namespace,
        room: Option<&RoomName>,
    ) -> Result<Vec<RoomInfo>, StoreError> {
        self.query(|conn| match room {
            Some(room) => Ok(info(conn, namespace, room)?.into_iter().collect()),
            None => rooms(conn, namespace),
        })
    }

    fn names(
        &mut self,
        namespace: &Namespace,
        query: &NameQuery,
    ) -> Result<Vec<String>, StoreError> {
        self.query(|conn| names(conn, namespace, query))
    }

    fn queues(
        &mut self,
        namespace: &Namespace,
        client: Option<&ClientName>,
    ) -> Result<PendingQueues, StoreError> {
        self.query(|conn| queues(conn, namespace, client))
    }

    fn memberships(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
    ) -> Result<Memberships, StoreError> {
        self.query(|conn| {
            let head = ends(conn)?.after_last - 1;
            memberships(conn, namespace, client, head)
        })
    }
}

/// One of the reader's rooms, if the store knows it.
struct ReadRoom {
    id: i64,
    name: RoomName,
    cursor: Seq,
    /// The place after the highest record pruned.
    pruned_to: Seq,
}

fn read_rooms(conn: &Connection, namespace: &Namespace, reader: &Reader) -> Result<Vec<ReadRoom>> {
    let mut rooms = Vec::with_capacity(reader.rooms.len());
    let mut select = conn.prepare_cached(
        "SELECT id, pruned_to, pruned_count FROM rooms WHERE namespace = ?1 AND name = ?2",
    )?;
    for (room, cursor) in &reader.rooms {
        let found = select.query_row([namespace.as_str(), room.as_str()], |row| {
            Ok(ReadRoom {
                id: row.get(0)?,
                name: room.clone(),
                cursor: *cursor,
                pruned_to: Seq::new(row.get(1)?, row.get(2)?),
            })
        });
        rooms.extend(found.optional()?);
    }
    Ok(rooms)
}

fn merge<'a>(
    conn: &'a Connection,
    order: ScanOrder,
    rooms: &[ReadRoom],
    upto: u64,
) -> Result<RoomMerge<'a>> {
    let rooms = rooms.iter().map(|room| (room.id, room.cursor.record));
    RoomMerge::new(conn, order, rooms, upto)
}

/// The first message of a record that is unread in one of its rooms. For a record that excludes nobody this is all of
/// `owed`.
fn first_unread_in(entry: &IndexEntry, rooms: &[ReadRoom]) -> Option<u32> {
    let cursors = entry.rooms.iter().map(|index| rooms[*index].cursor);
    cursors
        .filter_map(|cursor| first_unread(entry.number, entry.count, cursor))
        .min()
}

fn page(conn: &Connection, namespace: &Namespace, reader: &Reader, upto: u64) -> Result<LogPage> {
    let rooms = read_rooms(conn, namespace, reader)?;
    let mut page = LogPage {
        gap: reader.gap(|name| {
            let room = rooms.iter().find(|room| room.name == *name);
            room.map(|room| room.pruned_to)
        }),
        ..LogPage::default()
    };
    let mut merge = merge(conn, ScanOrder::Ascending, &rooms, upto)?;
    let mut bytes = 0;
    let mut looked_at = 0;
    while let Some(entry) = merge.next()? {
        if first_unread_in(&entry, &rooms).is_none() {
            continue;
        }
        let here = Some(Seq::new(entry.number, 0));
        if looked_at == limits::PAGE_LOOKED_AT {
            page.next = here;
            break;
        }
        looked_at += 1;
        let row = indexed_row(conn, entry.number, Bodies::Short)?;
        let Some(first) = owed(row.number, &row.header, reader) else {
            continue;
        };
        bytes += row.body_bytes;
        let full = page.records.len() == limits::PAGE_RECORDS || bytes > limits::PAGE_BYTES;
        if full && !page.records.is_empty() {
            page.next = here;
            break;
        }
        let body = match &row.body {
            Some(short) => short.clone(),
            None => long_body(conn, row.number)?,
        };
        page.records.push((first, row.with_body(body)));
    }
    Ok(page)
}

fn long_body(conn: &Connection, number: u64) -> Result<Bytes> {
    conn.prepare_cached("SELECT body FROM log WHERE record = ?1")?
        .query_row([number], |row| Ok(row.get::<_, Vec<u8>>(0)?.into()))
}

fn pending(conn: &Connection, namespace: &Namespace, reader: &Reader, upto: u64) -> Result<u64> {
    let rooms = read_rooms(conn, namespace, reader)?;
    let mut merge = merge(conn, ScanOrder::Ascending, &rooms, upto)?;
    let mut messages = 0;
    while let Some(entry) = merge.next()? {
        let first = if entry.plain {
            first_unread_in(&entry, &rooms)
        } else {
            let row = indexed_row(conn, entry.number, Bodies::None)?;
            owed(entry.number, &row.header, reader)
        };
        messages += first.map_or(0, |first| u64::from(entry.count - first));
    }
    Ok(messages)
}

fn seq_of_last(
    conn: &Connection,
    namespace: &Namespace,
    reader: &Reader,
    n: u64,
    upto: u64,
) -> Result<Seq> {
    let rooms = read_rooms(conn, namespace, reader)?;
    let mut merge = merge(conn, ScanOrder::Descending, &rooms, upto)?;
    let mut begin = Seq::after_record(upto);
    let mut missing = n;
    while missing > 0
        && let Some(entry) = merge.next()?
    {
        if !entry.plain {
            let row = indexed_row(conn, entry.number, Bodies::None)?;
            if owed(entry.number, &row.header, reader).is_none() {
                continue;
            }
        }
        let skipped = u64::from(entry.count).saturating_sub(missing);
        begin = Seq::new(entry.number, skipped as u32);
        missing = missing.saturating_sub(u64::from(entry.count));
    }
    Ok(begin)
}

/// A binary search: times never descend along the log.
fn seq_at(conn: &Connection, at_ms: u64) -> Result<Seq> {
    let ends = ends(conn)?;
    // Every record up to `before` is older; every record from `first` on is not.
    let (mut before, mut first) = (ends.before_first, ends.after_last);
    let mut next = conn.prepare_cached(
        "SELECT record, at_ms FROM log WHERE record > ?1 ORDER BY record LIMIT 1",
    )?;
    while first - before > 1 {
        let middle = before + (first - before) / 2;
        // The first record from the middle on stands for the numbers in between, which no record has.
        let found = next
            .query_row([middle - 1], |row| <(u64, u64)>::try_from(row))
            .optional()?;
        match found {
            Some((number, time)) if time < at_ms => before = number,
            _ => first = middle,
        }
    }
    let older = if before == ends.before_first {
        0
    } else {
        before
    };
    if ends.pruned_to > older && ends.pruned_ms >= at_ms {
        return Ok(Seq::after_record(older));
    }
    let found = next.query_row([before], |row| row.get(0)).optional()?;
    Ok(Seq::new(found.unwrap_or(ends.after_last), 0))
}

/// Where the log begins and ends.
struct LogEnds {
    /// The number before the first record.
    before_first: u64,
    /// The number after the last record ever appended.
    after_last: u64,
    /// The highest record pruned, and its time.
    pruned_to: u64,
    pruned_ms: u64,
}

fn ends(conn: &Connection) -> Result<LogEnds> {
    conn.prepare_cached(
        "SELECT coalesce((SELECT min(record) FROM log), 1) - 1,
                1 + max((SELECT value FROM meta WHERE name = 'pruned_to'), coalesce((SELECT max(record) FROM log), 0)),
                (SELECT value FROM meta WHERE name = 'pruned_to'),
                (SELECT value FROM meta WHERE name = 'pruned_ms')",
    )?
    .query_row([], |row| {
        Ok(LogEnds {
            before_first: row.get(0)?,
            after_last: row.get(1)?,
            pruned_to: row.get(2)?,
            pruned_ms: row.get(3)?,
        })
    })
}
