//! Batches: consecutive messages of one sender, event and set of rooms in one binary event, and the framings of their bodies.
//!
//! A batch is an ordinary Socket.IO binary event, so nothing between client and hub needs to know about it.

use std::fmt;

use bytes::Bytes;
use serde::de::{Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::json::elements;
use super::placeholders;
use super::verb::Verb;
use crate::address::{ClientName, EventName, RoomName, Seq};
use crate::limits;

/// The event of a batch, in both directions.
pub const EVENT: &str = Verb::Batch.as_str();
/// Its second argument: the body is the only attachment.
pub const BODY_PLACEHOLDER: &str = r#"{"_placeholder":true,"num":0}"#;

/// How the body of a batch separates its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// UTF-8 text, each message ended by `\n`.
    Lines,
    /// A u32 big-endian length before each message. Messages may hold any bytes.
    Bytes,
    /// One message, a Socket.IO event as it was received: u32 big-endian length and text of the JSON array of its arguments
    /// (without the event's name), then u32 big-endian length and bytes of each attachment.
    Args,
}

/// The readers in the rooms that get a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    #[default]
    All,
    /// Everyone but the emitting socket and its client name: Socket.IO's `broadcast` flag.
    Others,
}

/// The id of an idempotent publish, `["<producer>",17]` on the wire. The hub accepts only the producer's last counter + 1.
/// Reading refuses a producer that is empty or longer than [`limits::PRODUCER_BYTES`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PublishId(#[serde(deserialize_with = "producer")] pub String, pub u64);

/// The header of a batch, client to hub. No `rooms` means the whole namespace. Reading refuses more than
/// [`limits::ROOMS_PER_MESSAGE`] rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishHeader {
    #[serde(default, deserialize_with = "rooms")]
    pub rooms: Vec<RoomName>,
    #[serde(default = "EventName::message")]
    pub event: EventName,
    pub framing: Framing,
    /// Each line is a JSON value, which stock clients get as such. Only with framing `lines`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub json: bool,
    pub count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<PublishId>,
    #[serde(
        default,
        deserialize_with = "rooms",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub except: Vec<RoomName>,
    #[serde(default)]
    pub to: Audience,
    #[serde(default, skip_serializing_if = "is_false")]
    pub volatile: bool,
    /// When to deliver the batch, milliseconds since 1970 (UTC) by the hub's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<u64>,
    /// How long to wait before delivery, milliseconds from when the hub accepts the batch. Not with `due`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<u64>,
    /// The room for replies to these messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<RoomName>,
}

/// The header of a batch, hub to client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryHeader {
    #[serde(deserialize_with = "rooms")]
    pub rooms: Vec<RoomName>,
    pub event: EventName,
    pub framing: Framing,
    #[serde(default, skip_serializing_if = "is_false")]
    pub json: bool,
    pub count: u32,
    /// The seq of the first message in the body; None for volatile messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ClientName>,
    /// The room for replies to these messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<RoomName>,
    /// Milliseconds since 1970 (UTC), by the hub's clock.
    pub at: u64,
}

impl PublishHeader {
    /// The header of one message for the whole namespace. A caller sets the fields it needs and takes the others from
    /// here.
    pub fn new(event: EventName, framing: Framing) -> Self {
        Self {
            rooms: Vec::new(),
            event,
            framing,
            json: false,
            count: 1,
            id: None,
            except: Vec::new(),
            to: Audience::All,
            volatile: false,
            due: None,
            delay: None,
            reply: None,
        }
    }

    /// Reads the first argument of a `batch`.
    pub fn decode(json: &str) -> Result<Self, BatchError> {
        read_header(json)
    }
}

impl DeliveryHeader {
    /// The header of one message without a place in the log. A caller sets the fields it needs and takes the others
    /// from here.
    pub fn new(event: EventName, framing: Framing) -> Self {
        Self {
            rooms: Vec::new(),
            event,
            framing,
            json: false,
            count: 1,
            first: None,
            from: None,
            reply: None,
            at: 0,
        }
    }

    /// Reads the first argument of a `batch`.
    pub fn decode(json: &str) -> Result<Self, BatchError> {
        read_header(json)
    }
}

