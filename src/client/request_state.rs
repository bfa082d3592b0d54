//! The requests that a [`super::HubClient`] awaits responses to, besides those of its publish window. Pure.

use std::collections::BTreeSet;

use super::verbs::sub::SubscribeRequest;

#[derive(Debug, Default)]
pub(super) struct RequestState {
    last_id: u64,
    pub subscribe: SubscribeState,
    pub confirmation: AckConfirmation,
    /// The request to return to if the hub refuses the change of rooms that it has not answered.
    pub fallback: Option<SubscribeRequest>,
    /// Ids of requests whose responses go to the caller.
    pub calls: BTreeSet<u64>,
}

/// The progress of the subscription on the current connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum SubscribeState {
    /// No request was sent.
    #[default]
    Idle,
    /// The request with this id awaits its response.
    Requested { id: u64, deliveries: Deliveries },
    /// The hub accepted the request.
    Active,
}

/// What to do with messages that arrive before the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deliveries {
    Take,
    /// The hub sent them for the request before this one.
    Discard,
}

/// Whether the last ack is to be confirmed, over this connection or a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum AckConfirmation {
    #[default]
    NotRequested,
    Wanted,
    /// The ack with this id awaits its response.
    Requested(u64),
}

impl RequestState {
    /// The id that [`Self::next_id`] will return.
    pub fn upcoming_id(&self) -> u64 {
        self.last_id + 1
    }

    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub fn is_active(&self) -> bool {
        self.subscribe == SubscribeState::Active
    }

    /// What to do with a message that arrives now.
    pub fn deliveries(&self) -> Deliveries {
        match self.subscribe {
            SubscribeState::Requested { deliveries, .. } => deliveries,
            SubscribeState::Idle | SubscribeState::Active => Deliveries::Take,
        }
    }

    /// Responses to requests of an earlier connection will not come.
    pub fn connection_opened(&mut self) {
        self.subscribe = SubscribeState::Idle;
        self.calls.clear();
        if let AckConfirmation::Requested(_) = self.confirmation {
            self.confirmation = AckConfirmation::Wanted;
        }
    }
}
