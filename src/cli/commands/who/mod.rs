//! `who`: the sockets of a namespace, as a table or as JSON.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::address::{ClientName, Namespace, RoomName};
use crate::cli::args::who::WhoArgs;
use crate::cli::commands::rooms::{address, timestamp};
use crate::cli::commands::watch::watch;
use crate::cli::failure::Failure;
use crate::cli::io::stdout;
use crate::cli::remote::ask::ask;
use crate::cli::remote::target::target;
use crate::cli::screen::table::{self, Column, Table, TableLine};
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::verbs::who::{LagPrecision, SocketInfo, WhoRequest, WhoResponse};

pub async fn run(args: &WhoArgs, global: &Global) -> Result<(), Failure> {
    let (target, rooms) = target(global, &args.remote, &args.room)?;
    let request = WhoRequest {
        room: rooms.first(),
        sid: None,
    };
    let zone = TimeZone::system();
    if let Some(every) = args.watching.watch {
        return watch(&target, request, every, |answer, columns| {
            lines(answer, &target.namespace, &zone, columns)
        })
        .await;
    }
    let answer = ask(&target, &request).await?;
    let text = match args.json {
        true => as_json(&answer, &target.namespace),
        false => {
            let lines = lines(&answer, &target.namespace, &zone, term::stdout_columns());
            table::text(&lines, term::stdout_paint())
        }
    };
    if answer.more > 0 && args.json {
        term::warn(format!("{} more are connected", answer.more));
    }
    stdout::print(&text).map_err(Failure::Output)
}

/// Not who asks: that connection is over as soon as it is answered.
fn others(answer: &WhoResponse) -> impl Iterator<Item = &SocketInfo> {
    answer.sockets.iter().filter(|person| !person.you)
}

fn as_json(answer: &WhoResponse, namespace: &Namespace) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        namespace: &'a Namespace,
        sid: &'a str,
        #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
        name: Option<&'a ClientName>,
        address: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        uid: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pid: Option<i32>,
        transport: &'a str,
        rooms: &'a [RoomName],
        lag: u64,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        lag_is_least: bool,
        since: Option<String>,
    }
    let mut text = String::new();
    for person in others(answer) {
        let line = Line {
            namespace,
            sid: &person.sid,
            name: person.name.as_ref(),
            address: &person.address,
            uid: person.uid,
            pid: person.pid,
            transport: &person.transport,
            rooms: &person.rooms,
            lag: person.lag,
            lag_is_least: person.lag_precision == LagPrecision::AtLeast,
            since: stdout::time(person.since),
        };
        text += &serde_json::to_string(&line).expect("names and numbers are JSON");
        text.push('\n');
    }
    text
}

fn lines(
    answer: &WhoResponse,
    namespace: &Namespace,
    zone: &TimeZone,
    columns: Option<usize>,
) -> Vec<TableLine> {
    let mut table = Table::new([
        Column::name("NAME"),
        Column::text("SID"),
        Column::name("ADDRESS"),
        Column::name("ROOMS"),
        Column::number("LAG"),
        Column::time("SINCE"),
    ]);
    for person in others(answer) {
        let rooms = person.rooms.iter().map(|room| address(namespace, room));
        let rooms = rooms.collect::<Vec<_>>().join(", ");
        let more = match person.lag_precision {
            LagPrecision::AtLeast => "+",
            LagPrecision::Exact => "",
        };
        table.push([
            person
                .name
                .as_ref()
                .map_or("-".to_owned(), ToString::to_string),
            person.sid.clone(),
            origin(person),
            if rooms.is_empty() {
                "-".to_owned()
            } else {
                rooms
            },
            format!("{}{more}", person.lag),
            timestamp(person.since).map_or("-".to_owned(), |since| minute(since, zone)),
        ]);
    }
    let mut lines = table.lines(columns);
    lines.extend(table::more(answer.more, columns));
    lines
}

/// So that a line fits a terminal: the seconds stand in the JSON.
fn minute(at: Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned(zone.clone());
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// Of a Unix socket the process at its other end.
fn origin(person: &SocketInfo) -> String {
    match person.pid {
        Some(pid) => format!("{} pid {pid}", person.address),
        None => person.address.clone(),
    }
}
