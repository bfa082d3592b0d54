//! Socket.IO protocol v5 packets, without their attachments' bytes (those are [`super::attachments`]' job).

use serde_json::value::RawValue;

use crate::address::{Event, NameError, Namespace};

/// One decoded packet; JSON parts are slices of the frame, untouched (protocol v5, "Packet encoding").
#[derive(Debug, Clone)]
pub enum Packet<'a> {
    Connect {
        namespace: Namespace,
        auth: Option<&'a RawValue>,
    },
    Disconnect {
        namespace: Namespace,
    },
    /// Plain or binary: `attachments` says how many binary frames belong to it.
    Event(EventPacket<'a>),
    Ack(AckPacket<'a>),
    /// `data` is an object in v5: `{"message":"Not authorized","data":…}`.
    ConnectError {
        namespace: Namespace,
        data: &'a RawValue,
    },
}

#[derive(Debug, Clone)]
pub struct EventPacket<'a> {
    pub namespace: Namespace,
    /// The ack id, when the sender wants an acknowledgement.
    pub id: Option<u64>,
    pub event: Event,
    /// The arguments behind the event's name, each as it came, placeholders included.
    pub args: Vec<&'a RawValue>,
}

#[derive(Debug, Clone)]
pub struct AckPacket<'a> {
    pub namespace: Namespace,
    pub id: u64,
    pub args: Vec<&'a RawValue>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SocketError {
    #[error("an empty Socket.IO packet")]
    Empty,
    #[error("{0:?} is not a Socket.IO packet type")]
    UnknownType(char),
    #[error("a namespace in a packet: {0}")]
    Namespace(NameError),
    #[error("an event's name: {0}")]
    Event(NameError),
    #[error("an ack id is malformed or too large")]
    AckId,
    #[error("the payload of this packet type is malformed: {0}")]
    Payload(String),
    #[error("the number of attachments is malformed or more than {limit}", limit = crate::limits::ATTACHMENTS)]
    Attachments,
    #[error("a placeholder names an attachment that is not there")]
    Placeholder,
    #[error("a text frame came while attachments were awaited")]
    TextWhileBinaryAwaited,
    #[error("a binary frame came while no attachment was awaited")]
    UnexpectedBinary,
}

/// `0/ns,{auth}`, with the Engine.IO message prefix, as every encoder here.
pub fn encode_connect(namespace: &Namespace, data: Option<&str>) -> String {
    todo!("{namespace}{data:?}")
}
pub fn encode_disconnect(namespace: &Namespace) -> String {
    todo!("{namespace}")
}
/// `data` is a JSON text, an object.
pub fn encode_connect_error(namespace: &Namespace, data: &str) -> String {
    todo!("{namespace}{data}")
}
/// `args` is the inside of a JSON array, as in `"hi",{"a":1}`, or empty. With attachments it is a BINARY_EVENT.
pub fn encode_event(
    namespace: &Namespace,
    id: Option<u64>,
    event: &str,
    args: &str,
    attachments: usize,
) -> String {
    todo!("{namespace}{id:?}{event}{args}{attachments}")
}
/// Like [`encode_event`], for an ACK or BINARY_ACK.
pub fn encode_ack(namespace: &Namespace, id: u64, args: &str, attachments: usize) -> String {
    todo!("{namespace}{id}{args}{attachments}")
}
