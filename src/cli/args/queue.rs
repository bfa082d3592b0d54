//! `queue` and what stands below it.

use clap::{Args, Subcommand};

use super::remote::Remote;
use super::values;
use crate::address::{Address, ClientName};

/// Show what waits for whom, look at it, or give it up
///
/// A line for each room of each member, or of NAME alone: how many messages wait, how old the first of them is, and the bytes
/// of what holds them. LEASED is what is with those who share the queue (`roomcat sub --share`), in all its rooms together.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_long_help = "Examples:\n  roomcat queue\n  roomcat queue worker --json"
)]
pub struct QueueArgs {
    #[command(subcommand)]
    pub action: Option<QueueCommand>,

    /// One member; without it, all that are there
    #[arg(value_name = "NAME", value_parser = ClientName::parse)]
    pub name: Option<ClientName>,

    /// One JSON object a line
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub remote: Remote,
}

#[derive(Debug, Subcommand)]
pub enum QueueCommand {
    Peek(PeekArgs),
    Purge(PurgeArgs),
}

/// Print what waits for a member, and move nothing
///
/// Whoever listens as NAME goes on, and gets all of it.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat queue peek worker -n 10\n  roomcat queue peek worker jobs --json"
)]
pub struct PeekArgs {
    /// Whose
    #[arg(value_name = "NAME", value_parser = ClientName::parse)]
    pub name: ClientName,

    /// Only what waits in this room
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub room: Option<Address>,

    /// End after N messages
    #[arg(short = 'n', long = "count", value_name = "N", value_parser = values::number(1..=u64::MAX))]
    pub count: Option<u64>,

    /// One JSON object a message, with all that is known of it
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub remote: Remote,
}

/// Give up what waits for a member
///
/// It stays a member, and gets what is published from then on. What somebody who listens as NAME has already been handed is
/// theirs. At a terminal it asks first; elsewhere it wants --yes.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  roomcat queue purge worker jobs --yes")]
pub struct PurgeArgs {
    /// Whose
    #[arg(value_name = "NAME", value_parser = ClientName::parse)]
    pub name: ClientName,

    /// Only what waits in this room
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub room: Option<Address>,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,

    #[command(flatten)]
    pub remote: Remote,
}
