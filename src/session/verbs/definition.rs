//! How a session serves a verb: its right and its handler, and the data of one call.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::error::VerbError;
use crate::session::namespace::policy::Right;
use crate::session::state::Session;

#[derive(Clone, Copy)]
pub struct VerbDefinition {
    /// The right that the verb needs. `None`: every client may use it.
    pub right: Option<Right>,
    /// Checks the arguments and starts the request. The answer may come later.
    pub run: fn(&mut Session, VerbCall<'_>) -> Result<(), VerbError>,
}

/// One use of a verb.
#[derive(Clone, Copy)]
pub struct VerbCall<'a> {
    /// The socket: an index into the session's sockets.
    pub index: usize,
    /// The Socket.IO ack id to answer with, if the client wants an answer.
    pub ack_id: Option<u64>,
    pub args: &'a [&'a RawValue],
    pub attachments: &'a [Bytes],
}
