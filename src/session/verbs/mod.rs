//! The verbs, a file each (or a close family): it parses the arguments, checks rights, runs the request and shapes the
//! answer. `wire::verb` has their names.

mod ack;
pub mod args;
mod bounded_list;
pub mod definition;
mod delay;
pub mod error;
mod join;
mod kick;
mod names;
mod peek;
pub mod publish;
mod purge;
mod queue;
mod rooms;
mod sub;
mod who;

use self::definition::VerbDefinition;
use super::state::Session;
use crate::hub::notification::Notification;
use crate::wire::verb::Verb;

pub fn definition(verb: Verb) -> VerbDefinition {
    match verb {
        Verb::Batch => publish::BATCH,
        Verb::Pub => publish::PUB,
        Verb::Join => join::JOIN,
        Verb::Leave => join::LEAVE,
        Verb::Sub => sub::SUB,
        Verb::Ack => ack::ACK,
        Verb::Rooms => rooms::ROOMS,
        Verb::Queue => queue::QUEUE,
        Verb::Peek => peek::PEEK,
        Verb::Purge => purge::PURGE,
        Verb::Who => who::WHO,
        Verb::Kick => kick::KICK,
    }
}

/// Passes the hub's response to the verb that asked for it.
pub fn handle_response(session: &mut Session, index: usize, response: Notification) {
    match response {
        Notification::Receipt {
            ack_id,
            publisher,
            receipt,
        } => publish::answer(session, index, ack_id, publisher, &receipt),
        Notification::Delayed {
            ack_id,
            publisher,
            due_ms,
            count,
        } => session.answer(index, ack_id, &delay::receipt(publisher, due_ms, count)),
        Notification::RoomsChanged {
            ack_id,
            rooms,
            reader,
        } => join::answer(session, index, ack_id, &rooms, &reader),
        Notification::Subscribed {
            ack_id,
            reader,
            head,
            range,
        } => session.sockets[index].subscribe(&session.services, &reader, head, ack_id, range),
        Notification::NoRooms { ack_id } => sub::answer_no_rooms(session, index, ack_id),
        Notification::Acked { ack_id } => ack::answer(session, index, ack_id),
        Notification::LiveRooms {
            ack_id,
            room,
            rooms,
        } => rooms::read_store(session, index, ack_id, room, rooms),
        Notification::Names {
            ack_id,
            sought,
            live,
        } => names::read_store(session, index, ack_id, sought, live),
        Notification::Sockets {
            ack_id,
            head,
            sockets,
            more,
        } => who::read_store(session, index, ack_id, head, (sockets, more)),
        Notification::KickCount { ack_id, kicked } => kick::answer(session, index, ack_id, kicked),
        Notification::Purged {
            ack_id,
            rooms,
            messages,
        } => purge::answer(session, index, ack_id, &rooms, messages),
        // The other notifications are events, which answer no verb.
        _ => {}
    }
}
