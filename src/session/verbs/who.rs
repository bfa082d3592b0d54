//! The verb `who`: the sockets of a namespace, with what is known of each.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::bounded_list::BoundedList;
use super::error::VerbError;
use crate::address::Namespace;
use crate::hub::inbox::InboxMessage;
use crate::hub::input::CoreInput;
use crate::hub::notification::{Backlog, PresentSocket};
use crate::hub::peer::PeerAddress;
use crate::hub::request::{KickTarget, Request, SocketFilter, SocketRequest};
use crate::hub::socket_stats::SocketStats;
use crate::limits;
use crate::session::engine::outbox::Submission;
use crate::session::services::Services;
use crate::session::socket::catchup::LogRead;
use crate::session::state::Session;
use crate::store::{StoreError, StoreReader};

/// What the hub saw.
pub(crate) struct Seen {
    pub head: u64,
    pub present: Vec<PresentSocket>,
    pub more: u64,
}

/// Messages that a socket still has to get and confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lag {
    Exactly(u64),
    AtLeast(u64),
}

impl Session {
    /// `["who", {room?, sid?}]`: the sockets of the namespace, or those of them that are in a room, or the one with a sid:
    /// `{"ok": true, "sockets": [{"sid", "as"?, "address", "uid"?, "pid"?, "transport", "rooms", "lag", "lag_is_least"?,
    /// "since", "you"?}], "more"?}`, by name, those without one behind, and then by age. `more` is how many the answer has no
    /// place for (`limits::SOCKETS_LISTED`). `lag` is messages that wait for it, or were handed to it and are not
    /// confirmed; with `lag_is_least` it is at least that many. `you` is the socket that asks. `since` is in milliseconds since 1970.
    pub(crate) fn list_sockets(&mut self, index: usize, whom: SocketFilter, answer: Option<u64>) {
        let request = SocketRequest {
            socket: self.sockets[index].id,
            ack_id: answer,
            kind: Request::Who(whom),
        };
        self.in_flight += 1;
        self.sockets[index].lists_rooms();
        self.outbox
            .push(Submission::Hub(InboxMessage::Core(CoreInput::Who(request))));
    }

    /// `["kick", {sid} | {as}]`: closes that socket, or all of that name in the namespace, but never the one that asks:
    /// `{"ok": true, "kicked": n}`. A roomcat client is told `["closed", {"code": "kicked", "message"}]` before its
    /// DISCONNECT. It bars nobody: who was kicked may come again.
    pub(crate) fn kick(
        &mut self,
        index: usize,
        culprit: KickTarget,
        answer: Option<u64>,
    ) -> Result<(), VerbError> {
        let socket = &self.sockets[index];
        if !socket.standing.may_kick() {
            return Err(VerbError::MayNotKick);
        }
        let request = SocketRequest {
            socket: socket.id,
            ack_id: answer,
            kind: Request::Kick(culprit),
        };
        self.in_flight += 1;
        self.sockets[index].lists_rooms();
        self.outbox
            .push(Submission::Hub(InboxMessage::Core(CoreInput::Kick(
                request,
            ))));
        Ok(())
    }

    pub(crate) fn seen(&mut self, index: usize, seen: Seen, answer: Option<u64>) {
        let socket = &mut self.sockets[index];
        let asker = Asker {
            namespace: socket.namespace.clone(),
            sid: Arc::clone(&socket.sid),
            answer,
        };
        let asked = who(Arc::clone(&self.services), asker, seen);
        socket.ask_store(asked);
    }
}

struct Asker {
    namespace: Namespace,
    sid: Arc<str>,
    answer: Option<u64>,
}

async fn who(services: Arc<Services>, asker: Asker, seen: Seen) -> Result<LogRead, StoreError> {
    let Asker {
        namespace,
        sid,
        answer,
    } = asker;
    let Seen {
        head,
        mut present,
        more,
    } = seen;
    present.sort_by(|a, b| order(&a.stats).cmp(&order(&b.stats)));
    let counted = |one: &&PresentSocket| one.backlog == Backlog::InLog;
    let late: Vec<Arc<SocketStats>> = present
        .iter()
        .filter(counted)
        .take(limits::LAGGING_SOCKETS_COUNTED)
        .map(|one| Arc::clone(&one.stats))
        .collect();
    let mut lags = match late.is_empty() {
        true => Vec::new(),
        false => {
            let count = move |store: &mut dyn StoreReader| {
                let mut left = limits::LAG_RECORDS;
                let lag = |vitals: &Arc<SocketStats>| {
                    waiting(store, &namespace, vitals, (head, &mut left))
                };
                late.iter().map(lag).collect::<Result<Vec<_>, _>>()
            };
            services.readers.run(count).await?
        }
    }
    .into_iter();
    let lines = present.iter().map(|one| {
        let lag = match one.backlog {
            Backlog::None => Lag::Exactly(0),
            // More than are counted are late: at least it is known that they are.
            Backlog::InLog => lags.next().unwrap_or(Lag::AtLeast(0)),
        };
        let mut line = line(one, lag);
        if one.reader.sid.as_ref() == Some(&sid) {
            line["you"] = json!(true);
        }
        line
    });
    let body = BoundedList::of(lines, more).body("sockets");
    Ok(LogRead::Names { answer, body })
}

/// With a name before those without.
fn order(vitals: &SocketStats) -> (bool, Option<&str>, u64) {
    let name = vitals.name.as_ref().map(|name| name.as_str());
    (name.is_none(), name, vitals.connected_at_ms)
}

/// What the log still has for it: up to `head`, and as far as so many records reach, of which it takes its part.
fn waiting(
    store: &mut dyn StoreReader,
    namespace: &Namespace,
    vitals: &SocketStats,
    (head, left): (u64, &mut u64),
) -> Result<Lag, StoreError> {
    let (reader, place) = (vitals.reader(), vitals.cursor());
    let upto = head.min(place.record.saturating_add(*left));
    *left -= upto.saturating_sub(place.record);
    let waiting = store.pending(namespace, &reader, place, upto)?;
    Ok(if upto == head {
        Lag::Exactly(waiting)
    } else {
        Lag::AtLeast(waiting)
    })
}

fn line(one: &PresentSocket, lag: Lag) -> Value {
    let PresentSocket {
        reader,
        stats: vitals,
        ..
    } = one;
    let mut line = Map::new();
    let mut set = |key: &str, value: Value| drop(line.insert(key.to_owned(), value));
    set("sid", json!(reader.sid.as_deref()));
    if let Some(name) = &vitals.name {
        set("as", json!(name));
    }
    set("address", json!(vitals.peer.address.to_string()));
    if let PeerAddress::Unix { uid, pid } = vitals.peer.address {
        for (key, value) in [("uid", uid.map(Value::from)), ("pid", pid.map(Value::from))] {
            if let Some(value) = value {
                set(key, value);
            }
        }
    }
    set("transport", json!(vitals.peer.transport()));
    set("rooms", json!(reader.rooms.keys().collect::<Vec<_>>()));
    let (waiting, least) = match lag {
        Lag::Exactly(waiting) => (waiting, false),
        Lag::AtLeast(waiting) => (waiting, true),
    };
    set("lag", json!(waiting.saturating_add(vitals.unconfirmed())));
    if least {
        set("lag_is_least", json!(true));
    }
    set("since", json!(vitals.connected_at_ms));
    Value::Object(line)
}
