//! A record on its way to sockets, encoded at most once for all of them.
//!
//! This module knows the wire format and the log's records. It does not know who receives them.

use std::sync::OnceLock;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::frame::WireFrame;
use crate::address::Seq;
use crate::limits;
use crate::store::{MessageHeader, Record};
use crate::wire::batch::{self, Framing};
use crate::wire::offset::{LogTag, with_offset};
use crate::wire::socket;

/// Where the record of a delivery comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryKind {
    /// From the log.
    Durable,
    /// Never stored: it has no seq, and a socket that is behind cannot read it later.
    Volatile,
    /// Never stored, and addressed to one socket. No room is owed it.
    Direct,
    /// A presence event: never stored, and for the sockets that asked for such events.
    Presence,
}

/// The result of putting a delivery into a socket's mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryOutcome {
    Accepted,
    /// The mailbox is full. The hub detaches the socket until its session asks to be attached again.
    Full,
}

#[derive(Debug)]
pub struct Delivery {
    pub record: Record,
    pub kind: DeliveryKind,
    batch_text: OnceLock<Utf8Bytes>,
    events: OnceLock<Vec<WireFrame>>,
    /// The same with offsets. Offsets of one log are the same for every client.
    events_with_offsets: OnceLock<Vec<WireFrame>>,
}

impl Delivery {
    pub fn new(record: Record, kind: DeliveryKind) -> Self {
        Self {
            record,
            kind,
            batch_text: OnceLock::new(),
            events: OnceLock::new(),
            events_with_offsets: OnceLock::new(),
        }
    }

    pub fn header(&self) -> &MessageHeader {
        &self.record.header
    }

    /// The bytes that it counts for in a bounded queue.
    pub fn cost(&self) -> usize {
        self.record.body.len() + limits::ENTRY_BYTES
    }

    /// The two frames of a batch that holds the messages from index `from` on.
    pub fn batch(&self, from: u32) -> [WireFrame; 2] {
        let record = &self.record;
        if from == 0 {
            let text = self.batch_text.get_or_init(|| self.batch_header(0).into());
            return [
                WireFrame::Text(text.clone()),
                WireFrame::Binary(record.body.clone()),
            ];
        }
        let body = batch::cut(
            record.header.framing,
            &record.body,
            from,
            record.header.count,
        );
        [
            WireFrame::text(self.batch_header(from)),
            WireFrame::Binary(body),
        ]
    }

    /// The two frames of a batch that holds the messages `from..to`. `body` is those messages and nothing else.
    pub fn batch_range(&self, from: u32, to: u32, body: Bytes) -> [WireFrame; 2] {
        [
            WireFrame::text(self.range_header(from, to)),
            WireFrame::Binary(body),
        ]
    }

    fn batch_header(&self, from: u32) -> String {
        self.range_header(from, self.header().count)
    }

    fn range_header(&self, from: u32, to: u32) -> String {
        let Record {
            number,
            at_ms,
            header,
            ..
        } = &self.record;
        let first = (self.kind == DeliveryKind::Durable).then_some(Seq::new(*number, from));
        let count = to.saturating_sub(from);
        let delivery_header = header.for_delivery(count, first, *at_ms);
        let mut args = serde_json::to_string(&delivery_header)
            .expect("a header of names and numbers is always JSON");
        args.push(',');
        args.push_str(batch::BODY_PLACEHOLDER);
        socket::encode_event(&header.namespace, None, batch::EVENT, &args, 1)
    }

    /// The frames of all messages as plain events without ack ids, encoded once and kept for the next subscriber. With
    /// `offsets` each event carries its offset in that log.
    ///
    /// `None` if the messages are too many to keep, or if offsets are asked for and the record is not in the log.
    pub fn shared_events(&self, offsets: Option<&LogTag>) -> Option<&[WireFrame]> {
        let header = self.header();
        let count = header.count;
        if count as usize > limits::SHARED_EVENTS
            || offsets.is_some() && self.kind != DeliveryKind::Durable
        {
            return None;
        }
        let events = if offsets.is_some() {
            &self.events_with_offsets
        } else {
            &self.events
        };
        Some(events.get_or_init(|| {
            let mut frames = Vec::new();
            for (index, message) in (0..).zip(batch::messages(header.framing, &self.record.body)) {
                let offset = offsets.map(|log| log.offset(self.end_of(index)));
                self.event(message, None, offset.as_deref(), &mut frames);
            }
            frames
        }))
    }

    /// The seq right after the message at `index`.
    pub fn end_of(&self, index: u32) -> Seq {
        if index + 1 >= self.header().count {
            Seq::after_record(self.record.number)
        } else {
            Seq::new(self.record.number, index + 1)
        }
    }

    /// Appends the frames of one message as a plain event. `message` is a slice of the body. `offset` becomes one more
    /// argument.
    pub fn event(
        &self,
        message: &[u8],
        id: Option<u64>,
        offset: Option<&str>,
        frames: &mut Vec<WireFrame>,
    ) {
        let header = self.header();
        let event = header.event.as_str();
        let text = |args: &str, attachments| {
            let args = with_offset(args, offset);
            WireFrame::text(socket::encode_event(
                &header.namespace,
                id,
                event,
                &args,
                attachments,
            ))
        };
        let plain = |args: &str| text(args, 0);
        let quoted = |text: &str| serde_json::to_string(text).expect("a string is always JSON");
        match (header.framing, std::str::from_utf8(message)) {
            (Framing::Lines, Ok(text)) if header.json => frames.push(plain(text)),
            (Framing::Lines | Framing::Bytes, Ok(text)) => frames.push(plain(&quoted(text))),
            (Framing::Lines | Framing::Bytes, Err(_)) => {
                frames.push(text(batch::BODY_PLACEHOLDER, 1));
                frames.push(WireFrame::Binary(self.record.body.slice_ref(message)));
            }
            (Framing::Args, _) => {
                // The hub checked it when it was published. Nothing is sent if the database was changed since.
                let Ok(args) = batch::decode_args(&self.record.body) else {
                    return;
                };
                frames.push(text(args.inside(), args.attachments.len()));
                frames.extend(args.attachments.into_iter().map(WireFrame::Binary));
            }
        }
    }
}
