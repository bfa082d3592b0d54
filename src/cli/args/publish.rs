//! The flags of `pub`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::later::Later;
use super::remote::Remote;
use super::{stream, values};
use crate::address::{Address, EventName};

/// Publish to a room: stdin, a message a line
///
/// With words behind ROOM they are one message, and stdin is not read. Ends when the hub has confirmed everything;
/// what is not confirmed when the connection is lost is sent again, and never stored twice.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  make 2>&1 | roomcat pub ci\n  roomcat pub lobby hello there\n  roomcat pub ci -f build.log test.log\n  roomcat pub --whole --require 1 files < photo.jpg\n  roomcat pub --delay 10m lobby \"tea is ready\"\n  roomcat pub --at 08:00 lobby \"good morning\"\n  tar c docs | roomcat pub --stream box"
)]
pub struct PubArgs {
    /// The room: lobby, /admin#ops, or /admin for everyone in that namespace; none with --envelope
    #[arg(value_name = "ROOM", value_parser = Address::parse, required_unless_present = "envelope")]
    pub room: Option<Address>,

    /// One message, instead of stdin
    #[arg(value_name = "MESSAGE", allow_negative_numbers = true, conflicts_with_all = ["file", "null", "whole", "envelope"])]
    pub message: Vec<OsString>,

    /// A further room; who is in several gets the message once
    #[arg(long, value_name = "ROOM", value_parser = Address::parse)]
    pub to: Vec<Address>,

    /// Not to those who are in this room; repeatable
    #[arg(long, value_name = "ROOM", value_parser = Address::parse)]
    pub except: Vec<Address>,

    /// Messages end with NUL instead of a newline
    #[arg(short = '0', long, conflicts_with_all = ["whole", "envelope"])]
    pub null: bool,

    /// All of the input is one message, whatever is in it
    #[arg(long, conflicts_with = "envelope")]
    pub whole: bool,

    /// Each message is a JSON value, and JavaScript clients get it as one
    #[arg(long, conflicts_with = "envelope")]
    pub json: bool,

    /// Each line is an object as `sub --json` writes it; its rooms are used unless ROOM is given
    #[arg(long)]
    pub envelope: bool,

    /// Read these files instead of stdin, one after the other
    #[arg(short, long, value_name = "FILE", num_args = 1..)]
    pub file: Vec<PathBuf>,

    /// The event's name [default: message]
    #[arg(short, long, value_name = "EVENT", value_parser = EventName::parse)]
    pub event: Option<EventName>,

    /// Not to oneself: Socket.IO's broadcast flag
    #[arg(long)]
    pub others: bool,

    /// Only to who is listening right now; nothing is stored
    #[arg(long)]
    pub volatile: bool,

    #[command(flatten)]
    pub later: Later,

    /// Where answers are to go: the room that `sub --reply` sends them to
    #[arg(long, value_name = "ROOM", value_parser = Address::parse)]
    pub reply_to: Option<Address>,

    /// Fail with exit code 6 unless each message reached at least N listeners, here or away
    #[arg(long, value_name = "N", value_parser = values::number(0..=u64::MAX))]
    pub require: Option<u64>,

    /// Once connected, how long to go on without the hub, 24h at most [default: 30s for files and words, no limit for a pipe]
    #[arg(long, value_name = "DURATION", value_parser = values::retry_for)]
    pub retry_for: Option<Duration>,

    #[command(flatten)]
    pub stream: stream::Sent,

    #[command(flatten)]
    pub remote: Remote,
}