fn read_header<'a, H: Deserialize<'a>>(json: &'a str) -> Result<H, BatchError> {
    // serde would also accept an array.
    if json.starts_with('{') {
        serde_json::from_str(json).map_err(|e| BatchError::header(&e))
    } else {
        Err(BatchError::Header("it is not an object".to_owned()))
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn producer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let producer = String::deserialize(deserializer)?;
    if producer.is_empty() || producer.len() > limits::PRODUCER_BYTES {
        let limit = limits::PRODUCER_BYTES;
        return Err(D::Error::custom(format!(
            "a producer's name has 1 to {limit} bytes"
        )));
    }
    Ok(producer)
}

fn rooms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RoomName>, D::Error> {
    deserializer.deserialize_seq(Rooms)
}

struct Rooms;

impl<'de> Visitor<'de> for Rooms {
    type Value = Vec<RoomName>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} room names", limits::ROOMS_PER_MESSAGE)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<RoomName>, A::Error> {
        let mut rooms = Vec::new();
        while let Some(room) = seq.next_element()? {
            if rooms.len() == limits::ROOMS_PER_MESSAGE {
                return Err(A::Error::invalid_length(rooms.len() + 1, &self));
            }
            rooms.push(room);
        }
        Ok(rooms)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("the header of a batch is malformed: {0}")]
    Header(String),
    #[error("the header announces {announced} messages, the body holds {found}")]
    Count { announced: u32, found: u64 },
    #[error("a batch holds at least one message")]
    Empty,
    #[error("framing \"lines\" requires UTF-8")]
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
    #[error("\"json\" requires framing \"lines\"")]
    JsonFraming,
}

impl BatchError {
    fn header(error: &serde_json::Error) -> Self {
        // serde quotes unexpected values, and those can be as long as the header.
        const MAX_CHARS: usize = 200;
        let text = error.to_string();
        match text.char_indices().nth(MAX_CHARS) {
            Some((end, _)) => Self::Header(format!("{}…", text.get(..end).unwrap_or_default())),
            None => Self::Header(text),
        }
    }
}

/// Checks an untrusted body: the count, UTF-8 of lines, each length, and with `json` that each line is JSON.
///
/// `max_message` bounds each message without its `\n` or length, and with framing `args` the whole body. Lines without `json`
/// in a body of at most `max_message` bytes need no work per line: only a SIMD check of UTF-8 and a count of newlines.
pub fn check(
    framing: Framing,
    json: bool,
    count: u32,
    body: &[u8],
    max_message: usize,
) -> Result<(), BatchError> {
    if count == 0 {
        return Err(BatchError::Empty);
    }
    if json && framing != Framing::Lines {
        return Err(BatchError::JsonFraming);
    }
    match framing {
        Framing::Lines => check_lines(json, count, body, max_message),
        Framing::Bytes => check_bytes(count, body, max_message),
        Framing::Args => check_args(count, body, max_message),
    }
}

fn check_lines(json: bool, count: u32, body: &[u8], max_message: usize) -> Result<(), BatchError> {
    if body.last().is_some_and(|&last| last != b'\n') {
        return Err(BatchError::Ragged);
    }
    let found = memchr::memchr_iter(b'\n', body).count() as u64;
    if found != u64::from(count) {
        return Err(BatchError::Count {
            announced: count,
            found,
        });
    }
    if simdutf8::basic::from_utf8(body).is_err() {
        return Err(BatchError::NotUtf8);
    }
    if body.len() <= max_message && !json {
        return Ok(());
    }
    for (index, line) in (0..count).zip(messages(Framing::Lines, body)) {
        check_length(index, line, max_message)?;
        if json && serde_json::from_slice::<IgnoredAny>(line).is_err() {
            return Err(BatchError::NotJson { index });
        }
    }
    Ok(())
}

fn check_bytes(count: u32, body: &[u8], max_message: usize) -> Result<(), BatchError> {
    let mut rest = body;
    let mut found: u64 = 0;
    while !rest.is_empty() {
        let (message, after) = split_part(rest).ok_or(BatchError::Ragged)?;
        let index = u32::try_from(found).unwrap_or(u32::MAX);
        check_length(index, message, max_message)?;
        rest = after;
        found += 1;
    }
    if found == u64::from(count) {
        Ok(())
    } else {
        Err(BatchError::Count {
            announced: count,
            found,
        })
    }
}

fn check_args(count: u32, body: &[u8], max_message: usize) -> Result<(), BatchError> {
    if count != 1 {
        return Err(BatchError::Count {
            announced: count,
            found: 1,
        });
    }
    check_length(0, body, max_message)?;
    split_args(body).map(|_| ())
}

fn check_length(index: u32, message: &[u8], limit: usize) -> Result<(), BatchError> {
    let length = message.len();
    if length > limit {
        return Err(BatchError::TooLong {
            index,
            length,
            limit,
        });
    }
    Ok(())
}

