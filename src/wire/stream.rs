//! Streams: bytes without messages in them, cut into pieces. Each piece is an ordinary message of its own, the event
//! `stream` with two arguments: what piece of which stream it is, and the bytes.
//!
//! Knows nothing of how many pieces there are, nor whether they come in order.

mod crc32;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::batch::{self, DeliveryHeader, Framing, decode_args};
use crate::limits;
pub use crc32::Crc32;

/// The event that a piece is.
pub const EVENT: &str = "stream";

/// What piece of which stream it is: the first argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamPart {
    /// Random, the same for all pieces of a stream.
    pub id: String,
    /// Counted from 0.
    pub part: u64,
    /// The socket that publishes it, for whoever wants to know whether it is still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The stream is whole with this piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<StreamEnd>,
    /// There will be no more of it, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<String>,
}

/// What the whole of a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamEnd {
    pub bytes: u64,
    /// CRC-32 of all bytes, as zip has it; who makes a stream by hand may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc32: Option<u32>,
}

impl StreamPart {
    /// A piece and its bytes, when that is what a message is. Without bytes the second argument may be missing.
    pub fn decode(header: &DeliveryHeader, body: &Bytes) -> Option<(Self, Bytes)> {
        if header.event.as_str() != EVENT || header.framing != Framing::Args {
            return None;
        }
        let args = decode_args(body).ok()?;
        let (first, bytes) = match (args.attachments.first(), args.attachments.len()) {
            (None, _) => {
                let [first] = serde_json::from_str::<[&RawValue; 1]>(args.json).ok()?;
                (first, Bytes::new())
            }
            (Some(bytes), 1) => {
                let [first, _placeholder] =
                    serde_json::from_str::<[&RawValue; 2]>(args.json).ok()?;
                (first, bytes.clone())
            }
            (Some(_), _) => return None,
        };
        // serde would take an array for a struct as well.
        let object = Some(first.get()).filter(|it| it.starts_with('{'))?;
        let piece: Self = serde_json::from_str(object).ok()?;
        let known = !piece.id.is_empty() && piece.id.len() <= limits::STREAM_ID_BYTES;
        known.then_some((piece, bytes))
    }

    /// The body of the message that it is.
    pub fn encode(&self, bytes: &[u8]) -> Bytes {
        let json = self.json();
        let mut body = Vec::with_capacity(head_length(&json) + bytes.len());
        push_head(&json, bytes.len(), &mut body);
        body.extend_from_slice(bytes);
        body.into()
    }

    fn json(&self) -> String {
        let piece = serde_json::to_string(self).expect("texts and numbers are JSON");
        format!("[{piece},{}]", batch::BODY_PLACEHOLDER)
    }
}

/// Bytes on their way to be a piece, in memory where its head has room before them: a full one becomes a body without
/// being copied.
#[derive(Debug)]
pub struct PartBuffer {
    buffer: Vec<u8>,
    length: usize,
    most: usize,
}

impl PartBuffer {
    /// For at most so many bytes.
    pub fn new(most: usize) -> Self {
        Self {
            buffer: vec![0; limits::STREAM_HEAD_BYTES + most],
            length: 0,
            most,
        }
    }

    /// Where the next bytes go; empty when it is full. They count once [`Self::advance`] says so.
    pub fn spare(&mut self) -> &mut [u8] {
        &mut self.buffer[limits::STREAM_HEAD_BYTES + self.length..]
    }

    pub fn advance(&mut self, bytes: usize) {
        self.length = (self.length + bytes).min(self.most);
    }

    pub fn bytes(&self) -> &[u8] {
        let from = limits::STREAM_HEAD_BYTES;
        &self.buffer[from..from + self.length]
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub fn is_full(&self) -> bool {
        self.length == self.most
    }

    /// The body of the piece that its bytes are; it is empty again.
    pub fn take(&mut self, piece: &StreamPart) -> Bytes {
        let json = piece.json();
        let head = head_length(&json);
        // A buffer that is hardly filled would be held until the piece is confirmed.
        if self.length < self.most / 2 || head > limits::STREAM_HEAD_BYTES {
            let body = piece.encode(self.bytes());
            self.length = 0;
            return body;
        }
        let mut full = std::mem::replace(self, Self::new(self.most));
        let start = limits::STREAM_HEAD_BYTES - head;
        let mut written = Vec::with_capacity(head);
        push_head(&json, full.length, &mut written);
        full.buffer[start..start + head].copy_from_slice(&written);
        full.buffer
            .truncate(limits::STREAM_HEAD_BYTES + full.length);
        Bytes::from(full.buffer).slice(start..)
    }
}

fn head_length(json: &str) -> usize {
    json.len() + 2 * size_of::<u32>()
}

/// Everything before the bytes of the one attachment, as framing `args` has it.
fn push_head(json: &str, bytes: usize, out: &mut Vec<u8>) {
    batch::push_bytes_message(out, json.as_bytes());
    let length = u32::try_from(bytes).expect("a piece is no longer than a message may be");
    out.extend_from_slice(&length.to_be_bytes());
}
