//! What a [`HubClient`] is asked while it is subscribed: verbs with an answer, and other rooms than before.

use serde_json::value::RawValue;

use super::answers::VerbResult;
use super::connection_state::ConnectionState;
use super::error::ClientError;
use super::hub_client::{ClientEvent, HubClient};
use super::subscription::SubscribeRequest;
use crate::address::RoomName;

impl HubClient {
    /// Sends a verb; `args` is the inside of a JSON array. Its answer comes as [`ClientEvent::Answered`] with this id, unless the
    /// connection is lost before. None when it is lost already.
    pub fn call(&mut self, verb: &str, args: &str) -> Option<u64> {
        let ConnectionState::Up(connection) = &mut self.link else {
            return None;
        };
        let id = self.verbs.id();
        self.verbs.calls.insert(id);
        connection.emit(Some(id), verb, args);
        Some(id)
    }

    /// The rooms that are subscribed.
    pub fn subscribed_rooms(&self) -> &[RoomName] {
        match &self.subscription {
            Some(subscription) => &subscription.request().rooms,
            None => &[],
        }
    }

    /// Subscribes to these rooms instead of those of before, from now or, with a client name, from where each was left.
    /// Everything received must have been written: what was not is forgotten, and may come again.
    pub fn change_rooms(&mut self, rooms: Vec<RoomName>) {
        let Some(subscription) = &self.subscription else {
            return self.subscribe(SubscribeRequest {
                rooms,
                ..SubscribeRequest::default()
            });
        };
        let request = SubscribeRequest {
            rooms,
            since: None,
            last: None,
            ..subscription.request().clone()
        };
        let before = subscription.request().clone();
        self.verbs.before.get_or_insert(before);
        // What is on its way belongs to places that move with a name's acks alone, and comes again behind the answer.
        // Without a name nothing comes twice.
        self.verbs.passes_over = self.target.name.is_some();
        self.subscribe(request);
    }

    /// Leaves rooms; a client name is no longer their member. The answer comes as that of [`Self::call`].
    pub fn leave(&mut self, rooms: &[RoomName]) -> Option<u64> {
        let args = serde_json::to_string(rooms).expect("names are JSON");
        let asked = self.call("leave", &args)?;
        if let Some(subscription) = &mut self.subscription {
            subscription.leave(rooms);
            // No rooms at all would mean all that the name joined.
            if subscription.request().rooms.is_empty() {
                self.subscription = None;
            }
        }
        Some(asked)
    }

    /// The text of an answer to `sub`. A change of rooms that is refused is undone; any other refusal is the end.
    pub(super) fn taken(
        &mut self,
        answer: VerbResult,
    ) -> Result<Option<Box<RawValue>>, ClientError> {
        let before = self.verbs.before.take();
        match (answer, before) {
            (Ok(text), _) => {
                self.verbs.passes_over = false;
                Ok(Some(text))
            }
            (Err(refusal), Some(before)) => {
                self.events.push_back(ClientEvent::RoomsRefused(refusal));
                self.subscribe(SubscribeRequest {
                    since: None,
                    last: None,
                    ..before
                });
                Ok(None)
            }
            (Err(refusal), None) => Err(ClientError::Refused(refusal)),
        }
    }
}
