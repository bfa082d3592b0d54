//! Socket.IO protocol v5 packets, without the bytes of their attachments (see [`super::attachments`]).
//!
//! JSON is sliced, never converted: other clients get exactly the bytes that a client sent. This codec is ours because
//! published ones convert JSON, which changes or refuses some values (`1e400`, `"\ud800"`), and panic on some hostile
//! packets.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::json::{elements, push_string};
use super::placeholders::{self, PlaceholderError};
use crate::address::{EventName, NameError, Namespace};
use crate::limits;

/// A decoded packet; its JSON parts are unchanged slices of the frame (protocol v5, "Packet encoding").
#[derive(Debug, Clone)]
pub enum Packet<'a> {
    Connect {
        namespace: Namespace,
        auth: Option<&'a RawValue>,
    },
    Disconnect {
        namespace: Namespace,
    },
    /// EVENT or BINARY_EVENT.
    Event(EventPacket<'a>),
    Ack(AckPacket<'a>),
    /// `data` is an object in v5: `{"message":"Not authorized","data":…}`.
    ConnectError {
        namespace: Namespace,
        data: &'a RawValue,
    },
}

#[derive(Debug, Clone)]
pub struct EventPacket<'a> {
    pub namespace: Namespace,
    /// The ack id, if the sender wants an acknowledgement.
    pub id: Option<u64>,
    pub event: EventName,
    /// The arguments after the event's name, placeholders included.
    pub args: Vec<&'a RawValue>,
}

#[derive(Debug, Clone)]
pub struct AckPacket<'a> {
    pub namespace: Namespace,
    pub id: u64,
    pub args: Vec<&'a RawValue>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    #[error("an empty Socket.IO packet")]
    Empty,
    #[error("{0:?} is not a Socket.IO packet type")]
    UnknownType(char),
    #[error("a namespace in a packet: {0}")]
    Namespace(NameError),
    #[error("an event's name: {0}")]
    Event(NameError),
    #[error("an event begins with its name, a string")]
    Unnamed,
    #[error("an ack id is malformed or too large")]
    AckId,
    #[error("the payload of this packet type is malformed: {0}")]
    Payload(String),
    #[error("the number of attachments is malformed or more than {limit}", limit = crate::limits::ATTACHMENTS)]
    Attachments,
    #[error("a placeholder names a missing attachment")]
    Placeholder,
    #[error("a text frame arrived before all attachments of the last packet")]
    TextWhileBinaryAwaited,
    #[error("a binary frame arrived that no packet announced")]
    UnexpectedBinary,
}

/// A decoded text frame: a packet, and how many binary frames complete it.
#[derive(Debug, Clone)]
pub struct Decoded<'a> {
    pub packet: Packet<'a>,
    pub attachments: usize,
}

/// Decodes the text after the Engine.IO message prefix (protocol v5, "Packet encoding"):
///
/// ```text
/// <type>[<attachments>-][<namespace>,][<ack id>][JSON payload]
/// ```
///
/// Checks the placeholders of a packet that announces attachments. A packet that announces none has none: objects that look
/// like placeholders are plain data, as in the reference implementation.
pub fn decode(packet: &str) -> Result<Decoded<'_>, PacketError> {
    let Parsed {
        packet,
        attachments,
        payload,
    } = parse(packet)?;
    if attachments > 0 {
        placeholders::check(payload, attachments).map_err(|error| match error {
            PlaceholderError::Placeholder => PacketError::Placeholder,
            PlaceholderError::TooDeep => {
                PacketError::Payload("nested too deep to carry attachments".into())
            }
        })?;
    }
    Ok(Decoded {
        packet,
        attachments,
    })
}

/// How many attachments follow a packet; 0 if it cannot be read.
pub fn attachments(packet: &str) -> usize {
    match split_type(packet) {
        Ok((PacketType::BinaryEvent | PacketType::BinaryAck, rest)) => {
            split_attachments(rest).map_or(0, |(count, _)| count)
        }
        _ => 0,
    }
}

/// The result of [`parse`].
pub(super) struct Parsed<'a> {
    pub packet: Packet<'a>,
    attachments: usize,
    payload: &'a str,
}

