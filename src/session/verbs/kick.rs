//! `["kick", {sid} | {as}]`: closes that socket, or every socket of that name in the namespace, but never the
//! requester's own: `{"ok": true, "kicked": n}`. A roomcat client gets `["closed", {"code": "kicked", "message"}]`
//! before its DISCONNECT. Nobody is barred: a kicked client may connect again.

use serde::Deserialize;
use serde_json::json;

use super::args::{bad, object};
use super::definition::{VerbCall, VerbDefinition};
use super::error::VerbError;
use crate::address::ClientName;
use crate::hub::input::CoreInput;
use crate::hub::request::{KickTarget, Request};
use crate::session::state::Session;
use crate::wire::verb::Verb;

/// [`crate::session::namespace::permissions::Permissions::may_kick`] decides who may use it.
pub const KICK: VerbDefinition = VerbDefinition { right: None, run };

#[derive(Deserialize)]
struct KickParams {
    sid: Option<String>,
    #[serde(rename = "as")]
    name: Option<ClientName>,
}

fn run(session: &mut Session, call: VerbCall<'_>) -> Result<(), VerbError> {
    let target = match object(Verb::Kick, call.args)? {
        KickParams {
            sid: Some(sid),
            name: None,
        } => KickTarget::Sid(sid),
        KickParams {
            sid: None,
            name: Some(name),
        } => KickTarget::Name(name),
        _ => return Err(bad("kick takes a sid, or a client name as \"as\"")),
    };
    if !session.sockets[call.index].permissions.may_kick() {
        return Err(VerbError::MayNotKick);
    }
    let request = Request::Kick(target);
    session.query_hub(call.index, call.ack_id, request, CoreInput::Kick);
    Ok(())
}

pub fn answer(session: &mut Session, index: usize, ack_id: Option<u64>, kicked: u64) {
    session.sockets[index].query_answered();
    session.answer(index, ack_id, &json!({"ok": true, "kicked": kicked}));
}
