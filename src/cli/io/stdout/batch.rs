//! Messages on their way to stdout.

use bytes::Bytes;

use crate::address::{EventName, Namespace};
use crate::client::plain_connection::EventArgs;
use crate::wire::batch::{DeliveryHeader, Framing, encode_args, messages};

/// Messages as they came.
#[derive(Debug, Clone)]
pub struct OutputBatch {
    pub header: DeliveryHeader,
    pub body: Bytes,
    pub namespace: Namespace,
}

impl OutputBatch {
    /// A line of JSON between messages that is none of them: nobody counts it.
    pub fn aside(object: &str, namespace: Namespace) -> Self {
        let args = EventArgs {
            json: object.to_owned(),
            attachments: Vec::new(),
        };
        let mut chunk = Self::event(EventName::message(), &args, namespace);
        chunk.header.count = 0;
        chunk
    }

    pub(super) fn is_aside(&self) -> bool {
        self.header.count == 0 && self.header.framing == Framing::Args
    }

    /// One event with its arguments, of a server that says nothing more of it.
    pub fn event(event: EventName, args: &EventArgs, namespace: Namespace) -> Self {
        Self {
            header: DeliveryHeader::new(event, Framing::Args),
            body: encode_args(&format!("[{}]", args.json), &args.attachments),
            namespace,
        }
    }
}

/// The messages of a chunk. An event as it came is one message, the body.
pub fn each(chunk: &OutputBatch) -> impl Iterator<Item = &[u8]> {
    let count = match chunk.header.framing {
        Framing::Args => 1,
        Framing::Lines | Framing::Bytes => chunk.header.count,
    };
    messages(chunk.header.framing, &chunk.body).take(count as usize)
}
