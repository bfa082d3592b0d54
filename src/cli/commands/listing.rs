//! What `rooms`, `who` and `queue` share: their cells, and output as a table or as JSON.

use jiff::Timestamp;
use serde::Serialize;

use crate::address::{Namespace, RoomName};
use crate::cli::failure::Failure;
use crate::cli::io::stdout;
use crate::cli::screen::quantity::quantity;
use crate::cli::screen::table::{self, TableLine};
use crate::cli::screen::term;

/// A room as it is typed on the command line: a bare name unless that would be ambiguous.
pub fn room_address(namespace: &Namespace, room: &RoomName) -> String {
    match room.as_str() {
        "" => namespace.to_string(),
        slash if slash.starts_with('/') => format!("{namespace}#{slash}"),
        bare => bare.to_owned(),
    }
}

/// None for a time that no calendar holds.
pub fn timestamp(at_ms: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(at_ms).ok()?).ok()
}

/// A cell that may be empty.
pub fn or_dash(cell: Option<impl ToString>) -> String {
    cell.map_or_else(|| "-".to_owned(), |cell| cell.to_string())
}

/// One JSON object a line.
pub fn json_lines(rows: impl IntoIterator<Item = impl Serialize>) -> String {
    let line = |row| serde_json::to_string(&row).expect("names and numbers are JSON") + "\n";
    rows.into_iter().map(line).collect()
}

/// Prints rows as JSON; `more` rows were left out of the answer.
pub fn print_json(
    rows: impl IntoIterator<Item = impl Serialize>,
    more: u64,
    noun: &str,
) -> Result<(), Failure> {
    if more > 0 {
        term::warn(format!("not listed: {}", quantity(more, noun)));
    }
    stdout::print(&json_lines(rows)).map_err(Failure::Output)
}

pub fn print_table(lines: &[TableLine]) -> Result<(), Failure> {
    stdout::print(&table::text(lines, term::stdout_paint())).map_err(Failure::Output)
}
