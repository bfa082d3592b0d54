//! Putting binary events together: a text frame announces how many binary frames follow it.
//!
//! Knows nothing of where frames come from, nor of how many bytes a connection may hold: it says how many are held.

use bytes::Bytes;

pub use super::placeholders::{placeholder, rewrite_placeholders};
use super::socket::{self, Packet, PacketError};

/// What a text frame turned out to be.
#[derive(Debug)]
pub enum TextFrame<'a> {
    /// A packet without attachments.
    Complete(Packet<'a>),
    /// The text of a binary packet was kept; its attachments come next.
    Partial,
}

/// A binary packet with all its attachments; the text is decoded when asked, so that its slices can borrow from it.
#[derive(Debug)]
pub struct BinaryPacket {
    text: String,
    pub attachments: Vec<Bytes>,
}

impl BinaryPacket {
    /// Always an `Event` or an `Ack`; every placeholder was checked to name one of the attachments.
    pub fn packet(&self) -> Result<Packet<'_>, PacketError> {
        Ok(socket::parse(&self.text)?.packet)
    }
}

/// Reassembles one connection's packets. Holds at most one unfinished packet. After an error the connection is to be
/// closed; what was held stays held.
#[derive(Debug, Default)]
pub struct Assembler {
    partial: Option<PartialPacket>,
}

#[derive(Debug)]
struct PartialPacket {
    packet: BinaryPacket,
    awaited: usize,
}

impl Assembler {
    /// `packet` is the text behind the Engine.IO message prefix.
    pub fn text<'a>(&mut self, packet: &'a str) -> Result<TextFrame<'a>, PacketError> {
        if self.partial.is_some() {
            return Err(PacketError::TextWhileBinaryAwaited);
        }
        let decoded = socket::decode(packet)?;
        if decoded.attachments == 0 {
            return Ok(TextFrame::Complete(decoded.packet));
        }
        self.partial = Some(PartialPacket {
            packet: BinaryPacket {
                text: packet.to_owned(),
                attachments: Vec::with_capacity(decoded.attachments),
            },
            awaited: decoded.attachments,
        });
        Ok(TextFrame::Partial)
    }

    /// The finished packet, when this was its last attachment.
    pub fn binary(&mut self, attachment: Bytes) -> Result<Option<BinaryPacket>, PacketError> {
        let mut unfinished = self.partial.take().ok_or(PacketError::UnexpectedBinary)?;
        unfinished.packet.attachments.push(attachment);
        unfinished.awaited -= 1;
        if unfinished.awaited == 0 {
            Ok(Some(unfinished.packet))
        } else {
            self.partial = Some(unfinished);
            Ok(None)
        }
    }

    /// Bytes held for an unfinished packet, so that the caller can bound them.
    pub fn held(&self) -> usize {
        self.partial
            .as_ref()
            .map_or(0, |PartialPacket { packet, .. }| {
                packet.text.len() + packet.attachments.iter().map(Bytes::len).sum::<usize>()
            })
    }
}

#[cfg(test)]
mod tests;
