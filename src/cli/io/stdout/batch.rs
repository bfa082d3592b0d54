//! The batches of messages that are written to stdout.

use bytes::Bytes;

use crate::address::{EventName, Namespace};
use crate::client::plain_connection::EventArgs;
use crate::wire::batch::{DeliveryHeader, Framing, encode_args, messages};

/// A batch of messages as it was received.
#[derive(Debug, Clone)]
pub struct OutputBatch {
    pub header: DeliveryHeader,
    pub body: Bytes,
    pub namespace: Namespace,
}

impl OutputBatch {
    /// A line of JSON that is not a message and is not counted.
    pub fn annotation(object: &str, namespace: Namespace) -> Self {
        let args = EventArgs {
            json: object.to_owned(),
            attachments: Vec::new(),
        };
        let mut batch = Self::event(EventName::message(), &args, namespace);
        batch.header.count = 0;
        batch
    }

    pub(super) fn is_annotation(&self) -> bool {
        self.header.count == 0 && self.header.framing == Framing::Args
    }

    /// One event of a plain Socket.IO server: a name and arguments.
    pub fn event(event: EventName, args: &EventArgs, namespace: Namespace) -> Self {
        Self {
            header: DeliveryHeader::new(event, Framing::Args),
            body: encode_args(&format!("[{}]", args.json), &args.attachments),
            namespace,
        }
    }
}

/// The messages of a batch. With the framing `args` the body is one message.
pub fn batch_messages(batch: &OutputBatch) -> impl Iterator<Item = &[u8]> {
    let count = match batch.header.framing {
        Framing::Args => 1,
        Framing::Lines | Framing::Bytes => batch.header.count,
    };
    messages(batch.header.framing, &batch.body).take(count as usize)
}
