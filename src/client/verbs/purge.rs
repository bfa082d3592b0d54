//! `purge`: gives up the messages that wait for a member.

use serde::{Deserialize, Serialize};

use super::VerbRequest;
use crate::address::{ClientName, RoomName};
use crate::wire::verb::Verb;

#[derive(Debug, Clone, Serialize)]
pub struct PurgeRequest<'a> {
    pub name: &'a ClientName,
    /// None: every room that the name joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<&'a RoomName>,
}

impl VerbRequest for PurgeRequest<'_> {
    const VERB: Verb = Verb::Purge;
    type Response = PurgeResponse;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct PurgeResponse {
    /// How many messages were given up.
    pub messages: u64,
}
