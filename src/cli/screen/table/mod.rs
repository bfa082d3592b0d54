//! Tables for people. Columns are as wide as their widest cell, and lines are at most as wide as the terminal.
//!
//! Takes rows and a width, and returns lines. The caller knows the width of the terminal and whether it has colours.

#[cfg(test)]
mod tests;

use std::ops::Range;

use colored::Colorize as _;
use unicode_width::UnicodeWidthChar as _;

use crate::cli::screen::term::{self, Paint};
use crate::limits;

/// Rows of cells below a head.
#[derive(Debug, Clone)]
pub struct Table<const N: usize> {
    columns: [Column; N],
    rows: Vec<[String; N]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    head: &'static str,
    kind: ColumnKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnKind {
    Name,
    Text,
    Time,
    Number,
}

/// A line without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLine {
    text: String,
    kind: LineKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// The head of a table.
    Head,
    Row,
    /// A remark beside a table.
    Note,
}

impl Column {
    /// A name that a peer chose. It is cut in the middle when room is short.
    pub const fn name(head: &'static str) -> Self {
        Self {
            head,
            kind: ColumnKind::Name,
        }
    }

    /// A time like `2025-01-31 12:00:05`. It loses year and seconds when room is short.
    pub const fn time(head: &'static str) -> Self {
        Self {
            head,
            kind: ColumnKind::Time,
        }
    }

    /// Short text that is never cut: a yes, an address.
    pub const fn text(head: &'static str) -> Self {
        Self {
            head,
            kind: ColumnKind::Text,
        }
    }

    /// A number, aligned at the right.
    pub const fn number(head: &'static str) -> Self {
        Self {
            head,
            kind: ColumnKind::Number,
        }
    }

    /// The least width of a column that may shrink.
    fn min_width(self) -> Option<usize> {
        (self.kind == ColumnKind::Name).then(|| width(self.head).max(limits::NAME_COLUMNS))
    }
}

impl<const N: usize> Table<N> {
    pub fn new(columns: [Column; N]) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Control characters in the cells are made visible.
    pub fn push(&mut self, cells: [String; N]) {
        self.rows
            .push(cells.map(|cell| term::visible(&cell).into_owned()));
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The head and the rows, cut to at most `columns` if given.
    pub fn lines(&self, columns: Option<usize>) -> Vec<TableLine> {
        if columns.is_some_and(|columns| self.min_line_width() > columns)
            && let Some(shorter) = self.with_short_times()
        {
            return shorter.lines(columns);
        }
        let heads = self.columns.map(|column| column.head.to_owned());
        let widths = self.widths(columns);
        let head = std::iter::once((LineKind::Head, &heads));
        let rows = self.rows.iter().map(|row| (LineKind::Row, row));
        let lines = head.chain(rows);
        lines
            .map(|(kind, cells)| TableLine {
                text: cut_end(&self.line(cells, &widths), columns),
                kind,
            })
            .collect()
    }

    /// The widths of the columns. The widest column that may shrink gives way first, until the line fits.
    fn widths(&self, columns: Option<usize>) -> [usize; N] {
        let mut widths = self.full_widths();
        let all = widths.iter().sum::<usize>() + Self::GAPS;
        let over = columns.map_or(0, |columns| all.saturating_sub(columns));
        for _ in 0..over {
            let may = self.columns.iter().zip(&mut widths);
            let shrinkable = may.filter(|(column, width)| {
                let floor = column.min_width();
                floor.is_some_and(|floor| **width > floor)
            });
            match shrinkable.max_by_key(|(_, width)| **width) {
                Some((_, widest)) => *widest -= 1,
                None => break,
            }
        }
        widths
    }

    const GAPS: usize = GAP.len() * N.saturating_sub(1);

    fn full_widths(&self) -> [usize; N] {
        let mut widths = self.columns.map(|column| width(column.head));
        for row in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(width(cell));
            }
        }
        widths
    }

    /// The width of the table when all names are cut to their least width.
    fn min_line_width(&self) -> usize {
        let widths = self.columns.iter().zip(self.full_widths());
        let narrowest = widths.map(|(column, whole)| match column.min_width() {
            Some(floor) => whole.min(floor),
            None => whole,
        });
        narrowest.sum::<usize>() + Self::GAPS
    }

    /// The table with short times, or `None` if no time can become shorter.
    fn with_short_times(&self) -> Option<Self> {
        let mut shorter = self.clone();
        for row in &mut shorter.rows {
            for (column, cell) in self.columns.iter().zip(row) {
                if column.kind == ColumnKind::Time && cell.len() == LONG_TIME.len() {
                    *cell = cell.get(SHORT_TIME).unwrap_or(cell).to_owned();
                }
            }
        }
        (shorter.rows != self.rows).then_some(shorter)
    }

    fn line(&self, cells: &[String; N], widths: &[usize; N]) -> String {
        let cells = self.columns.iter().zip(cells).zip(widths);
        let aligned = cells.map(|((column, cell), room)| {
            let cell = cut_middle(cell, *room);
            let space = " ".repeat(room.saturating_sub(width(&cell)));
            match column.kind {
                ColumnKind::Name | ColumnKind::Text | ColumnKind::Time => cell + &space,
                ColumnKind::Number => space + &cell,
            }
        });
        let line = aligned.collect::<Vec<_>>().join(GAP);
        line.trim_end().to_owned()
    }
}

