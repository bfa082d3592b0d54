//! A record on its way to many sockets, encoded at most once for all of them.
//!
//! Knows the wire and the log's records, not who receives them.

use std::sync::OnceLock;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::address::Seq;
use crate::limits;
use crate::store::{MessageHeader, Record};
use crate::wire::batch::{self, DeliveryHeader, Framing};
use crate::wire::offset::{LogTag, with_offset};
use crate::wire::socket;

/// One frame of either transport, ready to go: a text (with its Engine.IO packet type) or a binary message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    Text(Utf8Bytes),
    Binary(Bytes),
}

impl Frame {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into().into())
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whether the log holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Durable,
    /// Never stored: no seq, and nothing to read again for whoever is behind.
    Volatile,
    /// Not stored either, and handed to one socket by itself: nobody is owed it by a room.
    Direct,
    /// Who came or went, for those who asked to be told.
    Presence,
}

#[derive(Debug)]
pub struct Parcel {
    pub record: Record,
    pub kind: Kind,
    batch_text: OnceLock<Utf8Bytes>,
    events: OnceLock<Vec<Frame>>,
    /// The same with offsets. All who want them are of one log.
    events_with_offsets: OnceLock<Vec<Frame>>,
}

impl Parcel {
    pub fn new(record: Record, kind: Kind) -> Self {
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

    /// What it costs a queue.
    pub fn cost(&self) -> usize {
        self.record.body.len() + limits::ENTRY_BYTES
    }

    /// The two frames of a batch with the messages from index `from` on.
    pub fn batch(&self, from: u32) -> [Frame; 2] {
        let record = &self.record;
        if from == 0 {
            let text = self.batch_text.get_or_init(|| self.batch_header(0).into());
            return [
                Frame::Text(text.clone()),
                Frame::Binary(record.body.clone()),
            ];
        }
        let body = batch::cut(
            record.header.framing,
            &record.body,
            from,
            record.header.count,
        );
        [Frame::text(self.batch_header(from)), Frame::Binary(body)]
    }

    /// The two frames of a batch with the messages `from..to`; `body` holds them and nothing else.
    pub fn stretch(&self, from: u32, to: u32, body: Bytes) -> [Frame; 2] {
        [
            Frame::text(self.stretch_header(from, to)),
            Frame::Binary(body),
        ]
    }

    fn batch_header(&self, from: u32) -> String {
        self.stretch_header(from, self.header().count)
    }

    fn stretch_header(&self, from: u32, to: u32) -> String {
        let Record {
            number,
            at_ms,
            header,
            ..
        } = &self.record;
        let first = (self.kind == Kind::Durable).then_some(Seq::new(*number, from));
        let delivery = DeliveryHeader {
            rooms: header.rooms.to_vec(),
            event: header.event.clone(),
            framing: header.framing,
            json: header.json,
            count: to.saturating_sub(from),
            first,
            from: header.from.clone(),
            reply: header.reply.clone(),
            at: *at_ms,
        };
        let mut args =
            serde_json::to_string(&delivery).expect("a header of names and numbers is always JSON");
        args.push(',');
        args.push_str(batch::BODY_PLACEHOLDER);
        socket::encode_event(&header.namespace, None, batch::EVENT, &args, 1)
    }

    /// The frames of all its messages as plain events without ack ids, when they are few enough to be kept for the next
    /// subscriber too. With offsets in that log; what is not in the log has none that it could share.
    pub fn shared_events(&self, offsets: Option<&LogTag>) -> Option<&[Frame]> {
        let header = self.header();
        let count = header.count;
        if count as usize > limits::SHARED_EVENTS || offsets.is_some() && self.kind != Kind::Durable
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

    /// The place behind a message of a record.
    pub fn end_of(&self, index: u32) -> Seq {
        if index + 1 >= self.header().count {
            Seq::after_record(self.record.number)
        } else {
            Seq::new(self.record.number, index + 1)
        }
    }

    /// Appends the frames of one message as a plain event. `message` is a slice of the body; `offset` is one more argument.
    pub fn event(
        &self,
        message: &[u8],
        id: Option<u64>,
        offset: Option<&str>,
        frames: &mut Vec<Frame>,
    ) {
        let header = self.header();
        let event = header.event.as_str();
        let text = |args: &str, attachments| {
            let args = with_offset(args, offset);
            Frame::text(socket::encode_event(
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
                frames.push(Frame::Binary(self.record.body.slice_ref(message)));
            }
            (Framing::Args, _) => {
                // The body was checked when it was published, so this decodes; a store that was tampered with is silent.
                let Ok(args) = batch::decode_args(&self.record.body) else {
                    return;
                };
                frames.push(text(args.inside(), args.attachments.len()));
                frames.extend(args.attachments.into_iter().map(Frame::Binary));
            }
        }
    }
}
