//! Messages as the log knows them: the header that travels with a body, and the record that holds both.

use std::sync::Arc;

use bytes::Bytes;

use crate::address::{ClientName, EventName, Namespace, RoomName, Seq};
use crate::limits;
use crate::wire::batch::{Audience, DeliveryHeader, Framing};

/// The metadata of a message, or of a batch of messages.
///
/// A caller sets the fields it needs and takes the others from [`MessageHeader::new`]. A new field needs its default
/// there and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageHeader {
    pub namespace: Namespace,
    /// At least one room, none of them twice. The empty room is the whole namespace.
    pub rooms: Arc<[RoomName]>,
    /// A reader that is in one of these rooms at delivery does not get the message.
    pub except: Arc<[RoomName]>,
    pub audience: Audience,
    pub event: EventName,
    pub framing: Framing,
    /// Each line is a JSON value. Framing `lines` only.
    pub json: bool,
    /// Messages in the body, at least one.
    pub count: u32,
    /// The sender's client name.
    pub from: Option<ClientName>,
    /// The sid of the sender's socket.
    pub origin: Arc<str>,
    /// The room for answers, if the sender asks for any.
    pub reply: Option<RoomName>,
}

impl MessageHeader {
    /// One message of framing `args` for everyone in these rooms, from nobody.
    pub fn new(namespace: Namespace, rooms: Arc<[RoomName]>, event: EventName) -> Self {
        Self {
            namespace,
            rooms,
            except: Arc::default(),
            audience: Audience::All,
            event,
            framing: Framing::Args,
            json: false,
            count: 1,
            from: None,
            origin: Arc::default(),
            reply: None,
        }
    }

    /// The header that subscribers get with `count` messages of the body, the first of which is `first`.
    pub fn for_delivery(&self, count: u32, first: Option<Seq>, at_ms: u64) -> DeliveryHeader {
        DeliveryHeader {
            rooms: self.rooms.to_vec(),
            event: self.event.clone(),
            framing: self.framing,
            json: self.json,
            count,
            first,
            from: self.from.clone(),
            reply: self.reply.clone(),
            at: at_ms,
        }
    }
}

/// A record that has no number yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    pub header: MessageHeader,
    pub body: Bytes,
}

impl NewRecord {
    /// One line for a whole namespace, for tests.
    #[cfg(test)]
    pub fn sample(body: impl Into<Bytes>) -> Self {
        let rooms = Arc::new([RoomName::whole_namespace()]);
        let header = MessageHeader::new(Namespace::root(), rooms, EventName::message());
        Self {
            header: MessageHeader {
                framing: Framing::Lines,
                ..header
            },
            body: body.into(),
        }
    }

    /// Its size where the log's bytes are bounded.
    pub fn log_bytes(&self) -> u64 {
        log_bytes(self.body.len())
    }
}

/// The size of a record where the log's bytes are bounded: its body and a flat amount for everything else.
pub(super) fn log_bytes(body_bytes: usize) -> u64 {
    (body_bytes + limits::RECORD_OVERHEAD) as u64
}

/// An entry of the log. Numbers start at 1 and ascend; gaps are legal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub number: u64,
    /// Milliseconds since 1970 (UTC), never less than the time of an earlier record.
    pub at_ms: u64,
    pub header: MessageHeader,
    pub body: Bytes,
}
