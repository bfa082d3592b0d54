//! One socket: a session's part in one namespace. Its feed decides which messages the socket is owed. This module
//! encodes them and puts them into the session's output, as far as the client's credit goes.

pub mod catchup;
pub mod client_kind;
pub mod credit;
mod delivery;
pub mod direct_message;
pub mod feed;
pub mod query;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde_json::json;

use self::catchup::{LogRead, OpenedSubscription, ResumeOutcome};
use self::client_kind::ClientKind;
use self::credit::{Credit, CursorHold};
use self::direct_message::DirectMessage;
use self::feed::{AddedPage, CaughtUpNotice, NextItem, ReaderFeed};
use self::query::{Query, QueryResult};
use super::end::EndReason;
use super::engine::outbox::{Outbox, Submission};
use super::namespace::admission_request::AdmissionRequest;
use super::namespace::permissions::Permissions;
use super::namespace::socket_recovery::SocketRecovery;
use super::services::Services;
use super::shared_queue::sharer_handle::SharerHandle;
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::hub::delivery::Delivery;
use crate::hub::frame::WireFrame;
use crate::hub::inbox::InboxMessage;
use crate::hub::input::CoreInput;
use crate::hub::mailbox::Mailbox;
use crate::hub::notification_queue::NotificationQueue;
use crate::hub::request::{ReplayRange, Request, SocketRequest};
use crate::hub::socket_id::SocketId;
use crate::hub::socket_stats::SocketStats;
use crate::store::{LogPage, Reader, StoreError};
use crate::wire::error_code::ErrorCode;
use crate::wire::socket;

pub struct Socket {
    pub id: SocketId,
    pub namespace: Namespace,
    pub sid: Arc<str>,
    pub name: Option<ClientName>,
    /// The name that it publishes under. A guest has one here and none in `name`.
    pub from: Option<ClientName>,
    pub kind: ClientKind,
    pub permissions: Permissions,
    /// Its figures, which other clients can list.
    stats: Arc<SocketStats>,
    /// Direct messages that wait until its CONNECT is answered. `None` from then on.
    early: Option<Vec<DirectMessage>>,
    /// The cost of `early`, bytes.
    early_cost: usize,
    feed: ReaderFeed,
    /// Its part in a shared queue.
    pub sharing: Option<SharerHandle>,
    /// A record that a stock client has in part: all messages before the index.
    partial: Option<(Arc<Delivery>, u32)>,
    credit: Credit,
    hold: CursorHold,
    pub recovery: SocketRecovery,
    /// The cursor that this subscription last asked the store for.
    requested_cursor: Option<Seq>,
    query: Query,
}

impl Socket {
    pub fn new(request: AdmissionRequest, mailbox: Arc<Mailbox>, stats: Arc<SocketStats>) -> Self {
        let AdmissionRequest {
            id,
            sid,
            namespace,
            name,
            from,
            permissions,
            kind,
            credit,
            resume: _,
            auth: _,
        } = request;
        Self {
            id,
            feed: ReaderFeed::new(namespace.clone(), mailbox),
            sharing: None,
            namespace,
            sid,
            name,
            from,
            kind,
            permissions,
            stats,
            early: Some(Vec::new()),
            early_cost: 0,
            partial: None,
            credit,
            hold: CursorHold::default(),
            recovery: SocketRecovery::Off,
            requested_cursor: None,
            query: Query::None,
        }
    }

    /// A request of this socket, for the hub.
    pub fn request(&self, ack_id: Option<u64>, kind: Request) -> SocketRequest {
        SocketRequest {
            socket: self.id,
            ack_id,
            kind,
        }
    }

    pub fn credit(&self) -> &Credit {
        &self.credit
    }

    /// The first seq that was neither sent nor skipped.
    pub fn cursor(&self) -> Seq {
        self.feed.cursor()
    }

    /// Updates the progress that other clients see.
    pub fn note_progress(&self) {
        let cursor = self.feed.cursor();
        self.stats
            .record_progress(cursor, self.credit.unconfirmed());
    }

    fn note_reader(&self) {
        self.stats.set_reader(Arc::clone(self.feed.reader()));
    }

    /// Answers its CONNECT, and sends the direct messages that waited for the answer.
    pub fn enter(&mut self, reply: WireFrame, out: &mut VecDeque<WireFrame>) {
        out.push_back(reply);
        let early = self.early.take().into_iter().flatten();
        self.early_cost = 0;
        out.extend(
            early
                .filter_map(|message| self.direct_frames(message))
                .flatten(),
        );
    }

