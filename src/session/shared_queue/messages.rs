//! The messages between a sharer's session and its shared queue.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;

use super::leases::LeaseTerms;
use super::unsent::UnsentBytes;
use crate::address::{RoomName, Seq};
use crate::hub::frame::WireFrame;
use crate::hub::socket_id::SocketId;
use crate::store::Refusal;
use crate::wire::error_code::ErrorCode;

/// From a sharer's session to the queue.
#[derive(Debug)]
pub enum ShareRequest {
    Join(ShareJoin),
    Ack {
        socket: SocketId,
        seq: Seq,
        answer: Option<u64>,
    },
    Leave(SocketId),
    /// The transport took frames, so there may be room for more.
    Drained,
}

#[derive(Debug)]
pub struct ShareJoin {
    pub socket: SocketId,
    pub sid: Arc<str>,
    pub rooms: Vec<RoomName>,
    pub terms: LeaseTerms,
    pub answer: Option<u64>,
    pub events: mpsc::UnboundedSender<ShareEvent>,
    pub unsent: Arc<UnsentBytes>,
}

/// From the queue to a sharer's session.
#[derive(Debug)]
pub enum ShareEvent {
    /// Frames to send, in order. [`UnsentBytes`] bounds how many.
    Frames(Vec<WireFrame>),
    /// Each request gets one answer. `None` when the client did not ask for one.
    Answer(Option<(u64, Value)>),
    Refused {
        answer: Option<u64>,
        code: ErrorCode,
        message: String,
    },
    /// The store refused the request.
    StoreRefused {
        answer: Option<u64>,
        refusal: Refusal,
    },
    /// An exclusive subscriber took the name.
    NameTaken,
    Kicked(Arc<str>),
}

/// Requests that an ending queue leaves to the next one under the same name.
pub struct UnhandledRequests {
    /// Received already, before those of `receiver`.
    pub received: VecDeque<ShareRequest>,
    pub receiver: mpsc::UnboundedReceiver<ShareRequest>,
}
