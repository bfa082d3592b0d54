//! Assembles binary events: a text frame announces how many binary frames follow it.
//!
//! Reports how many bytes it holds; the caller bounds them.

use bytes::Bytes;

pub use super::placeholders::{placeholder, rewrite_placeholders};
use super::socket::{self, Packet, PacketError};

/// A decoded text frame.
#[derive(Debug)]
pub enum TextFrame<'a> {
    /// A packet without attachments.
    Complete(Packet<'a>),
    /// The text of a binary packet, kept until its attachments have arrived.
    Partial,
}

/// A binary packet with all its attachments. [`Self::packet`] decodes the text, so that its slices can borrow from it.
#[derive(Debug)]
pub struct BinaryPacket {
    text: String,
    pub attachments: Vec<Bytes>,
}

impl BinaryPacket {
    /// Always an `Event` or an `Ack`. Every placeholder names one of the attachments.
    pub fn packet(&self) -> Result<Packet<'_>, PacketError> {
        Ok(socket::parse(&self.text)?.packet)
    }
}

/// Reassembles the packets of one connection. Holds at most one partial packet. Close the connection after an error.
#[derive(Debug, Default)]
pub struct Assembler {
    partial: Option<PartialPacket>,
}

#[derive(Debug)]
struct PartialPacket {
    packet: BinaryPacket,
    missing: usize,
}

impl Assembler {
    /// Takes the text after the Engine.IO message prefix.
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
            missing: decoded.attachments,
        });
        Ok(TextFrame::Partial)
    }

    /// Takes a binary frame. Returns the packet if this was its last attachment.
    pub fn binary(&mut self, attachment: Bytes) -> Result<Option<BinaryPacket>, PacketError> {
        let mut partial_packet = self.partial.take().ok_or(PacketError::UnexpectedBinary)?;
        partial_packet.packet.attachments.push(attachment);
        partial_packet.missing -= 1;
        if partial_packet.missing == 0 {
            Ok(Some(partial_packet.packet))
        } else {
            self.partial = Some(partial_packet);
            Ok(None)
        }
    }

    /// Bytes held for a partial packet.
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
