//! `["purge", {name?, room?}]`: gives up the messages that wait for a member, in one room or in all that it joined:
//! `{"ok": true, "messages": 12, "rooms": […]}`.
//!
//! A store read counts them first, and the purge covers only the messages of that commit: a message published meanwhile
//! stays. The holder of the name may still write messages that it received already.

use std::sync::Arc;

use serde_json::json;

use super::definition::{VerbCall, VerbDefinition};
use super::error::VerbError;
use super::queue::selected_queue;
use crate::address::{RoomName, Seq};
use crate::hub::request::Request;
use crate::session::namespace::policy::Right;
use crate::session::socket::query::QueryResult;
use crate::session::state::Session;
use crate::store::{Op, StoreReader};
use crate::wire::error_code::ErrorCode;
use crate::wire::verb::Verb;

pub const PURGE: VerbDefinition = VerbDefinition {
    right: Some(Right::Sub),
    run,
};

fn run(session: &mut Session, call: VerbCall<'_>) -> Result<(), VerbError> {
    let socket = &mut session.sockets[call.index];
    let (client, room) = selected_queue(socket, Verb::Purge, call.args)?;
    let (services, namespace) = (Arc::clone(&session.services), socket.namespace.clone());
    // Counting beside the writer keeps it free for commits.
    let count = move |store: &mut dyn StoreReader| {
        let memberships = store.memberships(&namespace, &client)?;
        let head = memberships.head;
        let reader = memberships.reader(client.clone(), room.as_ref());
        let cursor = Seq::after_record(head);
        let start = reader.rooms.values().min().copied().unwrap_or(cursor);
        let messages = store.pending(&namespace, &reader, start, head)?;
        let op = Op::Purge {
            namespace,
            client,
            rooms: room.into_iter().collect(),
            cursor,
        };
        Ok(QueryResult::Submit(
            Box::new(op),
            Request::Purge { messages },
        ))
    };
    socket.query_store(
        call.ack_id,
        async move { services.readers.run(count).await },
    );
    Ok(())
}

pub fn answer(
    session: &mut Session,
    index: usize,
    ack_id: Option<u64>,
    rooms: &[RoomName],
    messages: u64,
) {
    if rooms.is_empty() {
        let message = "this name has joined no such room";
        return session.refuse(index, ack_id, ErrorCode::NoRooms, message);
    }
    let body = json!({"ok": true, "messages": messages, "rooms": rooms});
    session.answer(index, ack_id, &body);
}
