//! `who`: lists the sockets of a namespace, as a table or as JSON.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::address::{ClientName, Namespace, RoomName};
use crate::cli::args::who::WhoArgs;
use crate::cli::commands::listing::{or_dash, print_json, print_table, room_address, timestamp};
use crate::cli::commands::watch::watch;
use crate::cli::failure::Failure;
use crate::cli::io::stdout;
use crate::cli::remote::ask::ask;
use crate::cli::remote::target::resolve_target;
use crate::cli::screen::table::{self, Column, Table, TableLine};
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::verbs::who::{LagPrecision, SocketInfo, WhoRequest, WhoResponse};

pub async fn run(args: &WhoArgs, global: &Global) -> Result<(), Failure> {
    let (target, rooms) = resolve_target(global, &args.remote, &args.room)?;
    let namespace = &target.namespace;
    let request = WhoRequest {
        room: rooms.first(),
        sid: None,
    };
    let zone = TimeZone::system();
    if let Some(every) = args.watch.interval {
        return watch(&target, request, every, |answer, columns| {
            lines(answer, namespace, &zone, columns)
        })
        .await;
    }
    let answer = ask(&target, &request).await?;
    if args.json {
        print_json(json_rows(&answer, namespace), answer.more, "socket")
    } else {
        print_table(&lines(&answer, namespace, &zone, term::stdout_columns()))
    }
}

/// All sockets but the one that asked, which is gone as soon as it is answered.
fn other_sockets(answer: &WhoResponse) -> impl Iterator<Item = &SocketInfo> {
    answer.sockets.iter().filter(|socket| !socket.you)
}

#[derive(Serialize)]
struct SocketJson<'a> {
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

fn json_rows<'a>(
    answer: &'a WhoResponse,
    namespace: &'a Namespace,
) -> impl Iterator<Item = SocketJson<'a>> {
    other_sockets(answer).map(move |socket| SocketJson {
        namespace,
        sid: &socket.sid,
        name: socket.name.as_ref(),
        address: &socket.address,
        uid: socket.uid,
        pid: socket.pid,
        transport: &socket.transport,
        rooms: &socket.rooms,
        lag: socket.lag,
        lag_is_least: socket.lag_precision == LagPrecision::AtLeast,
        since: stdout::time(socket.since),
    })
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
    for socket in other_sockets(answer) {
        let rooms = socket
            .rooms
            .iter()
            .map(|room| room_address(namespace, room));
        let rooms = rooms.collect::<Vec<_>>().join(", ");
        let more = match socket.lag_precision {
            LagPrecision::AtLeast => "+",
            LagPrecision::Exact => "",
        };
        table.push([
            or_dash(socket.name.as_ref()),
            socket.sid.clone(),
            address_and_pid(socket),
            or_dash(Some(rooms).filter(|rooms| !rooms.is_empty())),
            format!("{}{more}", socket.lag),
            or_dash(timestamp(socket.since).map(|since| local_minute(since, zone))),
        ]);
    }
    let mut lines = table.lines(columns);
    lines.extend(table::more(answer.more, columns));
    lines
}

/// Without seconds, so that a line fits a terminal; the JSON has them.
fn local_minute(at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    local.strftime("%Y-%m-%d %H:%M").to_string()
}

/// For a Unix socket, names the process at its other end.
fn address_and_pid(socket: &SocketInfo) -> String {
    match socket.pid {
        Some(pid) => format!("{} pid {pid}", socket.address),
        None => socket.address.clone(),
    }
}
