//! The lines between the hub and a namespace's program: one JSON object a line (roomcat-hub.toml(5)).
//!
//! Pure. A peer's arguments are passed on unchanged; the program's lines are checked as a peer's packets are.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::call::{Call, CallEvent};
use crate::address::{EventName, Namespace, RoomName};
use crate::limits;
use crate::wire::batch;
use crate::wire::socket::one_line;

/// What the sender of a call expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expects {
    Ack,
    Nothing,
}

/// A line that the program wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramLine {
    Ack { id: u64, arguments: HandlerArgs },
    Deny { id: u64, reason: String },
    Emit(ProgramEmit),
}

/// The arguments of an event or an ack, valid as Socket.IO arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerArgs {
    /// The inside of a JSON array.
    pub inside: String,
    pub attachments: Vec<Bytes>,
    /// Arguments and attachments in the framing `args`.
    pub body: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramEmit {
    pub event: EventName,
    pub arguments: HandlerArgs,
    /// A room or a sid. `None` is the whole namespace.
    pub to: Option<RoomName>,
    pub namespace: Option<Namespace>,
}

/// Why a line of the program was ignored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it is not a JSON object")]
    NotAnObject,
    #[error("{0}")]
    Json(String),
    #[error(r#"it is none of {{"id","ack"}}, {{"id","deny"}} and {{"emit","args"}}"#)]
    NoKind,
    #[error("an attachment is not base64")]
    NotBase64,
    #[error(r#""args" and "ack" are arrays, and their placeholders name the attachments"#)]
    BadArguments,
    #[error("it has {length} bytes; this hub takes at most {limit} (serve --max-message)")]
    TooLong { length: usize, limit: usize },
}

/// The longest line that a program may write, in bytes: the largest message in base64, and the names around it.
pub fn max_line_bytes(max_message: usize) -> usize {
    max_message.div_ceil(3) * 4 + limits::FRAME_OVERHEAD
}

/// Encodes a call, its line end included. The keys keep the order of the manual. The arguments come after all names, so that
/// a shell script can cut the line before them: nothing before the cut was written by a peer.
pub fn encode(id: Option<u64>, expects: Expects, call: &Call) -> String {
    let attachments = call.attachments.iter().map(Bytes::len).sum::<usize>();
    let mut line = String::with_capacity(call.args.len() + attachments / 3 * 4 + 512);
    line.push('{');
    if let Some(id) = id {
        line.push_str(&format!("\"id\":{id},"));
    }
    let event = match &call.event {
        CallEvent::Connect => "connect",
        CallEvent::Disconnect => "disconnect",
        CallEvent::Event(event) => event.as_str(),
    };
    line.push_str("\"namespace\":");
    push_json(&mut line, call.namespace.as_str());
    line.push_str(",\"sid\":");
    push_json(&mut line, &call.sid);
    if let Some(name) = &call.name {
        line.push_str(",\"as\":");
        push_json(&mut line, name.as_str());
    }
    line.push_str(",\"event\":");
    push_json(&mut line, event);
    line.push_str(",\"args\":[");
    line.push_str(&one_line(&call.args));
    line.push(']');
    if !call.attachments.is_empty() {
        line.push_str(",\"attachments\":[");
        for (index, attachment) in call.attachments.iter().enumerate() {
            line.push_str(if index == 0 { "\"" } else { ",\"" });
            STANDARD.encode_string(attachment, &mut line);
            line.push('"');
        }
        line.push(']');
    }
    if expects == Expects::Ack {
        line.push_str(",\"ack\":true");
    }
    line.push_str("}\n");
    line
}

fn push_json(line: &mut String, text: &str) {
    line.push_str(&serde_json::to_string(text).expect("a string is always JSON"));
}

/// Decodes a line of the program, given without its line end.
pub fn decode(line: &[u8], max_message: usize) -> Result<ProgramLine, LineError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct RawLine<'a> {
        id: Option<u64>,
        #[serde(borrow)]
        ack: Option<&'a RawValue>,
        #[serde(borrow)]
        deny: Option<Cow<'a, str>>,
        emit: Option<EventName>,
        #[serde(borrow)]
        args: Option<&'a RawValue>,
        to: Option<RoomName>,
        namespace: Option<Namespace>,
        #[serde(borrow, default)]
        attachments: Vec<Cow<'a, str>>,
    }
    let text = simdutf8::basic::from_utf8(line)
        .map_err(|_| LineError::NotUtf8)?
        .trim();
    // serde also accepts an array for a struct.
    if !text.starts_with('{') {
        return Err(LineError::NotAnObject);
    }
    let line: RawLine<'_> = serde_json::from_str(text).map_err(|error| LineError::json(&error))?;
    match line {
        RawLine {
            id: Some(id),
            ack: Some(ack),
            deny: None,
            emit: None,
            args: None,
            to: None,
            namespace: None,
            attachments,
        } => Ok(ProgramLine::Ack {
            id,
            arguments: arguments(Some(ack), &attachments, max_message)?,
        }),
        RawLine {
            id: Some(id),
            ack: None,
            deny: Some(reason),
            emit: None,
            args: None,
            to: None,
            namespace: None,
            attachments,
        } if attachments.is_empty() => Ok(ProgramLine::Deny {
            id,
            reason: reason.into_owned(),
        }),
        RawLine {
            id: None,
            ack: None,
            deny: None,
            emit: Some(event),
            args,
            to,
            namespace,
            attachments,
        } => Ok(ProgramLine::Emit(ProgramEmit {
            event,
            arguments: arguments(args, &attachments, max_message)?,
            to,
            namespace,
        })),
        _ => Err(LineError::NoKind),
    }
}

impl LineError {
    fn json(error: &serde_json::Error) -> Self {
        // serde quotes the unexpected value, which can be as long as the line.
        const MAX_CHARS: usize = 200;
        let text = error.to_string();
        match text.char_indices().nth(MAX_CHARS) {
            Some((end, _)) => Self::Json(format!("{}…", text.get(..end).unwrap_or_default())),
            None => Self::Json(text),
        }
    }
}

fn arguments(
    array: Option<&RawValue>,
    attachments: &[Cow<'_, str>],
    max_message: usize,
) -> Result<HandlerArgs, LineError> {
    if attachments.len() > limits::ATTACHMENTS {
        return Err(LineError::BadArguments);
    }
    let array = array.map_or("[]", RawValue::get);
    let attachments = attachments
        .iter()
        .map(|text| STANDARD.decode(&**text).map(Bytes::from))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| LineError::NotBase64)?;
    let length = array.len() + attachments.iter().map(Bytes::len).sum::<usize>();
    if length > max_message {
        let limit = max_message;
        return Err(LineError::TooLong { length, limit });
    }
    let body = batch::encode_args(array, &attachments);
    let args = batch::decode_args(&body).map_err(|_| LineError::BadArguments)?;
    Ok(HandlerArgs {
        inside: args.inside().to_owned(),
        attachments,
        body: body.clone(),
    })
}

#[cfg(test)]
mod tests;
