//! A client of a roomcat hub that outlives its connections: it publishes, keeps a subscription and reconnects.
//!
//! Call [`HubClient::next_event`] in a loop. Everything that must survive a cancelled call lives in the client, so the call may
//! be dropped at any await.

mod publishing;
mod subscribing;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::select;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::connection_state::{ConnectionEvent, ConnectionState, wait_until};
use super::error::{ClientError, DisconnectReason};
use super::error_response::ErrorResponse;
use super::events::{Gap, PresenceEvent};
use super::hub_connection::{HubConnection, HubInfo, HubMessage};
use super::publish_window::{PublishReceipt, PublishWindow};
use super::random::random_id;
use super::request_state::{AckConfirmation, RequestState, SubscribeState};
use super::retry::RetryPolicy;
use super::subscription::Subscription;
use super::target::Target;
use super::url::HubUrl;
use super::verbs::{VerbRequest, VerbResult};
use crate::address::RoomName;
use crate::limits;
use crate::wire::batch::DeliveryHeader;
use crate::wire::verb::Verb;

pub struct HubClient {
    target: Target,
    retry: RetryPolicy,
    hub_info: HubInfo,
    connection: ConnectionState<HubConnection>,
    reconnect_backoff: Backoff,
    window: PublishWindow,
    subscription: Option<Subscription>,
    requests: RequestState,
    /// When the window resumes after a refusal.
    paused_until: Option<Instant>,
    publish_backoff: Backoff,
    outage: Option<Outage>,
    events: VecDeque<ClientEvent>,
}

#[derive(Debug)]
pub enum ClientEvent {
    Batch {
        header: DeliveryHeader,
        body: Bytes,
    },
    Subscribed {
        pending: u64,
        rooms: Vec<RoomName>,
    },
    CaughtUp,
    /// Only with [`super::PresenceUpdates::On`].
    Presence(PresenceEvent),
    Gap(Gap),
    Receipt(PublishReceipt),
    /// The response to [`HubClient::request`].
    Response {
        id: u64,
        answer: VerbResult,
    },
    /// [`HubClient::change_rooms`] was refused; the rooms are unchanged.
    RoomsRefused(ErrorResponse),
    /// The hub confirmed the ack of [`HubClient::request_ack_confirmation`].
    AckConfirmed,
    /// The ack cannot be confirmed: its connection is gone, and the messages of the shared queue go to another subscriber.
    AckLost,
    Disconnected {
        reason: String,
    },
    /// `dropped` volatile messages were in flight and are not sent again.
    Reconnected {
        dropped: u64,
    },
    /// The hub accepts no messages for now; the client tries again.
    PublishStalled(ErrorResponse),
}

/// A pause in publishing or receiving: its start and its cause.
struct Outage {
    since: Instant,
    cause: OutageCause,
}

enum OutageCause {
    Disconnected(String),
    Refused(ErrorResponse),
}

impl HubClient {
    /// Fails at once when the hub cannot be reached: the retry policy is for later losses.
    pub async fn connect(target: Target, retry: RetryPolicy) -> Result<Self, ClientError> {
        let connection = HubConnection::open(&target)
            .await
            .map_err(|error| error.with_url(&target.url))?;
        let hub_info = connection.hub_info().clone();
        let window = PublishWindow::new(random_id(), credit(&hub_info));
        Ok(Self {
            target,
            retry,
            hub_info,
            connection: ConnectionState::Up(Box::new(connection)),
            reconnect_backoff: Backoff::default(),
            window,
            subscription: None,
            requests: RequestState::default(),
            paused_until: None,
            publish_backoff: Backoff::default(),
            outage: None,
            events: VecDeque::new(),
        })
    }

    pub fn hub_info(&self) -> &HubInfo {
        &self.hub_info
    }

    pub fn url(&self) -> &HubUrl {
        &self.target.url
    }

    pub fn is_connected(&self) -> bool {
        matches!(self.connection, ConnectionState::Up(_))
    }

    /// The start and cause of the current outage.
    pub fn outage(&self) -> Option<(Instant, &str)> {
        let outage = self.outage.as_ref().filter(|_| !self.is_connected())?;
        let reason = match &outage.cause {
            OutageCause::Disconnected(reason) => reason,
            OutageCause::Refused(error) => &error.message,
        };
        Some((outage.since, reason))
    }

    /// Sends a request. Its response comes as [`ClientEvent::Response`] with the id returned, unless the connection is
    /// lost first. None: the connection is lost already.
    pub fn request<R: VerbRequest>(&mut self, request: &R) -> Option<u64> {
        self.send_verb(R::VERB, &request.args())
    }

    /// Like [`Self::request`]; `args` is the inside of a JSON array.
    pub fn send_verb(&mut self, verb: Verb, args: &str) -> Option<u64> {
        let ConnectionState::Up(connection) = &mut self.connection else {
            return None;
        };
        let id = self.requests.next_id();
        self.requests.calls.insert(id);
        connection.emit(Some(id), verb, args);
        Some(id)
    }

