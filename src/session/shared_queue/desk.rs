//! The task that holds one name's queue for its sharers: it reads as any subscriber does, and hands out by its ledger.
//!
//! Like a session it is one `poll` over everything that it waits for. It ends with its last sharer, or when somebody else
//! takes the name.

mod confirming;
mod entering;

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

use super::leases::Leases;
use super::messages::{Asked, Given, Joining, Left};
use super::registry::{Figures, Key};
use super::sheaf::Sheaf;
use super::unsent::Unsent;
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
use crate::session::socket::feed::{AddedPage, CaughtUpNotice, Feed, NextItem};
use crate::store::StoreError;
use crate::wire::error_code::ErrorCode;
use crate::wire::socket;

/// Why a desk is given up.
#[derive(Debug)]
enum End {
    /// The last sharer went, or none could be served.
    Left,
    NameTaken,
    Kicked(Arc<str>),
    Failed(StoreError),
    /// The hub is going.
    Shutdown,
}

impl From<HubClosed> for End {
    fn from(_: HubClosed) -> Self {
        Self::Shutdown
    }
}

struct Desk {
    services: Arc<Services>,
    key: Key,
    id: SocketId,
    waker: Arc<AtomicWaker>,
    notices: Arc<NotificationQueue>,
    /// What the desk before this one left.
    early: VecDeque<Asked>,
    asked: mpsc::UnboundedReceiver<Asked>,
    figures: Arc<Figures>,
    outbox: Outbox,
    feed: Feed,
    mailbox: Arc<Mailbox>,
    vitals: Arc<SocketStats>,
    stage: Stage,
    leases: Leases<Sheaf>,
    sharers: BTreeMap<SocketId, Sharer>,
    /// Acks whose cursor move is on its way to the disk, by number, with who waits for what answer.
    acking: HashMap<u64, (SocketId, u64)>,
    last_ack: u64,
    /// Where the cursors were last asked to stand.
    moved_to: Seq,
    /// Up to here some may have been given up that was handed.
    purged: Seq,
    timer: Pin<Box<Sleep>>,
}

enum Stage {
    /// Nobody came yet.
    New,
    /// Who came waits until it is known where the queue begins.
    Opening(Vec<Joining>),
    Open,
}

struct Sharer {
    given: mpsc::UnboundedSender<Given>,
    unsent: Arc<Unsent>,
    /// It was told that nothing is left to hand out.
    caught_up: bool,
}

impl Sharer {
    /// A sharer whose session is gone says so by leaving.
    fn give(&self, given: Given) {
        let _ = self.given.send(given);
    }

    /// How many bytes are now on their way to it.
    fn hand(&self, frames: Vec<WireFrame>) -> usize {
        let unsent = self.unsent.add(&frames);
        self.give(Given::Frames(frames));
        unsent
    }
}

/// Serves sharers until there are none.
pub async fn run(
    services: Arc<Services>,
    key: Key,
    asked: mpsc::UnboundedReceiver<Asked>,
    figures: Arc<Figures>,
) {
    let early = VecDeque::new();
    let mut left = Left { early, asked };
    loop {
        let mut desk = Desk::new(&services, &key, left, Arc::clone(&figures));
        let end = poll_fn(|cx| desk.poll(cx)).await;
        left = desk.finish(&end);
        match end {
            End::Left | End::NameTaken | End::Kicked(_) => {}
            End::Failed(error) => services.fail(error),
            // Nobody is served any more: what still comes is answered by the end of its session.
            End::Shutdown => return,
        }
        if services.shares.retire(&key, &left) {
            return;
        }
    }
}

