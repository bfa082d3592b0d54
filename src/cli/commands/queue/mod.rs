//! `queue`: lists what waits for whom, as a table or as JSON.

mod peek;
mod purge;
mod refusal;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::Serialize;

use crate::address::{ClientName, Namespace, RoomName};
use crate::cli::args::queue::{QueueArgs, QueueCommand};
use crate::cli::commands::listing::{or_dash, print_json, print_table, room_address, timestamp};
use crate::cli::failure::Failure;
use crate::cli::io::stdout;
use crate::cli::remote::ask::ask;
use crate::cli::remote::target::resolve_target;
use crate::cli::screen::table::{self, Column, Table, TableLine};
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::verbs::queue::{QueueRequest, QueueResponse, QueueSummary};

pub async fn run(args: &QueueArgs, global: &Global) -> Result<(), Failure> {
    match &args.action {
        Some(QueueCommand::Peek(args)) => return peek::run(args, global).await,
        Some(QueueCommand::Purge(args)) => return purge::run(args, global).await,
        None => {}
    }
    let (target, _) = resolve_target(global, &args.remote, [])?;
    let namespace = &target.namespace;
    let name = args.name.as_ref();
    let QueueResponse { queues, more } = ask(&target, &QueueRequest { name }).await?;
    if args.json {
        return print_json(json_rows(&queues, namespace), more, "queue");
    }
    let columns = term::stdout_columns();
    let mut lines = lines(&queues, namespace, Timestamp::now(), columns);
    lines.extend(table::more(more, columns));
    print_table(&lines)
}

#[derive(Serialize)]
struct QueueJson<'a> {
    namespace: &'a Namespace,
    name: &'a ClientName,
    room: &'a RoomName,
    pending: u64,
    oldest: Option<String>,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sharers: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leased: Option<u64>,
}

fn json_rows<'a>(
    queues: &'a [QueueSummary],
    namespace: &'a Namespace,
) -> impl Iterator<Item = QueueJson<'a>> {
    queues.iter().map(move |queue| QueueJson {
        namespace,
        name: &queue.name,
        room: &queue.room,
        pending: queue.pending,
        oldest: queue.oldest.and_then(stdout::time),
        bytes: queue.bytes,
        sharers: queue.sharers,
        leased: queue.leased,
    })
}

fn lines(
    queues: &[QueueSummary],
    namespace: &Namespace,
    now: Timestamp,
    columns: Option<usize>,
) -> Vec<TableLine> {
    let mut table = Table::new([
        Column::name("NAME"),
        Column::name("ROOM"),
        Column::number("PENDING"),
        Column::number("OLDEST"),
        Column::number("BYTES"),
        Column::number("LEASED"),
    ]);
    for queue in queues {
        let oldest = queue.oldest.and_then(timestamp);
        table.push([
            queue.name.to_string(),
            room_address(namespace, &queue.room),
            queue.pending.to_string(),
            or_dash(oldest.map(|at| age(now, at))),
            queue.bytes.to_string(),
            or_dash(queue.leased),
        ]);
    }
    table.lines(columns)
}

/// In the largest unit, as flags take it: 40s, 12m, 7h, 3d.
fn age(now: Timestamp, at: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(at.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
