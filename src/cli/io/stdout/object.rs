//! The parts of a message on stdout: its data, and the object with all that is known of it. No IO.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::batch::OutputBatch;
use crate::address::Seq;
use crate::cli::screen::term;
use crate::wire::attachments::{placeholder, rewrite_placeholders};
use crate::wire::batch::{Args, Framing, decode_args};

/// What stdout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputTarget {
    /// A pipe or a file: bytes as they are.
    Plain,
    /// Control characters are shown, never obeyed.
    Terminal,
}

/// What is the same for every message of a chunk, rendered once.
pub(super) struct BatchContext<'a> {
    pub(super) chunk: &'a OutputBatch,
    /// For Form::Json: the object up to its seq, and between its seq and its data.
    pub(super) before: Vec<u8>,
    pub(super) after: Vec<u8>,
}

pub(super) fn push_data_for(
    screen: OutputTarget,
    chunk: &OutputBatch,
    message: &[u8],
    out: &mut Vec<u8>,
) {
    match screen {
        OutputTarget::Plain => push_data(chunk, message, out),
        OutputTarget::Terminal => {
            let mut data = Vec::new();
            push_data(chunk, message, &mut data);
            term::visible_data(&data, out);
        }
    }
}

pub(super) fn push_data(chunk: &OutputBatch, message: &[u8], out: &mut Vec<u8>) {
    match chunk.header.framing {
        Framing::Lines | Framing::Bytes => out.extend_from_slice(message),
        Framing::Args => match decode_args(&chunk.body) {
            Ok(args) => push_args(&args, out),
            // What cannot be read as an event is shown as the bytes it is.
            Err(_) => out.extend_from_slice(message),
        },
    }
}

/// One text argument bare, one binary argument as its bytes; anything else as JSON, several arguments as an array.
fn push_args(args: &Args<'_>, out: &mut Vec<u8>) {
    let all: Vec<&RawValue> = match serde_json::from_str(args.json) {
        Ok(all) => all,
        Err(_) => return push_json(args.json, &args.attachments, out),
    };
    match all[..] {
        [] => {}
        [only] => {
            let only = only.get();
            if let Some(bytes) = binary(only, &args.attachments) {
                out.extend_from_slice(bytes);
            } else if let Ok(text) = serde_json::from_str::<String>(only) {
                out.extend_from_slice(text.as_bytes());
            } else {
                push_json(only, &args.attachments, out);
            }
        }
        _ => push_json(args.json, &args.attachments, out),
    }
}

/// The attachment, when the argument is nothing but its placeholder. Without attachments it is plain data.
fn binary<'a>(json: &str, attachments: &'a [Bytes]) -> Option<&'a Bytes> {
    if attachments.is_empty() {
        return None;
    }
    attachments.get(placeholder(json)?)
}

/// JSON in one line, each placeholder replaced by `{"base64":"…"}`.
pub(super) fn push_json(json: &str, attachments: &[Bytes], out: &mut Vec<u8>) {
    if attachments.is_empty() {
        return push_one_line(json.as_bytes(), out);
    }
    let json = rewrite_placeholders(json, |number, out| match attachments.get(number) {
        Some(bytes) => {
            out.push_str("{\"base64\":\"");
            STANDARD.encode_string(bytes, out);
            out.push_str("\"}");
        }
        None => out.push_str("null"),
    });
    push_one_line(json.as_bytes(), out);
}

/// A newline in JSON is white space between tokens; a message is a line.
fn push_one_line(json: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(json);
    for byte in &mut out[start..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

/// `{"namespace":…,"rooms":…,"event":…` and `,"time":…,"from":…`; the seq comes between.
pub(super) fn object_frame(chunk: &OutputBatch) -> (Vec<u8>, Vec<u8>) {
    let header = &chunk.header;
    let mut before = Vec::new();
    push_field("{\"namespace\":", &chunk.namespace, &mut before);
    push_field(",\"rooms\":", &header.rooms, &mut before);
    push_field(",\"event\":", &header.event, &mut before);
    let mut after = Vec::new();
    if let Some(time) = time(header.at) {
        push_field(",\"time\":", &time, &mut after);
    }
    if let Some(from) = &header.from {
        push_field(",\"from\":", from, &mut after);
    }
    if let Some(reply) = &header.reply {
        push_field(",\"reply\":", reply, &mut after);
    }
    (before, after)
}

/// RFC 3339, UTC, milliseconds. None for a time that no calendar holds.
pub fn time(at_ms: u64) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(i64::try_from(at_ms).ok()?).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

pub(super) fn push_object(frame: &BatchContext<'_>, index: u32, message: &[u8], out: &mut Vec<u8>) {
    let header = &frame.chunk.header;
    out.extend_from_slice(&frame.before);
    if let Some(first) = header.first {
        let seq = Seq::new(first.record, first.index.saturating_add(index));
        push_field(",\"seq\":", &seq, out);
    }
    out.extend_from_slice(&frame.after);
    match header.framing {
        Framing::Lines if header.json => {
            out.extend_from_slice(b",\"data\":");
            push_one_line(message, out);
            out.extend_from_slice(b",\"json\":true");
        }
        Framing::Lines | Framing::Bytes => push_text_or_bytes(message, out),
        Framing::Args => match decode_args(&frame.chunk.body) {
            Ok(args) => push_args_fields(&args, out),
            Err(_) => push_text_or_bytes(message, out),
        },
    }
    out.extend_from_slice(b"}\n");
}

fn push_text_or_bytes(message: &[u8], out: &mut Vec<u8>) {
    match simdutf8::basic::from_utf8(message) {
        Ok(text) => push_field(",\"data\":", text, out),
        Err(_) => {
            out.extend_from_slice(b",\"base64\":\"");
            push_base64(message, out);
            out.push(b'"');
        }
    }
}

fn push_args_fields(args: &Args<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"args\":");
    push_one_line(args.json.as_bytes(), out);
    for (index, attachment) in args.attachments.iter().enumerate() {
        out.extend_from_slice(if index == 0 {
            b",\"attachments\":[\""
        } else {
            b",\""
        });
        push_base64(attachment, out);
        out.push(b'"');
    }
    if !args.attachments.is_empty() {
        out.push(b']');
    }
}

pub(super) fn push_field<T: Serialize + ?Sized>(name: &str, value: &T, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    serde_json::to_writer(out, value).expect("names, texts and numbers have a JSON form");
}

fn push_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let mut encoder = EncoderWriter::new(out, &STANDARD);
    let done = encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish().map(drop));
    done.expect("a Vec takes what is written");
}

/// DEL, C1 and the bidirectional controls stand in strings, if anywhere, where `\u009b` means the same; it stays JSON.
pub(super) fn push_json_for_terminal(object: &[u8], out: &mut Vec<u8>) {
    for chunk in object.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character != '\n' && term::is_obeyed(character) {
                let escaped = write!(out, "\\u{:04x}", u32::from(character));
                escaped.expect("a Vec takes what is written");
            } else {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
}
