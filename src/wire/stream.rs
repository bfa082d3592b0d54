//! Streams: a sequence of bytes cut into parts. Each part is an ordinary message, the event `stream` with two
//! arguments: the part's header and its bytes. Does not check that parts arrive in order.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::batch::{self, DeliveryHeader, Framing, decode_args};
use crate::limits;

/// CRC-32 as zip, gzip and Ethernet have it (ISO 3309: polynomial 0x04C11DB7, reflected).
pub use crc32fast::Hasher as Crc32;

/// The event of a part.
pub const EVENT: &str = "stream";

/// The header of a part, the first argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamPart {
    /// Random, the same in all parts of a stream.
    pub id: String,
    /// Counted from 0.
    pub part: u64,
    /// The publishing socket. A reader can ask the hub whether it is still connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Only in the last part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<StreamEnd>,
    /// The publisher gave up, for this reason: no further part follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<String>,
}

/// The size and checksum of a whole stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamEnd {
    pub bytes: u64,
    /// CRC-32 of all bytes, as in zip. Optional, for streams made by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc32: Option<u32>,
}

impl StreamPart {
    /// Reads a part and its bytes; None for any other message. An empty part may lack the second argument.
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
        // serde would also accept an array.
        let object = Some(first.get()).filter(|json| json.starts_with('{'))?;
        let part: Self = serde_json::from_str(object).ok()?;
        let is_valid = (1..=limits::STREAM_ID_BYTES).contains(&part.id.len());
        is_valid.then_some((part, bytes))
    }

    /// The body of this part's message.
    pub fn encode(&self, bytes: &[u8]) -> Bytes {
        let json = self.json();
        let mut body = Vec::with_capacity(head_length(&json) + bytes.len());
        push_head(&json, bytes.len(), &mut body);
        body.extend_from_slice(bytes);
        body.into()
    }

    fn json(&self) -> String {
        let part = serde_json::to_string(self).expect("texts and numbers are JSON");
        format!("[{part},{}]", batch::BODY_PLACEHOLDER)
    }
}

/// Collects the bytes of a part, with room for the header before them: a full buffer becomes a body without a copy.
#[derive(Debug)]
pub struct PartBuffer {
    buffer: Vec<u8>,
    length: usize,
    capacity: usize,
}

impl PartBuffer {
    /// `capacity` in bytes.
    pub fn new(capacity: usize) -> Self {
        Self {
            buffer: vec![0; limits::STREAM_HEAD_BYTES + capacity],
            length: 0,
            capacity,
        }
    }

    /// The free part of the buffer; empty when it is full. Call [`Self::advance`] after writing to it.
    pub fn spare(&mut self) -> &mut [u8] {
        &mut self.buffer[limits::STREAM_HEAD_BYTES + self.length..]
    }

    pub fn advance(&mut self, bytes: usize) {
        self.length = (self.length + bytes).min(self.capacity);
    }

    pub fn bytes(&self) -> &[u8] {
        let from = limits::STREAM_HEAD_BYTES;
        &self.buffer[from..from + self.length]
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub fn is_full(&self) -> bool {
        self.length == self.capacity
    }

    /// Makes the bytes the body of `part`, and empties the buffer.
    pub fn take(&mut self, part: &StreamPart) -> Bytes {
        let json = part.json();
        let head = head_length(&json);
        // Copies a small part: otherwise the whole buffer would be held until the part is confirmed.
        if self.length < self.capacity / 2 || head > limits::STREAM_HEAD_BYTES {
            let body = part.encode(self.bytes());
            self.length = 0;
            return body;
        }
        let mut full = std::mem::replace(self, Self::new(self.capacity));
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

/// Appends everything before the bytes of the one attachment, in framing `args`.
fn push_head(json: &str, bytes: usize, out: &mut Vec<u8>) {
    batch::push_bytes_message(out, json.as_bytes());
    let length = u32::try_from(bytes).expect("a part is no longer than a message may be");
    out.extend_from_slice(&length.to_be_bytes());
}
