//! The flags of `emit`.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use super::remote::Remote;
use super::values;
use crate::address::EventName;

/// Emit an event to any Socket.IO server
///
/// Each ARG is JSON when it parses as JSON, and text otherwise; @FILE is what is in a file, as binary data (@- is stdin).
/// A text that looks like JSON or begins with @ is quoted as JSON is ('"@alice"'), or sent with --text. Ends when the
/// server's end of the connection has read the event; that it was handled only --ack proves.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat emit 'chat message' hi\n  roomcat emit -u https://example.com/admin move '{\"x\": 1}' 7 true\n  roomcat emit upload photo.jpg @photo.jpg --ack --timeout 5s"
)]
pub struct EmitArgs {
    /// The event's name
    #[arg(value_name = "EVENT", value_parser = EventName::parse)]
    pub event: EventName,

    /// Its arguments
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    pub args: Vec<OsString>,

    /// Each ARG is text, whatever it looks like
    #[arg(long)]
    pub text: bool,

    /// Wait for the server's acknowledgement, and print its arguments as a JSON array
    #[arg(long)]
    pub ack: bool,

    /// Print a single text of the acknowledgement bare
    #[arg(long, requires = "ack")]
    pub data: bool,

    /// Give up after this time, with exit code 5
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub timeout: Option<Duration>,

    #[command(flatten)]
    pub remote: Remote,
}
