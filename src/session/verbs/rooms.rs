//! `["rooms", {room?}]`, or without arguments: the rooms of the namespace, or one of them:
//! `{"ok": true, "rooms": [{"room", "sockets", "messages", "last", "members": [{"name", "pending", "here"}]}], "more"?,
//! "expired"}`. `more` counts the rooms that did not fit (`limits::ROOMS_LISTED`, `limits::ANSWER_BYTES`), and `expired`
//! the messages that the store gave up before a member read them.
//!
//! With `names` it lists names instead (see [`super::names`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::args::optional_object;
use super::bounded_list::BoundedList;
use super::definition::{VerbCall, VerbDefinition};
use super::error::VerbError;
use crate::address::{ClientName, RoomName};
use crate::hub::input::CoreInput;
use crate::hub::notification::LiveRoom;
use crate::hub::request::Request;
use crate::limits;
use crate::session::services::Services;
use crate::session::socket::query::QueryResult;
use crate::session::state::Session;
use crate::store::RoomInfo;
use crate::store::names::{NameKind, NameQuery};
use crate::wire::verb::Verb;

pub const ROOMS: VerbDefinition = VerbDefinition { right: None, run };

#[derive(Default, Deserialize)]
struct RoomsParams {
    room: Option<RoomName>,
    names: Option<NameKind>,
    #[serde(default)]
    prefix: String,
}

fn run(session: &mut Session, call: VerbCall<'_>) -> Result<(), VerbError> {
    let request = match optional_object(Verb::Rooms, call.args)? {
        RoomsParams {
            names: Some(kind),
            prefix,
            ..
        } => Request::Names(NameQuery { kind, prefix }),
        RoomsParams { room, .. } => Request::Rooms(room),
    };
    session.query_hub(call.index, call.ack_id, request, CoreInput::Rooms);
    Ok(())
}

/// The hub listed the rooms with sockets; the store counts the messages that each room keeps.
pub fn read_store(
    session: &mut Session,
    index: usize,
    ack_id: Option<u64>,
    room: Option<RoomName>,
    live: Vec<LiveRoom>,
) {
    let services = Arc::clone(&session.services);
    let namespace = session.sockets[index].namespace.clone();
    session.sockets[index].query_store(ack_id, async move {
        let stored = services
            .readers
            .run(move |store| store.rooms(&namespace, room.as_ref()))
            .await?;
        Ok(QueryResult::Answer(body(&services, &live, &stored)))
    });
}

fn body(services: &Services, live: &[LiveRoom], stored: &[RoomInfo]) -> Value {
    let live: BTreeMap<&RoomName, &LiveRoom> = live.iter().map(|room| (&room.room, room)).collect();
    let stored: BTreeMap<&RoomName, &RoomInfo> =
        stored.iter().map(|room| (&room.room, room)).collect();
    let mut names: Vec<&RoomName> = live.keys().chain(stored.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(limits::ROOMS_LISTED);
    names.truncate(limits::ROOMS_LISTED);
    let rows = names
        .into_iter()
        .map(|name| row(name, live.get(name).copied(), stored.get(name).copied()));
    let mut body = BoundedList::of(rows, more as u64).body("rooms");
    body["expired"] = json!(services.writer.expired_messages());
    body
}

fn row(name: &RoomName, live: Option<&LiveRoom>, stored: Option<&RoomInfo>) -> Value {
    let here = |client: &ClientName| live.is_some_and(|room| room.present_members.contains(client));
    let members = stored.map(|room| &room.members[..]).unwrap_or_default();
    let members: Vec<Value> = members
        .iter()
        .map(|(client, pending)| json!({"name": client, "pending": pending, "here": here(client)}))
        .collect();
    json!({
        "room": name,
        "sockets": live.map_or(0, |room| room.sockets),
        "messages": stored.map_or(0, |room| room.messages),
        "last": stored.and_then(|room| room.last_ms),
        "members": members,
    })
}
