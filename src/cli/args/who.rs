//! The flags of `who`.

use clap::Args;

use super::remote::Remote;
use super::watch::WatchArgs;
use crate::address::Address;

/// Show who is connected to a namespace, or to one room
///
/// Prints one line per socket: its client name, its sid, its address, the rooms it listens to, the number of messages it has
/// not received or confirmed yet, and how long it has been connected.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat who\n  roomcat who lobby --watch 2s\n  roomcat who --json | jq -r 'select(.lag > 1000) | .as'"
)]
pub struct WhoArgs {
    /// Show only sockets that listen to this room: lobby, /admin#ops, or /admin for the whole namespace
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub room: Option<Address>,

    /// Print one JSON object per socket
    #[arg(long, conflicts_with = "watch")]
    pub json: bool,

    #[command(flatten)]
    pub watch: WatchArgs,

    #[command(flatten)]
    pub remote: Remote,
}
