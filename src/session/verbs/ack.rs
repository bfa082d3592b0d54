//! `["ack", {seq, keep?}]`: the client has written everything it was sent up to `seq`. The answer is `{"ok": true}`, and
//! comes once the cursors are on disk.

use serde::Deserialize;
use serde_json::json;

use super::args::object;
use super::definition::{VerbCall, VerbDefinition};
use super::error::VerbError;
use crate::address::Seq;
use crate::session::state::Session;
use crate::wire::verb::Verb;

pub const ACK: VerbDefinition = VerbDefinition { right: None, run };

#[derive(Deserialize)]
struct AckParams {
    seq: Seq,
    /// The cursors stay before this message until a later ack moves it: the client still needs the messages from here
    /// on.
    keep: Option<Seq>,
}

fn run(session: &mut Session, call: VerbCall<'_>) -> Result<(), VerbError> {
    let AckParams { seq, keep } = object(Verb::Ack, call.args)?;
    let VerbCall { index, ack_id, .. } = call;
    if session.ack_shared(index, seq, ack_id) {
        return Ok(());
    }
    if session.sockets[index].ack(seq, keep, ack_id, &mut session.outbox) {
        // The hub responds only to an ack that asks for an answer.
        session.hub_requests += usize::from(ack_id.is_some());
    } else {
        answer(session, index, ack_id);
    }
    session.sockets[index].note_progress();
    Ok(())
}

pub fn answer(session: &mut Session, index: usize, ack_id: Option<u64>) {
    session.answer(index, ack_id, &json!({"ok": true}));
}
