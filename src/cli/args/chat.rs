//! The flags of `chat`.

use std::time::Duration;

use clap::Args;

use super::remote::Remote;
use super::values;
use crate::address::Address;

/// Talk in a room: stdin to the room, the room to stdout
///
/// Your own lines are not echoed back. At a terminal, Ctrl-D ends the chat. In a pipe, `chat` keeps receiving after the end
/// of input until stdout is closed, unless --eof is given. With --as NAME, NAME becomes a member of the room, as with `sub`:
/// messages published while NAME is away wait for it, until `roomcat leave`.
///
/// At a terminal, names have colours and incoming messages do not disturb the line being typed. These commands work there:
/// `/join ROOM`, `/leave [ROOM]`, `/to ROOM text`, `/who` and `/help`. Type `//text` to send /text.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat chat lobby --as alice\n  tail -f log | roomcat chat lobby --as web1"
)]
pub struct ChatArgs {
    /// The room: lobby, /admin#ops, or /admin for everyone in that namespace
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub room: Address,

    /// Exit at the end of input, once the hub has confirmed everything
    #[arg(long)]
    pub eof: bool,

    /// Exit after this time, with exit code 5
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub timeout: Option<Duration>,

    #[command(flatten)]
    pub remote: Remote,
}
