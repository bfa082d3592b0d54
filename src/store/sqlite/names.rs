//! Bare names of namespaces, rooms and members.

use rusqlite::{Connection, Result, params};

use crate::address::Namespace;
use crate::limits;
use crate::store::names::{NameKind, NameQuery};

/// Sorts after every name with the same prefix, because no name contains this character.
const AFTER_PREFIX: char = char::MAX;

pub(super) fn names(
    conn: &Connection,
    namespace: &Namespace,
    query: &NameQuery,
) -> Result<Vec<String>> {
    let sql = match query.kind {
        NameKind::Namespaces => {
            "SELECT DISTINCT namespace FROM rooms
              WHERE namespace >= ?2 AND namespace < ?3
                AND (EXISTS (SELECT 1 FROM members WHERE room = rooms.id)
                     OR EXISTS (SELECT 1 FROM log_rooms WHERE room = rooms.id))
                AND ?1 IS NOT NULL
              ORDER BY namespace LIMIT ?4"
        }
        NameKind::Rooms => {
            "SELECT name FROM rooms
              WHERE namespace = ?1 AND name >= ?2 AND name < ?3
                AND (substr(name, 1, 6) <> 'reply/' OR substr(?2, 1, 6) = 'reply/')
                AND (EXISTS (SELECT 1 FROM members WHERE room = rooms.id)
                     OR EXISTS (SELECT 1 FROM log_rooms WHERE room = rooms.id))
              ORDER BY name LIMIT ?4"
        }
        NameKind::Members => {
            "SELECT DISTINCT client FROM members JOIN rooms ON rooms.id = members.room
              WHERE client >= ?2 AND client < ?3 AND rooms.namespace = ?1
              ORDER BY client LIMIT ?4"
        }
    };
    let end = format!("{}{AFTER_PREFIX}", query.prefix);
    let limit = i64::try_from(limits::NAMES_LISTED).unwrap_or(i64::MAX);
    conn.prepare_cached(sql)?
        .query_map(
            params![namespace.as_str(), query.prefix, end, limit],
            |row| row.get(0),
        )?
        .collect()
}
