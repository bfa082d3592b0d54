//! `--stream` of `pub` and of `sub`.

use std::time::Duration;

use clap::Args;

use crate::cli::args::values;

#[derive(Debug, Clone, Args)]
pub struct Sent {
    /// The input is a stream: bytes as they are, with an end, for `roomcat sub --stream`
    ///
    /// It goes in pieces as it is read, and each is stored; if it is broken off, its readers are told. Several may be on their
    /// way in a room at a time.
    #[arg(long, conflicts_with_all = ["message", "null", "whole", "json", "envelope", "event", "volatile", "reply_to", "delay", "at"])]
    pub stream: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Streams")]
pub struct Received {
    /// The next stream that `roomcat pub --stream` sends: its bytes as they are, and then the end; with -n N, N of them
    ///
    /// It is taken from its beginning, and streams in between are left for the next call. If it is cut off, what came of it is
    /// written and the exit code is 1; it is 5 if --timeout comes while its publisher may still go on. With --as NAME it counts
    /// as read when stdout has taken all of it; who is interrupted before gets it from the beginning again. Other messages
    /// count as read.
    #[arg(long, conflicts_with_all = ["null", "raw", "json", "format", "event", "exec", "presence", "share"])]
    pub stream: bool,

    /// A stream is cut off when its publisher has been gone for so long [default: 30s]
    #[arg(long, value_name = "DURATION", requires = "stream", value_parser = values::positive_duration)]
    pub stall: Option<Duration>,
}
