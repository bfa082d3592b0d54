//! `["sub", {rooms, since?, last?, log?, within?, keep?, presence?}]`: subscribes to rooms, or without any to every room
//! that the name joined. The answer is `{"ok": true, "head", "pending", "rooms"}`. What is pending follows, then
//! `caught-up`, then live messages.
//!
//! A client that resumes sends `log` and `since`, and as `keep` the one of its last `ack`. With `"presence": true` the
//! socket gets an event when another enters or leaves one of these rooms: `["presence", {what: "join" | "leave", room,
//! as?, sid, at}]`. The verb `who` lists those that are there already. With `"share": true` the socket shares the queue of
//! its name (see `shared_queue`).

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::args::{bad, distinct, object, one_or_many, parse};
use super::definition::{VerbCall, VerbDefinition};
use super::error::VerbError;
use crate::address::{RoomName, Seq};
use crate::hub::request::{PresenceMode, ReplayRange, ReplayStart, Request};
use crate::hub::ticket::Ticket;
use crate::session::namespace::policy::Right;
use crate::session::shared_queue::options::lease_terms;
use crate::session::state::Session;
use crate::store::Op;
use crate::wire::error_code::ErrorCode;
use crate::wire::verb::Verb;

pub const SUB: VerbDefinition = VerbDefinition {
    right: Some(Right::Sub),
    run,
};

fn run(session: &mut Session, call: VerbCall<'_>) -> Result<(), VerbError> {
    let (rooms, range) = parse_args(call.args)?;
    match lease_terms(call.args)? {
        Some(terms) => session.share(call.index, rooms, terms, call.ack_id),
        None => subscribe(session, call, rooms, range),
    }
}

fn parse_args(args: &[&RawValue]) -> Result<(Vec<RoomName>, ReplayRange), VerbError> {
    #[derive(Deserialize)]
    struct SubParams<'a> {
        #[serde(borrow)]
        rooms: Option<&'a RawValue>,
        #[serde(borrow)]
        since: Option<&'a RawValue>,
        last: Option<u64>,
        log: Option<String>,
        within: Option<BTreeSet<RoomName>>,
        #[serde(default)]
        presence: bool,
        keep: Option<Seq>,
    }
    let SubParams {
        rooms,
        since,
        last,
        log,
        within,
        presence,
        keep,
    } = object(Verb::Sub, args)?;
    let since = match since {
        None => None,
        Some(raw) if raw.get().starts_with('"') => Some(ReplayStart::Seq(parse(raw)?)),
        Some(raw) => Some(ReplayStart::Time(parse(raw)?)),
    };
    let range = ReplayRange {
        since,
        last,
        log,
        within,
        presence: if presence {
            PresenceMode::On
        } else {
            PresenceMode::Off
        },
        keep,
    };
    Ok((distinct(one_or_many(rooms)?)?, range))
}

fn subscribe(
    session: &mut Session,
    call: VerbCall<'_>,
    rooms: Vec<RoomName>,
    mut range: ReplayRange,
) -> Result<(), VerbError> {
    let socket = &session.sockets[call.index];
    if socket.is_peeking() {
        return Err(bad("this socket is peeking; wait until that ends"));
    }
    if rooms.is_empty() && socket.name.is_none() {
        return Err(bad("name at least one room, or connect with a client name"));
    }
    // The client has read nothing of this log, in no room.
    if range.log.as_deref() != Some(&*session.services.log_id) {
        range.within = None;
        range.keep = None;
    }
    let op = Op::Subscribe {
        namespace: socket.namespace.clone(),
        client: socket.name.clone(),
        rooms,
    };
    let ticket = Ticket::new(socket.request(call.ack_id, Request::Subscribe(range)));
    session.submit(op, ticket);
    session.unshare(call.index);
    // A client that subscribes by itself resumes by `since`, not by the session that the store remembers.
    let forget = session.sockets[call.index].forget_op();
    session.update_stored_session(call.index, forget);
    Ok(())
}

/// Handles a name that is in no room. A stock socket did not send `sub`: the hub subscribed it on entering, and its
/// name left its rooms meanwhile. It enters all the same.
pub fn answer_no_rooms(session: &mut Session, index: usize, ack_id: Option<u64>) {
    if ack_id.is_some() {
        let message = "this name has joined no room; name one";
        return session.refuse(index, ack_id, ErrorCode::NoRooms, message);
    }
    let socket = &mut session.sockets[index];
    if !socket.is_entered() {
        let reply = socket.connect_reply();
        socket.enter(reply, &mut session.out);
    }
}
