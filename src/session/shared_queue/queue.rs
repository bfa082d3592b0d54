//! The task of one shared queue: it reads the log as any subscriber does, and leases the messages to its sharers.
//!
//! Like a session it is one `poll` over everything it waits for. It ends with its last sharer, or when an exclusive subscriber
//! takes the name.

mod acks;
mod joining;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use super::indexed_batch::IndexedBatch;
use super::leases::Leases;
use super::messages::{ShareEvent, ShareJoin, ShareRequest, UnhandledRequests};
use super::registry::{QueueKey, QueueStats};
use super::unsent::UnsentBytes;
use crate::address::Seq;
use crate::hub::delivery::{Delivery, DeliveryKind};
use crate::hub::frame::WireFrame;
use crate::hub::inbox::InboxMessage;
use crate::hub::input::CoreInput;
use crate::hub::mailbox::Mailbox;
use crate::hub::notification::Notification;
use crate::hub::notification_queue::NotificationQueue;
use crate::hub::peer::{Peer, PeerAddress};
use crate::hub::socket_id::SocketId;
use crate::hub::socket_stats::SocketStats;
use crate::session::engine::outbox::{HubClosed, Outbox, Submission};
use crate::session::services::Services;
use crate::session::socket::catchup::LogRead;
use crate::session::socket::feed::{AddedPage, CaughtUpNotice, NextItem, ReaderFeed};
use crate::store::StoreError;
use crate::wire::error_code::ErrorCode;
use crate::wire::socket;

/// Why a shared queue ended.
#[derive(Debug)]
enum QueueEnd {
    /// The last sharer left, or none could be admitted.
    Unused,
    NameTaken,
    Kicked(Arc<str>),
    Failed(StoreError),
    /// The hub is stopping.
    Shutdown,
}

impl From<HubClosed> for QueueEnd {
    fn from(_: HubClosed) -> Self {
        Self::Shutdown
    }
}

struct SharedQueue {
    services: Arc<Services>,
    key: QueueKey,
    id: SocketId,
    waker: Arc<AtomicWaker>,
    notifications: Arc<NotificationQueue>,
    /// Requests that the queue before this one left.
    early: VecDeque<ShareRequest>,
    requests: mpsc::UnboundedReceiver<ShareRequest>,
    stats: Arc<QueueStats>,
    outbox: Outbox,
    feed: ReaderFeed,
    mailbox: Arc<Mailbox>,
    socket_stats: Arc<SocketStats>,
    state: QueueState,
    leases: Leases<IndexedBatch>,
    sharers: BTreeMap<SocketId, Sharer>,
    /// Acks whose cursor move is not durable yet: by number, the sharer and the ack id to answer.
    committing: HashMap<u64, (SocketId, u64)>,
    last_commit: u64,
    /// The cursor last submitted to the store.
    submitted: Seq,
    /// Leased messages before this seq may have been purged.
    purged: Seq,
    timer: Pin<Box<Sleep>>,
}

enum QueueState {
    /// No sharer has joined yet.
    New,
    /// Sharers that wait until the store has found where the queue begins.
    Opening(Vec<ShareJoin>),
    Open,
}

struct Sharer {
    events: mpsc::UnboundedSender<ShareEvent>,
    unsent: Arc<UnsentBytes>,
    /// Has been sent `caught-up`.
    is_caught_up: bool,
}

impl Sharer {
    /// Does nothing when the session has ended: its `Leave` is on the way.
    fn send(&self, event: ShareEvent) {
        let _ = self.events.send(event);
    }

    /// Returns how many bytes its transport has not taken.
    fn deliver(&self, frames: Vec<WireFrame>) -> usize {
        let unsent = self.unsent.add(&frames);
        self.send(ShareEvent::Frames(frames));
        unsent
    }
}

