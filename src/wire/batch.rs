//! Batches: consecutive messages of one sender, event and set of rooms in one binary event, and the framings of their
//! bodies. An ordinary Socket.IO binary event, so nothing between the ends needs to know it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::address::{ClientName, Event, RoomName, Seq};

/// How a batch's body holds its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// UTF-8 text, each message ended by `\n`.
    Lines,
    /// A u32 big-endian length before each message: anything.
    Bytes,
    /// One message, a Socket.IO event as it came: u32 big-endian length and text of the JSON array of its arguments
    /// (without the event's name), then for each attachment its u32 big-endian length and bytes.
    Args,
}

/// To whom within the rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    #[default]
    All,
    /// Everyone but the emitting socket and its client name: Socket.IO's `broadcast` flag.
    Others,
}

/// An idempotent publish's id: the hub takes only the producer's last counter + 1. `["<producer>",17]` on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PublishId(pub String, pub u64);

/// The header of a batch, client to hub. `rooms` empty means the whole namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishHeader {
    #[serde(default)]
    pub rooms: Vec<RoomName>,
    #[serde(default = "Event::message")]
    pub event: Event,
    pub framing: Framing,
    /// Each line is a JSON value, and stock clients get it as one. Framing `lines` only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub json: bool,
    pub count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<PublishId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<RoomName>,
    #[serde(default)]
    pub to: Audience,
    #[serde(default, skip_serializing_if = "is_false")]
    pub volatile: bool,
}

/// The header of a batch, hub to client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryHeader {
    pub rooms: Vec<RoomName>,
    pub event: Event,
    pub framing: Framing,
    #[serde(default, skip_serializing_if = "is_false")]
    pub json: bool,
    pub count: u32,
    /// The seq of the body's first message; absent for volatile messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ClientName>,
    /// Milliseconds since 1970 (UTC), by the hub's clock.
    pub at: u64,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("the header says {said} messages, the body holds {found}")]
    Count { said: u32, found: u64 },
    #[error("a batch holds at least one message")]
    Empty,
    #[error("framing \"lines\" wants UTF-8")]
    NotUtf8,
    #[error("the body does not end where its last message ends")]
    Ragged,
    #[error("message {index} of the batch is not JSON")]
    NotJson { index: u32 },
    #[error(
        "message {index} has {length} bytes; this hub takes at most {limit} (serve --max-message)"
    )]
    TooLong {
        index: u32,
        length: usize,
        limit: usize,
    },
    #[error("framing \"args\" holds one message: a JSON array and its attachments")]
    Args,
    #[error("\"json\" goes with framing \"lines\"")]
    JsonFraming,
}

/// Checks a body that came from outside: the count, UTF-8 of lines, each length, JSON when said.
/// Without `json` and for bodies within `max_message` there is no per-line work for lines: SIMD UTF-8 and newline count.
pub fn check(
    framing: Framing,
    json: bool,
    count: u32,
    body: &[u8],
    max_message: usize,
) -> Result<(), BatchError> {
    todo!("{framing:?}{json}{count}{body:?}{max_message}")
}

/// The messages of a checked body in order, without their `\n` or length. For `args` the one message is the body itself.
/// A malformed body ends the iterator early; it never panics.
pub fn messages(framing: Framing, body: &[u8]) -> Messages<'_> {
    Messages {
        framing,
        rest: body,
    }
}

pub struct Messages<'a> {
    framing: Framing,
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        todo!("{:?}{:?}", self.framing, self.rest)
    }
}

/// The part of a checked body that holds messages `from..to` (indices from 0; past the end means the end), sharing memory.
pub fn cut(framing: Framing, body: &Bytes, from: u32, to: u32) -> Bytes {
    todo!("{framing:?}{body:?}{from}{to}")
}

/// Appends one message to a body of framing `bytes`.
pub fn push_bytes_message(body: &mut Vec<u8>, message: &[u8]) {
    todo!("{body:?}{message:?}")
}

/// The body of framing `args`. `args` is the JSON array text of the arguments, without the event's name.
pub fn encode_args(args: &str, attachments: &[Bytes]) -> Bytes {
    todo!("{args}{attachments:?}")
}

/// The two parts of an `args` body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args<'a> {
    /// A JSON array, brackets included.
    pub json: &'a str,
    pub attachments: Vec<Bytes>,
}

pub fn decode_args(body: &Bytes) -> Result<Args<'_>, BatchError> {
    todo!("{body:?}")
}
