//! The verbs that publish: `batch` and `pub`, and the relay of an application's own events.
//!
//! `["batch", header, body]`, with the body as its one attachment, is answered
//! `{"ok": true, "first"?, "count", "delivered", "queued", "duplicate"?}`. `["pub", {rooms, event, data, …}]` is one message,
//! whose data is any JSON, with its attachments; in its receipt `seq` stands for `first` and `count`. `super::delay` has
//! the answer to a delayed message.
//!
//! `reply` is the room for answers. It is stored, and roomcat clients find it in the header of a delivery; stock
//! clients do not see it.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::args::{bad, distinct, object, one_or_many, present};
use super::definition::{VerbCall, VerbDefinition};
use super::delay::{StorageMode, storage_mode};
use super::error::VerbError;
use crate::address::{ClientName, EventName, Namespace, RoomName};
use crate::hub::inbox::InboxMessage;
use crate::hub::input::CoreInput;
use crate::hub::notification::DeliveryReceipt;
use crate::hub::request::{PublishVerb, Request};
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::session::namespace::policy::Right;
use crate::session::socket::Socket;
use crate::session::state::Session;
use crate::store::{MessageHeader, NewRecord, Op};
use crate::wire::batch::{self, Audience, BatchError, PublishHeader, PublishId};
use crate::wire::verb::Verb;

pub const BATCH: VerbDefinition = VerbDefinition {
    right: Some(Right::Pub),
    run: run_batch,
};
pub const PUB: VerbDefinition = VerbDefinition {
    right: Some(Right::Pub),
    run: run_pub,
};

fn run_batch(session: &mut Session, call: VerbCall<'_>) -> Result<(), VerbError> {
    let sender = session.sender(call.index);
    let publish = parse_batch(sender, call.args, call.attachments)?;
    let count = publish.record.header.count;
    session.publish(call.index, publish, PublishVerb::Batch, call.ack_id);
    // The session counts every event as one message.
    session.spend(call.index, count.saturating_sub(1));
    Ok(())
}

fn run_pub(session: &mut Session, call: VerbCall<'_>) -> Result<(), VerbError> {
    let sender = session.sender(call.index);
    let publish = parse_pub(sender, call.args, call.attachments)?;
    session.publish(call.index, publish, PublishVerb::Single, call.ack_id);
    Ok(())
}

impl Session {
    pub(in crate::session) fn sender(&self, index: usize) -> Sender<'_> {
        Sender::of(&self.sockets[index], self.services.settings.max_message)
    }

    pub(in crate::session) fn publish(
        &mut self,
        index: usize,
        publish: PublishRequest,
        publisher: PublishVerb,
        ack_id: Option<u64>,
    ) {
        let PublishRequest {
            record,
            id,
            storage,
        } = publish;
        let request = self.sockets[index].request(ack_id, Request::Publish(publisher));
        let now_ms = || (self.services.clock)();
        match storage {
            StorageMode::Log => self.submit(Op::Append { record, id }, Ticket::new(request)),
            StorageMode::Delayed(due) => match due.resolve(now_ms()) {
                Ok(due_ms) => self.submit(Op::Delay { record, id, due_ms }, Ticket::new(request)),
                Err(error) => self.refuse(index, ack_id, error.code(), &error.to_string()),
            },
            StorageMode::None => {
                let input = CoreInput::Volatile {
                    record,
                    at_ms: now_ms(),
                    request,
                };
                self.send_to_hub(InboxMessage::Volatile(input, None));
            }
        }
    }
}

pub fn answer(
    session: &mut Session,
    index: usize,
    ack_id: Option<u64>,
    publisher: PublishVerb,
    receipt: &DeliveryReceipt,
) {
    if !session.pending_acks.is_empty() && session.publish_answered(index, ack_id, None) {
        return;
    }
    let DeliveryReceipt {
        first,
        count,
        delivered,
        queued,
        duplicate,
    } = receipt;
    let mut body = json!({"ok": true, "delivered": delivered, "queued": queued});
    let seq_field = match publisher {
        PublishVerb::Single => "seq",
        PublishVerb::Batch => {
            body["count"] = json!(count);
            "first"
        }
    };
    if let Some(first) = first {
        body[seq_field] = json!(first);
    }
    if *duplicate {
        body["duplicate"] = json!(true);
    }
    session.answer(index, ack_id, &body);
}

/// A checked message or batch.
#[derive(Debug, PartialEq, Eq)]
pub struct PublishRequest {
    pub record: NewRecord,
    pub id: Option<PublishId>,
    pub storage: StorageMode,
}

/// The publisher, as its records name it.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    namespace: &'a Namespace,
    sid: &'a Arc<str>,
    name: Option<&'a ClientName>,
    /// The largest message it may send, bytes.
    max_message: usize,
}

impl<'a> Sender<'a> {
    pub fn of(socket: &'a Socket, max_message: usize) -> Self {
        Self {
            namespace: &socket.namespace,
            sid: &socket.sid,
            name: socket.from.as_ref(),
            max_message,
        }
    }

    /// The header of one message with arguments, to everyone in these rooms.
    fn header(&self, rooms: Arc<[RoomName]>, event: EventName) -> MessageHeader {
        MessageHeader {
            from: self.name.cloned(),
            origin: Arc::clone(self.sid),
            ..MessageHeader::new(self.namespace.clone(), rooms, event)
        }
    }
}

fn parse_batch(
    sender: Sender<'_>,
    args: &[&RawValue],
    attachments: &[Bytes],
) -> Result<PublishRequest, VerbError> {
    let [header, _placeholder] = args else {
        return Err(bad("batch takes a header and a body"));
    };
    let header = PublishHeader::decode(header.get())?;
    let [body] = attachments else {
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
        body,
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
    let storage = storage_mode(volatile, due, delay)?;
    finish(header, body.clone(), id, storage)
}

fn parse_pub(
    sender: Sender<'_>,
    args: &[&RawValue],
    attachments: &[Bytes],
) -> Result<PublishRequest, VerbError> {
    #[derive(Deserialize)]
    struct PubParams<'a> {
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
    let PubParams {
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
    } = object(Verb::Pub, args)?;
    let data = data.map(|data| vec![data]).unwrap_or_default();
    let body = args_body(&data, attachments, sender.max_message)?;
    let header = MessageHeader {
        except: distinct(one_or_many(except)?)?.into(),
        audience: to,
        reply,
        ..sender.header(targets(one_or_many(rooms)?)?, event)
    };
    let storage = storage_mode(volatile, due, delay)?;
    finish(header, body, id, storage)
}

/// An application's own event, to the whole namespace: as `io.emit`, or with `Audience::Others` as
/// `socket.broadcast.emit`.
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

/// Without rooms a message goes to the whole namespace.
fn targets(rooms: Vec<RoomName>) -> Result<Arc<[RoomName]>, VerbError> {
    let rooms = distinct(rooms)?;
    Ok(if rooms.is_empty() {
        Arc::new([RoomName::whole_namespace()])
    } else {
        rooms.into()
    })
}
