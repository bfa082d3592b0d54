//! The flags of `join` and `leave`.

use clap::Args;

use super::remote::Remote;
use crate::address::Address;

/// Make a client name a member of rooms
///
/// From now on, messages in these rooms wait for NAME until it reads them with `roomcat sub --as NAME`.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  roomcat join ci deploys --as laptop")]
pub struct JoinArgs {
    /// The rooms: lobby, /admin#ops, or /admin for the whole namespace
    #[arg(value_name = "ROOM", required = true, value_parser = Address::parse)]
    pub rooms: Vec<Address>,

    #[command(flatten)]
    pub remote: Remote,
}

/// End a client name's membership of rooms
///
/// Messages that wait for it in these rooms are discarded.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  roomcat leave ci --as laptop")]
pub struct LeaveArgs {
    /// The rooms: lobby, /admin#ops, or /admin for the whole namespace
    #[arg(value_name = "ROOM", required = true, value_parser = Address::parse)]
    pub rooms: Vec<Address>,

    #[command(flatten)]
    pub remote: Remote,
}
