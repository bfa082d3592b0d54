//! What a frame means, part by part, for people who look at the wire (`--trace`).
//!
//! Pure: it explains frames that others send and receive, and knows nothing of terminals or of what is done with them.
//! Explains what is wrong as well, so it reads less strictly than the codec. Secrets leave it masked, long texts cut.

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

/// Shown each frame as it passes. Called in the middle of everything: it must not wait.
pub trait TraceSink: fmt::Debug + Send + Sync {
    /// `who` tells connections apart; it is empty where there is only one.
    fn frame(&self, who: &str, direction: Direction, explained: &ExplainedFrame);
}

/// As seen from the program that says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Sent,
    Received,
}

/// A frame, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedFrame {
    /// In their order; what they hold together is the frame, but for what is masked or cut.
    pub parts: Vec<FramePart>,
    /// Bytes of the frame.
    pub bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramePart {
    pub text: String,
    pub meaning: String,
}

/// One connection's frames on their way to a [`TraceSink`].
#[derive(Debug)]
pub struct Tracer {
    watch: Arc<dyn TraceSink>,
    who: String,
    side: Side,
    sent: Attachments,
    received: Attachments,
    /// Of each CONNECT: a server may send them back in an event.
    secrets: Vec<String>,
}

/// Who keeps the tracer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// Who sent a frame: a CONNECT holds other secrets in either direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FrameSender {
    Client,
    Server,
}

/// Binary frames that the last text announced.
#[derive(Debug, Default)]
struct Attachments {
    announced: usize,
    seen: usize,
}

impl Tracer {
    /// For a client, which has one connection.
    pub fn for_client(watch: Arc<dyn TraceSink>) -> Self {
        Self::new(watch, String::new(), Side::Client)
    }

    /// For a server's session. Its sid is a secret: only its beginning names it.
    pub fn for_session(watch: Arc<dyn TraceSink>, sid: &str) -> Self {
        let who = sid.chars().take(mask::SHOWN).collect();
        Self::new(watch, who, Side::Server)
    }

    fn new(watch: Arc<dyn TraceSink>, who: String, side: Side) -> Self {
        Self {
            watch,
            who,
            side,
            sent: Attachments::default(),
            received: Attachments::default(),
            secrets: Vec::new(),
        }
    }

    /// A text frame, its Engine.IO packet type included.
    pub fn text(&mut self, direction: Direction, frame: &str) {
        let speaker = match (self.side, direction) {
            (Side::Client, Direction::Sent) | (Side::Server, Direction::Received) => {
                FrameSender::Client
            }
            (Side::Client, Direction::Received) | (Side::Server, Direction::Sent) => {
                FrameSender::Server
            }
        };
        if speaker == FrameSender::Client && frame.starts_with("40") {
            let secrets = secrets_in(frame, Secrets::AllBut(&PUBLIC_IN_AUTH));
            self.secrets.extend(secrets);
            self.secrets.truncate(limits::TRACED_SECRETS);
        }
        let explained = ExplainedFrame {
            parts: explain(frame, speaker, &self.secrets),
            bytes: frame.len(),
        };
        *self.attachments(direction) = Attachments {
            announced: frame.strip_prefix('4').map_or(0, socket::attachments),
            seen: 0,
        };
        self.watch.frame(&self.who, direction, &explained);
    }

    pub fn binary(&mut self, direction: Direction, frame: &[u8]) {
        let attachments = self.attachments(direction);
        attachments.seen += 1;
        let Attachments { announced, seen } = *attachments;
        let meaning = if seen <= announced {
            format!("attachment {seen} of {announced}")
        } else {
            "binary, and nothing announced it".to_owned()
        };
        let part = FramePart {
            text: binary(frame),
            meaning,
        };
        let explained = ExplainedFrame {
            parts: vec![part],
            bytes: frame.len(),
        };
        self.watch.frame(&self.who, direction, &explained);
    }

    fn attachments(&mut self, direction: Direction) -> &mut Attachments {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }
}

