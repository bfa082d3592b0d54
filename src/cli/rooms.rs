//! `rooms`: what is there, as a table or as JSON.

#[cfg(test)]
mod tests;

use colored::Colorize;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::args::{Global, RoomsArgs};
use super::ask::ask;
use super::failure::Failure;
use super::target::target;
use super::{stdout, term};
use crate::address::{ClientName, Namespace, RoomName};
use crate::client::ClientError;
use crate::client::answers::{Room, RoomsAnswer, parse};

pub async fn run(args: &RoomsArgs, global: &Global) -> Result<(), Failure> {
    let (target, rooms) = target(global, &args.remote, &args.room)?;
    let answer = ask(&target, "rooms", &question(rooms.first())).await?;
    let answer: RoomsAnswer = parse("the answer to rooms", &answer)
        .map_err(|error| ClientError::Protocol(error.to_string()))?;
    let text = match args.json {
        true => as_json(&answer, &target.namespace),
        false => as_tables(
            &answer,
            &target.namespace,
            args.room.is_some(),
            &TimeZone::system(),
        ),
    };
    if answer.expired > 0 {
        term::warn(format!(
            "{} messages went unread: --keep-pending was over before their members came",
            answer.expired
        ));
    }
    stdout::print(&text).map_err(Failure::Output)
}

fn question(room: Option<&RoomName>) -> String {
    #[derive(Serialize)]
    struct Question<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a RoomName>,
    }
    serde_json::to_string(&Question { room }).expect("a name is JSON")
}

fn as_json(answer: &RoomsAnswer, namespace: &Namespace) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        namespace: &'a Namespace,
        room: &'a RoomName,
        sockets: u64,
        members: Vec<Member<'a>>,
        pending: u64,
        messages: u64,
        last: Option<String>,
    }
    #[derive(Serialize)]
    struct Member<'a> {
        name: &'a ClientName,
        pending: u64,
        here: bool,
    }
    let mut text = String::new();
    for room in &answer.rooms {
        let members = room.members.iter().map(|member| Member {
            name: &member.name,
            pending: member.pending,
            here: member.here,
        });
        let line = Line {
            namespace,
            room: &room.room,
            sockets: room.sockets,
            members: members.collect(),
            pending: pending(room),
            messages: room.messages,
            last: room
                .last
                .and_then(timestamp)
                .map(|last| last.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()),
        };
        text += &serde_json::to_string(&line).expect("names and numbers are JSON");
        text.push('\n');
    }
    text
}

fn as_tables(
    answer: &RoomsAnswer,
    namespace: &Namespace,
    one_room: bool,
    zone: &TimeZone,
) -> String {
    let mut rooms = Table::new([
        Column::Text("ROOM"),
        Column::Number("SOCKETS"),
        Column::Number("MEMBERS"),
        Column::Number("PENDING"),
        Column::Number("MESSAGES"),
        Column::Text("LAST"),
    ]);
    let mut members = Table::new([
        Column::Text("MEMBER"),
        Column::Number("PENDING"),
        Column::Text("HERE"),
    ]);
    for room in &answer.rooms {
        rooms.rows.push([
            address(namespace, &room.room),
            room.sockets.to_string(),
            room.members.len().to_string(),
            pending(room).to_string(),
            room.messages.to_string(),
            room.last
                .and_then(timestamp)
                .map_or("-".to_owned(), |last| local(last, zone)),
        ]);
        members.rows.extend(room.members.iter().map(|member| {
            let here = match member.here {
                true => "yes",
                false => "no",
            };
            [
                term::visible(member.name.as_str()).into_owned(),
                member.pending.to_string(),
                here.to_owned(),
            ]
        }));
    }
    match one_room && !members.rows.is_empty() {
        true => format!("{}\n{}", rooms.render(), members.render()),
        false => rooms.render(),
    }
}

/// As it would be typed: a bare name, unless that would mean something else.
pub(super) fn address(namespace: &Namespace, room: &RoomName) -> String {
    let text = match room.as_str() {
        "" => namespace.to_string(),
        slash if slash.starts_with('/') => format!("{namespace}#{slash}"),
        bare => bare.to_owned(),
    };
    term::visible(&text).into_owned()
}

fn pending(room: &Room) -> u64 {
    room.members
        .iter()
        .fold(0, |sum, member| sum.saturating_add(member.pending))
}

fn timestamp(at_ms: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(at_ms).ok()?).ok()
}

fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// Columns as wide as their widest cell.
pub(super) struct Table<const N: usize> {
    columns: [Column; N],
    pub(super) rows: Vec<[String; N]>,
}

#[derive(Clone, Copy)]
pub(super) enum Column {
    Text(&'static str),
    Number(&'static str),
}

impl Column {
    fn head(self) -> &'static str {
        match self {
            Self::Text(head) | Self::Number(head) => head,
        }
    }
}

impl<const N: usize> Table<N> {
    pub(super) fn new(columns: [Column; N]) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    pub(super) fn render(&self) -> String {
        let heads = self.columns.map(|column| column.head().to_owned());
        let mut widths = [0; N];
        for row in std::iter::once(&heads).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let head = self.line(&heads, &widths);
        let mut text = match term::stdout_colour() {
            true => head.bold().to_string(),
            false => head,
        };
        text.push('\n');
        for row in &self.rows {
            text += &self.line(row, &widths);
            text.push('\n');
        }
        text
    }

    fn line(&self, cells: &[String; N], widths: &[usize; N]) -> String {
        let cells = self.columns.iter().zip(cells).zip(widths);
        let aligned = cells.map(|((column, cell), width)| match column {
            Column::Text(_) => format!("{cell:<width$}"),
            Column::Number(_) => format!("{cell:>width$}"),
        });
        aligned.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    }
}
