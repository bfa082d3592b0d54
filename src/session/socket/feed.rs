//! Decides what a reader is owed next: from the log while it is behind, then from its mailbox; always in order, without
//! gap or repeat.
//!
//! Knows nothing of encoding, credit or confirmation: its owner acts on each [`NextItem`].

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::task::JoinHandle;

use super::catchup::{self, LogRead, OpenedSubscription};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::hub::delivery::{Delivery, DeliveryKind};
use crate::hub::mailbox::{Mailbox, MailboxItem};
use crate::hub::notification_queue::NotificationQueue;
use crate::hub::request::ReplayRange;
use crate::session::services::Services;
use crate::store::{LogPage, Reader, StoreError, owed};

#[derive(Debug)]
enum FeedState {
    /// No subscription.
    Silent,
    /// The store is looking up where the subscription begins.
    Opening {
        ack_id: Option<u64>,
        then: AfterLog,
    },
    /// Reads the log up to record `upto`.
    Reading {
        next: Option<Seq>,
        upto: u64,
        page: VecDeque<(u32, Delivery)>,
        notice: CaughtUpNotice,
        then: AfterLog,
    },
    Live,
    /// The mailbox overflowed and is empty now. The hub was asked to attach it again.
    Attaching,
}

/// Where the feed goes on after the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterLog {
    Mailbox,
    /// A peek ends with the log.
    Stop,
}

/// Whether the reader gets a `caught-up` event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaughtUpNotice {
    Send,
    Skip,
}

#[derive(Debug)]
pub struct ReaderFeed {
    namespace: Namespace,
    reader: Arc<Reader>,
    /// The reader's rooms, as the ops that move its cursors name them.
    rooms: Arc<[RoomName]>,
    mailbox: Arc<Mailbox>,
    state: FeedState,
    /// Rooms that the reader entered while it peeks.
    rooms_after_peek: Option<Reader>,
    /// The first seq that was neither sent nor skipped.
    cursor: Seq,
    /// The end of the last gap that was reported.
    reported_gap: Seq,
    reading: Option<JoinHandle<Result<LogRead, StoreError>>>,
    /// Rooms that were purged up to a seq since this subscription began.
    purged: BTreeMap<RoomName, Seq>,
}

/// The next item for the reader.
#[derive(Debug)]
pub enum NextItem {
    /// Nothing now.
    None,
    /// Call again: something changed.
    Retry,
    /// A record, from the message with this index on.
    Delivery(Arc<Delivery>, u32),
    /// Nothing before this seq is left to send.
    Skip(Seq),
    /// The log is read to the end of record `upto`, and what follows is live. Nothing before `skip` is left to send.
    Live {
        skip: Option<Seq>,
        upto: u64,
        notice: CaughtUpNotice,
    },
    /// Ask the hub to attach this feed again.
    Attach,
}

/// The changes that a page of the log brought.
#[derive(Debug, Default)]
pub struct AddedPage {
    /// Nothing before this seq is left to send, as far as the log is read.
    pub skip: Option<Seq>,
    /// The store no longer keeps every message between these.
    pub gap: Option<(Seq, Seq)>,
}

impl ReaderFeed {
    pub fn new(namespace: Namespace, mailbox: Arc<Mailbox>) -> Self {
        Self {
            namespace,
            reader: Arc::default(),
            rooms: Arc::new([]),
            mailbox,
            state: FeedState::Silent,
            rooms_after_peek: None,
            cursor: Seq::START,
            reported_gap: Seq::START,
            reading: None,
            purged: BTreeMap::new(),
        }
    }

    /// The first seq that was neither sent nor skipped.
    pub fn cursor(&self) -> Seq {
        self.cursor
    }

    /// Everything before `cursor` was sent or is not owed.
    pub fn advance(&mut self, cursor: Seq) {
        self.cursor = self.cursor.max(cursor);
    }

    pub fn is_silent(&self) -> bool {
        matches!(self.state, FeedState::Silent)
    }

    pub fn is_live(&self) -> bool {
        matches!(self.state, FeedState::Live)
    }

    /// Whether the store is reading for it.
    pub fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// With the cursors that the subscription began with.
    pub fn reader(&self) -> &Arc<Reader> {
        &self.reader
    }

    pub fn rooms(&self) -> &Arc<[RoomName]> {
        &self.rooms
    }

    pub fn is_in(&self, room: &RoomName) -> bool {
        self.reader.rooms.contains_key(room)
    }

