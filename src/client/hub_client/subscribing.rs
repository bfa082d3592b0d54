//! Subscribing: requests, deliveries and acks, over as many connections as it takes.

use bytes::Bytes;

use super::{ClientEvent, HubClient};
use crate::address::{RoomName, Seq};
use crate::client::connection_state::ConnectionState;
use crate::client::error::ClientError;
use crate::client::request_state::{AckConfirmation, Deliveries, SubscribeState};
use crate::client::subscription::Subscription;
use crate::client::verbs::VerbResult;
use crate::client::verbs::membership::LeaveRequest;
use crate::client::verbs::sub::{AckRequest, SubscribeRequest, SubscribeResponse};
use crate::wire::batch::{DeliveryHeader, cut};
use crate::wire::verb::Verb;

impl HubClient {
    /// Replaces any earlier subscription.
    pub fn subscribe(&mut self, request: SubscribeRequest) {
        self.subscription = Some(Subscription::new(request, &self.hub_info.log));
        self.send_subscribe();
    }

    /// The rooms of the current request.
    pub fn subscribed_rooms(&self) -> &[RoomName] {
        match &self.subscription {
            Some(subscription) => &subscription.request().rooms,
            None => &[],
        }
    }

    /// Subscribes to these rooms instead: from now, or with a client name from its cursor in each. Write everything
    /// received so far before calling it: the client forgets unwritten messages, and may receive them again.
    pub fn change_rooms(&mut self, rooms: Vec<RoomName>) {
        let Some(subscription) = &self.subscription else {
            return self.subscribe(SubscribeRequest {
                rooms,
                ..SubscribeRequest::default()
            });
        };
        let before = subscription.request().clone();
        let request = SubscribeRequest {
            rooms,
            since: None,
            last: None,
            ..before.clone()
        };
        self.requests.fallback.get_or_insert(before);
        self.subscription = Some(Subscription::new(request, &self.hub_info.log));
        // A name's cursors move with its acks alone, so messages in transit are sent again after the response. Without
        // a name no message is sent twice.
        self.send_subscribe_and(match self.target.name {
            Some(_) => Deliveries::Discard,
            None => Deliveries::Take,
        });
    }

    /// Leaves rooms; a client name is no longer their member. The response is reported like that of [`Self::request`].
    pub fn leave(&mut self, rooms: &[RoomName]) -> Option<u64> {
        let id = self.request(&LeaveRequest(rooms))?;
        if let Some(subscription) = &mut self.subscription {
            subscription.remove_rooms(rooms);
            // A request without rooms would mean every room that the name joined.
            if subscription.request().rooms.is_empty() {
                self.subscription = None;
            }
        }
        Some(id)
    }

    /// Reads again from `cursor` in this log, and forgets messages that were received and not written. `held` as in
    /// [`Self::hold_cursor`].
    pub fn resubscribe_from(&mut self, cursor: Seq, held: Option<Seq>) {
        if let Some(subscription) = &mut self.subscription {
            *subscription = subscription.restart_at(cursor, held);
            self.send_subscribe_and(Deliveries::Discard);
        }
    }

    /// Notes that everything received up to `seq` was written. Call it in the order of receiving.
    pub fn ack(&mut self, seq: Seq) {
        let Some(subscription) = &mut self.subscription else {
            return;
        };
        if subscription.record_written(seq) && self.requests.is_active() {
            self.send_ack(seq);
        }
    }

    /// Keeps the client name's cursor before `held`: further acks only free credit, and the messages from `held` on are
    /// sent again to the name's next subscription. None releases the cursor.
    pub fn hold_cursor(&mut self, held: Option<Seq>) {
        let Some(subscription) = &mut self.subscription else {
            return;
        };
        if subscription.held() == held {
            return;
        }
        subscription.hold(held);
        self.send_last_ack();
    }

    /// Asks the hub to confirm the last ack; [`ClientEvent::AckConfirmed`] follows, or [`ClientEvent::AckLost`]. Returns
    /// whether there is an ack to confirm.
    pub fn request_ack_confirmation(&mut self) -> bool {
        let Some(subscription) = &self.subscription else {
            return false;
        };
        if subscription.is_ack_lost() {
            self.events.push_back(ClientEvent::AckLost);
            return true;
        }
        // Without a name the hub keeps nothing for this socket: its acks were for credit only.
        if subscription.last_written().is_none() || self.target.name.is_none() {
            return false;
        }
        self.requests.confirmation = AckConfirmation::Wanted;
        self.send_ack_confirmation();
        true
    }

