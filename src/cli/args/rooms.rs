//! The flags of `rooms`.

use clap::Args;

use super::remote::Remote;
use super::watch::WatchArgs;
use crate::address::Address;

/// Show the rooms of a namespace, or the members of one room
///
/// At a terminal, the table fits its width and long names are cut in the middle. In a pipe, nothing is cut.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat rooms\n  roomcat rooms ci --json\n  roomcat rooms --all\n  roomcat rooms --watch 2s"
)]
pub struct RoomsArgs {
    /// Show this room with its members; a bare namespace such as /admin shows all its rooms
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub room: Option<Address>,

    /// Include the rooms that `roomcat request` makes for answers: reply/…
    #[arg(short, long)]
    pub all: bool,

    /// Print one JSON object per room
    #[arg(long, conflicts_with = "watch")]
    pub json: bool,

    #[command(flatten)]
    pub watch: WatchArgs,

    #[command(flatten)]
    pub remote: Remote,
}
