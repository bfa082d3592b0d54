//! `["who", {room?, sid?}]`, or without arguments: the sockets of the namespace, those in one room, or the one with a sid:
//! `{"ok": true, "sockets": [{"sid", "as"?, "address", "uid"?, "pid"?, "transport", "rooms", "lag", "lag_is_least"?,
//! "since", "you"?}], "more"?}`.
//!
//! Named sockets come first, sorted by name; within a name the oldest is first. `more` counts the sockets that did not
//! fit (`limits::SOCKETS_LISTED`). `lag` counts the messages that wait for the socket, and those that it has received
//! and not confirmed. With `lag_is_least` there are at least that many. `since` is milliseconds since 1970. `you` marks
//! the requester's socket.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::args::optional_object;
use super::bounded_list::BoundedList;
use super::definition::{VerbCall, VerbDefinition};
use super::error::VerbError;
use crate::address::{Namespace, RoomName};
use crate::hub::input::CoreInput;
use crate::hub::notification::{Backlog, PresentSocket};
use crate::hub::peer::PeerAddress;
use crate::hub::request::{Request, SocketFilter};
use crate::hub::socket_stats::SocketStats;
use crate::limits;
use crate::session::namespace::policy::Right;
use crate::session::socket::query::QueryResult;
use crate::session::state::Session;
use crate::store::reader_pool::ReaderPool;
use crate::store::{StoreError, StoreReader};
use crate::wire::verb::Verb;

pub const WHO: VerbDefinition = VerbDefinition {
    right: Some(Right::Sub),
    run,
};

#[derive(Default, Deserialize)]
struct WhoParams {
    room: Option<RoomName>,
    sid: Option<String>,
}

fn run(session: &mut Session, call: VerbCall<'_>) -> Result<(), VerbError> {
    let WhoParams { room, sid } = optional_object(Verb::Who, call.args)?;
    let request = Request::Who(SocketFilter { room, sid });
    session.query_hub(call.index, call.ack_id, request, CoreInput::Who);
    Ok(())
}

/// Messages that a socket still has to get or to confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lag {
    Exactly(u64),
    AtLeast(u64),
}

/// The hub listed the sockets when the log ended with record `head`; the store counts the messages that wait for each.
pub fn read_store(
    session: &mut Session,
    index: usize,
    ack_id: Option<u64>,
    head: u64,
    (mut sockets, more): (Vec<PresentSocket>, u64),
) {
    let readers = session.services.readers.clone();
    let socket = &mut session.sockets[index];
    let (namespace, own_sid) = (socket.namespace.clone(), Arc::clone(&socket.sid));
    socket.query_store(ack_id, async move {
        sockets.sort_by(|a, b| sort_key(&a.stats).cmp(&sort_key(&b.stats)));
        let mut lags = count_lags(&readers, namespace, &sockets, head)
            .await?
            .into_iter();
        let rows = sockets.iter().map(|socket| {
            let lag = match socket.backlog {
                Backlog::None => Lag::Exactly(0),
                // Beyond `limits::LAGGING_SOCKETS_COUNTED` it is only known that they lag.
                Backlog::InLog => lags.next().unwrap_or(Lag::AtLeast(0)),
            };
            let mut row = row(socket, lag);
            if socket.reader.sid.as_ref() == Some(&own_sid) {
                row["you"] = json!(true);
            }
            row
        });
        let body = BoundedList::of(rows, more).body("sockets");
        Ok(QueryResult::Answer(body))
    });
}

fn sort_key(stats: &SocketStats) -> (bool, Option<&str>, u64) {
    let name = stats.name.as_ref().map(|name| name.as_str());
    (name.is_none(), name, stats.connected_at_ms)
}

/// The lags of the first sockets with a backlog in the log, in their order.
async fn count_lags(
    readers: &ReaderPool,
    namespace: Namespace,
    sockets: &[PresentSocket],
    head: u64,
) -> Result<Vec<Lag>, StoreError> {
    let lagging: Vec<Arc<SocketStats>> = sockets
        .iter()
        .filter(|socket| socket.backlog == Backlog::InLog)
        .take(limits::LAGGING_SOCKETS_COUNTED)
        .map(|socket| Arc::clone(&socket.stats))
        .collect();
    if lagging.is_empty() {
        return Ok(Vec::new());
    }
    let count = move |store: &mut dyn StoreReader| {
        let mut budget = limits::LAG_RECORDS;
        let lag =
            |stats: &Arc<SocketStats>| count_lag(store, &namespace, stats, (head, &mut budget));
        lagging.iter().map(lag).collect::<Result<Vec<_>, _>>()
    };
    readers.run(count).await
}

/// Counts up to `head`, or as many records as the budget has left.
fn count_lag(
    store: &mut dyn StoreReader,
    namespace: &Namespace,
    stats: &SocketStats,
    (head, budget): (u64, &mut u64),
) -> Result<Lag, StoreError> {
    let (reader, cursor) = (stats.reader(), stats.cursor());
    let upto = head.min(cursor.record.saturating_add(*budget));
    *budget -= upto.saturating_sub(cursor.record);
    let pending = store.pending(namespace, &reader, cursor, upto)?;
    Ok(if upto == head {
        Lag::Exactly(pending)
    } else {
        Lag::AtLeast(pending)
    })
}

fn row(socket: &PresentSocket, lag: Lag) -> Value {
    let PresentSocket { reader, stats, .. } = socket;
    let mut row = Map::new();
    let mut set = |key: &str, value: Value| drop(row.insert(key.to_owned(), value));
    set("sid", json!(reader.sid.as_deref()));
    if let Some(name) = &stats.name {
        set("as", json!(name));
    }
    set("address", json!(stats.peer.address.to_string()));
    if let PeerAddress::Unix { uid, pid } = stats.peer.address {
        for (key, value) in [("uid", uid.map(Value::from)), ("pid", pid.map(Value::from))] {
            if let Some(value) = value {
                set(key, value);
            }
        }
    }
    set("transport", json!(stats.peer.transport()));
    set("rooms", json!(reader.rooms.keys().collect::<Vec<_>>()));
    let (pending, is_least) = match lag {
        Lag::Exactly(pending) => (pending, false),
        Lag::AtLeast(pending) => (pending, true),
    };
    set("lag", json!(pending.saturating_add(stats.unconfirmed())));
    if is_least {
        set("lag_is_least", json!(true));
    }
    set("since", json!(stats.connected_at_ms));
    Value::Object(row)
}