    /// The hub attached a new subscription at `head`. Asks the store where it begins.
    pub fn subscribe(
        &mut self,
        services: &Services,
        reader: Reader,
        head: u64,
        ack_id: Option<u64>,
        stretch: ReplayRange,
    ) {
        self.set_reader(Arc::new(reader.clone()));
        self.state = FeedState::Opening {
            ack_id,
            then: AfterLog::Mailbox,
        };
        self.rooms_after_peek = None;
        self.purged.clear();
        let (readers, log_id) = (services.readers.clone(), Arc::clone(&services.log_id));
        let opening = catchup::open(
            readers,
            self.namespace.clone(),
            reader,
            head,
            stretch,
            log_id,
        );
        self.stop_reading();
        self.reading = Some(tokio::spawn(opening));
    }

    /// Reads the messages that wait for a client, in one room or in all that it joined. Moves no cursor.
    pub fn peek(
        &mut self,
        services: &Services,
        client: ClientName,
        room: Option<RoomName>,
        ack_id: Option<u64>,
    ) {
        self.state = FeedState::Opening {
            ack_id,
            then: AfterLog::Stop,
        };
        let (readers, namespace) = (services.readers.clone(), self.namespace.clone());
        self.stop_reading();
        self.reading = Some(tokio::spawn(catchup::peek(
            readers, namespace, client, room,
        )));
    }

    /// No cursor may move while it peeks.
    pub fn is_peeking(&self) -> bool {
        matches!(
            self.state,
            FeedState::Opening {
                then: AfterLog::Stop,
                ..
            } | FeedState::Reading {
                then: AfterLog::Stop,
                ..
            }
        )
    }

    /// In these rooms nothing before `cursor` is owed any more.
    pub fn purged(&mut self, rooms: &[RoomName], cursor: Seq) {
        for room in rooms {
            let end = self.purged.entry(room.clone()).or_insert(cursor);
            *end = cursor.max(*end);
        }
        self.skip_purged();
        if let FeedState::Reading { page, .. } = &mut self.state {
            let reader = &self.reader;
            let left = std::mem::take(page).into_iter();
            *page = left
                .filter_map(|(from, delivery)| {
                    Some((still_owed(from, &delivery, reader)?, delivery))
                })
                .collect();
        }
    }

    /// The index of the first message of a record that is still owed.
    pub fn first_owed(&self, delivery: &Delivery) -> Option<u32> {
        owed(delivery.record.number, delivery.header(), &self.reader)
    }

    fn skip_purged(&mut self) {
        let reader = Arc::make_mut(&mut self.reader);
        for (room, end) in &self.purged {
            if let Some(cursor) = reader.rooms.get_mut(room) {
                *cursor = (*cursor).max(*end);
            }
        }
    }

    /// The reader entered or left rooms.
    pub fn set_rooms(&mut self, reader: &Reader) {
        if self.is_peeking() {
            self.rooms_after_peek = Some(reader.clone());
            return;
        }
        if self.is_silent()
            && let Some(start) = reader.rooms.values().min()
        {
            self.cursor = *start;
            self.state = FeedState::Live;
        }
        // Rooms that stay keep this feed's cursors: the hub's are as old as the subscription.
        self.set_reader(catchup::with_cursors_of(reader, &self.reader));
    }

    fn set_reader(&mut self, reader: Arc<Reader>) {
        self.rooms = reader.rooms.keys().cloned().collect();
        self.reader = reader;
    }

    /// The hub attached it again at `head`: everything before that comes from the log.
    pub fn attached(&mut self, head: u64) {
        if matches!(self.state, FeedState::Attaching) {
            self.read_on(self.cursor, head, CaughtUpNotice::Skip, AfterLog::Mailbox);
        }
    }

    fn read_on(&mut self, from: Seq, upto: u64, notice: CaughtUpNotice, then: AfterLog) {
        let next = (from.record <= upto).then_some(from);
        self.state = FeedState::Reading {
            next,
            upto,
            page: VecDeque::new(),
            notice,
            then,
        };
    }

    fn stop_reading(&mut self) {
        if let Some(reading) = self.reading.take() {
            reading.abort();
        }
    }

    /// Ready with the result of the store read, for [`Self::open`] or [`Self::add_page`].
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<LogRead, StoreError>> {
        let Some(reading) = &mut self.reading else {
            return Poll::Pending;
        };
        let Poll::Ready(done) = Pin::new(reading).poll(cx) else {
            return Poll::Pending;
        };
        self.reading = None;
        Poll::Ready(catchup::join_result(done))
    }

    /// The store found where the subscription begins. Returns the ack id of its request. `None`: another subscription has
    /// replaced it.
    pub fn open(
        &mut self,
        opened: &OpenedSubscription,
        notice: CaughtUpNotice,
    ) -> Option<Option<u64>> {
        let FeedState::Opening { ack_id, then } = self.state else {
            return None;
        };
        self.set_reader(match then {
            // The reader may have entered or left rooms meanwhile.
            AfterLog::Mailbox => catchup::with_cursors_of(&self.reader, &opened.reader),
            AfterLog::Stop => Arc::clone(&opened.reader),
        });
        self.skip_purged();
        self.cursor = opened.start;
        self.read_on(opened.start, opened.head, notice, then);
        Some(ack_id)
    }

