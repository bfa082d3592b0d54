//! `rooms`: lists rooms and their members, as a table or as JSON.

#[cfg(test)]
mod tests;

use std::cell::Cell;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::address::{ClientName, Namespace, RoomName};
use crate::cli::args::rooms::RoomsArgs;
use crate::cli::commands::listing::{or_dash, print_json, print_table, room_address, timestamp};
use crate::cli::commands::watch::watch;
use crate::cli::failure::Failure;
use crate::cli::io::stdout;
use crate::cli::remote::ask::ask;
use crate::cli::remote::target::resolve_target;
use crate::cli::screen::quantity::quantity;
use crate::cli::screen::table::{self, Column, Table, TableLine};
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::verbs::rooms::{RoomSummary, RoomsRequest, RoomsResponse};

pub async fn run(args: &RoomsArgs, global: &Global) -> Result<(), Failure> {
    let (target, rooms) = resolve_target(global, &args.remote, &args.room)?;
    // The empty room stands for the whole namespace.
    let room = rooms.first().filter(|room| !room.as_str().is_empty());
    let request = RoomsRequest { room };
    let zone = TimeZone::system();
    let view = RoomsView {
        namespace: &target.namespace,
        filter: match (room, args.all) {
            (Some(_), _) => RoomFilter::One,
            (None, true) => RoomFilter::All,
            (None, false) => RoomFilter::NoReplyRooms,
        },
        zone: &zone,
    };
    if let Some(every) = args.watch.interval {
        let expired_before = Cell::new(0);
        return watch(&target, request, every, |answer, columns| {
            let answer = view.filter.apply(answer.clone());
            if expired_before.replace(answer.expired) < answer.expired {
                warn_of_expired(&answer);
            }
            view.lines(&answer, columns)
        })
        .await;
    }
    let answer = view.filter.apply(ask(&target, &request).await?);
    warn_of_expired(&answer);
    if args.json {
        print_json(json_rows(&answer, view.namespace), answer.more, "room")
    } else {
        print_table(&view.lines(&answer, term::stdout_columns()))
    }
}

fn warn_of_expired(answer: &RoomsResponse) {
    if answer.expired > 0 {
        term::warn(format!(
            "--keep-pending has dropped {} that members did not fetch in time",
            quantity(answer.expired, "message")
        ));
    }
}

#[derive(Serialize)]
struct RoomJson<'a> {
    namespace: &'a Namespace,
    room: &'a RoomName,
    sockets: u64,
    members: Vec<MemberJson<'a>>,
    pending: u64,
    messages: u64,
    last: Option<String>,
}

#[derive(Serialize)]
struct MemberJson<'a> {
    name: &'a ClientName,
    pending: u64,
    here: bool,
}

fn json_rows<'a>(
    answer: &'a RoomsResponse,
    namespace: &'a Namespace,
) -> impl Iterator<Item = RoomJson<'a>> {
    answer.rooms.iter().map(move |room| {
        let members = room.members.iter().map(|member| MemberJson {
            name: &member.name,
            pending: member.pending,
            here: member.here,
        });
        RoomJson {
            namespace,
            room: &room.room,
            sockets: room.sockets,
            members: members.collect(),
            pending: pending(room),
            messages: room.messages,
            last: room.last.and_then(stdout::time),
        }
    })
}

/// Turns an answer into tables.
struct RoomsView<'a> {
    namespace: &'a Namespace,
    filter: RoomFilter,
    zone: &'a TimeZone,
}

/// Which rooms are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RoomFilter {
    /// The room that was named, with its members.
    One,
    All,
    /// All but the reply rooms that `request` makes.
    NoReplyRooms,
}

impl RoomFilter {
    fn apply(self, mut answer: RoomsResponse) -> RoomsResponse {
        if self == Self::NoReplyRooms {
            answer.rooms.retain(|room| !room.room.is_reply_room());
        }
        answer
    }
}

impl RoomsView<'_> {
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
            let last = room.last.and_then(timestamp);
            rooms.push([
                room_address(self.namespace, &room.room),
                room.sockets.to_string(),
                room.members.len().to_string(),
                pending(room).to_string(),
                room.messages.to_string(),
                or_dash(last.map(|last| local_second(last, self.zone))),
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
        if self.filter == RoomFilter::One && !members.is_empty() {
            lines.push(TableLine::empty());
            lines.extend(members.lines(columns));
        }
        lines
    }
}

/// The messages that wait for all members of a room.
fn pending(room: &RoomSummary) -> u64 {
    room.members
        .iter()
        .fold(0, |sum, member| sum.saturating_add(member.pending))
}

fn local_second(at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    local.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
