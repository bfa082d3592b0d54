//! Cuts the bytes of the input into blocks of whole messages. No IO: the caller reads into [`Cutter::read_buffer`].
//!
//! On the fast path (text, one message a line) a block is the memory that was read into: one SIMD pass checks UTF-8, one
//! counts, and only the unfinished line at the end is copied.

use std::collections::VecDeque;

use bytes::Bytes;
use memchr::{memchr, memchr_iter, memrchr};
use serde::de::IgnoredAny;

use super::block::{InputBlock, InputOptions, Payload, Split};
use super::error::InputError;
use crate::limits::BATCH_BYTES;
use crate::wire::batch::{Framing, push_bytes_message};
use crate::wire::json;

/// A shorter body is copied, and the buffer is used again. Otherwise each typed line would keep a whole read buffer alive
/// until the hub confirms it.
const COPIED_BYTES: usize = BATCH_BYTES / 8;

pub(super) struct Cutter {
    input: InputOptions,
    buffer: Vec<u8>,
    /// How many bytes of the buffer are known to hold no separator.
    scanned: usize,
    /// Messages passed on or in `ready`.
    messages: u64,
    ready: VecDeque<Result<InputBlock, InputError>>,
    ended: bool,
}

impl Cutter {
    pub(super) fn new(input: InputOptions) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            scanned: 0,
            messages: 0,
            ready: VecDeque::new(),
            ended: false,
        }
    }

    /// The buffer for the next read, with spare capacity. Begins the next file if one has ended.
    pub(super) fn read_buffer(&mut self) -> &mut Vec<u8> {
        self.ended = false;
        let wanted = match self.buffer.len() {
            carried if carried < BATCH_BYTES => BATCH_BYTES - carried,
            // A long message may grow just past the limit.
            carried => BATCH_BYTES.min(self.input.max_message.saturating_sub(carried) + 1),
        };
        self.buffer.reserve(wanted);
        &mut self.buffer
    }

    /// Adds input that is in memory already.
    pub(super) fn fill(&mut self, input: &[u8]) {
        self.ended = false;
        self.buffer.extend_from_slice(input);
    }

    /// Marks the end of the current file.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The next block of the input read so far. Must not be called after an error.
    pub(super) fn next_block(&mut self) -> Option<Result<InputBlock, InputError>> {
        loop {
            if let Some(block) = self.ready.pop_front() {
                return Some(block);
            }
            if let Some(body) = self.next_body() {
                self.cut(body);
                continue;
            }
            let length = self.buffer.len();
            return (length > self.input.max_message).then(|| Err(self.too_long(length, 1)));
        }
    }

    fn separator(&self) -> Option<u8> {
        match self.input.split {
            Split::Lines => Some(b'\n'),
            Split::Nul => Some(0),
            Split::Whole => None,
        }
    }

    /// The next run of whole messages, each with its separator (except for `Split::Whole`).
    fn next_body(&mut self) -> Option<Vec<u8>> {
        match self.separator().and_then(|it| self.last_end(it)) {
            Some(end) => {
                self.scanned = 0;
                Some(self.split_off(end))
            }
            None if self.ended => self.rest(),
            None => None,
        }
    }

    /// The end of the last whole message that fits into BATCH_BYTES, or the end of the first message if it is longer.
    fn last_end(&mut self, separator: u8) -> Option<usize> {
        let found = memrchr(separator, &self.buffer[self.scanned..]);
        let Some(end) = found.map(|at| self.scanned + at + 1) else {
            self.scanned = self.buffer.len();
            return None;
        };
        if end <= BATCH_BYTES {
            return Some(end);
        }
        let in_block = memrchr(separator, &self.buffer[..BATCH_BYTES]).map(|at| at + 1);
        in_block.or_else(|| memchr(separator, &self.buffer).map(|at| at + 1))
    }

    /// The message behind the last separator, at the end of a file.
    fn rest(&mut self) -> Option<Vec<u8>> {
        let whole = self.input.split == Split::Whole;
        if self.buffer.is_empty() && !whole {
            return None;
        }
        self.scanned = 0;
        // The next call finds an empty buffer. For `Whole` it must not return an empty message again.
        self.ended = !whole;
        let mut rest = std::mem::take(&mut self.buffer);
        rest.extend(self.separator());
        Some(rest)
    }

    /// Removes the first `end` bytes. Copies only a short body.
    fn split_off(&mut self, end: usize) -> Vec<u8> {
        if end < COPIED_BYTES {
            let body = self.buffer[..end].to_vec();
            self.buffer.drain(..end);
            return body;
        }
        let mut next = Vec::with_capacity(BATCH_BYTES.max(self.buffer.len() - end));
        next.extend_from_slice(&self.buffer[end..]);
        self.buffer.truncate(end);
        std::mem::replace(&mut self.buffer, next)
    }

    /// `ahead` is the number of the message, counted from those passed on so far.
    fn too_long(&self, length: usize, ahead: u64) -> InputError {
        InputError::TooLong {
            number: self.messages + ahead,
            length,
            limit: self.input.max_message,
        }
    }

    /// Makes blocks of a body of whole messages.
    fn cut(&mut self, body: Vec<u8>) {
        let lines = self.input.split == Split::Lines;
        // Only a body over the limit can hold a message over it.
        let short = body.len() <= self.input.max_message;
        match self.input.payload {
            Payload::Text if lines && short && simdutf8::basic::from_utf8(&body).is_ok() => {
                self.push(Framing::Lines, body);
            }
            Payload::Json if lines => self.cut_json_lines(body),
            payload => self.cut_each(&body, payload),
        }
    }

    /// JSON a line: the body stays as it is, up to the first line that is not JSON.
    fn cut_json_lines(&mut self, mut body: Vec<u8>) {
        let mut start = 0;
        let mut failed = None;
        for (ahead, newline) in (1..).zip(memchr_iter(b'\n', &body)) {
            failed = self.check(ahead, &body[start..newline]);
            if failed.is_some() {
                break;
            }
            start = newline + 1;
        }
        body.truncate(start);
        if !body.is_empty() {
            self.push(Framing::Lines, body);
        }
        self.ready.extend(failed.map(Err));
    }

    /// Message by message: what is not text in lines, and what may hold one that is too long.
    fn cut_each(&mut self, body: &[u8], payload: Payload) {
        let framing = match (payload, self.input.split) {
            (Payload::Json, _) => Framing::Lines,
            (Payload::Text, Split::Lines) if simdutf8::basic::from_utf8(body).is_ok() => {
                Framing::Lines
            }
            (Payload::Text, Split::Whole) if is_one_line(body) => Framing::Lines,
            (Payload::Text, _) => Framing::Bytes,
        };
        let mut out = Vec::new();
        let mut count = 0;
        for message in self.split(body) {
            if let Some(error) = self.check(count + 1, message) {
                self.push_counted(framing, out, count);
                self.ready.push_back(Err(error));
                return;
            }
            // Up to 5 bytes: the length in front of the message, or the newline behind it.
            if count > 0 && out.len() + message.len() + 5 > BATCH_BYTES {
                self.push_counted(framing, std::mem::take(&mut out), count);
                count = 0;
            }
            count += 1;
            append(framing, &mut out, message);
        }
        self.push_counted(framing, out, count);
    }

    fn split<'a>(&self, body: &'a [u8]) -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
        match self.separator() {
            None => Box::new(std::iter::once(body)),
            Some(separator) => {
                let mut start = 0;
                Box::new(memchr_iter(separator, body).map(move |end| {
                    let message = &body[start..end];
                    start = end + 1;
                    message
                }))
            }
        }
    }

    /// Why a message cannot be sent, if so. `ahead` as in [`Self::too_long`].
    fn check(&self, ahead: u64, message: &[u8]) -> Option<InputError> {
        if message.len() > self.input.max_message {
            return Some(self.too_long(message.len(), ahead));
        }
        let reason = match self.input.payload {
            Payload::Text => None,
            Payload::Json => not_json(message),
        };
        let number = self.messages + ahead;
        reason.map(|reason| InputError::NotJson { number, reason })
    }

    fn push(&mut self, framing: Framing, body: Vec<u8>) {
        let count = memchr_iter(b'\n', &body).count() as u64;
        self.push_counted(framing, body, count);
    }

    fn push_counted(&mut self, framing: Framing, body: Vec<u8>, count: u64) {
        if count == 0 {
            return;
        }
        self.messages += count;
        self.ready.push_back(Ok(InputBlock {
            framing,
            json: self.input.payload == Payload::Json,
            count: u32::try_from(count).expect("a block holds no more messages than bytes"),
            body: Bytes::from(body),
        }));
    }
}

