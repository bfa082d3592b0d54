//! Putting binary events together: a text frame announces how many binary frames follow it.

use bytes::Bytes;

use super::socket::{Packet, SocketError};

/// What a text frame turned out to be.
#[derive(Debug)]
pub enum Text<'a> {
    /// A packet without attachments.
    Whole(Packet<'a>),
    /// The text of a binary packet was kept; its attachments come next.
    Partial,
}

/// A binary packet with all its attachments; the text is decoded when asked, so that its slices can borrow from it.
#[derive(Debug)]
pub struct Binary {
    text: String,
    pub attachments: Vec<Bytes>,
}

impl Binary {
    /// Always an `Event` or an `Ack`; every placeholder was checked to name one of the attachments.
    pub fn packet(&self) -> Result<Packet<'_>, SocketError> {
        todo!("{}", self.text)
    }
}

/// Reassembles one connection's packets. Holds at most one unfinished packet.
#[derive(Debug, Default)]
pub struct Assembler {
    partial: Option<Binary>,
}

impl Assembler {
    /// `packet` is the text behind the Engine.IO message prefix.
    pub fn text<'a>(&mut self, packet: &'a str) -> Result<Text<'a>, SocketError> {
        todo!("{packet}{:?}", self.partial)
    }

    /// The finished packet, when this was its last attachment.
    pub fn binary(&mut self, attachment: Bytes) -> Result<Option<Binary>, SocketError> {
        todo!("{attachment:?}")
    }

    /// Bytes held for an unfinished packet, so that the caller can bound them.
    pub fn held(&self) -> usize {
        todo!()
    }
}
