//! The columns of message headers, which `log` and `delayed` share: written and read here alone.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::types::{FromSqlError, FromSqlResult, Type, ValueRef};
use rusqlite::{Connection, Error, Result, Row, Statement, params};

use crate::address::{ClientName, EventName, NameError, Namespace, RoomName};
use crate::limits;
use crate::store::message::{MessageHeader, Record};
use crate::wire::batch::{Audience, Framing};

/// The columns of a header, to be listed first in every statement. [`bind_header`] writes them, [`header`] reads them.
macro_rules! header_columns {
    () => {
        "namespace, rooms, except_rooms, audience, event, sender, origin, framing, json, count, reply"
    };
}
/// As many values as there are header columns.
macro_rules! header_values {
    () => {
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
    };
}
pub(super) use {header_columns, header_values};

/// How many they are: the index of the first other column of a row.
pub(super) const HEADER_WIDTH: usize = 11;

/// Binds the header columns of an insert. The other parameters follow from `HEADER_WIDTH + 1` on.
pub(super) fn bind_header(insert: &mut Statement<'_>, header: &MessageHeader) -> Result<()> {
    let except = (!header.except.is_empty()).then(|| rooms_to_json(&header.except));
    insert.raw_bind_parameter(1, header.namespace.as_str())?;
    insert.raw_bind_parameter(2, rooms_to_json(&header.rooms))?;
    insert.raw_bind_parameter(3, except)?;
    insert.raw_bind_parameter(4, audience_to_text(header.audience))?;
    insert.raw_bind_parameter(5, header.event.as_str())?;
    insert.raw_bind_parameter(6, header.from.as_ref().map(ClientName::as_str))?;
    insert.raw_bind_parameter(7, &*header.origin)?;
    insert.raw_bind_parameter(8, framing_to_text(header.framing))?;
    insert.raw_bind_parameter(9, header.json)?;
    insert.raw_bind_parameter(10, header.count)?;
    insert.raw_bind_parameter(11, header.reply.as_ref().map(RoomName::as_str))
}

/// Reads the header columns of a row.
pub(super) fn header(row: &Row<'_>) -> Result<MessageHeader> {
    Ok(MessageHeader {
        namespace: name(row, 0, Namespace::parse)?,
        rooms: rooms(row, 1)?,
        except: rooms(row, 2)?,
        audience: audience(row, 3)?,
        event: name(row, 4, EventName::parse)?,
        from: optional_name(row, 5, ClientName::parse)?,
        origin: text(row, 6)?.into(),
        framing: framing(row, 7)?,
        json: row.get(8)?,
        count: row.get(9)?,
        reply: optional_name(row, 10, RoomName::parse)?,
    })
}

/// A row of `log`.
pub(super) struct LogRow {
    pub(super) number: u64,
    pub(super) at_ms: u64,
    pub(super) header: MessageHeader,
    /// The size of the log before it.
    pub(super) start: u64,
    pub(super) body_bytes: usize,
    /// Read only if it is short and [`Bodies::Short`] was requested.
    pub(super) body: Option<Bytes>,
}

impl LogRow {
    pub(super) fn with_body(self, body: Bytes) -> Record {
        Record {
            number: self.number,
            at_ms: self.at_ms,
            header: self.header,
            body,
        }
    }
}

/// Whether to read short bodies with their headers. A long body costs as many pages as it is long.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bodies {
    Short,
    None,
}

/// The first `limit` records of `from..=upto`.
pub(super) fn log_rows(
    conn: &Connection,
    from: u64,
    upto: u64,
    limit: usize,
    bodies: Bodies,
) -> Result<Vec<LogRow>> {
    let longest = match bodies {
        Bodies::Short => limits::INLINE_BODY_BYTES as i64,
        Bodies::None => -1,
    };
    let upto = upto.min(i64::MAX as u64);
    conn.prepare_cached(concat!(
        "SELECT ",
        header_columns!(),
        ", record, at_ms, start, length(body), CASE WHEN length(body) <= ?4 THEN body END
           FROM log WHERE record BETWEEN ?1 AND ?2 ORDER BY record LIMIT ?3"
    ))?
    .query_map(params![from, upto, limit, longest], log_row)?
    .collect()
}

/// A record that the index of a room names, so it must be there.
pub(super) fn indexed_row(conn: &Connection, number: u64, bodies: Bodies) -> Result<LogRow> {
    let found = log_rows(conn, number, number, 1, bodies)?.pop();
    found.ok_or(Error::QueryReturnedNoRows)
}

fn log_row(row: &Row<'_>) -> Result<LogRow> {
    Ok(LogRow {
        header: header(row)?,
        number: row.get(HEADER_WIDTH)?,
        at_ms: row.get(HEADER_WIDTH + 1)?,
        start: row.get(HEADER_WIDTH + 2)?,
        body_bytes: row.get(HEADER_WIDTH + 3)?,
        body: match row.get_ref(HEADER_WIDTH + 4)? {
            ValueRef::Blob(bytes) => Some(Bytes::copy_from_slice(bytes)),
            _ => None,
        },
    })
}

/// Parses a name without copying it out of the row first.
pub(super) fn name<T>(
    row: &Row<'_>,
    column: usize,
    parse: fn(&str) -> Result<T, NameError>,
) -> Result<T> {
    parse(text(row, column)?).map_err(|error| unreadable(column, error))
}

pub(super) fn optional_name<T>(
    row: &Row<'_>,
    column: usize,
    parse: fn(&str) -> Result<T, NameError>,
) -> Result<Option<T>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => name(row, column, parse).map(Some),
    }
}

fn rooms(row: &Row<'_>, column: usize) -> Result<Arc<[RoomName]>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(Arc::default()),
        _ => parse_rooms(text(row, column)?).map_err(|error| unreadable(column, error)),
    }
}

fn parse_rooms(json: &str) -> Result<Arc<[RoomName]>, serde_json::Error> {
    Ok(serde_json::from_str::<Vec<RoomName>>(json)?.into())
}

fn rooms_to_json(rooms: &[RoomName]) -> String {
    serde_json::to_string(rooms).expect("names are strings")
}

fn text<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str> {
    let text: FromSqlResult<&str> = row.get_ref(column)?.as_str();
    text.map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

fn audience_to_text(audience: Audience) -> &'static str {
    match audience {
        Audience::All => "all",
        Audience::Others => "others",
    }
}

fn audience(row: &Row<'_>, column: usize) -> Result<Audience> {
    match text(row, column)? {
        "all" => Ok(Audience::All),
        "others" => Ok(Audience::Others),
        _ => Err(unreadable(column, FromSqlError::InvalidType)),
    }
}

fn framing_to_text(framing: Framing) -> &'static str {
    match framing {
        Framing::Lines => "lines",
        Framing::Bytes => "bytes",
        Framing::Args => "args",
    }
}

fn framing(row: &Row<'_>, column: usize) -> Result<Framing> {
    match text(row, column)? {
        "lines" => Ok(Framing::Lines),
        "bytes" => Ok(Framing::Bytes),
        "args" => Ok(Framing::Args),
        _ => Err(unreadable(column, FromSqlError::InvalidType)),
    }
}
