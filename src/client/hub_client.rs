//! A client that outlives its connections: it publishes, keeps a subscription, and comes back when the hub was away.
//!
//! Whoever holds a [`HubClient`] calls [`HubClient::next`] in a loop and does what it likes in between; everything that must
//! not be lost when that call is dropped lives here, so each call may be dropped at any await.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use tokio::select;
use tokio::time::Instant;

use super::Target;
use super::answers::{self, SubscribeResponse, VerbResult};
use super::backoff::Backoff;
use super::connection_state::{ConnectionEvent, ConnectionState, wait_until};
use super::error::{ClientError, DisconnectReason, ErrorResponse};
use super::hub_connection::{HubConnection, HubInfo, HubMessage};
use super::publish_window::{Batch, PublishReceipt, PublishWindow, WindowEvent};
use super::subscription::{Gap, SubscribeRequest, Subscription};
use super::url::HubUrl;
use crate::address::{RoomName, Seq};
use crate::limits;
use crate::wire::batch::{DeliveryHeader, EVENT, cut};

pub struct HubClient {
    pub(super) target: Target,
    retry: RetryPolicy,
    hello: HubInfo,
    pub(super) link: ConnectionState<HubConnection>,
    reconnecting: Backoff,
    window: PublishWindow,
    pub(super) subscription: Option<Subscription>,
    pub(super) verbs: RequestState,
    /// When the window goes on after a refusal.
    paused_until: Option<Instant>,
    refusing: Backoff,
    trouble: Option<Outage>,
    pub(super) events: VecDeque<ClientEvent>,
}

/// How long to keep trying once the hub had been reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryPolicy {
    Never,
    For(Duration),
    Forever,
}

/// What happened.
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
    /// Somebody came or went; only for who asked for it.
    Presence(answers::PresenceEvent),
    Gap(Gap),
    Receipt(PublishReceipt),
    /// The answer to [`HubClient::call`].
    Response {
        id: u64,
        answer: VerbResult,
    },
    /// [`HubClient::change_rooms`] was refused; the rooms are those of before.
    RoomsRefused(ErrorResponse),
    /// The hub confirmed the ack of [`HubClient::confirm_ack`].
    AckConfirmed,
    /// It cannot be confirmed: the connection that it was of is gone, and what was written of a shared queue comes to another.
    AckLost,
    Disconnected {
        reason: String,
    },
    /// Back, and everything goes on. `dropped` volatile messages were in flight and are not sent again.
    Reconnected {
        dropped: u64,
    },
    /// The hub takes nothing for now; it is asked again.
    PublishStalled(ErrorResponse),
}

/// Ack ids, and the verbs whose answers are awaited beside those of the window.
#[derive(Debug, Default)]
pub(super) struct RequestState {
    last_id: u64,
    sub: Option<u64>,
    subscribed: bool,
    /// What was subscribed before a change that the hub has not answered.
    pub(super) before: Option<SubscribeRequest>,
    /// Until then what comes is not taken.
    pub(super) passes_over: bool,
    /// Asked by [`HubClient::call`].
    pub(super) calls: BTreeSet<u64>,
    ack: Option<u64>,
    /// The last ack is to be confirmed, over this connection or the next.
    confirm: bool,
}

impl RequestState {
    pub(super) fn id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Answers to what an earlier connection asked will not come.
    fn reconnected(&mut self) {
        self.sub = None;
        self.subscribed = false;
        self.calls.clear();
        self.passes_over = false;
        self.ack = None;
    }
}

/// Since when nothing moves, and why.
struct Outage {
    since: Instant,
    cause: OutageCause,
}

enum OutageCause {
    Lost(String),
    Refused(ErrorResponse),
}

impl HubClient {
    /// Fails at once when the hub cannot be reached: only what was there can be waited for.
    pub async fn connect(target: Target, retry: RetryPolicy) -> Result<Self, ClientError> {
        let connection = HubConnection::open(&target)
            .await
            .map_err(|error| error.with_url(&target.url))?;
        let hello = connection.hub_info().clone();
        let window = PublishWindow::new(random_id(), credit(&hello));
        Ok(Self {
            target,
            retry,
            hello,
            link: ConnectionState::Up(Box::new(connection)),
            reconnecting: Backoff::default(),
            window,
            subscription: None,
            verbs: RequestState::default(),
            paused_until: None,
            refusing: Backoff::default(),
            trouble: None,
            events: VecDeque::new(),
        })
    }

    pub fn hub_info(&self) -> &HubInfo {
        &self.hello
    }

    pub fn url(&self) -> &HubUrl {
        &self.target.url
    }