/// The messages of a checked body in order, without their `\n` or length. With `args` the one message is the body itself.
/// Never panics: a malformed body ends the iterator early.
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
        if self.rest.is_empty() {
            return None;
        }
        let split = match self.framing {
            Framing::Lines => split_line(self.rest),
            Framing::Bytes => split_part(self.rest),
            Framing::Args => Some((self.rest, [].as_slice())),
        };
        let (message, rest) = split.unwrap_or_default();
        self.rest = rest;
        split.map(|_| message)
    }
}

fn split_line(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, rest) = body.split_at_checked(memchr::memchr(b'\n', body)?)?;
    Some((line, rest.get(1..)?))
}

/// Splits off a u32 big-endian length and that many bytes; returns those bytes and the rest.
fn split_part(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = body.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// The part of a checked body with the messages `from..to`, sharing memory. Indices count from 0; beyond the end means the
/// end.
pub fn cut(framing: Framing, body: &Bytes, from: u32, to: u32) -> Bytes {
    if from >= to {
        return Bytes::new();
    }
    let start = skip(framing, body, from);
    let rest = body.get(start..).unwrap_or_default();
    body.slice(start..start + skip(framing, rest, to - from))
}

/// The length of the first `count` messages of a body; at most the body's.
pub fn skip(framing: Framing, body: &[u8], count: u32) -> usize {
    let Some(last) = count.checked_sub(1) else {
        return 0;
    };
    // Every message takes at least one byte, so a count beyond that ("the rest") needs no scan.
    if count as usize >= body.len() {
        return body.len();
    }
    match framing {
        Framing::Lines => memchr::memchr_iter(b'\n', body)
            .nth(last as usize)
            .map_or(body.len(), |newline| newline + 1),
        Framing::Bytes => {
            let mut rest = body;
            for _ in 0..count {
                match split_part(rest) {
                    Some((_, after)) => rest = after,
                    None => return body.len(),
                }
            }
            body.len() - rest.len()
        }
        Framing::Args => body.len(),
    }
}

/// Appends one message to a body of framing `bytes`.
pub fn push_bytes_message(body: &mut Vec<u8>, message: &[u8]) {
    // A message of 4 GiB does not fit (`limits::MESSAGE_BYTES_MAX` is far below). The body then fails every check, which is
    // better than a truncated message.
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(message);
}

/// Builds a body of framing `args`. `args` is the JSON array of the arguments, without the event's name.
pub fn encode_args(args: &str, attachments: &[Bytes]) -> Bytes {
    let length = |part: &[u8]| size_of::<u32>() + part.len();
    let total = length(args.as_bytes()) + attachments.iter().map(|a| length(a)).sum::<usize>();
    let mut body = Vec::with_capacity(total);
    push_bytes_message(&mut body, args.as_bytes());
    for attachment in attachments {
        push_bytes_message(&mut body, attachment);
    }
    body.into()
}

/// A decoded body of framing `args`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args<'a> {
    /// A JSON array, brackets included.
    pub json: &'a str,
    pub attachments: Vec<Bytes>,
}

impl<'a> Args<'a> {
    /// The text between the brackets, as the packet encoders take it; empty if there is no argument.
    pub fn inside(&self) -> &'a str {
        let open = self.json.strip_prefix('[').unwrap_or(self.json);
        open.strip_suffix(']').unwrap_or(open).trim()
    }
}

/// Checks the body like [`check`]: the JSON is an array, and its placeholders name the attachments.
pub fn decode_args(body: &Bytes) -> Result<Args<'_>, BatchError> {
    let (json, attachments) = split_args(body)?;
    let attachments = attachments.into_iter().map(|a| body.slice_ref(a)).collect();
    Ok(Args { json, attachments })
}

fn split_args(body: &[u8]) -> Result<(&str, Vec<&[u8]>), BatchError> {
    let (json, mut rest) = split_part(body).ok_or(BatchError::Args)?;
    let json = simdutf8::basic::from_utf8(json).map_err(|_| BatchError::Args)?;
    let mut attachments = Vec::new();
    while !rest.is_empty() {
        let (attachment, after) = split_part(rest).ok_or(BatchError::Args)?;
        if attachments.len() == limits::ATTACHMENTS {
            return Err(BatchError::Args);
        }
        attachments.push(attachment);
        rest = after;
    }
    // No white space may follow the array, so that its inside is found without parsing again.
    if !json.ends_with(']') || elements(json).is_err() {
        return Err(BatchError::Args);
    }
    // A body without attachments is a plain event, which has no placeholders.
    if !attachments.is_empty() && placeholders::check(json, attachments.len()).is_err() {
        return Err(BatchError::Args);
    }
    Ok((json, attachments))
}

#[cfg(test)]
mod tests;
