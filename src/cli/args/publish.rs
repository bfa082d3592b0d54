//! The flags of `pub`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::delivery::DeliveryArgs;
use super::remote::Remote;
use super::{stream, values};
use crate::address::{Address, EventName};

/// Publish to a room: each line of stdin is a message
///
/// Words after ROOM are sent as one message, and stdin is not read. `pub` exits when the hub has confirmed everything.
/// If the connection is lost, unconfirmed messages are sent again; the hub never stores one twice.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  make 2>&1 | roomcat pub ci\n  roomcat pub lobby hello there\n  roomcat pub ci -f build.log test.log\n  roomcat pub --whole --require 1 files < photo.jpg\n  roomcat pub --delay 10m lobby \"tea is ready\"\n  roomcat pub --at 08:00 lobby \"good morning\"\n  tar c docs | roomcat pub --stream box"
)]
pub struct PubArgs {
    /// The room: lobby, /admin#ops, or /admin for everyone in that namespace. Optional with --envelope
    #[arg(value_name = "ROOM", value_parser = Address::parse, required_unless_present = "envelope")]
    pub room: Option<Address>,

    /// One message, sent instead of stdin
    #[arg(value_name = "MESSAGE", allow_negative_numbers = true, conflicts_with_all = ["file", "null", "whole", "envelope"])]
    pub message: Vec<OsString>,

    /// Publish to this room too; a client in several of the rooms gets the message once; repeatable
    #[arg(long, value_name = "ROOM", value_parser = Address::parse)]
    pub to: Vec<Address>,

    /// Skip clients that are in this room; repeatable
    #[arg(long, value_name = "ROOM", value_parser = Address::parse)]
    pub except: Vec<Address>,

    /// Input messages end with NUL instead of a newline
    #[arg(short = '0', long, conflicts_with_all = ["whole", "envelope"])]
    pub null: bool,

    /// Send the whole input as one message
    #[arg(long, conflicts_with = "envelope")]
    pub whole: bool,

    /// Each message is a JSON value; JavaScript clients receive it as a value, not as a string
    #[arg(long, conflicts_with = "envelope")]
    pub json: bool,

    /// Each line is an object as `sub --json` prints it; its rooms are used unless ROOM is given
    #[arg(long)]
    pub envelope: bool,

    /// Read these files, one after the other, instead of stdin
    #[arg(short, long, value_name = "FILE", num_args = 1..)]
    pub file: Vec<PathBuf>,

    /// The event's name [default: message]
    #[arg(short, long, value_name = "EVENT", value_parser = EventName::parse)]
    pub event: Option<EventName>,

    /// Do not deliver to the sender (Socket.IO's broadcast flag)
    #[arg(long)]
    pub others: bool,

    /// Deliver only to clients that are connected now; store nothing
    #[arg(long)]
    pub volatile: bool,

    #[command(flatten)]
    pub delivery: DeliveryArgs,

    /// The room for replies, to which `sub --reply` sends them
    #[arg(long, value_name = "ROOM", value_parser = Address::parse)]
    pub reply_to: Option<Address>,

    /// Fail with exit code 6 unless each message reached at least N listeners, connected or away
    #[arg(long, value_name = "N", value_parser = values::number(0..=u64::MAX))]
    pub require: Option<u64>,

    /// How long to keep trying when a hub that was reached is lost, at most 24h [default: 30s for files and words, no limit for a pipe]
    #[arg(long, value_name = "DURATION", value_parser = values::retry_for)]
    pub retry_for: Option<Duration>,

    #[command(flatten)]
    pub stream: stream::SendStreamArgs,

    #[command(flatten)]
    pub remote: Remote,
}
