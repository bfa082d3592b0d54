//! The flags of `on`.

use std::time::Duration;

use clap::Args;

use super::remote::Remote;
use super::values;
use crate::address::EventName;

/// Print the events of any Socket.IO server
///
/// Each line is a JSON array: the event's name and its arguments. Binary arguments are printed as {"base64":"…"}. If the
/// server recovers connections (Socket.IO's connectionStateRecovery), events missed while the connection was lost arrive
/// too, and each event has one more string at its end, as in JavaScript clients.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat on 'chat message'\n  roomcat on -u https://example.com/admin --auth '{\"token\": \"x\"}' | jq '.[1]'\n  roomcat on ready -n 1 --timeout 60s && ./start"
)]
pub struct OnArgs {
    /// Print only these events [default: all]
    #[arg(value_name = "EVENT", value_parser = EventName::parse)]
    pub events: Vec<EventName>,

    /// Exit after N events
    #[arg(short = 'n', long = "count", value_name = "N", value_parser = values::number(1..=u64::MAX))]
    pub count: Option<u64>,

    /// Exit after this time, with exit code 5
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub timeout: Option<Duration>,

    /// Print only the arguments: a single string without quotes, a single binary as raw bytes, anything else as JSON
    #[arg(long)]
    pub data: bool,

    /// Acknowledge each printed event that the server wants acknowledged, without arguments
    #[arg(long)]
    pub ack: bool,

    /// If the connection is lost, exit with code 3 instead of reconnecting
    #[arg(long)]
    pub no_reconnect: bool,

    #[command(flatten)]
    pub remote: Remote,
}