    pub fn is_entered(&self) -> bool {
        self.early.is_none()
    }

    /// The frames of a direct message. `None`: the message waits until the CONNECT is answered.
    pub fn direct_frames(&mut self, message: DirectMessage) -> Option<Vec<WireFrame>> {
        match &mut self.early {
            Some(early) => {
                self.early_cost += message.cost();
                early.push(message);
                None
            }
            None => Some(message.into_frames(&self.namespace, self.offset().as_deref())),
        }
    }

    /// The cost of the direct messages that wait for the answer to CONNECT, bytes.
    pub fn early_cost(&self) -> usize {
        self.early_cost
    }

    /// Notes that its client sent a query to the hub.
    pub fn query_sent(&mut self) {
        self.query = Query::AtHub;
    }

    /// Notes that the hub's response was the whole answer.
    pub fn query_answered(&mut self) {
        self.query = Query::None;
    }

    /// Runs the query, or the second part of it, on a reader of the store.
    pub fn query_store(
        &mut self,
        ack_id: Option<u64>,
        read: impl Future<Output = Result<QueryResult, StoreError>> + Send + 'static,
    ) {
        let job = tokio::spawn(read);
        self.query = Query::AtStore { ack_id, job };
    }

    pub fn is_querying(&self) -> bool {
        self.query.is_running()
    }

