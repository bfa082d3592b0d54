//! The flags of `emit`.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use super::remote::Remote;
use super::values;
use crate::address::EventName;

/// Emit an event to any Socket.IO server
///
/// Each ARG is JSON if it parses as JSON, and text otherwise. @FILE sends the content of a file as binary data (@- reads
/// stdin). To send text that looks like JSON or begins with @, quote it as a JSON string ('"@alice"') or use --text. `emit`
/// exits once the server has read the event; only --ack proves that the server handled it.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat emit 'chat message' hi\n  roomcat emit -u https://example.com/admin move '{\"x\": 1}' 7 true\n  roomcat emit upload photo.jpg @photo.jpg --ack --timeout 5s"
)]
pub struct EmitArgs {
    /// The event's name
    #[arg(value_name = "EVENT", value_parser = EventName::parse)]
    pub event: EventName,

    /// The event's arguments
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    pub args: Vec<OsString>,

    /// Send each ARG as text, whatever it looks like
    #[arg(long)]
    pub text: bool,

    /// Wait for the server's acknowledgement and print its arguments as a JSON array
    #[arg(long)]
    pub ack: bool,

    /// If the acknowledgement is a single string, print it without JSON quotes
    #[arg(long, requires = "ack")]
    pub data: bool,

    /// Give up after this time, with exit code 5
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub timeout: Option<Duration>,

    #[command(flatten)]
    pub remote: Remote,
}