const GAP: &str = "  ";

/// The form of times, and the part of it that is kept when room is short.
const LONG_TIME: &str = "2025-01-31 12:00:05";
const SHORT_TIME: Range<usize> = 5..16;

impl TableLine {
    /// A line outside the table. Control characters are made visible, and the end is cut if it is too wide.
    pub fn note(text: &str, columns: Option<usize>) -> Self {
        Self {
            text: cut_end(&term::visible(text), columns),
            kind: LineKind::Note,
        }
    }

    /// An empty line between two tables.
    pub fn empty() -> Self {
        Self {
            text: String::new(),
            kind: LineKind::Row,
        }
    }

    pub fn kind(&self) -> LineKind {
        self.kind
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The width in columns of a terminal.
    pub fn width(&self) -> usize {
        width(&self.text)
    }

    /// The text with its colours, without a newline.
    pub fn painted(&self, paint: Paint) -> String {
        match (paint, self.kind) {
            // An empty line needs no colour.
            _ if self.text.is_empty() => String::new(),
            (Paint::Colours, LineKind::Head) => self.text.bold().to_string(),
            (Paint::Colours, LineKind::Note) => self.text.dimmed().to_string(),
            (Paint::Plain, _) | (_, LineKind::Row) => self.text.clone(),
        }
    }
}

/// The line below a table that counts the rows left out, if any.
pub fn more(rows: u64, columns: Option<usize>) -> Option<TableLine> {
    (rows > 0).then(|| TableLine::note(&format!("… and {rows} more"), columns))
}

/// The lines as printed text.
pub fn text(lines: &[TableLine], paint: Paint) -> String {
    let painted = lines.iter().map(|line| line.painted(paint) + "\n");
    painted.collect()
}

/// Cuts the end of a line that is too wide.
pub(super) fn cut_end(line: &str, columns: Option<usize>) -> String {
    match columns {
        Some(columns) if width(line) > columns => match columns {
            0 => String::new(),
            columns => beginning(line.chars(), columns - 1) + CUT,
        },
        _ => line.to_owned(),
    }
}

/// Marks a cut, in one column.
const CUT: &str = "…";

/// Cuts the middle out of text wider than `room`, because similar names often differ at the beginning or at the end.
fn cut_middle(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let Some(shown) = room.checked_sub(1) else {
        return String::new();
    };
    let begin = beginning(text.chars(), shown.div_ceil(2));
    let end: Vec<char> = beginning(text.chars().rev(), shown - shown.div_ceil(2))
        .chars()
        .rev()
        // Combining characters of a character that was cut away.
        .skip_while(|character| columns_of(*character) == 0)
        .collect();
    begin + CUT + &String::from_iter(end)
}

/// The characters from the front that fit into `room`.
fn beginning(characters: impl Iterator<Item = char>, room: usize) -> String {
    let mut used = 0;
    let fits = characters.take_while(|character| {
        used += columns_of(*character);
        used <= room
    });
    fits.collect()
}

pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// The width of a character. Terminals differ for joined characters; this is the largest.
fn columns_of(character: char) -> usize {
    match character {
        // The emoji selector makes the character before it twice as wide. Some terminals show the soft hyphen.
        '\u{fe0f}' | '\u{ad}' => 1,
        _ => character.width().unwrap_or(1),
    }
}
