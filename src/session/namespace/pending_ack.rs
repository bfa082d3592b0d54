//! The acknowledgement of a declared event, while it waits for what the event published.

use crate::hub::frame::WireFrame;
use crate::hub::socket_id::SocketId;

/// An acknowledgement that waits for what its event published: what is acknowledged is on disk.
#[derive(Debug)]
pub struct PendingAck {
    pub socket: SocketId,
    pub id: u64,
    /// Publishes that were not answered yet.
    pub publishes: usize,
    /// What is sent then; nothing when no `ack` is declared.
    pub answer: Vec<WireFrame>,
    pub refused: bool,
}

impl PendingAck {
    pub fn is_of(&self, socket: SocketId) -> bool {
        self.socket == socket
    }

    pub fn bytes(&self) -> usize {
        self.answer.iter().map(WireFrame::len).sum()
    }
}