    /// Cancel-safe.
    pub async fn next_event(&mut self) -> Result<ClientEvent, ClientError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let deadline = self.retry_deadline();
            select! {
                event = self.connection.next() => self.handle_connection_event(event)?,
                () = wait_until(self.paused_until) => self.resume_publishing(),
                () = wait_until(deadline) => return Err(self.retries_exhausted()),
            }
        }
    }

    /// Sends a disconnect to the hub, within a bound.
    pub async fn close(self) {
        if let ConnectionState::Up(connection) = self.connection {
            connection.close().await;
        }
    }

    fn retry_deadline(&self) -> Option<Instant> {
        match (&self.outage, self.retry) {
            (Some(outage), RetryPolicy::For(patience)) => Some(outage.since + patience),
            _ => None,
        }
    }

    fn retries_exhausted(&mut self) -> ClientError {
        match self.outage.take().map(|outage| outage.cause) {
            Some(OutageCause::Refused(error)) => ClientError::Refused(error),
            Some(OutageCause::Disconnected(reason)) => self.connection_lost(reason),
            None => self.connection_lost(DisconnectReason::Closed.to_string()),
        }
    }

    fn connection_lost(&self, reason: String) -> ClientError {
        ClientError::Lost {
            url: self.target.url.to_string(),
            reason,
        }
    }

    fn handle_connection_event(
        &mut self,
        event: ConnectionEvent<HubConnection>,
    ) -> Result<(), ClientError> {
        match event {
            ConnectionEvent::Received(message) => self.handle_message(message)?,
            ConnectionEvent::Disconnected(reason) => self.handle_disconnect(&reason)?,
            ConnectionEvent::WaitOver => {
                let target = self.target.clone();
                self.connection = ConnectionState::Dialing(Box::pin(async move {
                    HubConnection::open(&target).await.map(Box::new)
                }));
            }
            ConnectionEvent::Dialed(Ok(connection)) => self.handle_reconnect(connection),
            ConnectionEvent::Dialed(Err(error)) if error.is_final() => {
                return Err(error.with_url(&self.target.url));
            }
            ConnectionEvent::Dialed(Err(error)) => {
                self.set_outage(OutageCause::Disconnected(error.to_string()));
                self.wait_to_dial();
            }
        }
        Ok(())
    }

    fn handle_disconnect(&mut self, reason: &DisconnectReason) -> Result<(), ClientError> {
        let reason = reason.to_string();
        if self.retry == RetryPolicy::Never {
            return Err(self.connection_lost(reason));
        }
        self.set_outage(OutageCause::Disconnected(reason.clone()));
        self.paused_until = None;
        self.wait_to_dial();
        self.events.push_back(ClientEvent::Disconnected { reason });
        Ok(())
    }

    fn wait_to_dial(&mut self) {
        let wait = self.reconnect_backoff.next_wait();
        self.connection = ConnectionState::Waiting(Instant::now() + wait);
    }

    fn handle_reconnect(&mut self, connection: Box<HubConnection>) {
        self.hub_info = connection.hub_info().clone();
        self.connection = ConnectionState::Up(connection);
        self.requests.connection_opened();
        if let Some(subscription) = &mut self.subscription {
            subscription.connection_opened(&self.hub_info.log);
        }
        let dropped = self.window.reset_for_connection(credit(&self.hub_info));
        self.events.push_back(ClientEvent::Reconnected { dropped });
        if self.window.is_empty() {
            self.outage = None;
        }
        self.send_subscribe();
        self.send_batches();
    }

    fn handle_message(&mut self, message: HubMessage) -> Result<(), ClientError> {
        match message {
            HubMessage::Response { id, answer } => self.handle_response(id, answer)?,
            HubMessage::Batch { header, body } => self.handle_batch(header, body),
            HubMessage::Gap(gap) => {
                if let Some(subscription) = &mut self.subscription {
                    subscription.handle_gap(&gap);
                }
                self.events.push_back(ClientEvent::Gap(gap));
            }
            HubMessage::Presence(event) => self.events.push_back(ClientEvent::Presence(event)),
            HubMessage::CaughtUp { head } => self.handle_caught_up(head),
            HubMessage::Closed(error) => {
                return Err(ClientError::from_closed(&self.target.url, error));
            }
        }
        Ok(())
    }

    fn handle_response(&mut self, id: u64, answer: VerbResult) -> Result<(), ClientError> {
        // A connection that answers works, so the next loss begins with the shortest wait.
        self.reconnect_backoff.reset();
        if matches!(self.requests.subscribe, SubscribeState::Requested { id: awaited, .. } if awaited == id)
        {
            return self.handle_subscribe_response(answer);
        }
        if self.requests.calls.remove(&id) {
            self.events.push_back(ClientEvent::Response { id, answer });
            return Ok(());
        }
        if self.requests.confirmation == AckConfirmation::Requested(id) {
            answer.map_err(ClientError::Refused)?;
            self.requests.confirmation = AckConfirmation::NotRequested;
            self.events.push_back(ClientEvent::AckConfirmed);
            return Ok(());
        }
        self.handle_publish_response(id, answer)
    }

    fn set_outage(&mut self, cause: OutageCause) {
        let since = self.outage.as_ref().map(|outage| outage.since);
        let since = since.unwrap_or_else(Instant::now);
        self.outage = Some(Outage { since, cause });
    }
}

fn credit(hub_info: &HubInfo) -> usize {
    hub_info.limits.credit.min(limits::CREDIT_BYTES)
}
