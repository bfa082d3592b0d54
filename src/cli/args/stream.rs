//! The flags of `pub --stream` and `sub --stream`.

use std::time::Duration;

use clap::Args;

use crate::cli::args::values;

#[derive(Debug, Clone, Args)]
pub struct SendStreamArgs {
    /// Send the input as one stream of bytes, for `roomcat sub --stream`
    ///
    /// The stream is sent and stored in pieces, as the input is read. If it is cut off, its readers learn of it. Several
    /// streams can be under way in a room at once.
    #[arg(long, conflicts_with_all = ["message", "null", "whole", "json", "envelope", "event", "volatile", "reply_to", "delay", "at"])]
    pub stream: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Streams")]
pub struct ReceiveStreamArgs {
    /// Receive the next stream that `roomcat pub --stream` sends, write its bytes, and exit; with -n N, receive N streams
    ///
    /// A stream is always received from its beginning. Other streams that arrive meanwhile are left for the next call. If the
    /// stream is cut off, the bytes received so far are written and the exit code is 1, or 5 if --timeout expired while its
    /// publisher may still send. With --as NAME, a stream counts as read once it is written to stdout; after an interruption,
    /// the next call gets it from its beginning. Messages that belong to no stream count as read.
    #[arg(long, conflicts_with_all = ["null", "raw", "json", "format", "event", "exec", "presence", "share"])]
    pub stream: bool,

    /// Treat a stream as cut off when its publisher has been gone this long [default: 30s]
    #[arg(long, value_name = "DURATION", requires = "stream", value_parser = values::positive_duration)]
    pub stall: Option<Duration>,
}