/// Engine.IO protocol v4, "Packet encoding".
fn explain(frame: &str, speaker: FrameSender, secrets: &[String]) -> Vec<FramePart> {
    let mut rest = frame.chars();
    let kind = rest.next();
    let rest = rest.as_str();
    let alone = |meaning: &str| {
        let mut parts = vec![part(&frame[..1], meaning)];
        if !rest.is_empty() {
            parts.push(part(rest, "with it"));
        }
        parts
    };
    match kind {
        Some('0') => {
            let shown = mask(rest, Secrets::Only(&["sid"]));
            vec![part("0", "open"), part(&shown, &handshake(rest))]
        }
        Some('1') => alone("close"),
        Some('2') => alone("ping"),
        Some('3') => alone("pong"),
        Some('4') => {
            let mut parts = vec![part("4", "message")];
            packet(rest, speaker, secrets, &mut parts);
            parts
        }
        Some('5') => alone("upgrade"),
        Some('6') => alone("noop"),
        _ => vec![part(frame, "not an Engine.IO packet")],
    }
}

fn handshake(json: &str) -> String {
    match Handshake::decode(json) {
        Ok(handshake) => format!(
            "handshake: a ping every {} ms, to be answered within {} ms",
            handshake.ping_interval, handshake.ping_timeout
        ),
        Err(_) => "no handshake".to_owned(),
    }
}

/// Socket.IO protocol v5, "Packet encoding": `<type>[<attachments>-][<namespace>,][<ack id>][payload]`.
fn packet(text: &str, speaker: FrameSender, secrets: &[String], parts: &mut Vec<FramePart>) {
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
        split_behind(rest, ',')
    } else {
        ("", rest)
    };
    let (id, payload) = split_digits(rest);
    parts.push(part(&text[..1], &kind.meaning(payload)));
    if !attachments.is_empty() {
        let count = attachments.trim_end_matches('-');
        parts.push(part(
            attachments,
            &format!("attachments that follow: {count}"),
        ));
    }
    if !namespace.is_empty() {
        let name = namespace.trim_end_matches(',');
        parts.push(part(namespace, &format!("namespace {}", cut(name))));
    }
    if !id.is_empty() {
        let meaning = match kind {
            PacketType::Ack | PacketType::BinaryAck => format!("answers ack id {}", cut(id)),
            _ => format!("asks for an answer, ack id {}", cut(id)),
        };
        parts.push(part(id, &meaning));
    }
    if !payload.is_empty() {
        let shown = match (kind, speaker) {
            (PacketType::Connect, FrameSender::Client) => {
                mask(payload, Secrets::AllBut(&PUBLIC_IN_AUTH))
            }
            (PacketType::Connect, FrameSender::Server) => mask(payload, Secrets::Only(&["pid"])),
            _ => {
                let told = mask(payload, Secrets::Telltale);
                // What a CONNECT held may come back under any key, or none.
                without(&told, secrets).unwrap_or(told)
            }
        };
        parts.push(part(&shown, &kind.payload(payload, speaker)));
    }
}

/// Of CONNECT's auth object: whom a roomcat client names, and how it wants to be spoken to. Everything else may be a
/// secret.
const PUBLIC_IN_AUTH: [&str; 4] = ["as", "roomcat", "ack", "offset"];

impl PacketType {
    /// The type, as the protocol names it, and of an event its name.
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

    fn payload(self, payload: &str, speaker: FrameSender) -> String {
        let counted = |named: usize| match elements(payload) {
            Ok(elements) => match elements.len().saturating_sub(named) {
                0 => "no arguments".to_owned(),
                1 => "1 argument".to_owned(),
                count => format!("{count} arguments"),
            },
            Err(_) => "not a JSON array".to_owned(),
        };
        match (self, speaker) {
            (Self::Event | Self::BinaryEvent, _) => counted(1),
            (Self::Ack | Self::BinaryAck, _) => counted(0),
            (Self::Connect, FrameSender::Client) => "auth".to_owned(),
            (Self::Connect, FrameSender::Server) => "entered".to_owned(),
            (Self::ConnectError, _) => "why not".to_owned(),
            (Self::Disconnect, _) => "with it".to_owned(),
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

/// `<"text">` where it is text, `<00 ff>` where it is not.
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

/// What is looked at of bytes that are UTF-8.
fn beginning(bytes: &[u8]) -> Option<&str> {
    // A character has four bytes at most, so the last one that may be shown is whole.
    let looked_at = bytes.len().min(4 * limits::TRACED_CHARACTERS + 4);
    let (head, rest) = bytes.split_at_checked(looked_at)?;
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

/// At the first `end`, which belongs to what is before it; without one everything does.
fn split_behind(text: &str, end: char) -> (&str, &str) {
    let at = text.find(end).map_or(text.len(), |at| at + end.len_utf8());
    text.split_at(at)
}

fn split_digits(text: &str) -> (&str, &str) {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    text.split_at(text.len() - rest.len())
}
