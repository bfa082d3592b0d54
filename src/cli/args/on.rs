//! The flags of `on`.

use std::time::Duration;

use clap::Args;

use super::remote::Remote;
use super::values;
use crate::address::EventName;

/// Print the events of any Socket.IO server
///
/// A JSON array a line: the event's name and its arguments; binary ones are {"base64":"…"}. A server that recovers
/// connections (Socket.IO's connectionStateRecovery) adds a text behind the arguments, as JavaScript clients see it too;
/// then what was missed while the connection was lost comes as well.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat on 'chat message'\n  roomcat on -u https://example.com/admin --auth '{\"token\": \"x\"}' | jq '.[1]'\n  roomcat on ready -n 1 --timeout 60s && ./start"
)]
pub struct OnArgs {
    /// Only these events; without one, all
    #[arg(value_name = "EVENT", value_parser = EventName::parse)]
    pub events: Vec<EventName>,

    /// End after N events
    #[arg(short = 'n', long = "count", value_name = "N", value_parser = values::number(1..=u64::MAX))]
    pub count: Option<u64>,

    /// End after this time, with exit code 5
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub timeout: Option<Duration>,

    /// Print the arguments only: a single text bare, single binary data as it is, anything else as JSON
    #[arg(long)]
    pub data: bool,

    /// Acknowledge each printed event for which the server asks that, without arguments
    #[arg(long)]
    pub ack: bool,

    /// End with exit code 3 when the connection is lost
    #[arg(long)]
    pub no_reconnect: bool,

    #[command(flatten)]
    pub remote: Remote,
}
