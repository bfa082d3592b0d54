//! `queue`: what waits for whom, as a table or as JSON.

mod answer;
mod peek;
mod purge;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::Serialize;

use crate::address::{ClientName, Namespace, RoomName};
use crate::cli::args::queue::{QueueArgs, QueueCommand};
use crate::cli::commands::rooms::{address, timestamp};
use crate::cli::failure::Failure;
use crate::cli::io::stdout;
use crate::cli::remote::ask::ask;
use crate::cli::remote::target::target;
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
    let (target, _) = target(global, &args.remote, [])?;
    let name = args.name.as_ref();
    let QueueResponse { queues, more } = ask(&target, &QueueRequest { name }).await?;
    let text = match args.json {
        true => as_json(&queues, &target.namespace),
        false => {
            let columns = term::stdout_columns();
            let mut lines = lines(&queues, &target.namespace, Timestamp::now(), columns);
            lines.extend(table::more(more, columns));
            table::text(&lines, term::stdout_paint())
        }
    };
    if more > 0 && args.json {
        term::warn(format!("{more} more queues are there"));
    }
    stdout::print(&text).map_err(Failure::Output)
}

fn as_json(queues: &[QueueSummary], namespace: &Namespace) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
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
    let lines = queues.iter().map(|queue| Line {
        namespace,
        name: &queue.name,
        room: &queue.room,
        pending: queue.pending,
        oldest: queue
            .oldest
            .and_then(timestamp)
            .map(|at| at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()),
        bytes: queue.bytes,
        sharers: queue.sharers,
        leased: queue.leased,
    });
    let text = |line| serde_json::to_string(&line).expect("names and numbers are JSON") + "\n";
    lines.map(text).collect()
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
            address(namespace, &queue.room),
            queue.pending.to_string(),
            oldest.map_or("-".to_owned(), |at| age(now, at)),
            queue.bytes.to_string(),
            queue.leased.map_or("-".to_owned(), |it| it.to_string()),
        ]);
    }
    table.lines(columns)
}

/// In its largest unit, as flags take it: 40s, 12m, 7h, 3d.
fn age(now: Timestamp, at: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(at.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
