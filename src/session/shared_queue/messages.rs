//! What a sharer's session and the desk of its queue say to each other.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;

use super::leases::Terms;
use super::unsent::Unsent;
use crate::address::{RoomName, Seq};
use crate::hub::frame::WireFrame;
use crate::hub::socket_id::SocketId;
use crate::store::Refusal;
use crate::wire::error_code::ErrorCode;

/// What a sharer's session wants of the desk.
#[derive(Debug)]
pub enum Asked {
    Join(Joining),
    Ack {
        socket: SocketId,
        seq: Seq,
        answer: Option<u64>,
    },
    Leave(SocketId),
    /// The transport took of what was handed: there may be room again.
    Room,
}

#[derive(Debug)]
pub struct Joining {
    pub socket: SocketId,
    pub sid: Arc<str>,
    pub rooms: Vec<RoomName>,
    pub terms: Terms,
    pub answer: Option<u64>,
    pub given: mpsc::UnboundedSender<Given>,
    pub unsent: Arc<Unsent>,
}

/// What the desk gives a sharer's session.
#[derive(Debug)]
pub enum Given {
    /// In the order of handing; bounded by what may be unsent.
    Frames(Vec<WireFrame>),
    /// To each thing asked, one answer. None: nobody waits for it.
    Answer(Option<(u64, Value)>),
    Refused {
        answer: Option<u64>,
        code: ErrorCode,
        message: String,
    },
    /// By the store.
    StoreRefused {
        answer: Option<u64>,
        refusal: Refusal,
    },
    /// Somebody holds the name alone now.
    NameTaken,
    Kicked(Arc<str>),
}

/// What a desk leaves to the next.
pub struct Left {
    /// Taken from `asked`, and not dealt with.
    pub early: VecDeque<Asked>,
    pub asked: mpsc::UnboundedReceiver<Asked>,
}
