//! The flags of `sub`.

use std::time::Duration;

use clap::Args;

use super::remote::Remote;
use super::script::Script;
use super::share::Share;
use super::{stream, values};
use crate::address::{Address, EventName};
use crate::cli::io::stdout::FormatTemplate;
use crate::client::StartPosition;

/// Subscribe to rooms: their messages on stdout, a line each
///
/// With --as NAME, NAME becomes a member of the rooms and first gets what waited for it; without ROOM it gets every
/// room that it joined. What was written to stdout is acknowledged and does not come again: with --as, take the first few
/// with -n, because what `head` has not read of a pipe is written all the same. A lost connection is resumed where it
/// was.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat sub lobby\n  roomcat sub deploys -n1 --timeout 60s --as web1 && ./restart\n  roomcat sub ci --since 5m --json | jq '.data // .args'\n  roomcat sub lobby --format '{time:%H:%M} {from}: {data}'\n  roomcat sub lobby --presence\n  roomcat sub jobs --as worker -j 4 -x './convert \"$ROOMCAT_SEQ\"'\n  roomcat sub jobs --as worker --share\n  roomcat sub --stream box --as laptop | tar x"
)]
pub struct SubArgs {
    /// The rooms: lobby, /admin#ops, or /admin for what is said to that whole namespace; none with --as NAME for all that NAME joined
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub rooms: Vec<Address>,

    /// End after N messages
    #[arg(short = 'n', long = "count", value_name = "N", value_parser = values::number(1..=u64::MAX))]
    pub count: Option<u64>,

    /// End after this time, with exit code 5
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub timeout: Option<Duration>,

    /// End when everything that waited has been written
    #[arg(long)]
    pub drain: bool,

    /// Begin with this message (41.7), or so long ago (5m), or at a time (2025-01-31T12:00 by the local clock, with Z by UTC)
    #[arg(long, value_name = "WHEN", value_parser = values::since, conflicts_with = "last")]
    pub since: Option<StartPosition>,

    /// Begin with the last N messages
    #[arg(long, value_name = "N", value_parser = values::number(0..=u64::MAX))]
    pub last: Option<u64>,

    /// Only this event; others count as read
    #[arg(short, long, value_name = "EVENT", value_parser = EventName::parse)]
    pub event: Option<EventName>,

    /// End each message with NUL instead of a newline
    #[arg(short = '0', long, conflicts_with_all = ["raw", "json"])]
    pub null: bool,

    /// Add nothing to the messages
    #[arg(long, conflicts_with = "json")]
    pub raw: bool,

    /// One JSON object a message, with all that is known of it
    #[arg(long)]
    pub json: bool,

    /// What is printed of each message, as in --format '{time:%H:%M} {from}: {data}'
    ///
    /// Fields: {time} {room} {rooms} {from} {data} {event} {seq} {namespace} {reply} {json}; empty where the message has none.
    /// {time:%H:%M:%S} is the local time by a strftime pattern. \n \t \r \0 \e \\ and \x41 are what they are in C, and a
    /// brace is written twice. A newline is added, as ever; -0 adds a NUL, --raw nothing.
    #[arg(long, value_name = "TEXT", conflicts_with = "json", value_parser = FormatTemplate::parse)]
    pub format: Option<FormatTemplate>,

    /// Say who comes to the rooms and who goes: on stderr, with --json as objects between the messages
    #[arg(long)]
    pub presence: bool,

    /// End with exit code 3 when the connection is lost
    #[arg(long)]
    pub no_reconnect: bool,

    #[command(flatten)]
    pub share: Share,

    #[command(flatten)]
    pub stream: stream::Received,

    #[command(flatten)]
    pub script: Script,

    #[command(flatten)]
    pub remote: Remote,
}
