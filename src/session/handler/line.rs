//! The lines between the hub and a namespace's program: JSON objects, one a line.
//!
//! Pure. What a peer sent goes in as it came; what comes back is checked as if a peer had sent it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Call, What};
use crate::address::{EventName, Namespace, RoomName};
use crate::limits;
use crate::wire::batch;
use crate::wire::socket::one_line;

/// What the sender waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    Ack,
    Nothing,
}

/// A line from the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Ack { id: u64, arguments: Arguments },
    Deny { id: u64, why: String },
    Emit(Emit),
}

/// The arguments of an event or an ack, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// The inside of a JSON array.
    pub inside: String,
    pub attachments: Vec<Bytes>,
    /// Both, in the framing `args`.
    pub body: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emit {
    pub event: EventName,
    pub arguments: Arguments,
    /// A room or a sid; None is everyone in the namespace.
    pub to: Option<RoomName>,
    pub namespace: Option<Namespace>,
}

/// Why a line of the program was passed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
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
    Arguments,
    #[error("it has {length} bytes; this hub takes at most {limit} (serve --max-message)")]
    TooLong { length: usize, limit: usize },
}

/// The longest line that a program may write: what the largest message takes in base64, and the names around it.
pub fn longest(max_message: usize) -> usize {
    max_message.div_ceil(3) * 4 + limits::FRAME_OVERHEAD
}

/// The line for a call, with its line end. The keys stand in the order of the documents, the arguments behind all names, so
/// that a shell can cut the line before them and be sure that no peer wrote what it looks at.
pub fn encode(id: Option<u64>, wants: Wants, call: &Call) -> String {
    let attachments = call.attachments.iter().map(Bytes::len).sum::<usize>();
    let mut line = String::with_capacity(call.args.len() + attachments / 3 * 4 + 512);
    line.push('{');
    if let Some(id) = id {
        line.push_str(&format!("\"id\":{id},"));
    }
    let event = match &call.what {
        What::Connect => "connect",
        What::Disconnect => "disconnect",
        What::Event(event) => event.as_str(),
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
    if wants == Wants::Ack {
        line.push_str(",\"ack\":true");
    }
    line.push_str("}\n");
    line
}

fn push_json(line: &mut String, text: &str) {
    line.push_str(&serde_json::to_string(text).expect("a string is always JSON"));
}

/// What the program said in one line, without its line end.
pub fn decode(line: &[u8], max_message: usize) -> Result<Said, Misread> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line<'a> {
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
        .map_err(|_| Misread::NotUtf8)?
        .trim();
    // serde would take an array for a struct as well.
    if !text.starts_with('{') {
        return Err(Misread::NotAnObject);
    }
    let line: Line<'_> = serde_json::from_str(text).map_err(|error| Misread::json(&error))?;
    match line {
        Line {
            id: Some(id),
            ack: Some(ack),
            deny: None,
            emit: None,
            args: None,
            to: None,
            namespace: None,
            attachments,
        } => Ok(Said::Ack {
            id,
            arguments: arguments(Some(ack), &attachments, max_message)?,
        }),
        Line {
            id: Some(id),
            ack: None,
            deny: Some(why),
            emit: None,
            args: None,
            to: None,
            namespace: None,
            attachments,
        } if attachments.is_empty() => Ok(Said::Deny {
            id,
            why: why.into_owned(),
        }),
        Line {
            id: None,
            ack: None,
            deny: None,
            emit: Some(event),
            args,
            to,
            namespace,
            attachments,
        } => Ok(Said::Emit(Emit {
            event,
            arguments: arguments(args, &attachments, max_message)?,
            to,
            namespace,
        })),
        _ => Err(Misread::NoKind),
    }
}

impl Misread {
    fn json(error: &serde_json::Error) -> Self {
        // serde quotes what it did not expect, and that can be as long as the line.
        const LONGEST: usize = 200;
        let text = error.to_string();
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => Self::Json(format!("{}…", text.get(..end).unwrap_or_default())),
            None => Self::Json(text),
        }
    }
}

fn arguments(
    array: Option<&RawValue>,
    attachments: &[Cow<'_, str>],
    max_message: usize,
) -> Result<Arguments, Misread> {
    if attachments.len() > limits::ATTACHMENTS {
        return Err(Misread::Arguments);
    }
    let array = array.map_or("[]", RawValue::get);
    let attachments = attachments
        .iter()
        .map(|text| STANDARD.decode(&**text).map(Bytes::from))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| Misread::NotBase64)?;
    let length = array.len() + attachments.iter().map(Bytes::len).sum::<usize>();
    if length > max_message {
        let limit = max_message;
        return Err(Misread::TooLong { length, limit });
    }
    let body = batch::encode_args(array, &attachments);
    let args = batch::decode_args(&body).map_err(|_| Misread::Arguments)?;
    Ok(Arguments {
        inside: args.inside().to_owned(),
        attachments,
        body: body.clone(),
    })
}

#[cfg(test)]
mod tests;