/// Serves the sharers of a name until there are none.
pub async fn run(
    services: Arc<Services>,
    key: QueueKey,
    receiver: mpsc::UnboundedReceiver<ShareRequest>,
    stats: Arc<QueueStats>,
) {
    let mut unhandled = UnhandledRequests {
        received: VecDeque::new(),
        receiver,
    };
    loop {
        let mut queue = SharedQueue::new(&services, &key, unhandled, Arc::clone(&stats));
        let end = poll_fn(|cx| queue.poll(cx)).await;
        unhandled = queue.finish(&end);
        match end {
            QueueEnd::Unused | QueueEnd::NameTaken | QueueEnd::Kicked(_) => {}
            QueueEnd::Failed(error) => services.fail(error),
            // Later requests are answered by the end of their sessions.
            QueueEnd::Shutdown => return,
        }
        if services.shared_queues.remove_if_idle(&key, &unhandled) {
            return;
        }
    }
}

impl SharedQueue {
    fn new(
        services: &Arc<Services>,
        key: &QueueKey,
        unhandled: UnhandledRequests,
        stats: Arc<QueueStats>,
    ) -> Self {
        let waker = Arc::new(AtomicWaker::new());
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&waker)));
        Self {
            id: services.next_socket(),
            notifications: Arc::new(NotificationQueue::new(Arc::clone(&waker))),
            outbox: Outbox::new(Arc::clone(services)),
            feed: ReaderFeed::new(key.0.clone(), Arc::clone(&mailbox)),
            services: Arc::clone(services),
            key: key.clone(),
            waker,
            early: unhandled.received,
            requests: unhandled.receiver,
            stats,
            mailbox,
            socket_stats: Arc::new(SocketStats::new(
                Arc::new(Peer::polling(PeerAddress::Shared)),
                Some(key.1.clone()),
                (services.clock)(),
            )),
            state: QueueState::New,
            leases: Leases::new(Seq::START),
            sharers: BTreeMap::new(),
            committing: HashMap::new(),
            last_commit: 0,
            submitted: Seq::START,
            purged: Seq::START,
            timer: Box::pin(tokio::time::sleep_until(Instant::now())),
        }
    }

    /// Ready only when the queue ends. Pending means that all possible work was done.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<QueueEnd> {
        self.waker.register(cx.waker());
        loop {
            match self.step(cx) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(end) => return Poll::Ready(end),
            }
        }
    }

    /// Does a bounded amount of work. Returns false when there was none.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<bool, QueueEnd> {
        let mut did_work = false;
        while let Some((_, notification)) = self.notifications.take() {
            self.handle_notification(notification)?;
            did_work = true;
        }
        while let Some(request) = self.early.pop_front() {
            self.handle_request(request);
            did_work = true;
        }
        while let Poll::Ready(request) = self.requests.poll_recv(cx) {
            self.handle_request(request.ok_or(QueueEnd::Shutdown)?);
            did_work = true;
        }
        if let Poll::Ready(read) = self.feed.poll_read(cx) {
            self.handle_read(read.map_err(QueueEnd::Failed)?);
            did_work = true;
        }
        did_work |= self.poll_timer(cx);
        did_work |= self.hand_out();
        self.move_cursor();
        if let Poll::Ready(sent) = self.outbox.poll(cx) {
            sent?;
        }
        self.publish_stats();
        let is_opening = matches!(self.state, QueueState::Opening(_));
        if did_work || is_opening || !self.sharers.is_empty() {
            Ok(did_work)
        } else {
            Err(QueueEnd::Unused)
        }
    }

    fn handle_notification(&mut self, notification: Notification) -> Result<(), QueueEnd> {
        match notification {
            Notification::Subscribed {
                reader,
                head,
                range: stretch,
                ..
            } => {
                let (services, reader) = (&self.services, (*reader).clone());
                self.feed.subscribe(services, reader, head, None, stretch);
                self.socket_stats.set_reader(Arc::clone(self.feed.reader()));
            }
            Notification::NoRooms { .. } => {
                let why = "this name has joined no room; name one";
                self.refuse_opening(ErrorCode::NoRooms, why);
                return Err(QueueEnd::Unused);
            }
            Notification::Refused { ack_id, refusal } => match ack_id {
                Some(ack) => {
                    if let Some((sharer, answer)) = self.committing.remove(&ack) {
                        let answer = Some(answer);
                        self.send(sharer, ShareEvent::StoreRefused { answer, refusal });
                    }
                }
                None => {
                    for join in self.take_opening() {
                        let refused = ShareEvent::StoreRefused {
                            answer: join.answer,
                            refusal: refusal.clone(),
                        };
                        let _ = join.events.send(refused);
                    }
                    return Err(QueueEnd::Unused);
                }
            },
            Notification::Acked { ack_id: answer } => {
                let committed = answer.and_then(|ack| self.committing.remove(&ack));
                if let Some((sharer, answer)) = committed {
                    self.send(
                        sharer,
                        ShareEvent::Answer(Some((answer, json!({"ok": true})))),
                    );
                }
            }
            Notification::ReaderChanged { reader } => self.feed.set_rooms(&reader),
            Notification::PendingPurged { rooms, cursor } => {
                self.feed.purged(&rooms, cursor);
                self.purged = self.purged.max(cursor);
                self.drop_purged();
            }
            Notification::Attached { head } => self.feed.attached(head),
            Notification::NameTaken => return Err(QueueEnd::NameTaken),
            Notification::Kicked { by } => return Err(QueueEnd::Kicked(by)),
            // A queue makes no other requests.
            _ => {}
        }
        Ok(())
    }

    fn handle_request(&mut self, request: ShareRequest) {
        match request {
            ShareRequest::Join(join) => match &mut self.state {
                QueueState::New => {
                    self.subscribe(&join.rooms);
                    self.state = QueueState::Opening(vec![join]);
                }
                QueueState::Opening(joins) => joins.push(join),
                QueueState::Open => {
                    let head = self.feed.cursor().record.saturating_sub(1);
                    self.admit(join, head, self.leases.free());
                }
            },
            ShareRequest::Ack {
                socket,
                seq,
                answer,
            } => self.ack(socket, seq, answer),
            // The next step hands out more.
            ShareRequest::Drained => {}
            ShareRequest::Leave(socket) => {
                if let QueueState::Opening(joins) = &mut self.state {
                    joins.retain(|join| join.socket != socket);
                }
                if self.sharers.remove(&socket).is_some() {
                    self.leases.remove_holder(socket);
                    self.drop_purged();
                }
            }
        }
    }

    fn handle_read(&mut self, read: LogRead) {
        match read {
            LogRead::Opened(opened) => {
                if self.feed.open(&opened, CaughtUpNotice::Skip).is_none() {
                    return;
                }
                self.leases = Leases::new(opened.start);
                self.submitted = opened.start;
                let joins = self.take_opening();
                self.state = QueueState::Open;
                let pending = opened.pending;
                for join in joins {
                    self.admit(join, opened.head, pending);
                }
            }
            LogRead::Page(page) => {
                let AddedPage { skip, gap } = self.feed.add_page(page);
                if let Some(cursor) = skip {
                    self.skip(cursor);
                }
                if let Some((from, to)) = gap {
                    let (namespace, name) = &self.key;
                    tracing::warn!(%namespace, %name, %from, %to, "a shared queue fell behind the kept history");
                    self.broadcast("gap", &json!({"from": from, "to": to}));
                }
            }
        }
    }

    fn skip(&mut self, cursor: Seq) {
        self.feed.advance(cursor);
        self.leases.skip(cursor);
    }

    /// Leases messages to the sharers that have room. Returns whether there was something to do.
    fn hand_out(&mut self) -> bool {
        if !matches!(self.state, QueueState::Open) {
            return false;
        }
        for (id, sharer) in &self.sharers {
            self.leases.note_unsent(*id, sharer.unsent.bytes());
        }
        let (mut did_work, now) = (false, Instant::now());
        loop {
            while let Some(piece) = self.leases.lease_next(now) {
                did_work = true;
                let frames = piece.record.frames(piece.from, piece.to).to_vec();
                self.deliver(piece.holder, frames);
            }
            if !self.leases.has_room() {
                return did_work;
            }
            match self.feed.poll_next(&self.services, &self.notifications) {
                NextItem::None => {
                    did_work |= self.send_caught_up();
                    return did_work;
                }
                NextItem::Retry => {}
                NextItem::Delivery(delivery, from) => self.add_delivery(delivery, from),
                NextItem::Skip(cursor) => self.skip(cursor),
                NextItem::Live { skip, .. } => {
                    if let Some(cursor) = skip {
                        self.skip(cursor);
                    }
                }
                NextItem::Attach => {
                    let attach = InboxMessage::Core(CoreInput::Attach(self.id));
                    self.outbox.push(Submission::Hub(attach));
                }
            }
            did_work = true;
        }
    }

    fn add_delivery(&mut self, delivery: Arc<Delivery>, from: u32) {
        if delivery.kind != DeliveryKind::Durable {
            // It is not leased, and dropped when no sharer has room.
            if let Some(sharer) = self.leases.next_sharer() {
                self.deliver(sharer, delivery.batch(0).to_vec());
            }
            return;
        }
        let (number, count) = (delivery.record.number, delivery.header().count);
        let bytes = delivery.record.body.len();
        self.feed.advance(Seq::after_record(number));
        self.leases
            .add(number, from, count, IndexedBatch::new(delivery), bytes);
    }

    /// Sends `caught-up` to the sharers that have not had it, once nothing is left to hand out.
    fn send_caught_up(&mut self) -> bool {
        if !self.feed.is_live() || !self.notifications.is_empty() || !self.leases.is_all_leased() {
            return false;
        }
        let head = Seq::new(self.feed.cursor().record.saturating_sub(1), 0);
        let event = self.event("caught-up", &json!({"head": head}));
        let mut did_work = false;
        for sharer in self
            .sharers
            .values_mut()
            .filter(|sharer| !sharer.is_caught_up)
        {
            sharer.is_caught_up = true;
            sharer.deliver(vec![event.clone()]);
            did_work = true;
        }
        did_work
    }

    fn broadcast(&self, event: &str, data: &serde_json::Value) {
        let frame = self.event(event, data);
        for sharer in self.sharers.values() {
            sharer.deliver(vec![frame.clone()]);
        }
    }

    fn event(&self, event: &str, data: &serde_json::Value) -> WireFrame {
        let text = socket::encode_event(&self.key.0, None, event, &data.to_string(), 0);
        WireFrame::text(text)
    }

    fn deliver(&mut self, sharer: SocketId, frames: Vec<WireFrame>) {
        if let Some(to) = self.sharers.get(&sharer) {
            self.leases.note_unsent(sharer, to.deliver(frames));
        }
    }

    /// Messages that were purged while a sharer held them do not go to another.
    fn drop_purged(&mut self) {
        if self.leases.cursor() < self.purged {
            let feed = &self.feed;
            self.leases
                .drop_free(|batch| feed.first_owed(&batch.delivery));
        }
    }

    fn send(&self, sharer: SocketId, event: ShareEvent) {
        if let Some(sharer) = self.sharers.get(&sharer) {
            sharer.send(event);
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        while let Some(deadline) = self.leases.deadline() {
            // Acks move the deadline. The timer is reset when it fires early, not at each ack.
            if self.timer.is_elapsed() || self.timer.deadline() > deadline {
                self.timer.as_mut().reset(deadline);
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return false;
            }
            let late = self.leases.expire(Instant::now());
            if late > 0 {
                self.drop_purged();
                let (namespace, name) = &self.key;
                tracing::debug!(
                    "{late} sharers of {namespace} {name} did not confirm in time: their messages go to others"
                );
                return true;
            }
        }
        false
    }

    fn publish_stats(&self) {
        let QueueStats { sharers, leased } = &*self.stats;
        sharers.store(self.sharers.len() as u64, Ordering::Relaxed);
        let held = self.leases.leased();
        leased.store(held, Ordering::Relaxed);
        let unconfirmed = held + self.leases.free();
        self.socket_stats
            .record_progress(self.feed.cursor(), unconfirmed);
    }
}
