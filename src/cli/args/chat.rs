//! The flags of `chat`.

use std::time::Duration;

use clap::Args;

use super::remote::Remote;
use super::values;
use crate::address::Address;

/// Talk in a room: stdin to the room, the room to stdout
///
/// One's own lines do not come back. At a terminal the end of input (Ctrl-D) ends it; in a pipe it goes on receiving
/// until stdout is closed, unless --eof is given. With --as NAME, NAME becomes a member of the room, as with `sub`: what is
/// said while it is away waits for it, until `roomcat leave`.
///
/// At a terminal names have colours, what is being typed survives what comes in, and there are commands: `/join ROOM`,
/// `/leave [ROOM]`, `/to ROOM text`, `/who` and `/help`; `//text` says /text.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat chat lobby --as alice\n  tail -f log | roomcat chat lobby --as web1"
)]
pub struct ChatArgs {
    /// The room: lobby, /admin#ops, or /admin for everyone in that namespace
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub room: Address,

    /// End at the end of input, once everything is confirmed
    #[arg(long)]
    pub eof: bool,

    /// End after this time, with exit code 5
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub timeout: Option<Duration>,

    #[command(flatten)]
    pub remote: Remote,
}