    /// Sends the request; messages in transit are handled as before.
    pub(super) fn send_subscribe(&mut self) {
        self.send_subscribe_and(self.requests.deliveries());
    }

    fn send_subscribe_and(&mut self, deliveries: Deliveries) {
        let (Some(subscription), ConnectionState::Up(connection)) =
            (&self.subscription, &mut self.connection)
        else {
            self.requests.subscribe = SubscribeState::Idle;
            return;
        };
        let id = self.requests.next_id();
        self.requests.subscribe = SubscribeState::Requested { id, deliveries };
        let (verb, args) = subscription.encode_request();
        connection.emit(Some(id), verb, &args);
    }

    /// A refused change of rooms is undone; any other refusal is an error.
    pub(super) fn handle_subscribe_response(
        &mut self,
        answer: VerbResult,
    ) -> Result<(), ClientError> {
        let json = match (answer, self.requests.fallback.take()) {
            (Ok(json), _) => json,
            (Err(error), Some(fallback)) => {
                self.events.push_back(ClientEvent::RoomsRefused(error));
                self.subscribe(SubscribeRequest {
                    since: None,
                    last: None,
                    ..fallback
                });
                return Ok(());
            }
            (Err(error), None) => return Err(ClientError::Refused(error)),
        };
        let SubscribeResponse { pending, rooms } = SubscribeResponse::parse(&json)?;
        self.requests.subscribe = SubscribeState::Active;
        if let Some(subscription) = &mut self.subscription {
            subscription.set_hub_rooms(&rooms);
        }
        self.events
            .push_back(ClientEvent::Subscribed { pending, rooms });
        // Acks for messages written during the outage were not sent.
        self.send_last_ack();
        self.send_ack_confirmation();
        Ok(())
    }

    /// After a reconnect the hub sends again messages that were received and not written. They are dropped.
    pub(super) fn handle_batch(&mut self, mut header: DeliveryHeader, mut body: Bytes) {
        if self.requests.deliveries() == Deliveries::Discard {
            return;
        }
        let Some(subscription) = &mut self.subscription else {
            return;
        };
        let known = subscription.record_received(&header);
        if known == header.count {
            if subscription.is_all_written()
                && let Some(seq) = subscription.last_written()
            {
                self.send_ack(seq);
            }
            return;
        }
        if known > 0 {
            body = cut(header.framing, &body, known, header.count);
            header.count -= known;
            let advance = |first: Seq| Seq::new(first.record, first.index + known);
            header.first = header.first.map(advance);
        }
        self.events.push_back(ClientEvent::Batch { header, body });
    }

    pub(super) fn handle_caught_up(&mut self, head: Seq) {
        if self.requests.deliveries() == Deliveries::Discard {
            return;
        }
        if let Some(subscription) = &mut self.subscription {
            subscription.caught_up(head);
        }
        self.events.push_back(ClientEvent::CaughtUp);
    }

    fn send_last_ack(&mut self) {
        let written = self
            .subscription
            .as_ref()
            .and_then(Subscription::last_written);
        if let (true, Some(seq)) = (self.requests.is_active(), written) {
            self.send_ack(seq);
        }
    }

    fn send_ack(&mut self, seq: Seq) {
        let args = self.ack_args(seq);
        if let ConnectionState::Up(connection) = &mut self.connection {
            connection.emit(None, Verb::Ack, &args);
        }
    }

    fn ack_args(&self, seq: Seq) -> String {
        let keep = self.subscription.as_ref().and_then(Subscription::held);
        AckRequest { seq, keep }.encode()
    }

    fn send_ack_confirmation(&mut self) {
        if self.requests.confirmation == AckConfirmation::NotRequested || !self.requests.is_active()
        {
            return;
        }
        let Some(subscription) = &self.subscription else {
            return;
        };
        let Some(seq) = subscription.last_written() else {
            self.requests.confirmation = AckConfirmation::NotRequested;
            self.events.push_back(if subscription.share().is_some() {
                ClientEvent::AckLost
            } else {
                // The hub has another log, in which the written messages have no seq.
                ClientEvent::AckConfirmed
            });
            return;
        };
        let args = self.ack_args(seq);
        if let ConnectionState::Up(connection) = &mut self.connection {
            let id = self.requests.next_id();
            self.requests.confirmation = AckConfirmation::Requested(id);
            connection.emit(Some(id), Verb::Ack, &args);
        }
    }
}
