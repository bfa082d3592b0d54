//! Renders the data of a message, and the JSON object with all its fields. No IO.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use bytes::Bytes;
use serde_json::value::RawValue;

use super::batch::OutputBatch;
use crate::address::Seq;
use crate::cli::io::envelope::push_field;
use crate::cli::screen::term;
use crate::wire::attachments::{placeholder, rewrite_placeholders};
use crate::wire::batch::{Args, Framing, decode_args};

/// The kind of stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputTarget {
    /// A pipe or a file: bytes are unchanged.
    Plain,
    /// Control characters are made visible, so that the terminal does not obey them.
    Terminal,
}

/// The parts that all messages of a batch share, rendered once.
pub(super) struct BatchContext<'a> {
    pub(super) batch: &'a OutputBatch,
    /// For JSON: the object before its seq, and between its seq and its data.
    pub(super) before: Vec<u8>,
    pub(super) after: Vec<u8>,
}

pub(super) fn push_data_for(
    screen: OutputTarget,
    batch: &OutputBatch,
    message: &[u8],
    out: &mut Vec<u8>,
) {
    match screen {
        OutputTarget::Plain => push_data(batch, message, out),
        OutputTarget::Terminal => {
            let mut data = Vec::new();
            push_data(batch, message, &mut data);
            term::visible_data(&data, out);
        }
    }
}

pub(super) fn push_data(batch: &OutputBatch, message: &[u8], out: &mut Vec<u8>) {
    match batch.header.framing {
        Framing::Lines | Framing::Bytes => out.extend_from_slice(message),
        Framing::Args => match decode_args(&batch.body) {
            Ok(args) => push_args(&args, out),
            // A body that is no event is written unchanged.
            Err(_) => out.extend_from_slice(message),
        },
    }
}

/// One text argument is written bare, one binary argument as its bytes. Anything else is JSON; several arguments are an array.
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

/// The attachment of an argument that is only a placeholder. Without attachments a placeholder is plain data.
fn binary<'a>(json: &str, attachments: &'a [Bytes]) -> Option<&'a Bytes> {
    if attachments.is_empty() {
        return None;
    }
    attachments.get(placeholder(json)?)
}

/// Writes JSON in one line, with each placeholder replaced by `{"base64":"…"}`.
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

/// Replaces newlines, which JSON has only as white space between tokens: a message is one line.
fn push_one_line(json: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(json);
    for byte in &mut out[start..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

pub(super) fn push_object(frame: &BatchContext<'_>, index: u32, message: &[u8], out: &mut Vec<u8>) {
    let header = &frame.batch.header;
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
        Framing::Args => match decode_args(&frame.batch.body) {
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

fn push_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let mut encoder = EncoderWriter::new(out, &STANDARD);
    let done = encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish().map(drop));
    done.expect("writing to a Vec cannot fail");
}

/// Escapes DEL, C1 and bidirectional controls. They occur only in strings, so the result is the same JSON.
pub(super) fn push_json_for_terminal(object: &[u8], out: &mut Vec<u8>) {
    for chunk in object.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character != '\n' && term::is_control(character) {
                let escaped = write!(out, "\\u{:04x}", u32::from(character));
                escaped.expect("writing to a Vec cannot fail");
            } else {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
}
