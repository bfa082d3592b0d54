//! The flags of `queue`, `queue peek` and `queue purge`.

use clap::{Args, Subcommand};

use super::remote::Remote;
use super::values;
use crate::address::{Address, ClientName};

/// Show, print or purge the messages that wait for members
///
/// Prints one line per member and room: the number of waiting messages, the age of the first, and the bytes
/// stored for them. LEASED counts the messages that sharers of the queue (`roomcat sub --share`) hold, over all rooms of
/// the queue.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_long_help = "Examples:\n  roomcat queue\n  roomcat queue worker --json"
)]
pub struct QueueArgs {
    #[command(subcommand)]
    pub action: Option<QueueCommand>,

    /// Show only this member [default: all members]
    #[arg(value_name = "NAME", value_parser = ClientName::parse)]
    pub name: Option<ClientName>,

    /// Print one JSON object per line
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

/// Print the messages that wait for a member, without consuming them
///
/// A client that listens as NAME still gets all of them.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat queue peek worker -n 10\n  roomcat queue peek worker jobs --json"
)]
pub struct PeekArgs {
    /// The member
    #[arg(value_name = "NAME", value_parser = ClientName::parse)]
    pub name: ClientName,

    /// Only messages in this room
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub room: Option<Address>,

    /// Exit after N messages
    #[arg(short = 'n', long = "count", value_name = "N", value_parser = values::number(1..=u64::MAX))]
    pub count: Option<u64>,

    /// Print one JSON object per message, with all its fields
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub remote: Remote,
}

/// Discard the messages that wait for a member
///
/// NAME stays a member and gets the messages published from then on. Messages already delivered to a client that listens as
/// NAME are not taken back. At a terminal, `purge` asks first; elsewhere, --yes is required.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  roomcat queue purge worker jobs --yes")]
pub struct PurgeArgs {
    /// The member
    #[arg(value_name = "NAME", value_parser = ClientName::parse)]
    pub name: ClientName,

    /// Only messages in this room
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub room: Option<Address>,

    /// Purge without asking
    #[arg(short, long)]
    pub yes: bool,

    #[command(flatten)]
    pub remote: Remote,
}