    /// Whether [`Self::publish`] may be called.
    pub fn can_publish(&self) -> bool {
        self.window.has_capacity()
    }

    /// Whether the hub is there, or else awaited.
    pub fn is_connected(&self) -> bool {
        matches!(self.link, ConnectionState::Up(_))
    }

    /// Since when the hub is awaited, and why.
    pub fn outage(&self) -> Option<(Instant, &str)> {
        match (&self.link, &self.trouble) {
            (ConnectionState::Up(_), _) | (_, None) => None,
            (_, Some(trouble)) => match &trouble.cause {
                OutageCause::Lost(reason) => Some((trouble.since, reason)),
                OutageCause::Refused(refusal) => Some((trouble.since, &refusal.message)),
            },
        }
    }

    /// Messages published and not confirmed.
    pub fn unconfirmed_messages(&self) -> u64 {
        self.window.unconfirmed_messages()
    }

    pub fn publish(&mut self, batch: Batch) {
        self.window.push(batch);
        self.pump();
    }

    /// Replaces any earlier subscription.
    pub fn subscribe(&mut self, request: SubscribeRequest) {
        self.subscription = Some(Subscription::new(request, &self.hello.log));
        self.verbs.subscribed = false;
        self.ask();
    }

    /// Everything received up to `seq` was written. Call it in the order of what was received.
    pub fn ack(&mut self, seq: Seq) {
        let Some(subscription) = &mut self.subscription else {
            return;
        };
        if subscription.wrote(seq) && self.verbs.subscribed {
            self.emit_ack(seq);
        }
    }

    /// What begins here is not done with, though it may be written: acks free its credit, and it comes again with the name's
    /// next subscription. At None it is as ever: what is written is done with.
    pub fn hold_cursor(&mut self, keep: Option<Seq>) {
        let Some(subscription) = &mut self.subscription else {
            return;
        };
        if subscription.kept() == keep {
            return;
        }
        subscription.keep(keep);
        if let (true, Some(seq)) = (self.verbs.subscribed, subscription.written()) {
            self.emit_ack(seq);
        }
    }

    /// Reads the subscription once more from a place in this log on. What was received and not written is forgotten; `keep` is
    /// what [`Self::keep`] says.
    pub fn resubscribe_from(&mut self, place: Seq, keep: Option<Seq>) {
        if let Some(subscription) = &mut self.subscription {
            *subscription = subscription.from(place, keep);
            // What is on its way is of the reading before.
            self.verbs.passes_over = true;
            self.verbs.subscribed = false;
            self.ask();
        }
    }

    fn emit_ack(&mut self, seq: Seq) {
        let args = self.ack_args(seq);
        if let ConnectionState::Up(connection) = &mut self.link {
            connection.emit(None, "ack", &args);
        }
    }

    /// The argument of the verb `ack`.
    fn ack_args(&self, seq: Seq) -> String {
        let kept = self.subscription.as_ref().and_then(Subscription::kept);
        match kept {
            Some(keep) => format!("{{\"seq\":\"{seq}\",\"keep\":\"{keep}\"}}"),
            None => format!("{{\"seq\":\"{seq}\"}}"),
        }
    }

    /// Asks the hub to confirm the last ack; [`ClientEvent::AckConfirmed`] follows, or [`ClientEvent::AckLost`]. False when there is nothing
    /// to confirm.
    pub fn request_ack_confirmation(&mut self) -> bool {
        if self
            .subscription
            .as_ref()
            .is_some_and(Subscription::strayed)
        {
            self.events.push_back(ClientEvent::AckLost);
            return true;
        }
        let written = self.subscription.as_ref().and_then(Subscription::written);
        // Without a name nothing is kept for this socket, and the ack was for credit alone.
        if written.is_none() || self.target.name.is_none() {
            return false;
        }
        self.verbs.confirm = true;
        self.ask_confirmation();
        true
    }

