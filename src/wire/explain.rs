//! Explains frames part by part, for people who read the wire (`--trace`).
//!
//! Explains malformed frames too, so it reads less strictly than the codec. Masks secrets and cuts long texts.

mod mask;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use mask::{Secrets, mask, secrets_in, without};

use super::engine::Handshake;
use super::json::elements;
use super::socket::{self, PacketType};
use crate::limits;

/// Receives each frame that is sent or received. Called from async code: it must not block.
pub trait TraceSink: fmt::Debug + Send + Sync {
    /// `connection` tells connections apart; it is empty if there is only one.
    fn frame(&self, connection: &str, direction: Direction, explained: &ExplainedFrame);
}

/// The direction, as seen from this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Sent,
    Received,
}

/// A frame, split into its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedFrame {
    /// In order. Together they are the frame, except for text that is masked or cut.
    pub parts: Vec<FramePart>,
    /// The length of the frame in bytes.
    pub bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramePart {
    pub text: String,
    pub meaning: String,
}

/// Explains the frames of one connection to a [`TraceSink`].
#[derive(Debug)]
pub struct Tracer {
    sink: Arc<dyn TraceSink>,
    connection: String,
    side: Side,
    sent: Attachments,
    received: Attachments,
    /// The secrets of each CONNECT, because a server may send them back in an event.
    secrets: Vec<String>,
}

/// Which end of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// A CONNECT holds different secrets in each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FrameSender {
    Client,
    Server,
}

/// The binary frames that the last text frame announced.
#[derive(Debug, Default)]
struct Attachments {
    announced: usize,
    seen: usize,
}

impl Tracer {
    /// For a client, which has one connection.
    pub fn for_client(sink: Arc<dyn TraceSink>) -> Self {
        Self::new(sink, String::new(), Side::Client)
    }

    /// For a session of a server. The sid is a secret: only its beginning is shown.
    pub fn for_session(sink: Arc<dyn TraceSink>, sid: &str) -> Self {
        let connection = sid.chars().take(mask::SHOWN).collect();
        Self::new(sink, connection, Side::Server)
    }

    fn new(sink: Arc<dyn TraceSink>, connection: String, side: Side) -> Self {
        Self {
            sink,
            connection,
            side,
            sent: Attachments::default(),
            received: Attachments::default(),
            secrets: Vec::new(),
        }
    }

    /// A text frame, its Engine.IO packet type included.
    pub fn text(&mut self, direction: Direction, frame: &str) {
        let sender = match (self.side, direction) {
            (Side::Client, Direction::Sent) | (Side::Server, Direction::Received) => {
                FrameSender::Client
            }
            (Side::Client, Direction::Received) | (Side::Server, Direction::Sent) => {
                FrameSender::Server
            }
        };
        if sender == FrameSender::Client && frame.starts_with("40") {
            let secrets = secrets_in(frame, Secrets::AllBut(&PUBLIC_IN_AUTH));
            self.secrets.extend(secrets);
            self.secrets.truncate(limits::TRACED_SECRETS);
        }
        let explained = ExplainedFrame {
            parts: explain(frame, sender, &self.secrets),
            bytes: frame.len(),
        };
        *self.attachments(direction) = Attachments {
            announced: frame.strip_prefix('4').map_or(0, socket::attachments),
            seen: 0,
        };
        self.sink.frame(&self.connection, direction, &explained);
    }

    pub fn binary(&mut self, direction: Direction, frame: &[u8]) {
        let attachments = self.attachments(direction);
        attachments.seen += 1;
        let Attachments { announced, seen } = *attachments;
        let meaning = if seen <= announced {
            format!("attachment {seen} of {announced}")
        } else {
            "binary frame that no packet announced".to_owned()
        };
        let part = FramePart {
            text: binary(frame),
            meaning,
        };
        let explained = ExplainedFrame {
            parts: vec![part],
            bytes: frame.len(),
        };
        self.sink.frame(&self.connection, direction, &explained);
    }

    fn attachments(&mut self, direction: Direction) -> &mut Attachments {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }
}

/// Engine.IO protocol v4, "Packet encoding".
fn explain(frame: &str, sender: FrameSender, secrets: &[String]) -> Vec<FramePart> {
    let mut rest = frame.chars();
    let packet_type = rest.next();
    let rest = rest.as_str();
    let without_data = |meaning: &str| {
        let mut parts = vec![part(&frame[..1], meaning)];
        if !rest.is_empty() {
            parts.push(part(rest, "unexpected data"));
        }
        parts
    };
    match packet_type {
        Some('0') => {
            let shown = mask(rest, Secrets::Only(&["sid"]));
            vec![part("0", "open"), part(&shown, &handshake(rest))]
        }
        Some('1') => without_data("close"),
        Some('2') => without_data("ping"),
        Some('3') => without_data("pong"),
        Some('4') => {
            let mut parts = vec![part("4", "message")];
            packet(rest, sender, secrets, &mut parts);
            parts
        }
        Some('5') => without_data("upgrade"),
        Some('6') => without_data("noop"),
        _ => vec![part(frame, "not an Engine.IO packet")],
    }
}

fn handshake(json: &str) -> String {
    match Handshake::decode(json) {
        Ok(handshake) => format!(
            "handshake: a ping every {} ms, to be answered within {} ms",
            handshake.ping_interval, handshake.ping_timeout
        ),
        Err(_) => "not a handshake".to_owned(),
    }
}

