//! `["join", room | [rooms]]` and `["leave", room | [rooms]]`, answered `{"ok": true, "rooms": […]}`.
//!
//! With a client name the membership is durable. Without one the socket itself enters and leaves, as in Socket.IO.

use serde_json::json;
use serde_json::value::RawValue;

use super::args::{bad, distinct, one_or_many};
use super::definition::{VerbCall, VerbDefinition};
use super::error::VerbError;
use crate::address::RoomName;
use crate::hub::request::{JoinScope, ReplayRange, Request};
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::session::namespace::policy::Right;
use crate::session::socket::client_kind::ClientKind;
use crate::session::state::Session;
use crate::store::{Op, Reader};

pub const JOIN: VerbDefinition = VerbDefinition {
    right: Some(Right::Sub),
    run: join,
};
pub const LEAVE: VerbDefinition = VerbDefinition {
    right: None,
    run: leave,
};

fn rooms(args: &[&RawValue]) -> Result<Vec<RoomName>, VerbError> {
    let rooms = match args {
        [arg] => distinct(one_or_many(Some(arg))?)?,
        _ => Vec::new(),
    };
    if rooms.is_empty() {
        Err(bad("name a room, or an array of rooms"))
    } else {
        Ok(rooms)
    }
}

fn join(session: &mut Session, call: VerbCall<'_>) -> Result<(), VerbError> {
    let rooms = rooms(call.args)?;
    let socket = &session.sockets[call.index];
    if socket.rooms_after(&rooms) > limits::ROOMS_PER_SOCKET {
        let limit = limits::ROOMS_PER_SOCKET;
        return Err(bad(&format!("a socket can be in at most {limit} rooms")));
    }
    let (id, namespace, name) = (socket.id, socket.namespace.clone(), socket.name.clone());
    let session_op = socket.enter_op(&rooms);
    let (op, session_op, scope) = match name.clone() {
        Some(client) => {
            let join = Op::Join {
                namespace: namespace.clone(),
                client,
                rooms: rooms.clone(),
            };
            (join, session_op, JoinScope::DurableOnly)
        }
        None => (session_op, Op::Noop, JoinScope::Live),
    };
    // A stock client has no verb `sub`: it subscribes again here, because messages may be waiting in the new rooms.
    let subscribes = socket.kind == ClientKind::Stock && name.is_some();
    let ticket = Ticket::new(socket.request(call.ack_id, Request::Join(rooms, scope)));
    session.submit(op, ticket);
    session.update_stored_session(call.index, session_op);
    if subscribes {
        let op = Op::Subscribe {
            namespace,
            client: name,
            rooms: Vec::new(),
        };
        let request = Request::Subscribe(ReplayRange::default());
        session.submit(op, Ticket::unanswered(id, request));
    }
    Ok(())
}

fn leave(session: &mut Session, call: VerbCall<'_>) -> Result<(), VerbError> {
    let rooms = rooms(call.args)?;
    let socket = &session.sockets[call.index];
    let session_op = socket.exit_op(&rooms);
    let (op, session_op) = match socket.name.clone() {
        Some(client) => {
            let leave = Op::Leave {
                namespace: socket.namespace.clone(),
                client,
                rooms: rooms.clone(),
            };
            (leave, session_op)
        }
        None => (session_op, Op::Noop),
    };
    let ticket = Ticket::new(socket.request(call.ack_id, Request::Leave(rooms)));
    session.submit(op, ticket);
    session.update_stored_session(call.index, session_op);
    Ok(())
}

pub fn answer(
    session: &mut Session,
    index: usize,
    ack_id: Option<u64>,
    rooms: &[RoomName],
    reader: &Reader,
) {
    session.sockets[index].set_rooms(reader);
    session.answer(index, ack_id, &json!({"ok": true, "rooms": rooms}));
}