impl Desk {
    fn new(services: &Arc<Services>, key: &Key, left: Left, figures: Arc<Figures>) -> Self {
        let waker = Arc::new(AtomicWaker::new());
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&waker)));
        Self {
            id: services.next_socket(),
            notices: Arc::new(NotificationQueue::new(Arc::clone(&waker))),
            outbox: Outbox::new(Arc::clone(services)),
            feed: Feed::new(key.0.clone(), Arc::clone(&mailbox)),
            services: Arc::clone(services),
            key: key.clone(),
            waker,
            early: left.early,
            asked: left.asked,
            figures,
            mailbox,
            vitals: Arc::new(SocketStats::new(
                Arc::new(Peer::polling(PeerAddress::Shared)),
                Some(key.1.clone()),
                (services.clock)(),
            )),
            stage: Stage::New,
            leases: Leases::new(Seq::START),
            sharers: BTreeMap::new(),
            acking: HashMap::new(),
            last_ack: 0,
            moved_to: Seq::START,
            purged: Seq::START,
            timer: Box::pin(tokio::time::sleep_until(Instant::now())),
        }
    }

    /// Ready only with the end; otherwise everything that could be done was done.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.waker.register(cx.waker());
        loop {
            match self.turn(cx) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(end) => return Poll::Ready(end),
            }
        }
    }

    /// A little of everything; false when there was nothing to do.
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut did = false;
        while let Some((_, told)) = self.notices.take() {
            self.told(told)?;
            did = true;
        }
        while let Some(asked) = self.early.pop_front() {
            self.asked(asked);
            did = true;
        }
        while let Poll::Ready(asked) = self.asked.poll_recv(cx) {
            self.asked(asked.ok_or(End::Shutdown)?);
            did = true;
        }
        if let Poll::Ready(done) = self.feed.poll_read(cx) {
            self.read(done.map_err(End::Failed)?);
            did = true;
        }
        did |= self.poll_timer(cx);
        did |= self.hand_out();
        self.move_cursor();
        if let Poll::Ready(sent) = self.outbox.poll(cx) {
            sent?;
        }
        self.count();
        let waiting = matches!(self.stage, Stage::Opening(_));
        if did || waiting || !self.sharers.is_empty() {
            Ok(did)
        } else {
            Err(End::Left)
        }
    }

    fn told(&mut self, told: Notification) -> Result<(), End> {
        match told {
            Notification::Subscribed {
                reader,
                head,
                range: stretch,
                ..
            } => {
                let (services, reader) = (&self.services, (*reader).clone());
                self.feed.subscribe(services, reader, head, None, stretch);
                self.vitals.set_reader(Arc::clone(self.feed.reader()));
            }
            Notification::NoRooms { .. } => {
                let why = "this name has joined no room; name one";
                self.turn_away(ErrorCode::NoRooms, why);
                return Err(End::Left);
            }
            Notification::Refused { ack_id, refusal } => match ack_id {
                Some(ack) => {
                    if let Some((sharer, answer)) = self.acking.remove(&ack) {
                        let answer = Some(answer);
                        self.give(sharer, Given::StoreRefused { answer, refusal });
                    }
                }
                None => {
                    for joining in self.waiting() {
                        let refused = Given::StoreRefused {
                            answer: joining.answer,
                            refusal: refusal.clone(),
                        };
                        let _ = joining.given.send(refused);
                    }
                    return Err(End::Left);
                }
            },
            Notification::Acked { ack_id: answer } => {
                let acked = answer.and_then(|ack| self.acking.remove(&ack));
                if let Some((sharer, answer)) = acked {
                    self.give(sharer, Given::Answer(Some((answer, json!({"ok": true})))));
                }
            }
            Notification::ReaderChanged { reader } => self.feed.set_rooms(&reader),
            Notification::PendingPurged { rooms, cursor } => {
                self.feed.purged(&rooms, cursor);
                self.purged = self.purged.max(cursor);
                self.drop_purged();
            }
            Notification::Attached { head } => self.feed.attached(head),
            Notification::NameTaken => return Err(End::NameTaken),
            Notification::Kicked { by } => return Err(End::Kicked(by)),
            // It asks for nothing else.
            _ => {}
        }
        Ok(())
    }

    fn asked(&mut self, asked: Asked) {
        match asked {
            Asked::Join(joining) => match &mut self.stage {
                Stage::New => {
                    self.subscribe(&joining.rooms);
                    self.stage = Stage::Opening(vec![joining]);
                }
                Stage::Opening(waiting) => waiting.push(joining),
                Stage::Open => {
                    let head = self.feed.cursor().record.saturating_sub(1);
                    self.enter(joining, head, self.leases.free());
                }
            },
            Asked::Ack {
                socket,
                seq,
                answer,
            } => self.ack(socket, seq, answer),
            // What there is to hand out is looked at next.
            Asked::Room => {}
            Asked::Leave(socket) => {
                if let Stage::Opening(waiting) = &mut self.stage {
                    waiting.retain(|joining| joining.socket != socket);
                }
                if self.sharers.remove(&socket).is_some() {
                    self.leases.leave(socket);
                    self.drop_purged();
                }
            }
        }
    }

    fn read(&mut self, done: LogRead) {
        match done {
            LogRead::Opened(opened) => {
                if self.feed.open(&opened, CaughtUpNotice::Skip).is_none() {
                    return;
                }
                self.leases = Leases::new(opened.start);
                self.moved_to = opened.start;
                let waiting = self.waiting();
                self.stage = Stage::Open;
                let pending = opened.pending;
                for joining in waiting {
                    self.enter(joining, opened.head, pending);
                }
            }
            LogRead::Page(page) => {
                let AddedPage { skip, gap } = self.feed.add_page(page);
                if let Some(behind) = skip {
                    self.skip(behind);
                }
                if let Some((from, to)) = gap {
                    let (namespace, name) = &self.key;
                    tracing::warn!(%namespace, %name, %from, %to, "a shared queue fell behind what is kept");
                    self.tell_all("gap", &json!({"from": from, "to": to}));
                }
            }
        }
    }

    fn skip(&mut self, behind: Seq) {
        self.feed.advance(behind);
        self.leases.skip(behind);
    }

    /// Hands out what there is to those who have room.
    fn hand_out(&mut self) -> bool {
        if !matches!(self.stage, Stage::Open) {
            return false;
        }
        for (id, sharer) in &self.sharers {
            self.leases.note_unsent(*id, sharer.unsent.bytes());
        }
        let (mut did, now) = (false, Instant::now());
        loop {
            while let Some(piece) = self.leases.hand(now) {
                did = true;
                let frames = piece.record.frames(piece.from, piece.to).to_vec();
                self.hand(piece.holder, frames);
            }
            if !self.leases.wants() {
                return did;
            }
            match self.feed.poll_next(&self.services, &self.notices) {
                NextItem::None => {
                    did |= self.caught_up();
                    return did;
                }
                NextItem::Retry => {}
                NextItem::Delivery(parcel, from) => self.take(parcel, from),
                NextItem::Skip(behind) => self.skip(behind),
                NextItem::Live { skip, .. } => {
                    if let Some(behind) = skip {
                        self.skip(behind);
                    }
                }
                NextItem::Attach => {
                    let attach = InboxMessage::Core(CoreInput::Attach(self.id));
                    self.outbox.push(Submission::Hub(attach));
                }
            }
            did = true;
        }
    }

    fn take(&mut self, parcel: Arc<Delivery>, from: u32) {
        if parcel.kind != DeliveryKind::Durable {
            // It is nobody's in particular and waits for nobody.
            if let Some(sharer) = self.leases.pass_by() {
                self.hand(sharer, parcel.batch(0).to_vec());
            }
            return;
        }
        let (number, count) = (parcel.record.number, parcel.header().count);
        let bytes = parcel.record.body.len();
        self.feed.advance(Seq::after_record(number));
        self.leases
            .add(number, from, count, Sheaf::new(parcel), bytes);
    }

    /// Nothing is left to hand out: who was not told that yet is.
    fn caught_up(&mut self) -> bool {
        if !self.feed.is_live() || !self.notices.is_empty() || !self.leases.is_handed() {
            return false;
        }
        let head = Seq::new(self.feed.cursor().record.saturating_sub(1), 0);
        let event = self.event("caught-up", &json!({"head": head}));
        let mut did = false;
        for sharer in self.sharers.values_mut().filter(|it| !it.caught_up) {
            sharer.caught_up = true;
            sharer.hand(vec![event.clone()]);
            did = true;
        }
        did
    }

    fn tell_all(&self, event: &str, data: &serde_json::Value) {
        let frame = self.event(event, data);
        for sharer in self.sharers.values() {
            sharer.hand(vec![frame.clone()]);
        }
    }

    fn event(&self, event: &str, data: &serde_json::Value) -> WireFrame {
        let text = socket::encode_event(&self.key.0, None, event, &data.to_string(), 0);
        WireFrame::text(text)
    }

    fn hand(&mut self, sharer: SocketId, frames: Vec<WireFrame>) {
        if let Some(to) = self.sharers.get(&sharer) {
            self.leases.note_unsent(sharer, to.hand(frames));
        }
    }

    /// What was purged while somebody held it comes to nobody else.
    fn drop_purged(&mut self) {
        if self.leases.cursor() < self.purged {
            let feed = &self.feed;
            self.leases
                .drop_free(|sheaf| feed.first_owed(&sheaf.parcel));
        }
    }

    fn give(&self, sharer: SocketId, given: Given) {
        if let Some(sharer) = self.sharers.get(&sharer) {
            sharer.give(given);
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        while let Some(deadline) = self.leases.deadline() {
            // Each ack moves the deadline: a timer that comes too early is set anew then, not each time.
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
                    "{late} of those who share {namespace} {name} are late: others get what they hold"
                );
                return true;
            }
        }
        false
    }

    fn count(&self) {
        let Figures { sharers, leased } = &*self.figures;
        sharers.store(self.sharers.len() as u64, Ordering::Relaxed);
        let held = self.leases.leased();
        leased.store(held, Ordering::Relaxed);
        let unconfirmed = held + self.leases.free();
        self.vitals.record_progress(self.feed.cursor(), unconfirmed);
    }
}
