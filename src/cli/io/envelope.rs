//! The fields of a message as a user sees them: those that `pub` sets, and the JSON object that `sub --json` writes and
//! `pub --envelope` reads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::address::{EventName, Namespace, RoomName};
use crate::cli::io::batches::delivery_time::DeliveryTime;
use crate::cli::io::stdin::InputBlock;
use crate::client::Batch;
use crate::wire::batch::{Audience, DeliveryHeader, PublishHeader, encode_args};

/// The header that a command line gives to all its messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

    /// Takes from an envelope what the command line leaves open. Its rooms and its namespace depend on the destination.
    pub(super) fn complete_from(&mut self, envelope: &Envelope<'_>) {
        let Envelope { event, reply, .. } = envelope;
        self.event = self.event.take().or_else(|| event.clone());
        self.reply = self.reply.take().or_else(|| reply.clone());
    }
}

/// The fields of a `sub --json` object that are published.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    pub(super) namespace: Option<Namespace>,
    #[serde(default)]
    pub(super) rooms: Vec<RoomName>,
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
    pub(super) fn data(&self) -> Result<(EnvelopeKind, Bytes), String> {
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

/// How an envelope writes its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EnvelopeKind {
    Text,
    Json,
    Bytes,
    Args,
}

/// The object of a message without its seq and its data: `{"namespace":…,"rooms":…,"event":…`, which precedes the seq, and
/// `,"time":…,"from":…,"reply":…`, which follows it.
pub(super) fn object_frame(namespace: &Namespace, header: &DeliveryHeader) -> (Vec<u8>, Vec<u8>) {
    let mut before = Vec::new();
    push_field("{\"namespace\":", namespace, &mut before);
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

/// RFC 3339 in UTC with milliseconds. `None` for a time outside the calendar.
pub fn time(at_ms: u64) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(i64::try_from(at_ms).ok()?).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

pub(super) fn push_field<T: Serialize + ?Sized>(name: &str, value: &T, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    serde_json::to_writer(out, value).expect("names, texts and numbers can be JSON");
}
