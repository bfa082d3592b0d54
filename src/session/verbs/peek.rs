//! `["peek", {name?, room?}]`: sends the messages that wait for a member, as after a `sub`, up to `caught-up`. No
//! membership and no cursor changes, and the holder of the name keeps it. The client acks for credit alone.

use super::args::bad;
use super::definition::{VerbCall, VerbDefinition};
use super::error::VerbError;
use super::queue::selected_queue;
use crate::session::namespace::policy::Right;
use crate::session::state::Session;
use crate::wire::verb::Verb;

pub const PEEK: VerbDefinition = VerbDefinition {
    right: Some(Right::Sub),
    run,
};

fn run(session: &mut Session, call: VerbCall<'_>) -> Result<(), VerbError> {
    let socket = &mut session.sockets[call.index];
    let (name, room) = selected_queue(socket, Verb::Peek, call.args)?;
    if socket.is_subscribed() || socket.sharing.is_some() {
        return Err(bad("this socket is subscribed; peek with another"));
    }
    socket.peek(&session.services, name, room, call.ack_id);
    Ok(())
}
