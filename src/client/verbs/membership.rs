//! `join` and `leave`: durable membership of a client name. The hub answers with the rooms, which the client already
//! knows.

use serde::Serialize;
use serde::de::IgnoredAny;

use super::VerbRequest;
use crate::address::RoomName;
use crate::wire::verb::Verb;

#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct JoinRequest<'a>(pub &'a [RoomName]);

impl VerbRequest for JoinRequest<'_> {
    const VERB: Verb = Verb::Join;
    type Response = IgnoredAny;
}

#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct LeaveRequest<'a>(pub &'a [RoomName]);

impl VerbRequest for LeaveRequest<'_> {
    const VERB: Verb = Verb::Leave;
    type Response = IgnoredAny;
}
