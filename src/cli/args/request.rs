//! The flags of `request`.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use super::remote::Remote;
use crate::address::{Address, EventName};
use crate::cli::args::values;
use crate::cli::io::stdout::FormatTemplate;
use crate::limits;

/// Ask a room and print the answers
///
/// Publishes one message that names a new room for answers, and prints what comes there. The room's name, `reply/` and
/// digits, cannot be guessed; whoever gets the message knows it, and `roomcat rooms --all` shows it. With words behind ROOM
/// they are the message, else all of stdin is. `sub -x CMD --reply` answers with what CMD prints; so can any
/// program that publishes to the `reply` that `sub --json` shows. With --as NAME it asks in that name, and holds nothing of it.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat sub clock -x date --reply &\n  roomcat request clock \"what time is it?\"\n  roomcat request workers --replies 3 --timeout 2s status"
)]
pub struct RequestArgs {
    /// The room: lobby, /admin#ops, or /admin for everyone in that namespace
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub room: Address,

    /// The message, instead of stdin
    #[arg(value_name = "MESSAGE", allow_negative_numbers = true)]
    pub message: Vec<OsString>,

    /// End after N answers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = values::number(1..=limits::REPLIES))]
    pub replies: u64,

    /// End after this time, with exit code 5 [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = values::positive_duration)]
    pub timeout: Option<Duration>,

    /// The message is a JSON value, and JavaScript clients get it as one
    #[arg(long)]
    pub json: bool,

    /// The event's name [default: message]
    #[arg(short, long, value_name = "EVENT", value_parser = EventName::parse)]
    pub event: Option<EventName>,

    /// End each answer with NUL instead of a newline
    #[arg(short = '0', long, conflicts_with = "raw")]
    pub null: bool,

    /// Add nothing to the answers
    #[arg(long)]
    pub raw: bool,

    /// What is printed of each answer, as in --format '{from}: {data}'; the fields are those of `roomcat sub --format`
    #[arg(long, value_name = "TEXT", value_parser = FormatTemplate::parse)]
    pub format: Option<FormatTemplate>,

    #[command(flatten)]
    pub remote: Remote,
}
