//! A message for one socket, whatever its rooms: the answer to a request, or an event that goes only to its sender.

use bytes::Bytes;

use crate::address::{EventName, Namespace};
use crate::hub::frame::WireFrame;
use crate::limits;
use crate::wire::offset::with_offset;
use crate::wire::socket;

#[derive(Debug)]
pub enum DirectMessage {
    Frames(Vec<WireFrame>),
    /// Encoded when it is sent, because its offset is not known before.
    Event {
        event: EventName,
        /// The inside of a JSON array, placeholders included.
        args: String,
        attachments: Vec<Bytes>,
    },
}

impl DirectMessage {
    /// The bytes that it counts for while it waits.
    pub fn cost(&self) -> usize {
        let bytes = match self {
            Self::Frames(frames) => frames.iter().map(WireFrame::len).sum(),
            Self::Event {
                args, attachments, ..
            } => args.len() + attachments.iter().map(Bytes::len).sum::<usize>(),
        };
        bytes + limits::ENTRY_BYTES
    }

    pub fn into_frames(self, namespace: &Namespace, offset: Option<&str>) -> Vec<WireFrame> {
        let (event, args, attachments) = match self {
            Self::Frames(frames) => return frames,
            Self::Event {
                event,
                args,
                attachments,
            } => (event, args, attachments),
        };
        let args = with_offset(&args, offset);
        let text = socket::encode_event(namespace, None, event.as_str(), &args, attachments.len());
        let attachments = attachments.into_iter().map(WireFrame::Binary);
        std::iter::once(WireFrame::text(text))
            .chain(attachments)
            .collect()
    }
}