    /// Ready with the ack id of the request when its query is done.
    pub fn poll_query(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(Option<u64>, Result<QueryResult, StoreError>)> {
        self.query.poll(cx)
    }

    /// Whether it listens to rooms.
    pub fn is_subscribed(&self) -> bool {
        !self.feed.is_silent()
    }

    /// Whether a store read is under way, for its messages or for the start of its subscription.
    pub fn is_reading(&self) -> bool {
        self.feed.is_reading()
    }

    /// The hub attached a new subscription at `head`. Asks the store where it begins.
    pub fn subscribe(
        &mut self,
        services: &Services,
        reader: &Reader,
        head: u64,
        ack_id: Option<u64>,
        range: ReplayRange,
    ) {
        let mut reader = reader.clone();
        if matches!(self.credit, Credit::Written(_)) {
            // A stock socket joined one more room. From its other rooms it has everything before its cursor.
            for (room, cursor) in &mut reader.rooms {
                if self.feed.is_in(room) {
                    *cursor = (*cursor).max(self.feed.cursor());
                }
            }
        }
        self.credit.reset();
        self.hold = CursorHold::keeping(range.keep);
        self.requested_cursor = None;
        self.partial = None;
        self.feed.subscribe(services, reader, head, ack_id, range);
        self.note_reader();
    }

    /// The socket entered or left rooms.
    pub fn set_rooms(&mut self, reader: &Reader) {
        self.feed.set_rooms(reader);
        self.note_reader();
    }

    /// In these rooms nothing before `cursor` is owed any more.
    pub fn purged(&mut self, rooms: &[RoomName], cursor: Seq) {
        self.feed.purged(rooms, cursor);
    }

    /// Reads the messages that wait for a client. Moves no cursor.
    pub fn peek(
        &mut self,
        services: &Services,
        client: ClientName,
        room: Option<RoomName>,
        ack_id: Option<u64>,
    ) {
        self.credit.reset();
        self.hold = CursorHold::default();
        self.requested_cursor = None;
        self.feed.peek(services, client, room, ack_id);
    }

    pub fn is_peeking(&self) -> bool {
        self.feed.is_peeking()
    }

    /// How many rooms it is in once it has joined these.
    pub fn rooms_after(&self, joined: &[RoomName]) -> usize {
        let new = joined.iter().filter(|room| !self.feed.is_in(room));
        self.feed.rooms().len() + new.count()
    }

    /// The hub attached it again at `head`: everything before that comes from the log.
    pub fn attached(&mut self, head: u64) {
        self.feed.attached(head);
    }

    /// Takes the result of the store read for the feed.
    pub fn poll_log(
        &mut self,
        cx: &mut Context<'_>,
        services: &Services,
        outbox: &mut Outbox,
        out: &mut VecDeque<WireFrame>,
    ) -> Poll<Result<(), EndReason>> {
        let Poll::Ready(read) = self.feed.poll_read(cx) else {
            return Poll::Pending;
        };
        Poll::Ready(match read? {
            LogRead::Opened(opened) => {
                self.open(opened, services, outbox, out);
                Ok(())
            }
            LogRead::Page(page) => self.add_page(page, outbox, out),
        })
    }

    /// The store found where the subscription begins.
    fn open(
        &mut self,
        opened: OpenedSubscription,
        services: &Services,
        outbox: &mut Outbox,
        out: &mut VecDeque<WireFrame>,
    ) {
        let notice = match self.kind {
            ClientKind::Roomcat => CaughtUpNotice::Send,
            ClientKind::Stock => CaughtUpNotice::Skip,
        };
        let Some(ack_id) = self.feed.open(&opened, notice) else {
            return;
        };
        self.note_reader();
        let OpenedSubscription {
            start,
            head,
            pending,
            resumed,
            ..
        } = opened;
        if let Some(ack_id) = ack_id {
            let rooms = &**self.feed.rooms();
            let body = if self.feed.is_peeking() && rooms.is_empty() {
                json!({"ok": false, "error": {"code": ErrorCode::NoRooms, "message": "this name has joined no such room"}})
            } else {
                json!({"ok": true, "head": Seq::new(head, 0), "pending": pending, "rooms": rooms})
            };
            out.push_back(WireFrame::text(socket::encode_ack(
                &self.namespace,
                ack_id,
                &body.to_string(),
                0,
            )));
        }
        match resumed {
            ResumeOutcome::New => {}
            // The client wrote everything before `start`; its ack was lost with the connection.
            ResumeOutcome::SameLog => self.confirm(start, outbox),
            ResumeOutcome::OtherLog => self.notify(out, "gap", &json!({"log": &*services.log_id})),
        }
    }

    fn add_page(
        &mut self,
        page: LogPage,
        outbox: &mut Outbox,
        out: &mut VecDeque<WireFrame>,
    ) -> Result<(), EndReason> {
        let AddedPage { skip, gap } = self.feed.add_page(page);
        // The rest of a record that was sent in part comes before all of this.
        if let (Some(cursor), None) = (skip, &self.partial) {
            self.skip(cursor, outbox);
        }
        if let Some((from, to)) = gap {
            tracing::warn!(namespace = %self.namespace, sid = %self.sid, %from, %to, "a reader fell behind the kept history");
            self.notify(out, "gap", &json!({"from": from, "to": to}));
            if matches!(self.recovery, SocketRecovery::Restoring(..)) {
                return Err(EndReason::Missed);
            }
        }
        Ok(())
    }

    /// An event from the hub itself, for roomcat clients.
    fn notify(&self, out: &mut VecDeque<WireFrame>, event: &str, data: &serde_json::Value) {
        if self.kind == ClientKind::Roomcat {
            out.push_back(WireFrame::text(socket::encode_event(
                &self.namespace,
                None,
                event,
                &data.to_string(),
                0,
            )));
        }
    }

    /// Puts the next item that it is owed into `out`, if there is one and credit for it. True when it did anything.
    pub fn fill(
        &mut self,
        services: &Services,
        notifications: &NotificationQueue,
        outbox: &mut Outbox,
        out: &mut VecDeque<WireFrame>,
    ) -> bool {
        if self.early.is_none()
            && let Some(sharing) = &mut self.sharing
            && sharing.fill(out)
        {
            return true;
        }
        if !self.credit.has_room() {
            return false;
        }
        if let Some((delivery, from)) = self.partial.take() {
            self.deliver(delivery, from, out);
            return true;
        }
        if self.early.is_some() && self.feed.is_silent() {
            return false;
        }
        match self.feed.poll_next(services, notifications) {
            NextItem::None => return false,
            NextItem::Retry => {}
            NextItem::Delivery(delivery, from) => self.deliver(delivery, from, out),
            NextItem::Skip(cursor) => self.skip(cursor, outbox),
            NextItem::Live { skip, upto, notice } => {
                if let Some(cursor) = skip {
                    self.skip(cursor, outbox);
                }
                if self.recovery.complete() {
                    self.enter(self.connect_reply(), out);
                }
                if notice == CaughtUpNotice::Send {
                    self.notify(out, "caught-up", &json!({"head": Seq::new(upto, 0)}));
                }
            }
            NextItem::Attach => {
                let attach = InboxMessage::Core(CoreInput::Attach(self.id));
                outbox.push(Submission::Hub(attach));
            }
        }
        true
    }
}

/// As the log shows it: `/admin alice (sid)`.
impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, sid, .. } = self;
        match &self.from {
            Some(name) => write!(f, "{namespace} {name} ({sid})"),
            None => write!(f, "{namespace} ({sid})"),
        }
    }
}
