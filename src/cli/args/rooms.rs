//! The flags of `rooms`.

use clap::Args;

use super::remote::Remote;
use super::watching::Watching;
use crate::address::Address;

/// Show the rooms of a namespace, or the members of one room
///
/// On a terminal the table is as wide as that, and long names are cut in their middle; in a pipe everything is there.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat rooms\n  roomcat rooms ci --json\n  roomcat rooms --all\n  roomcat rooms --watch 2s"
)]
pub struct RoomsArgs {
    /// One room, with its members; a bare namespace, as in /admin, is for all its rooms
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub room: Option<Address>,

    /// Those too that were made for the answers of a `roomcat request`: reply/…
    #[arg(short, long)]
    pub all: bool,

    /// One JSON object a room
    #[arg(long, conflicts_with = "watch")]
    pub json: bool,

    #[command(flatten)]
    pub watching: Watching,

    #[command(flatten)]
    pub remote: Remote,
}