    /// The next thing that happened. Cancel-safe.
    pub async fn next_event(&mut self) -> Result<ClientEvent, ClientError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let gives_up = self.gives_up();
            select! {
                event = self.link.next() => self.link_event(event)?,
                () = wait_until(self.paused_until) => {
                    self.paused_until = None;
                    self.window.resume();
                    self.pump();
                }
                () = wait_until(gives_up) => return Err(self.given_up()),
            }
        }
    }

    /// Says goodbye to the hub, within a bound.
    pub async fn close(self) {
        if let ConnectionState::Up(connection) = self.link {
            connection.close().await;
        }
    }

    fn gives_up(&self) -> Option<Instant> {
        match (&self.trouble, self.retry) {
            (Some(trouble), RetryPolicy::For(patience)) => Some(trouble.since + patience),
            _ => None,
        }
    }

    fn given_up(&mut self) -> ClientError {
        match self.trouble.take().map(|trouble| trouble.cause) {
            Some(OutageCause::Refused(refusal)) => ClientError::Refused(refusal),
            Some(OutageCause::Lost(reason)) => self.lost_for_good(reason),
            None => self.lost_for_good(DisconnectReason::Closed.to_string()),
        }
    }

    fn lost_for_good(&self, reason: String) -> ClientError {
        ClientError::Lost {
            url: self.target.url.to_string(),
            reason,
        }
    }

    fn link_event(&mut self, event: ConnectionEvent<HubConnection>) -> Result<(), ClientError> {
        match event {
            ConnectionEvent::Received(incoming) => self.incoming(incoming)?,
            ConnectionEvent::Disconnected(reason) => self.lost(&reason)?,
            ConnectionEvent::WaitOver => {
                let target = self.target.clone();
                self.link = ConnectionState::Dialing(Box::pin(async move {
                    HubConnection::open(&target).await.map(Box::new)
                }));
            }
            ConnectionEvent::Dialed(Ok(connection)) => self.back(connection),
            ConnectionEvent::Dialed(Err(error)) if error.is_final() => {
                return Err(error.with_url(&self.target.url));
            }
            ConnectionEvent::Dialed(Err(error)) => {
                self.troubled(OutageCause::Lost(error.to_string()));
                self.wait();
            }
        }
        Ok(())
    }

    fn lost(&mut self, reason: &DisconnectReason) -> Result<(), ClientError> {
        let reason = reason.to_string();
        if self.retry == RetryPolicy::Never {
            return Err(self.lost_for_good(reason));
        }
        self.troubled(OutageCause::Lost(reason.clone()));
        self.paused_until = None;
        self.wait();
        self.events.push_back(ClientEvent::Disconnected { reason });
        Ok(())
    }

    fn wait(&mut self) {
        self.link = ConnectionState::Waiting(Instant::now() + self.reconnecting.wait());
    }

    fn back(&mut self, connection: Box<HubConnection>) {
        self.hello = connection.hub_info().clone();
        self.link = ConnectionState::Up(connection);
        self.verbs.reconnected();
        if let Some(subscription) = &mut self.subscription {
            subscription.entered(&self.hello.log);
        }
        let dropped = self.window.reset_for_connection(credit(&self.hello));
        self.events.push_back(ClientEvent::Reconnected { dropped });
        if self.window.is_empty() {
            self.trouble = None;
        }
        self.ask();
        self.pump();
    }

    fn incoming(&mut self, incoming: HubMessage) -> Result<(), ClientError> {
        match incoming {
            HubMessage::Response { id, answer } => self.answer(id, answer)?,
            HubMessage::Batch { header, body } => self.delivered(header, body),
            HubMessage::Gap(gap) => {
                if let Some(subscription) = &mut self.subscription {
                    subscription.gap(&gap);
                }
                self.events.push_back(ClientEvent::Gap(gap));
            }
            HubMessage::Presence(presence) => {
                self.events.push_back(ClientEvent::Presence(presence))
            }
            // That of a reading which was given up.
            HubMessage::CaughtUp { .. } if self.verbs.passes_over => {}
            HubMessage::CaughtUp { head } => {
                if let Some(subscription) = &mut self.subscription {
                    subscription.caught_up(head);
                }
                self.events.push_back(ClientEvent::CaughtUp);
            }
            HubMessage::Closed(refusal) => {
                return Err(ClientError::from_closed(&self.target.url, refusal));
            }
        }
        Ok(())
    }

    /// After a reconnect the hub sends again what was received and not written: that part is passed over.
    fn delivered(&mut self, mut header: DeliveryHeader, mut body: Bytes) {
        if self.verbs.passes_over {
            return;
        }
        let Some(subscription) = &mut self.subscription else {
            return;
        };
        let known = subscription.received(&header);
        if known == header.count {
            if let (true, Some(seq)) = (subscription.is_settled(), subscription.written()) {
                self.emit_ack(seq);
            }
            return;
        }
        if known > 0 {
            body = cut(header.framing, &body, known, header.count);
            header.count -= known;
            let further = |first: Seq| Seq::new(first.record, first.index + known);
            header.first = header.first.map(further);
        }
        self.events.push_back(ClientEvent::Batch { header, body });
    }

    fn answer(&mut self, id: u64, answer: VerbResult) -> Result<(), ClientError> {
        // A connection that answers works: the next loss begins with the shortest wait.
        self.reconnecting.reset();
        if self.verbs.sub == Some(id) {
            return self.subscribed(answer);
        }
        if self.verbs.calls.remove(&id) {
            self.events.push_back(ClientEvent::Response { id, answer });
            return Ok(());
        }
        if self.verbs.ack == Some(id) {
            answer.map_err(ClientError::Refused)?;
            self.verbs.confirm = false;
            self.events.push_back(ClientEvent::AckConfirmed);
            return Ok(());
        }
        match self.window.handle_response(id, answer) {
            WindowEvent::None => {}
            WindowEvent::Confirmed(receipt) => {
                self.trouble = None;
                self.refusing.reset();
                self.events.push_back(ClientEvent::Receipt(receipt));
                self.pump();
            }
            WindowEvent::Stalled(refusal) => {
                let told = matches!(
                    self.trouble,
                    Some(Outage {
                        cause: OutageCause::Refused(_),
                        ..
                    })
                );
                self.troubled(OutageCause::Refused(refusal.clone()));
                self.paused_until = Some(Instant::now() + self.refusing.wait());
                if !told {
                    self.events.push_back(ClientEvent::PublishStalled(refusal));
                }
            }
            WindowEvent::Refused(refusal) => return Err(ClientError::Refused(refusal)),
            WindowEvent::ProtocolError(reason) => return Err(ClientError::Protocol(reason)),
        }
        Ok(())
    }

    fn subscribed(&mut self, answer: VerbResult) -> Result<(), ClientError> {
        let text = match self.taken(answer)? {
            Some(text) => text,
            None => return Ok(()),
        };
        let answer: SubscribeResponse = answers::parse("the answer to sub", &text)
            .map_err(|error| ClientError::Protocol(error.to_string()))?;
        self.verbs.sub = None;
        self.verbs.subscribed = true;
        if let Some(subscription) = &mut self.subscription {
            subscription.reads(&answer.rooms);
        }
        self.events.push_back(ClientEvent::Subscribed {
            pending: answer.pending,
            rooms: answer.rooms,
        });
        // What was written while the connection was away: its ack went nowhere.
        if let Some(seq) = self.subscription.as_ref().and_then(Subscription::written) {
            self.emit_ack(seq);
        }
        self.ask_confirmation();
        Ok(())
    }

    fn ask(&mut self) {
        if let (Some(subscription), ConnectionState::Up(connection)) =
            (&self.subscription, &mut self.link)
        {
            let id = self.verbs.id();
            self.verbs.sub = Some(id);
            let (verb, args) = subscription.verb();
            connection.emit(Some(id), verb, &args);
        }
    }

    fn ask_confirmation(&mut self) {
        if !self.verbs.confirm || !self.verbs.subscribed {
            return;
        }
        let written = self.subscription.as_ref().and_then(Subscription::written);
        let args = written.map(|seq| self.ack_args(seq));
        match (args, &mut self.link) {
            (Some(args), ConnectionState::Up(connection)) => {
                let id = self.verbs.id();
                self.verbs.ack = Some(id);
                connection.emit(Some(id), "ack", &args);
            }
            (None, _) => {
                self.verbs.confirm = false;
                let shared = self.subscription.as_ref().and_then(Subscription::share);
                self.events.push_back(match shared {
                    Some(_) => ClientEvent::AckLost,
                    // The log is another one: what was written has no place in it.
                    None => ClientEvent::AckConfirmed,
                });
            }
            (Some(_), _) => {}
        }
    }

    /// Sends what the window lets go.
    fn pump(&mut self) {
        let ConnectionState::Up(connection) = &mut self.link else {
            return;
        };
        loop {
            let id = self.verbs.last_id + 1;
            let Some(batch) = self.window.next_to_send(id) else {
                return;
            };
            self.verbs.last_id = id;
            let header = serde_json::to_string(&batch.header).expect("names and numbers are JSON");
            connection.emit_with(id, EVENT, &header, batch.body.clone());
        }
    }

    fn troubled(&mut self, cause: OutageCause) {
        let since = self
            .trouble
            .as_ref()
            .map_or_else(Instant::now, |trouble| trouble.since);
        self.trouble = Some(Outage { since, cause });
    }
}

fn credit(hello: &HubInfo) -> usize {
    hello.limits.credit.min(limits::CREDIT_BYTES)
}

/// 128 random bits in hex: nobody else has them.
pub fn random_id() -> String {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).expect("the system has random bytes");
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}
