//! What a command tells the user about its connection.

use tokio::time::Instant;

use crate::address::RoomName;
use crate::cli::screen::quantity::quantity;
use crate::cli::screen::term;
use crate::client::{ClientEvent, Gap, HubClient, HubUrl};

/// Rooms of a subscription that are listed by name; of more, only their number is shown.
const ROOMS_LISTED: usize = 3;

/// While disconnected: since when, and a text for the progress line.
pub fn reconnect_status(peer: &HubClient) -> Option<(Instant, String)> {
    let (since, reason) = peer.outage()?;
    Some((since, format!("reconnecting to {}: {reason}", peer.url())))
}

/// Reports an event of the connection on stderr. Messages and answers are not reported.
pub fn note_event(event: &ClientEvent, url: &HubUrl) {
    match event {
        ClientEvent::Disconnected { reason } => {
            term::note(format!("lost {url}: {reason}; reconnecting"))
        }
        ClientEvent::Reconnected { dropped: 0 } => term::note(format!("back at {url}")),
        ClientEvent::Reconnected { dropped } => term::warn(format!(
            "back at {url}; {} may be lost",
            quantity(*dropped, "volatile message")
        )),
        ClientEvent::Gap(Gap::Pruned { from, to }) => term::warn(format!(
            "gap: the hub no longer keeps some messages between {from} and {to}"
        )),
        ClientEvent::Gap(Gap::OtherLog { .. }) => term::warn(format!(
            "gap: {url} has a new database; messages that were not yet delivered from the old one are lost"
        )),
        ClientEvent::PublishStalled(refusal) => term::warn(format!(
            "the hub accepts no messages for now: {refusal}; trying again"
        )),
        ClientEvent::Subscribed { pending, rooms } => {
            let waiting = match pending {
                0 => "nothing waiting".to_owned(),
                pending => format!("{} waiting", quantity(*pending, "message")),
            };
            term::detail(format!("subscribed to {}; {waiting}", room_list(rooms)));
        }
        ClientEvent::CaughtUp => term::detail("caught up"),
        ClientEvent::Batch { .. }
        | ClientEvent::Receipt(_)
        | ClientEvent::AckConfirmed
        | ClientEvent::AckLost
        | ClientEvent::Presence(_)
        | ClientEvent::Response { .. }
        | ClientEvent::RoomsRefused(_) => {}
    }
}

fn room_list(rooms: &[RoomName]) -> String {
    if rooms.len() > ROOMS_LISTED {
        return quantity(rooms.len() as u64, "room");
    }
    let names = rooms.iter().map(|room| match room.as_str() {
        "" => "the whole namespace",
        name => name,
    });
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_rooms_are_named_and_many_counted() {
        let list = |names: &[&str]| {
            let rooms = names.iter().map(|name| RoomName::parse(name).unwrap());
            room_list(&rooms.collect::<Vec<_>>())
        };
        assert_eq!(list(&["lobby"]), "lobby");
        assert_eq!(list(&["", "ci", "ops"]), "the whole namespace, ci, ops");
        assert_eq!(list(&["a", "b", "c", "d"]), "4 rooms");
    }
}
