//! The rules for resuming a session, the same in every store: which rooms it has, and where delivery goes on.

use super::members::Members;
use super::owed::{Cursors, Reader};
use super::sessions::SessionIdentity;
use crate::address::{ClientName, Namespace, RoomName, Seq};

/// The rooms of a new session.
pub(super) fn initial_rooms(members: &Members, new: &SessionIdentity, head: u64) -> Cursors {
    match &new.client {
        Some(client) => members
            .cursors(&new.namespace, client)
            .cloned()
            .unwrap_or_default(),
        None => Cursors::from([(RoomName::whole_namespace(), Seq::after_record(head))]),
    }
}

/// The rooms of a resumed session: those it entered, if its client is still a member of them, and those that a new session
/// would start with.
pub(super) fn resumed_rooms(
    mut entered: Cursors,
    initial: Cursors,
    client: Option<&ClientName>,
) -> Cursors {
    if client.is_some() {
        entered.retain(|room, _| initial.contains_key(room));
    }
    for (room, cursor) in initial {
        entered.entry(room).or_insert(cursor);
    }
    entered
}

/// Where delivery goes on for a session that received everything before `from`. None if `from` is not in this log, or
/// if messages that the session missed are pruned. A room owes nothing from before the session entered it, whatever
/// `from` says.
pub(super) fn resume(
    mut rooms: Cursors,
    from: Option<Seq>,
    head: u64,
    pruned_to: impl Fn(&RoomName) -> Option<Seq>,
) -> Option<Cursors> {
    if from.is_some_and(|from| from > Seq::after_record(head)) {
        return None;
    }
    for cursor in rooms.values_mut() {
        *cursor = from.map_or(*cursor, |from| from.max(*cursor));
    }
    let reader = Reader {
        rooms,
        ..Reader::default()
    };
    reader.gap(pruned_to).is_none().then_some(reader.rooms)
}

/// The first seq that a session is owed in a room that it enters now.
pub(super) fn cursor_on_entry(
    members: &Members,
    (namespace, client): (&Namespace, Option<&ClientName>),
    room: &RoomName,
    head: u64,
) -> Seq {
    let cursor = client.and_then(|client| members.cursor(namespace, client, room));
    cursor.unwrap_or(Seq::after_record(head))
}