/// Decodes a packet like [`decode`], without checking its placeholders.
pub(super) fn parse(packet: &str) -> Result<Parsed<'_>, PacketError> {
    let (packet_type, rest) = split_type(packet)?;
    let (attachments, rest) = match packet_type {
        PacketType::BinaryEvent | PacketType::BinaryAck => split_attachments(rest)?,
        _ => (0, rest),
    };
    let (namespace, rest) = split_namespace(rest)?;
    let (id, payload) = split_ack_id(rest)?;
    let packet = match packet_type {
        PacketType::Connect | PacketType::Disconnect | PacketType::ConnectError if id.is_some() => {
            return Err(PacketError::AckId);
        }
        PacketType::Connect => Packet::Connect {
            namespace,
            auth: connect_payload(payload)?,
        },
        PacketType::Disconnect if payload.is_empty() => Packet::Disconnect { namespace },
        PacketType::Disconnect => return Err(malformed("a DISCONNECT has none")),
        PacketType::ConnectError => Packet::ConnectError {
            namespace,
            data: connect_error_payload(payload)?,
        },
        PacketType::Event | PacketType::BinaryEvent => {
            let (event, args) = event_payload(payload)?;
            Packet::Event(EventPacket {
                namespace,
                id,
                event,
                args,
            })
        }
        PacketType::Ack | PacketType::BinaryAck => Packet::Ack(AckPacket {
            namespace,
            id: id.ok_or(PacketError::AckId)?,
            args: elements(payload).map_err(PacketError::Payload)?,
        }),
    };
    Ok(Parsed {
        packet,
        attachments,
        payload,
    })
}

/// A packet's type (protocol v5, "Packet types").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PacketType {
    Connect,
    Disconnect,
    Event,
    Ack,
    ConnectError,
    BinaryEvent,
    BinaryAck,
}

impl PacketType {
    /// Reads the first character of a packet.
    pub(super) fn from_digit(digit: char) -> Option<Self> {
        Some(match digit {
            '0' => Self::Connect,
            '1' => Self::Disconnect,
            '2' => Self::Event,
            '3' => Self::Ack,
            '4' => Self::ConnectError,
            '5' => Self::BinaryEvent,
            '6' => Self::BinaryAck,
            _ => return None,
        })
    }
}

fn split_type(text: &str) -> Result<(PacketType, &str), PacketError> {
    let mut rest = text.chars();
    let digit = rest.next().ok_or(PacketError::Empty)?;
    let packet_type = PacketType::from_digit(digit).ok_or(PacketError::UnknownType(digit))?;
    Ok((packet_type, rest.as_str()))
}

fn split_attachments(text: &str) -> Result<(usize, &str), PacketError> {
    let (digits, rest) = split_digits(text);
    let rest = rest.strip_prefix('-').ok_or(PacketError::Attachments)?;
    match digits.parse() {
        Ok(count) if count <= limits::ATTACHMENTS => Ok((count, rest)),
        _ => Err(PacketError::Attachments),
    }
}

