//! The flags of `sub`.

use std::time::Duration;

use clap::Args;

use super::exec::ExecArgs;
use super::remote::Remote;
use super::share::SharingArgs;
use super::{stream, values};
use crate::address::{Address, EventName};
use crate::cli::io::stdout::FormatTemplate;
use crate::client::StartPosition;

/// Subscribe to rooms: print each message as a line
///
/// With --as NAME, NAME becomes a member of the rooms and first gets the messages that waited for it; without ROOM, it gets
/// those of every room it joined. A message written to stdout is acknowledged and is not delivered again. To take only the
/// first few, use -n and not `head`: the pipe holds messages that `head` never reads. After a lost connection, `sub`
/// reconnects and continues where it was.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat sub lobby\n  roomcat sub deploys -n1 --timeout 60s --as web1 && ./restart\n  roomcat sub ci --since 5m --json | jq '.data // .args'\n  roomcat sub lobby --format '{time:%H:%M} {from}: {data}'\n  roomcat sub lobby --presence\n  roomcat sub jobs --as worker -j 4 -x './convert \"$ROOMCAT_SEQ\"'\n  roomcat sub jobs --as worker --share\n  roomcat sub --stream box --as laptop | tar x"
)]
pub struct SubArgs {
    /// The rooms: lobby, /admin#ops, or /admin for the whole namespace [default with --as NAME: the rooms that NAME joined]
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub rooms: Vec<Address>,

    /// Exit after N messages
    #[arg(short = 'n', long = "count", value_name = "N", value_parser = values::number(1..=u64::MAX))]
    pub count: Option<u64>,

    /// Exit after this time, with exit code 5
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub timeout: Option<Duration>,

    /// Exit when all waiting messages have been written
    #[arg(long)]
    pub drain: bool,

    /// Start at a message (41.7), a duration ago (5m), or a time (2025-01-31T12:00 is local, with Z it is UTC)
    #[arg(long, value_name = "WHEN", value_parser = values::since, conflicts_with = "last")]
    pub since: Option<StartPosition>,

    /// Start with the last N messages
    #[arg(long, value_name = "N", value_parser = values::number(0..=u64::MAX))]
    pub last: Option<u64>,

    /// Print only this event; others count as read
    #[arg(short, long, value_name = "EVENT", value_parser = EventName::parse)]
    pub event: Option<EventName>,

    /// End each message with NUL instead of a newline
    #[arg(short = '0', long, conflicts_with_all = ["raw", "json"])]
    pub null: bool,

    /// Add nothing after the messages
    #[arg(long, conflicts_with = "json")]
    pub raw: bool,

    /// Print one JSON object per message, with all its fields
    #[arg(long)]
    pub json: bool,

    /// How to print each message, as in --format '{time:%H:%M} {from}: {data}'
    ///
    /// Fields: {time} {room} {rooms} {from} {data} {event} {seq} {namespace} {reply} {json}; a field that the message lacks is
    /// empty. {time:%H:%M:%S} is the local time in a strftime format. \n \t \r \0 \e \\ and \x41 are escapes as in C; double
    /// a brace to print it. A newline follows each message; with -0, a NUL; with --raw, nothing.
    #[arg(long, value_name = "TEXT", conflicts_with = "json", value_parser = FormatTemplate::parse)]
    pub format: Option<FormatTemplate>,

    /// Report who enters and leaves the rooms: on stderr, or with --json as objects between the messages
    #[arg(long)]
    pub presence: bool,

    /// If the connection is lost, exit with code 3 instead of reconnecting
    #[arg(long)]
    pub no_reconnect: bool,

    #[command(flatten)]
    pub share: SharingArgs,

    #[command(flatten)]
    pub stream: stream::ReceiveStreamArgs,

    #[command(flatten)]
    pub exec: ExecArgs,

    #[command(flatten)]
    pub remote: Remote,
}
