//! The verbs that publish, and what an application's own event comes to: from arguments to something for the log.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::args::{bad, distinct, one_or_many, parse, present};
use super::delay;
use super::delay::StorageMode;
use super::error::VerbError;
use crate::address::{ClientName, EventName, Namespace, RoomName};
use crate::limits;
use crate::store::{MessageHeader, NewRecord};
use crate::wire::batch::{self, Audience, BatchError, PublishHeader, PublishId};

/// One thing to publish, checked.
#[derive(Debug, PartialEq, Eq)]
pub struct PublishRequest {
    pub record: NewRecord,
    pub id: Option<PublishId>,
    pub storage: StorageMode,
}

/// Who publishes: what a record remembers of its sender.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    pub namespace: &'a Namespace,
    pub sid: &'a Arc<str>,
    pub name: Option<&'a ClientName>,
    /// The largest message taken, bytes.
    pub max_message: usize,
}

impl Sender<'_> {
    /// Of one message with arguments, to everyone in these rooms.
    fn header(&self, rooms: Arc<[RoomName]>, event: EventName) -> MessageHeader {
        MessageHeader {
            from: self.name.cloned(),
            origin: Arc::clone(self.sid),
            ..MessageHeader::new(self.namespace.clone(), rooms, event)
        }
    }
}

/// `["batch", header, body]`, the body being the one attachment.
pub fn batch(
    sender: Sender<'_>,
    args: &[&RawValue],
    attachments: Vec<Bytes>,
) -> Result<PublishRequest, VerbError> {
    let [header, _placeholder] = args else {
        return Err(bad("batch takes a header and a body"));
    };
    let header = PublishHeader::decode(header.get())?;
    let Ok([body]) = <[Bytes; 1]>::try_from(attachments) else {
        return Err(bad("batch takes one attachment"));
    };
    if body.len() > sender.max_message.max(limits::BATCH_BYTES) + 4 {
        return Err(VerbError::TooLarge(format!(
            "a batch of {} bytes",
            body.len()
        )));
    }
    batch::check(
        header.framing,
        header.json,
        header.count,
        &body,
        sender.max_message,
    )?;
    let PublishHeader {
        rooms,
        event,
        framing,
        json,
        count,
        id,
        except,
        to,
        volatile,
        due,
        delay,
        reply,
    } = header;
    let header = MessageHeader {
        except: distinct(except)?.into(),
        audience: to,
        framing,
        json,
        count,
        reply,
        ..sender.header(targets(rooms)?, event)
    };
    let storage = delay::storage(volatile, due, delay)?;
    finish(header, body, id, storage)
}

/// `["pub", {rooms, event, data, …}]`: one message, whose data is any JSON, with its attachments. As in a batch, `reply` is
/// the room that answers go to: it is stored, and roomcat clients are told of it in the header of what they get; stock
/// clients see nothing of it.
pub fn single(
    sender: Sender<'_>,
    args: &[&RawValue],
    attachments: &[Bytes],
) -> Result<PublishRequest, VerbError> {
    #[derive(Deserialize)]
    struct Single<'a> {
        #[serde(borrow)]
        rooms: Option<&'a RawValue>,
        #[serde(default = "EventName::message")]
        event: EventName,
        #[serde(borrow, default, deserialize_with = "present")]
        data: Option<&'a RawValue>,
        #[serde(default)]
        id: Option<PublishId>,
        #[serde(borrow)]
        except: Option<&'a RawValue>,
        #[serde(default)]
        to: Audience,
        #[serde(default)]
        volatile: bool,
        due: Option<u64>,
        delay: Option<u64>,
        reply: Option<RoomName>,
    }
    let [arg] = args else {
        return Err(bad("pub takes one object"));
    };
    let Single {
        rooms,
        event,
        data,
        id,
        except,
        to,
        volatile,
        due,
        delay,
        reply,
    } = parse(arg)?;
    let data = data.map(|data| vec![data]).unwrap_or_default();
    let body = args_body(&data, attachments, sender.max_message)?;
    let header = MessageHeader {
        except: distinct(one_or_many(except)?)?.into(),
        audience: to,
        reply,
        ..sender.header(targets(one_or_many(rooms)?)?, event)
    };
    let storage = delay::storage(volatile, due, delay)?;
    finish(header, body, id, storage)
}

/// An application's own event, to the whole namespace: as `io.emit` would, or `socket.broadcast.emit`.
pub fn relay(
    sender: Sender<'_>,
    audience: Audience,
    event: EventName,
    args: &[&RawValue],
    attachments: &[Bytes],
) -> Result<PublishRequest, VerbError> {
    let body = args_body(args, attachments, sender.max_message)?;
    let header = MessageHeader {
        audience,
        ..sender.header(Arc::new([RoomName::whole_namespace()]), event)
    };
    finish(header, body, None, StorageMode::Log)
}

fn finish(
    header: MessageHeader,
    body: Bytes,
    id: Option<PublishId>,
    storage: StorageMode,
) -> Result<PublishRequest, VerbError> {
    if id.as_ref().is_some_and(|id| {
        id.0.is_empty() || id.0.len() > limits::PRODUCER_BYTES || id.1 >= i64::MAX as u64
    }) {
        return Err(bad("an id is a producer's name and a number"));
    }
    Ok(PublishRequest {
        record: NewRecord { header, body },
        id,
        storage,
    })
}

fn args_body(
    args: &[&RawValue],
    attachments: &[Bytes],
    max_message: usize,
) -> Result<Bytes, VerbError> {
    let length = args
        .iter()
        .map(|arg| arg.get().len())
        .chain(attachments.iter().map(Bytes::len))
        .sum::<usize>();
    if length > max_message {
        let limit = max_message;
        return Err(VerbError::from(BatchError::TooLong {
            index: 0,
            length,
            limit,
        }));
    }
    let mut text = String::with_capacity(length + args.len() + 2);
    text.push('[');
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(arg.get());
    }
    text.push(']');
    Ok(batch::encode_args(&text, attachments))
}

/// No rooms at all mean the whole namespace.
fn targets(rooms: Vec<RoomName>) -> Result<Arc<[RoomName]>, VerbError> {
    let rooms = distinct(rooms)?;
    Ok(if rooms.is_empty() {
        Arc::new([RoomName::whole_namespace()])
    } else {
        rooms.into()
    })
}
