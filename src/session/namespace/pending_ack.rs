//! The acknowledgement of a declared event whose publishes are not committed yet.

use crate::hub::frame::WireFrame;
use crate::hub::socket_id::SocketId;

/// The client gets the acknowledgement once everything that its event published is on disk.
#[derive(Debug)]
pub struct PendingAck {
    pub socket: SocketId,
    pub id: u64,
    /// Publishes that wait for the hub's response.
    pub publishes: usize,
    /// The acknowledgement. Empty when none is declared.
    pub frames: Vec<WireFrame>,
    /// The client got a refusal instead.
    pub is_refused: bool,
}

impl PendingAck {
    pub fn bytes(&self) -> usize {
        self.frames.iter().map(WireFrame::len).sum()
    }
}
