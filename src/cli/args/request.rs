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
/// Publishes one message that names a new room for answers, and prints the messages that arrive in that room. Its name,
/// `reply/` and digits, cannot be guessed; receivers of the message see it, and `roomcat rooms --all` lists it. Words after
/// ROOM are the message; without them, all of stdin is. `sub -x CMD --reply` answers with the output of CMD. Any other
/// program can answer by publishing to the `reply` room that `sub --json` shows. With --as NAME, the message comes from
/// NAME; the messages that wait for NAME are not touched.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat sub clock -x date --reply &\n  roomcat request clock \"what time is it?\"\n  roomcat request workers --replies 3 --timeout 2s status"
)]
pub struct RequestArgs {
    /// The room: lobby, /admin#ops, or /admin for everyone in that namespace
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub room: Address,

    /// The message, sent instead of stdin
    #[arg(value_name = "MESSAGE", allow_negative_numbers = true)]
    pub message: Vec<OsString>,

    /// Exit after N answers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = values::number(1..=limits::REPLIES))]
    pub replies: u64,

    /// Exit after this time, with exit code 5 [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = values::positive_duration)]
    pub timeout: Option<Duration>,

    /// The message is a JSON value; JavaScript clients receive it as a value, not as a string
    #[arg(long)]
    pub json: bool,

    /// The event's name [default: message]
    #[arg(short, long, value_name = "EVENT", value_parser = EventName::parse)]
    pub event: Option<EventName>,

    /// End each answer with NUL instead of a newline
    #[arg(short = '0', long, conflicts_with = "raw")]
    pub null: bool,

    /// Add nothing after the answers
    #[arg(long)]
    pub raw: bool,

    /// How to print each answer, as in --format '{from}: {data}'; see `roomcat sub --format` for the fields
    #[arg(long, value_name = "TEXT", value_parser = FormatTemplate::parse)]
    pub format: Option<FormatTemplate>,

    #[command(flatten)]
    pub remote: Remote,
}