/// A namespace begins with `/` and ends at the first comma, or with the packet.
fn split_namespace(text: &str) -> Result<(Namespace, &str), PacketError> {
    if !text.starts_with('/') {
        return Ok((Namespace::root(), text));
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    let namespace = Namespace::parse(namespace).map_err(PacketError::Namespace)?;
    Ok((namespace, rest))
}

fn split_ack_id(text: &str) -> Result<(Option<u64>, &str), PacketError> {
    let (digits, rest) = split_digits(text);
    if digits.is_empty() {
        Ok((None, rest))
    } else if digits.len() > limits::ACK_ID_DIGITS {
        Err(PacketError::AckId)
    } else {
        let id = digits.parse().map_err(|_| PacketError::AckId)?;
        Ok((Some(id), rest))
    }
}

/// Splits off the leading ASCII digits.
fn split_digits(text: &str) -> (&str, &str) {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let (digits, rest) = text.split_at(text.len() - rest.len());
    (digits, rest)
}

fn malformed(why: &str) -> PacketError {
    PacketError::Payload(why.to_owned())
}

fn connect_payload(payload: &str) -> Result<Option<&RawValue>, PacketError> {
    match payload.chars().next() {
        None => Ok(None),
        Some('{') => raw(payload).map(Some),
        Some(_) => Err(malformed("a CONNECT has an object or nothing")),
    }
}

/// Servers of protocol v4 and before sent a string.
fn connect_error_payload(payload: &str) -> Result<&RawValue, PacketError> {
    if payload.starts_with(['{', '"']) {
        raw(payload)
    } else {
        Err(malformed("a CONNECT_ERROR has an object"))
    }
}

/// An array with the event's name first.
fn event_payload(payload: &str) -> Result<(EventName, Vec<&RawValue>), PacketError> {
    let mut args = elements(payload).map_err(PacketError::Payload)?;
    let first = args.first().map_or("", |name| name.get());
    if !first.starts_with('"') {
        return Err(PacketError::Unnamed);
    }
    let name: String =
        serde_json::from_str(first).map_err(|_| malformed("the event's name is not Unicode"))?;
    let event = EventName::parse(&name).map_err(PacketError::Event)?;
    args.remove(0);
    Ok((event, args))
}

/// The caller has checked the type of `json`, so the error can only be about syntax.
fn raw(json: &str) -> Result<&RawValue, PacketError> {
    serde_json::from_str(json).map_err(|e| PacketError::Payload(e.to_string()))
}

/// Joins arguments to the inside of a JSON array, as the encoders take them.
pub fn join_args(args: &[&RawValue]) -> String {
    let length = args.iter().map(|arg| arg.get().len() + 1).sum();
    let mut joined = String::with_capacity(length);
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            joined.push(',');
        }
        joined.push_str(arg.get());
    }
    joined
}

/// Replaces line breaks in a valid JSON text with spaces: where a line is a message, a line break would make two of
/// one. JSON strings contain no line breaks, so each is white space.
pub fn one_line(json: &str) -> Cow<'_, str> {
    if json.contains(['\n', '\r']) {
        Cow::Owned(json.replace(['\n', '\r'], " "))
    } else {
        Cow::Borrowed(json)
    }
}

/// `0/ns,{auth}`. Like all encoders here, writes the Engine.IO message prefix before it.
pub fn encode_connect(namespace: &Namespace, data: Option<&str>) -> String {
    let data = data.unwrap_or_default();
    let mut out = start("40", 0, namespace, None, data.len());
    out.push_str(data);
    out
}

pub fn encode_disconnect(namespace: &Namespace) -> String {
    start("41", 0, namespace, None, 0)
}

/// `data` is a JSON object.
pub fn encode_connect_error(namespace: &Namespace, data: &str) -> String {
    let mut out = start("44", 0, namespace, None, data.len());
    out.push_str(data);
    out
}

/// `args` is the inside of a JSON array, as in `"hi",{"a":1}`, or empty. With attachments (at most
/// [`limits::ATTACHMENTS`]) the packet is a BINARY_EVENT.
pub fn encode_event(
    namespace: &Namespace,
    id: Option<u64>,
    event: &str,
    args: &str,
    attachments: usize,
) -> String {
    let kind = if attachments == 0 { "42" } else { "45" };
    let length = event.len() + args.len() + "[\"\",]".len();
    let mut out = start(kind, attachments, namespace, id, length);
    out.push('[');
    push_string(&mut out, event);
    if !args.is_empty() {
        out.push(',');
        out.push_str(args);
    }
    out.push(']');
    out
}

/// Like [`encode_event`], for an ACK or BINARY_ACK.
pub fn encode_ack(namespace: &Namespace, id: u64, args: &str, attachments: usize) -> String {
    let kind = if attachments == 0 { "43" } else { "46" };
    let mut out = start(kind, attachments, namespace, Some(id), args.len() + 2);
    out.push('[');
    out.push_str(args);
    out.push(']');
    out
}

/// Everything before the payload; reserves `payload` bytes.
fn start(
    kind: &str,
    attachments: usize,
    namespace: &Namespace,
    id: Option<u64>,
    payload: usize,
) -> String {
    // The prefix, two numbers and the separators.
    let overhead = 48 + namespace.as_str().len();
    let mut out = String::with_capacity(overhead + payload);
    out.push_str(kind);
    if attachments > 0 {
        out.push_str(&attachments.to_string());
        out.push('-');
    }
    if !namespace.is_root() {
        out.push_str(namespace.as_str());
        out.push(',');
    }
    if let Some(id) = id {
        out.push_str(&id.to_string());
    }
    out
}

#[cfg(test)]
mod tests;