/// Socket.IO protocol v5, "Packet encoding": `<type>[<attachments>-][<namespace>,][<ack id>][payload]`.
fn packet(text: &str, sender: FrameSender, secrets: &[String], parts: &mut Vec<FramePart>) {
    let mut rest = text.chars();
    let Some(kind) = rest.next().and_then(PacketType::from_digit) else {
        parts.push(part(text, "not a Socket.IO packet"));
        return;
    };
    let rest = rest.as_str();
    let (attachments, rest) = match kind {
        PacketType::BinaryEvent | PacketType::BinaryAck => split_attachments(rest),
        _ => ("", rest),
    };
    let (namespace, rest) = if rest.starts_with('/') {
        split_after(rest, ',')
    } else {
        ("", rest)
    };
    let (id, payload) = split_digits(rest);
    parts.push(part(&text[..1], &kind.meaning(payload)));
    if !attachments.is_empty() {
        let count = attachments.trim_end_matches('-');
        parts.push(part(
            attachments,
            &format!("attachments to follow: {count}"),
        ));
    }
    if !namespace.is_empty() {
        let name = namespace.trim_end_matches(',');
        parts.push(part(namespace, &format!("namespace {}", cut(name))));
    }
    if !id.is_empty() {
        let meaning = match kind {
            PacketType::Ack | PacketType::BinaryAck => format!("answer to ack id {}", cut(id)),
            _ => format!("asks for an answer, ack id {}", cut(id)),
        };
        parts.push(part(id, &meaning));
    }
    if !payload.is_empty() {
        let shown = match (kind, sender) {
            (PacketType::Connect, FrameSender::Client) => {
                mask(payload, Secrets::AllBut(&PUBLIC_IN_AUTH))
            }
            (PacketType::Connect, FrameSender::Server) => mask(payload, Secrets::Only(&["pid"])),
            _ => {
                let masked = mask(payload, Secrets::ByKeyName);
                // The secrets of a CONNECT may come back under any key, or none.
                without(&masked, secrets).unwrap_or(masked)
            }
        };
        parts.push(part(&shown, &kind.payload(payload, sender)));
    }
}

/// The members of CONNECT's auth object that roomcat defines and that are no secrets. Everything else may be a secret.
const PUBLIC_IN_AUTH: [&str; 4] = ["as", "roomcat", "ack", "offset"];

impl PacketType {
    /// The protocol's name of the type; for an event also its name.
    fn meaning(self, payload: &str) -> String {
        let name = match self {
            Self::Connect => "CONNECT",
            Self::Disconnect => "DISCONNECT",
            Self::Event => "EVENT",
            Self::Ack => "ACK",
            Self::ConnectError => "CONNECT_ERROR",
            Self::BinaryEvent => "BINARY_EVENT",
            Self::BinaryAck => "BINARY_ACK",
        };
        match (self, elements(payload).as_deref()) {
            (Self::Event | Self::BinaryEvent, Ok([event, ..])) => {
                format!("{name} {}", cut(event.get()))
            }
            _ => name.to_owned(),
        }
    }

    fn payload(self, payload: &str, sender: FrameSender) -> String {
        let counted = |named: usize| match elements(payload) {
            Ok(elements) => match elements.len().saturating_sub(named) {
                0 => "no arguments".to_owned(),
                1 => "1 argument".to_owned(),
                count => format!("{count} arguments"),
            },
            Err(_) => "not a JSON array".to_owned(),
        };
        match (self, sender) {
            (Self::Event | Self::BinaryEvent, _) => counted(1),
            (Self::Ack | Self::BinaryAck, _) => counted(0),
            (Self::Connect, FrameSender::Client) => "auth".to_owned(),
            (Self::Connect, FrameSender::Server) => "accepted".to_owned(),
            (Self::ConnectError, _) => "reason".to_owned(),
            (Self::Disconnect, _) => "unexpected data".to_owned(),
        }
    }
}

fn part(text: &str, meaning: &str) -> FramePart {
    FramePart {
        text: cut(text),
        meaning: meaning.to_owned(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(limits::TRACED_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `<"text">` for text, `<00 ff>` for other bytes.
fn binary(bytes: &[u8]) -> String {
    match beginning(bytes) {
        Some(text) if is_legible(text) => format!("<\"{}\">", cut(text)),
        _ => hex(bytes),
    }
}

fn is_legible(text: &str) -> bool {
    let legible = |c: char| matches!(c, '\n' | '\r' | '\t') || !c.is_control();
    !text.is_empty() && text.chars().all(legible)
}

/// The beginning of bytes that are UTF-8, cut at the longest text that may be shown.
fn beginning(bytes: &[u8]) -> Option<&str> {
    // A character has at most four bytes, so the last one that may be shown is complete.
    let length = bytes.len().min(4 * limits::TRACED_CHARACTERS + 4);
    let (head, rest) = bytes.split_at_checked(length)?;
    match std::str::from_utf8(head) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() && !rest.is_empty() => {
            std::str::from_utf8(head.get(..error.valid_up_to())?).ok()
        }
        Err(_) => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    let shown = bytes.iter().take(limits::TRACED_BYTES);
    let shown: Vec<String> = shown.map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > limits::TRACED_BYTES {
        " …"
    } else {
        ""
    };
    format!("<{}{more}>", shown.join(" "))
}

fn split_attachments(text: &str) -> (&str, &str) {
    let (digits, rest) = split_digits(text);
    if rest.starts_with('-') {
        text.split_at(digits.len() + 1)
    } else {
        ("", text)
    }
}

/// Splits after the first `end`; without one, at the end of the text.
fn split_after(text: &str, end: char) -> (&str, &str) {
    let at = text.find(end).map_or(text.len(), |at| at + end.len_utf8());
    text.split_at(at)
}

fn split_digits(text: &str) -> (&str, &str) {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    text.split_at(text.len() - rest.len())
}