    /// Takes the next page.
    pub fn add_page(&mut self, page: LogPage) -> AddedPage {
        let FeedState::Reading {
            next,
            upto,
            page: pending,
            ..
        } = &mut self.state
        else {
            return AddedPage::default();
        };
        let (reader, is_unpurged) = (&self.reader, self.purged.is_empty());
        pending.extend(page.records.into_iter().filter_map(|(from, record)| {
            let delivery = Delivery::new(record, DeliveryKind::Durable);
            let from = if is_unpurged {
                from
            } else {
                still_owed(from, &delivery, reader)?
            };
            Some((from, delivery))
        }));
        *next = page.next;
        let cursor = page.next.unwrap_or(Seq::after_record(*upto));
        // Two pages can meet the same gap.
        let gap = page.gap.filter(|(_, to)| *to > self.reported_gap);
        if let Some((_, to)) = gap {
            self.reported_gap = to;
        }
        AddedPage {
            skip: pending.is_empty().then_some(cursor),
            gap,
        }
    }

    /// The next item to send. The caller must have credit for it.
    pub fn poll_next(
        &mut self,
        services: &Services,
        notifications: &NotificationQueue,
    ) -> NextItem {
        match &mut self.state {
            FeedState::Silent => match self.mailbox.take_direct() {
                Some(delivery) => NextItem::Delivery(delivery, 0),
                None => NextItem::None,
            },
            FeedState::Opening { .. } | FeedState::Attaching => NextItem::None,
            FeedState::Reading { .. } => self.next_from_log(services),
            FeedState::Live => match self.mailbox.take() {
                MailboxItem::Empty => NextItem::None,
                // The hub notifies about a room before it delivers from that room, so notifications come first. They woke
                // the session.
                MailboxItem::Delivery(delivery) if !notifications.is_empty() => {
                    self.mailbox.put_back(delivery);
                    NextItem::None
                }
                MailboxItem::Delivery(delivery) => self.classify(delivery),
                MailboxItem::Overflowed => {
                    self.state = FeedState::Attaching;
                    NextItem::Attach
                }
            },
        }
    }

    fn next_from_log(&mut self, services: &Services) -> NextItem {
        let FeedState::Reading {
            next,
            upto,
            page,
            notice,
            then,
        } = &mut self.state
        else {
            return NextItem::None;
        };
        if let Some(from) = *next
            && page.len() < 2
            && self.reading.is_none()
        {
            let (readers, reader) = (services.readers.clone(), Arc::clone(&self.reader));
            let reading = catchup::page(readers, self.namespace.clone(), reader, from, *upto);
            self.reading = Some(tokio::spawn(reading));
            return NextItem::Retry;
        }
        if let Some((from, delivery)) = page.pop_front() {
            return NextItem::Delivery(Arc::new(delivery), from);
        }
        if self.reading.is_some() {
            return NextItem::None;
        }
        let (upto, notice, end) = (*upto, *notice, Seq::after_record(*upto));
        let skip = match *then {
            AfterLog::Stop => {
                self.state = FeedState::Silent;
                self.set_reader(Arc::default());
                if let Some(reader) = self.rooms_after_peek.take() {
                    self.set_rooms(&reader);
                }
                None
            }
            AfterLog::Mailbox => {
                self.state = FeedState::Live;
                (end > self.cursor).then_some(end)
            }
        };
        NextItem::Live { skip, upto, notice }
    }

    fn classify(&self, delivery: Arc<Delivery>) -> NextItem {
        if matches!(delivery.kind, DeliveryKind::Direct | DeliveryKind::Presence) {
            return NextItem::Delivery(delivery, 0);
        }
        let number = delivery.record.number;
        if delivery.kind == DeliveryKind::Durable && number < self.cursor.record {
            return NextItem::Retry;
        }
        match owed(number, delivery.header(), &self.reader) {
            Some(from) => NextItem::Delivery(delivery, from),
            None if delivery.kind == DeliveryKind::Durable => {
                NextItem::Skip(Seq::after_record(number))
            }
            None => NextItem::Retry,
        }
    }
}

/// The first message from `from` on that is still owed.
fn still_owed(from: u32, delivery: &Delivery, reader: &Reader) -> Option<u32> {
    let first = owed(delivery.record.number, delivery.header(), reader)?;
    Some(first.max(from))
}

impl Drop for ReaderFeed {
    fn drop(&mut self) {
        self.stop_reading();
    }
}
