//! Turns blocks of input into batches: with the header from the command line, or with the header of each envelope.

pub mod delivery_time;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bytes::Bytes;

use crate::address::Namespace;
use crate::cli::io::envelope::{BatchTemplate, Envelope, EnvelopeKind};
use crate::cli::io::stdin::{Blocks, InputBlock, InputError};
use crate::client::Batch;
use crate::limits;
use crate::wire::batch::{Framing, messages, push_bytes_message};
use crate::wire::json;

/// A batch, and the namespace that its envelope names.
#[derive(Debug)]
pub struct RoutedBatch {
    pub namespace: Option<Namespace>,
    pub batch: Batch,
}

/// The batches that a command publishes.
pub enum BatchSource {
    Words(Option<InputBlock>, BatchTemplate),
    Blocks(Blocks, BatchTemplate),
    Envelopes(Envelopes),
}

impl BatchSource {
    /// The next batch, or `None` at the end. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<RoutedBatch, InputError>> {
        let (block, template) = match self {
            Self::Words(block, template) => (block.take()?, template),
            Self::Blocks(blocks, template) => match blocks.next().await? {
                Ok(block) => (block, template),
                Err(error) => return Some(Err(error)),
            },
            Self::Envelopes(envelopes) => return envelopes.next().await,
        };
        Some(Ok(RoutedBatch {
            namespace: None,
            batch: template.batch(block),
        }))
    }
}

/// Whether an envelope or the command line names the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// The rooms and the namespace of each envelope.
    Own,
    /// The rooms of each envelope, in the namespace of the command line.
    OwnRooms,
    /// The rooms of the command line.
    Given,
}

/// Reads envelopes: lines as `sub --json` writes them. Consecutive envelopes that differ only in their data become one batch.
pub struct Envelopes {
    blocks: Blocks,
    template: BatchTemplate,
    destination: Destination,
    max_message: usize,
    lines: u64,
    ready: VecDeque<Result<RoutedBatch, InputError>>,
}

impl Envelopes {
    pub fn new(
        blocks: Blocks,
        template: BatchTemplate,
        destination: Destination,
        max_message: usize,
    ) -> Self {
        Self {
            blocks,
            template,
            destination,
            max_message,
            lines: 0,
            ready: VecDeque::new(),
        }
    }

    /// The longest line of a message within the limit, in bytes: JSON escapes one byte with up to six.
    pub fn max_line_bytes(max_message: usize) -> usize {
        max_message.saturating_mul(6) + limits::FRAME_OVERHEAD
    }

    async fn next(&mut self) -> Option<Result<RoutedBatch, InputError>> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            match self.blocks.next().await? {
                Ok(block) => self.parse_block(&block),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn parse_block(&mut self, block: &InputBlock) {
        let mut group: Option<EnvelopeGroup> = None;
        for line in messages(block.framing, &block.body) {
            self.lines += 1;
            let message = match self.parse_envelope(line) {
                Ok(message) => message,
                Err(failure) => {
                    self.ready
                        .extend(group.take().map(|group| Ok(group.into_batch())));
                    self.ready.push_back(Err(failure));
                    return;
                }
            };
            match &mut group {
                Some(group) if group.accepts(&message) => group.push(&message),
                _ => {
                    let full = group.replace(EnvelopeGroup::new(message));
                    self.ready.extend(full.map(|group| Ok(group.into_batch())));
                }
            }
        }
        self.ready.extend(group.map(|group| Ok(group.into_batch())));
    }

    fn parse_envelope(&self, line: &[u8]) -> Result<EnvelopeMessage, InputError> {
        let number = self.lines;
        let failed = |reason: String| InputError::Envelope { number, reason };
        let envelope: Envelope<'_> =
            serde_json::from_slice(line).map_err(|error| failed(json::error_text(&error)))?;
        let namespace = match self.destination {
            Destination::Own => envelope.namespace.clone(),
            Destination::OwnRooms | Destination::Given => None,
        };
        let mut template = self.template.clone();
        if self.destination != Destination::Given {
            template.rooms = envelope.rooms.clone();
        }
        template.complete_from(&envelope);
        let (kind, data) = envelope.data().map_err(failed)?;
        if data.len() > self.max_message {
            return Err(InputError::TooLong {
                number,
                length: data.len(),
                limit: self.max_message,
            });
        }
        Ok(EnvelopeMessage {
            namespace,
            template,
            kind,
            data,
        })
    }
}

struct EnvelopeMessage {
    namespace: Option<Namespace>,
    template: BatchTemplate,
    kind: EnvelopeKind,
    data: Bytes,
}

/// Consecutive envelopes that become one batch.
struct EnvelopeGroup {
    first: EnvelopeMessage,
    body: Vec<u8>,
    count: u32,
}

impl EnvelopeGroup {
    fn new(first: EnvelopeMessage) -> Self {
        let data = first.data.clone();
        let mut group = Self {
            first,
            body: Vec::new(),
            count: 0,
        };
        group.add(&data);
        group
    }

    fn accepts(&self, message: &EnvelopeMessage) -> bool {
        self.first.kind == message.kind
            && message.kind != EnvelopeKind::Args
            && self.first.namespace == message.namespace
            && self.first.template == message.template
            && self.body.len() + message.data.len() < limits::BATCH_BYTES
    }

    fn push(&mut self, message: &EnvelopeMessage) {
        self.add(&message.data);
    }

    fn add(&mut self, data: &[u8]) {
        self.count += 1;
        match self.first.kind {
            EnvelopeKind::Text | EnvelopeKind::Json => {
                self.body.extend_from_slice(data);
                self.body.push(b'\n');
            }
            EnvelopeKind::Bytes => push_bytes_message(&mut self.body, data),
            EnvelopeKind::Args => self.body.extend_from_slice(data),
        }
    }

    fn into_batch(self) -> RoutedBatch {
        let block = InputBlock {
            framing: match self.first.kind {
                EnvelopeKind::Text | EnvelopeKind::Json => Framing::Lines,
                EnvelopeKind::Bytes => Framing::Bytes,
                EnvelopeKind::Args => Framing::Args,
            },
            json: self.first.kind == EnvelopeKind::Json,
            count: self.count,
            body: self.body.into(),
        };
        RoutedBatch {
            namespace: self.first.namespace,
            batch: self.first.template.batch(block),
        }
    }
}
