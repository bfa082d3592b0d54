//! Tables for people: columns as wide as their widest cell and, where there is a width to keep, no line wider than that.
//!
//! Rows and a width in, lines out. Knows no terminal: who prints the lines says how wide it is, and whether it has colours.

#[cfg(test)]
mod tests;

use std::ops::Range;

use colored::Colorize as _;
use unicode_width::UnicodeWidthChar as _;

use crate::cli::screen::term::{self, Paint};
use crate::limits;

/// Cells in columns, below a head.
#[derive(Debug, Clone)]
pub struct Table<const N: usize> {
    columns: [Column; N],
    rows: Vec<[String; N]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    head: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Name,
    Text,
    Time,
    Number,
}

/// A line of a screen: nothing in it is obeyed by a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    text: String,
    kind: LineKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Names what is below it.
    Head,
    Row,
    /// Speaks of the lines around it.
    Note,
}

impl Column {
    /// What peers chose: cut in its middle where there is not room for all of it.
    pub const fn name(head: &'static str) -> Self {
        Self {
            head,
            kind: Kind::Name,
        }
    }

    /// A time as `2025-01-31 12:00:05`, which goes without its year and its seconds where there is not room for all of it.
    pub const fn time(head: &'static str) -> Self {
        Self {
            head,
            kind: Kind::Time,
        }
    }

    /// Short, and nothing without its end: a yes, an address.
    pub const fn text(head: &'static str) -> Self {
        Self {
            head,
            kind: Kind::Text,
        }
    }

    /// Aligned at the right.
    pub const fn number(head: &'static str) -> Self {
        Self {
            head,
            kind: Kind::Number,
        }
    }

    /// As narrow as it may become; nothing for a column that stays as it is.
    fn floor(self) -> Option<usize> {
        (self.kind == Kind::Name).then(|| width(self.head).max(limits::NAME_COLUMNS))
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

    /// The head and the rows, no line with more than `columns`; without that as wide as they are.
    pub fn lines(&self, columns: Option<usize>) -> Vec<Line> {
        if columns.is_some_and(|columns| self.narrowest() > columns)
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
            .map(|(kind, cells)| Line {
                text: fitting(&self.line(cells, &widths), columns),
                kind,
            })
            .collect()
    }

    /// What the columns get: the widest of those that may shrink give first, until all have room.
    fn widths(&self, columns: Option<usize>) -> [usize; N] {
        let mut widths = self.whole_widths();
        let all = widths.iter().sum::<usize>() + Self::GAPS;
        let over = columns.map_or(0, |columns| all.saturating_sub(columns));
        for _ in 0..over {
            let may = self.columns.iter().zip(&mut widths);
            let shrinkable = may.filter(|(column, width)| {
                let floor = column.floor();
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

    fn whole_widths(&self) -> [usize; N] {
        let mut widths = self.columns.map(|column| width(column.head));
        for row in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(width(cell));
            }
        }
        widths
    }

    /// As narrow as all names together can make it.
    fn narrowest(&self) -> usize {
        let widths = self.columns.iter().zip(self.whole_widths());
        let narrowest = widths.map(|(column, whole)| match column.floor() {
            Some(floor) => whole.min(floor),
            None => whole,
        });
        narrowest.sum::<usize>() + Self::GAPS
    }

    /// None: no time in it is any shorter.
    fn with_short_times(&self) -> Option<Self> {
        let mut shorter = self.clone();
        for row in &mut shorter.rows {
            for (column, cell) in self.columns.iter().zip(row) {
                if column.kind == Kind::Time && cell.len() == LONG_TIME.len() {
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
                Kind::Name | Kind::Text | Kind::Time => cell + &space,
                Kind::Number => space + &cell,
            }
        });
        let line = aligned.collect::<Vec<_>>().join(GAP);
        line.trim_end().to_owned()
    }
}

const GAP: &str = "  ";

/// How times are shown, and what of it is left where room is short.
const LONG_TIME: &str = "2025-01-31 12:00:05";
const SHORT_TIME: Range<usize> = 5..16;

impl Line {
    /// One that is no part of a table. Control characters are made visible; what is too wide is cut at its end.
    pub fn note(text: &str, columns: Option<usize>) -> Self {
        Self {
            text: fitting(&term::visible(text), columns),
            kind: LineKind::Note,
        }
    }

    /// Between two tables.
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

    /// How many columns of a terminal it takes at most.
    pub fn width(&self) -> usize {
        width(&self.text)
    }

    /// Without a newline.
    pub fn painted(&self, paint: Paint) -> String {
        match (paint, self.kind) {
            // Nothing needs no colour.
            _ if self.text.is_empty() => String::new(),
            (Paint::Colours, LineKind::Head) => self.text.bold().to_string(),
            (Paint::Colours, LineKind::Note) => self.text.dimmed().to_string(),
            (Paint::Plain, _) | (_, LineKind::Row) => self.text.clone(),
        }
    }
}

/// Below a table: how many rows the answer had no room for.
pub fn more(rows: u64, columns: Option<usize>) -> Option<Line> {
    (rows > 0).then(|| Line::note(&format!("… and {rows} more"), columns))
}

/// Lines as they are printed, each with its newline.
pub fn text(lines: &[Line], paint: Paint) -> String {
    let painted = lines.iter().map(|line| line.painted(paint) + "\n");
    painted.collect()
}

/// What is too wide is cut at its end.
pub(super) fn fitting(line: &str, columns: Option<usize>) -> String {
    match columns {
        Some(columns) if width(line) > columns => match columns {
            0 => String::new(),
            columns => beginning(line.chars(), columns - 1) + CUT,
        },
        _ => line.to_owned(),
    }
}

/// Stands for what is not shown, in one column.
const CUT: &str = "…";

/// The beginning and the end of what is wider than `room`: names of one kind often differ in either.
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
        // What belongs to a character that was cut away.
        .skip_while(|character| columns_of(*character) == 0)
        .collect();
    begin + CUT + &String::from_iter(end)
}

/// As many of these as have room.
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

/// Terminals differ in characters that are joined to one; this is the most that any of them takes.
fn columns_of(character: char) -> usize {
    match character {
        // Asks for the character before it as a picture, which is twice as wide; and the hyphen that some show.
        '\u{fe0f}' | '\u{ad}' => 1,
        _ => character.width().unwrap_or(1),
    }
}
