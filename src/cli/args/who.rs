//! The flags of `who`.

use clap::Args;

use super::remote::Remote;
use super::watching::Watching;
use crate::address::Address;

/// Show who is connected to a namespace, or to one room
///
/// A line for each socket: its client name, its sid, where it comes from, the rooms that it listens to, how many messages
/// it has still to get or to confirm, and since when it is there.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat who\n  roomcat who lobby --watch 2s\n  roomcat who --json | jq -r 'select(.lag > 1000) | .as'"
)]
pub struct WhoArgs {
    /// Only those who listen to this room: lobby, /admin#ops, or /admin for what is said to that whole namespace
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub room: Option<Address>,

    /// One JSON object a socket
    #[arg(long, conflicts_with = "watch")]
    pub json: bool,

    #[command(flatten)]
    pub watching: Watching,

    #[command(flatten)]
    pub remote: Remote,
}
