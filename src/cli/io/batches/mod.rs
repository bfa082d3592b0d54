//! Turns blocks of input into batches: with the header from the command line, or with the header of each envelope.

mod delivery_time;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::address::{EventName, Namespace, RoomName};
use crate::cli::io::stdin::{Blocks, InputBlock, InputError};
use crate::client::Batch;
use crate::limits;
use crate::wire::batch::{
    Audience, Framing, PublishHeader, encode_args, messages, push_bytes_message,
};
use crate::wire::json;
pub use delivery_time::DeliveryTime;

/// The header that a command line gives to all its messages.
#[derive(Debug, Clone, Default)]
pub struct BatchTemplate {
    pub rooms: Vec<RoomName>,
    pub except: Vec<RoomName>,
    pub event: Option<EventName>,
    pub to: Audience,
    pub volatile: bool,
    pub delivery_time: Option<DeliveryTime>,
    /// The room that answers go to.
    pub reply: Option<RoomName>,
}

impl BatchTemplate {
    pub fn batch(&self, block: InputBlock) -> Batch {
        let event = self.event.clone().unwrap_or_else(EventName::message);
        Batch {
            header: PublishHeader {
                rooms: self.rooms.clone(),
                json: block.json,
                count: block.count,
                except: self.except.clone(),
                to: self.to,
                volatile: self.volatile,
                due: self.delivery_time.and_then(DeliveryTime::due),
                delay: self.delivery_time.and_then(DeliveryTime::delay),
                reply: self.reply.clone(),
                ..PublishHeader::new(event, block.framing)
            },
            body: block.body,
        }
    }
}

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
        if template.event.is_none() {
            template.event = envelope.event.clone();
        }
        if template.reply.is_none() {
            template.reply = envelope.reply.clone();
        }
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

/// The fields of a `sub --json` object that are published.
#[derive(Deserialize)]
struct Envelope<'a> {
    namespace: Option<Namespace>,
    #[serde(default)]
    rooms: Vec<RoomName>,
    event: Option<EventName>,
    reply: Option<RoomName>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    json: bool,
    base64: Option<String>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    #[serde(default)]
    attachments: Vec<String>,
}

impl Envelope<'_> {
    fn data(&self) -> Result<(EnvelopeKind, Bytes), String> {
        let decode = |text: &String| {
            let bytes = STANDARD.decode(text);
            bytes
                .map(Bytes::from)
                .map_err(|_| "it holds invalid base64".to_owned())
        };
        match (self.data, &self.base64, self.args) {
            (Some(value), None, None) if self.json => Ok((
                EnvelopeKind::Json,
                Bytes::copy_from_slice(value.get().as_bytes()),
            )),
            (Some(value), None, None) => {
                let text: String = serde_json::from_str(value.get()).map_err(|_| {
                    "\"data\" is not a string, and there is no \"json\":true".to_owned()
                })?;
                let kind = if text.contains('\n') {
                    EnvelopeKind::Bytes
                } else {
                    EnvelopeKind::Text
                };
                Ok((kind, text.into()))
            }
            (None, Some(base64), None) => Ok((EnvelopeKind::Bytes, decode(base64)?)),
            (None, None, Some(args)) if args.get().starts_with('[') => {
                let attachments = self
                    .attachments
                    .iter()
                    .map(decode)
                    .collect::<Result<Vec<_>, _>>()?;
                Ok((EnvelopeKind::Args, encode_args(args.get(), &attachments)))
            }
            (None, None, Some(_)) => Err("\"args\" is not an array".to_owned()),
            (None, None, None) => {
                Err("it has none of \"data\", \"base64\" and \"args\"".to_owned())
            }
            _ => Err("it has more than one of \"data\", \"base64\" and \"args\"".to_owned()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EnvelopeKind {
    Text,
    Json,
    Bytes,
    Args,
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
            && self.first.template.rooms == message.template.rooms
            && self.first.template.event == message.template.event
            && self.first.template.reply == message.template.reply
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