/// One message of any length.
pub(super) fn single(message: &[u8]) -> InputBlock {
    let framing = if is_one_line(message) {
        Framing::Lines
    } else {
        Framing::Bytes
    };
    let mut body = Vec::with_capacity(message.len() + 4);
    append(framing, &mut body, message);
    InputBlock {
        framing,
        json: false,
        count: 1,
        body: Bytes::from(body),
    }
}

fn is_one_line(message: &[u8]) -> bool {
    memchr(b'\n', message).is_none() && simdutf8::basic::from_utf8(message).is_ok()
}

fn append(framing: Framing, body: &mut Vec<u8>, message: &[u8]) {
    match framing {
        Framing::Lines => {
            let start = body.len();
            body.extend_from_slice(message);
            // Only JSON has newlines here, as white space between tokens.
            for byte in &mut body[start..] {
                if *byte == b'\n' {
                    *byte = b' ';
                }
            }
            body.push(b'\n');
        }
        Framing::Bytes | Framing::Args => push_bytes_message(body, message),
    }
}

/// Why a message is not JSON, if so.
fn not_json(message: &[u8]) -> Option<String> {
    let Ok(text) = simdutf8::basic::from_utf8(message) else {
        return Some("it is not UTF-8".to_owned());
    };
    let error = serde_json::from_str::<IgnoredAny>(text).err()?;
    Some(json::error_text(&error))
}
