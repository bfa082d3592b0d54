//! Headers as rows of `log` and back.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::types::{FromSqlError, FromSqlResult, Type, ValueRef};
use rusqlite::{Connection, Error, Result, Row, params};

use crate::address::{ClientName, EventName, NameError, Namespace, RoomName};
use crate::limits;
use crate::store::{MessageHeader, Record};
use crate::wire::batch::{Audience, Framing};

const STORED: &str = "
    SELECT namespace, rooms, except_rooms, audience, event, sender, origin, framing, json, count, reply,
           record, at_ms, start, length(body), CASE WHEN length(body) <= ?4 THEN body END
      FROM log WHERE record BETWEEN ?1 AND ?2 ORDER BY record LIMIT ?3";

/// Whether short bodies come along with their headers. A long one costs as many pages as it is long.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bodies {
    Short,
    None,
}

/// A row of `log`.
pub(super) struct Stored {
    pub(super) number: u64,
    pub(super) at_ms: u64,
    pub(super) header: MessageHeader,
    /// The weight of the log before it.
    pub(super) start: u64,
    pub(super) body_bytes: usize,
    /// There when it is short.
    pub(super) body: Option<Bytes>,
}

impl Stored {
    pub(super) fn with_body(self, body: Bytes) -> Record {
        Record {
            number: self.number,
            at_ms: self.at_ms,
            header: self.header,
            body,
        }
    }
}

/// The first `limit` records of `from..=upto`.
pub(super) fn stored_between(
    conn: &Connection,
    from: u64,
    upto: u64,
    limit: usize,
    bodies: Bodies,
) -> Result<Vec<Stored>> {
    let longest = match bodies {
        Bodies::Short => limits::INLINE_BODY_BYTES as i64,
        Bodies::None => -1,
    };
    let upto = upto.min(i64::MAX as u64);
    conn.prepare_cached(STORED)?
        .query_map(params![from, upto, limit, longest], stored)?
        .collect()
}

/// From the first columns of a query, in the order of the one above.
pub(super) fn header(row: &Row<'_>) -> Result<MessageHeader> {
    Ok(MessageHeader {
        namespace: name(row, 0, Namespace::parse)?,
        rooms: rooms(row, 1)?,
        except: rooms(row, 2)?,
        audience: audience(row, 3)?,
        event: name(row, 4, EventName::parse)?,
        from: optional(row, 5, ClientName::parse)?,
        origin: text(row, 6)?.into(),
        framing: framing(row, 7)?,
        json: row.get(8)?,
        count: row.get(9)?,
        reply: optional(row, 10, RoomName::parse)?,
    })
}

fn stored(row: &Row<'_>) -> Result<Stored> {
    Ok(Stored {
        header: header(row)?,
        number: row.get(11)?,
        at_ms: row.get(12)?,
        start: row.get(13)?,
        body_bytes: row.get(14)?,
        body: match row.get_ref(15)? {
            ValueRef::Blob(bytes) => Some(Bytes::copy_from_slice(bytes)),
            _ => None,
        },
    })
}

/// Parses a name where it stands in the row.
pub(super) fn name<T>(
    row: &Row<'_>,
    column: usize,
    parse: fn(&str) -> Result<T, NameError>,
) -> Result<T> {
    parse(text(row, column)?).map_err(|error| unreadable(column, error))
}

pub(super) fn optional<T>(
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

pub(super) fn rooms_as_json(rooms: &[RoomName]) -> String {
    serde_json::to_string(rooms).expect("names are strings")
}

fn text<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str> {
    let text: FromSqlResult<&str> = row.get_ref(column)?.as_str();
    text.map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

pub(super) fn audience_as_text(audience: Audience) -> &'static str {
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

pub(super) fn framing_as_text(framing: Framing) -> &'static str {
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
