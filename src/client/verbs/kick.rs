//! `kick`: closes sockets.

use serde::{Deserialize, Serialize};

use super::VerbRequest;
use crate::wire::verb::Verb;

/// The sockets to close.
#[derive(Debug, Clone, Serialize)]
pub enum KickRequest<'a> {
    #[serde(rename = "sid")]
    Sid(&'a str),
    #[serde(rename = "as")]
    Name(&'a str),
}

impl VerbRequest for KickRequest<'_> {
    const VERB: Verb = Verb::Kick;
    type Response = KickResponse;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct KickResponse {
    /// How many sockets were closed.
    pub kicked: u64,
}
