//! From blocks of input to batches: what the command line says of every message, and what an envelope says of one.

#[cfg(test)]
mod tests;
mod when;

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
pub use when::When;

/// What holds for everything that a command publishes.
#[derive(Debug, Clone, Default)]
pub struct Template {
    pub rooms: Vec<RoomName>,
    pub except: Vec<RoomName>,
    pub event: Option<EventName>,
    pub to: Audience,
    pub volatile: bool,
    pub later: Option<When>,
    /// Where answers go.
    pub reply: Option<RoomName>,
}

impl Template {
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
                due: self.later.and_then(When::due),
                delay: self.later.and_then(When::delay),
                reply: self.reply.clone(),
                ..PublishHeader::new(event, block.framing)
            },
            body: block.body,
        }
    }
}

/// A batch, and where it goes when its envelope says so.
#[derive(Debug)]
pub struct Outgoing {
    pub namespace: Option<Namespace>,
    pub batch: Batch,
}

/// Where the messages come from.
pub enum Feed {
    Words(Option<InputBlock>, Template),
    Blocks(Blocks, Template),
    Envelopes(Envelopes),
}

impl Feed {
    /// None at the end. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Outgoing, InputError>> {
        let (block, template) = match self {
            Self::Words(block, template) => (block.take()?, template),
            Self::Blocks(blocks, template) => match blocks.next().await? {
                Ok(block) => (block, template),
                Err(error) => return Some(Err(error)),
            },
            Self::Envelopes(envelopes) => return envelopes.next().await,
        };
        Some(Ok(Outgoing {
            namespace: None,
            batch: template.batch(block),
        }))
    }
}

/// Which of an envelope's fields the command line overrides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// Each object's own rooms, and its namespace.
    Own,
    /// Each object's own rooms, in the namespace that was named.
    OwnRooms,
    /// The rooms of the template.
    Given,
}

/// Lines as `sub --json` writes them. Neighbours that differ in nothing but their data travel in one batch.
pub struct Envelopes {
    blocks: Blocks,
    template: Template,
    destination: Destination,
    max_message: usize,
    lines: u64,
    ready: VecDeque<Result<Outgoing, InputError>>,
}

impl Envelopes {
    pub fn new(
        blocks: Blocks,
        template: Template,
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

    /// The longest line that a message within the limit can stand in: JSON escapes a byte with up to six.
    pub fn longest_line(max_message: usize) -> usize {
        max_message.saturating_mul(6) + limits::FRAME_OVERHEAD
    }

    async fn next(&mut self) -> Option<Result<Outgoing, InputError>> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            match self.blocks.next().await? {
                Ok(block) => self.open(&block),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn open(&mut self, block: &InputBlock) {
        let mut group: Option<Group> = None;
        for line in messages(block.framing, &block.body) {
            self.lines += 1;
            let message = match self.message(line) {
                Ok(message) => message,
                Err(failure) => {
                    self.ready
                        .extend(group.take().map(|group| Ok(group.outgoing())));
                    self.ready.push_back(Err(failure));
                    return;
                }
            };
            match &mut group {
                Some(group) if group.takes(&message) => group.push(&message),
                _ => {
                    let full = group.replace(Group::new(message));
                    self.ready.extend(full.map(|group| Ok(group.outgoing())));
                }
            }
        }
        self.ready.extend(group.map(|group| Ok(group.outgoing())));
    }

    fn message(&self, line: &[u8]) -> Result<Message, InputError> {
        let number = self.lines;
        let failed = |reason: String| InputError::Envelope { number, reason };
        let envelope: Envelope<'_> =
            serde_json::from_slice(line).map_err(|error| failed(error.to_string()))?;
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
        Ok(Message {
            namespace,
            template,
            kind,
            data,
        })
    }
}

/// One object of `sub --json`, as far as it is published.
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
    fn data(&self) -> Result<(Kind, Bytes), String> {
        let decode = |text: &String| {
            let bytes = STANDARD.decode(text);
            bytes
                .map(Bytes::from)
                .map_err(|error| format!("base64: {error}"))
        };
        match (self.data, &self.base64, self.args) {
            (Some(value), None, None) if self.json => {
                Ok((Kind::Json, Bytes::copy_from_slice(value.get().as_bytes())))
            }
            (Some(value), None, None) => {
                let text: String = serde_json::from_str(value.get()).map_err(|_| {
                    "\"data\" is no string, and \"json\" does not say that it is JSON".to_owned()
                })?;
                let kind = if text.contains('\n') {
                    Kind::Bytes
                } else {
                    Kind::Text
                };
                Ok((kind, text.into()))
            }
            (None, Some(base64), None) => Ok((Kind::Bytes, decode(base64)?)),
            (None, None, Some(args)) if args.get().starts_with('[') => {
                let attachments = self
                    .attachments
                    .iter()
                    .map(decode)
                    .collect::<Result<Vec<_>, _>>()?;
                Ok((Kind::Args, encode_args(args.get(), &attachments)))
            }
            (None, None, Some(_)) => Err("\"args\" is no array".to_owned()),
            (None, None, None) => {
                Err("it has none of \"data\", \"base64\" and \"args\"".to_owned())
            }
            _ => Err("it has more than one of \"data\", \"base64\" and \"args\"".to_owned()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Json,
    Bytes,
    Args,
}

struct Message {
    namespace: Option<Namespace>,
    template: Template,
    kind: Kind,
    data: Bytes,
}

/// Messages that become one batch.
struct Group {
    first: Message,
    body: Vec<u8>,
    count: u32,
}

impl Group {
    fn new(first: Message) -> Self {
        let data = first.data.clone();
        let mut group = Self {
            first,
            body: Vec::new(),
            count: 0,
        };
        group.add(&data);
        group
    }

    fn takes(&self, message: &Message) -> bool {
        self.first.kind == message.kind
            && message.kind != Kind::Args
            && self.first.namespace == message.namespace
            && self.first.template.rooms == message.template.rooms
            && self.first.template.event == message.template.event
            && self.first.template.reply == message.template.reply
            && self.body.len() + message.data.len() < limits::BATCH_BYTES
    }

    fn push(&mut self, message: &Message) {
        self.add(&message.data);
    }

    fn add(&mut self, data: &[u8]) {
        self.count += 1;
        match self.first.kind {
            Kind::Text | Kind::Json => {
                self.body.extend_from_slice(data);
                self.body.push(b'\n');
            }
            Kind::Bytes => push_bytes_message(&mut self.body, data),
            Kind::Args => self.body.extend_from_slice(data),
        }
    }

    fn outgoing(self) -> Outgoing {
        let block = InputBlock {
            framing: match self.first.kind {
                Kind::Text | Kind::Json => Framing::Lines,
                Kind::Bytes => Framing::Bytes,
                Kind::Args => Framing::Args,
            },
            json: self.first.kind == Kind::Json,
            count: self.count,
            body: self.body.into(),
        };
        Outgoing {
            namespace: self.first.namespace,
            batch: self.first.template.batch(block),
        }
    }
}
