//! `rooms`: what is there, as a table or as JSON.

#[cfg(test)]
mod tests;

use std::cell::Cell;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::address::{ClientName, Namespace, RoomName};
use crate::cli::args::rooms::RoomsArgs;
use crate::cli::commands::watch::watch;
use crate::cli::failure::Failure;
use crate::cli::io::stdout;
use crate::cli::remote::ask::ask;
use crate::cli::remote::target::target;
use crate::cli::screen::table::{self, Column, Table, TableLine};
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::verbs::rooms::{RoomSummary, RoomsRequest, RoomsResponse};

pub async fn run(args: &RoomsArgs, global: &Global) -> Result<(), Failure> {
    let (target, rooms) = target(global, &args.remote, &args.room)?;
    // The empty room is the whole namespace, and so is its name.
    let one = rooms.first().filter(|room| !room.as_str().is_empty());
    let request = RoomsRequest { room: one };
    let zone = TimeZone::system();
    let shown = Shown {
        namespace: &target.namespace,
        which: match (one, args.all) {
            (Some(_), _) => Which::One,
            (None, true) => Which::All,
            (None, false) => Which::Lasting,
        },
        zone: &zone,
    };
    if let Some(every) = args.watching.watch {
        // Said again only when there are more of them.
        let expired = Cell::new(0);
        return watch(&target, request, every, |answer, columns| {
            let answer = shown.which.of(answer.clone());
            if expired.replace(answer.expired) < answer.expired {
                warn_of_expired(&answer);
            }
            shown.lines(&answer, columns)
        })
        .await;
    }
    let answer = shown.which.of(ask(&target, &request).await?);
    let text = match args.json {
        true => as_json(&answer, &target.namespace),
        false => {
            let lines = shown.lines(&answer, term::stdout_columns());
            table::text(&lines, term::stdout_paint())
        }
    };
    if answer.more > 0 && args.json {
        term::warn(format!("{} more rooms are there", answer.more));
    }
    warn_of_expired(&answer);
    stdout::print(&text).map_err(Failure::Output)
}

fn warn_of_expired(answer: &RoomsResponse) {
    if answer.expired > 0 {
        term::warn(format!(
            "{} messages went unread: --keep-pending was over before their members came",
            answer.expired
        ));
    }
}

fn as_json(answer: &RoomsResponse, namespace: &Namespace) -> String {
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

/// How an answer becomes tables.
struct Shown<'a> {
    namespace: &'a Namespace,
    which: Which,
    zone: &'a TimeZone,
}

/// Which rooms are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// It was named.
    One,
    All,
    /// But for those that were made for the answers to one message.
    Lasting,
}

impl Which {
    fn of(self, mut answer: RoomsResponse) -> RoomsResponse {
        if self == Self::Lasting {
            answer.rooms.retain(|room| !room.room.is_reply_room());
        }
        answer
    }
}

impl Shown<'_> {
    fn lines(&self, answer: &RoomsResponse, columns: Option<usize>) -> Vec<TableLine> {
        let mut rooms = Table::new([
            Column::name("ROOM"),
            Column::number("SOCKETS"),
            Column::number("MEMBERS"),
            Column::number("PENDING"),
            Column::number("MESSAGES"),
            Column::time("LAST"),
        ]);
        let mut members = Table::new([
            Column::name("MEMBER"),
            Column::number("PENDING"),
            Column::text("HERE"),
        ]);
        for room in &answer.rooms {
            rooms.push([
                address(self.namespace, &room.room),
                room.sockets.to_string(),
                room.members.len().to_string(),
                pending(room).to_string(),
                room.messages.to_string(),
                room.last
                    .and_then(timestamp)
                    .map_or("-".to_owned(), |last| local(last, self.zone)),
            ]);
            for member in &room.members {
                let here = if member.here { "yes" } else { "no" };
                members.push([
                    member.name.to_string(),
                    member.pending.to_string(),
                    here.to_owned(),
                ]);
            }
        }
        let mut lines = rooms.lines(columns);
        lines.extend(table::more(answer.more, columns));
        if self.which == Which::One && !members.is_empty() {
            lines.push(TableLine::empty());
            lines.extend(members.lines(columns));
        }
        lines
    }
}

/// As it would be typed: a bare name, unless that would mean something else.
pub(super) fn address(namespace: &Namespace, room: &RoomName) -> String {
    match room.as_str() {
        "" => namespace.to_string(),
        slash if slash.starts_with('/') => format!("{namespace}#{slash}"),
        bare => bare.to_owned(),
    }
}

fn pending(room: &RoomSummary) -> u64 {
    room.members
        .iter()
        .fold(0, |sum, member| sum.saturating_add(member.pending))
}

pub(super) fn timestamp(at_ms: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(at_ms).ok()?).ok()
}

fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}
