//! The flags of `join` and `leave`.

use clap::Args;

use super::remote::Remote;
use crate::address::Address;

/// Make a client name a member of rooms, from now
///
/// Their messages wait for it until it reads them with `roomcat sub --as NAME`.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  roomcat join ci deploys --as laptop")]
pub struct JoinArgs {
    /// The rooms: lobby, /admin#ops, or /admin for what is said to that whole namespace
    #[arg(value_name = "ROOM", required = true, value_parser = Address::parse)]
    pub rooms: Vec<Address>,

    #[command(flatten)]
    pub remote: Remote,
}

/// End a client name's membership of rooms
///
/// What waited for it there is given up.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  roomcat leave ci --as laptop")]
pub struct LeaveArgs {
    /// The rooms: lobby, /admin#ops, or /admin for what is said to that whole namespace
    #[arg(value_name = "ROOM", required = true, value_parser = Address::parse)]
    pub rooms: Vec<Address>,

    #[command(flatten)]
    pub remote: Remote,
}
