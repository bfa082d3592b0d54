//! What a reader is owed next: from the log while it is behind and from its mailbox when it is not; either way in order,
//! without gap or repeat.
//!
//! Knows nothing of how that is encoded, of credit, or of who confirms it: whoever holds a feed is told what comes, and
//! does it.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::task::JoinHandle;

use super::catchup::{self, LogRead, Opened};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::hub::delivery::{Delivery, DeliveryKind};
use crate::hub::mailbox::{Mailbox, MailboxItem};
use crate::hub::notification_queue::NotificationQueue;
use crate::hub::request::ReplayRange;
use crate::session::services::Services;
use crate::store::{LogPage, Reader, StoreError, owed};

#[derive(Debug)]
enum FeedState {
    /// Subscribed to nothing.
    Silent,
    /// Finding out where the subscription begins.
    Opening {
        answer: Option<u64>,
        behind: LogEnd,
    },
    /// Reading the log up to record `upto`; the mailbox has what follows.
    Reading {
        next: Option<Seq>,
        upto: u64,
        page: VecDeque<(u32, Delivery)>,
        announce: CaughtUpNotice,
        behind: LogEnd,
    },
    Live,
    /// The mailbox overflowed and was emptied; the hub was asked to fill it again.
    Attaching,
}

/// What follows what is read from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LogEnd {
    Mailbox,
    /// Nothing: it was a look at what waits for somebody.
    Nothing,
}

/// Whether the end of the catch-up is news for who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaughtUpNotice {
    CaughtUp,
    Nothing,
}

#[derive(Debug)]
pub struct Feed {
    namespace: Namespace,
    reader: Arc<Reader>,
    /// The reader's rooms, as cursor moves name them.
    rooms: Arc<[RoomName]>,
    mailbox: Arc<Mailbox>,
    state: FeedState,
    /// What it is in since a look at somebody else's messages began.
    meanwhile: Option<Reader>,
    /// The first seq that was neither handed nor skipped.
    position: Seq,
    /// The end of the last gap that was told.
    gap_told: Seq,
    reading: Option<JoinHandle<Result<LogRead, StoreError>>>,
    /// Rooms of which what stood before a place was given up since this subscription began.
    emptied: BTreeMap<RoomName, Seq>,
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// Nothing, for now.
    Nothing,
    /// Something was begun; ask again.
    Busy,
    /// A record, from the message of this index on.
    Delivery(Arc<Delivery>, u32),
    /// Nothing before this place is left to hand.
    Skip(Seq),
    /// The log was read to the end of record `upto`: nothing before it is left to hand, if a place is given, and what
    /// follows is live.
    Live {
        skip: Option<Seq>,
        upto: u64,
        announce: CaughtUpNotice,
    },
    /// The hub has to be asked to attach this feed again.
    Attach,
}

/// A page that came.
#[derive(Debug, Default)]
pub struct AddedPage {
    /// Nothing before this place is left to hand, as far as the log was read.
    pub skip: Option<Seq>,
    /// Some between these is no longer kept.
    pub gap: Option<(Seq, Seq)>,
}

impl Feed {
    pub fn new(namespace: Namespace, mailbox: Arc<Mailbox>) -> Self {
        Self {
            namespace,
            reader: Arc::default(),
            rooms: Arc::new([]),
            mailbox,
            state: FeedState::Silent,
            meanwhile: None,
            position: Seq::START,
            gap_told: Seq::START,
            reading: None,
            emptied: BTreeMap::new(),
        }
    }

    /// The first seq that was neither handed nor skipped.
    pub fn position(&self) -> Seq {
        self.position
    }

    /// Everything before `behind` was handed or is not owed.
    pub fn pass(&mut self, behind: Seq) {
        self.position = self.position.max(behind);
    }

    pub fn is_silent(&self) -> bool {
        matches!(self.state, FeedState::Silent)
    }

    pub fn is_live(&self) -> bool {
        matches!(self.state, FeedState::Live)
    }

    /// Whether it asked the store for what is owed, or where that begins.
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

    /// The hub attached a new subscription at `head`; now find out where it begins.
    pub fn subscribed(
        &mut self,
        services: &Services,
        reader: Reader,
        head: u64,
        answer: Option<u64>,
        stretch: ReplayRange,
    ) {
        self.set_reader(Arc::new(reader.clone()));
        let behind = LogEnd::Mailbox;
        self.state = FeedState::Opening { answer, behind };
        self.meanwhile = None;
        self.emptied.clear();
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

    /// Looks at what waits for a client, in one room or in all that it joined.
    pub fn peek(
        &mut self,
        services: &Services,
        client: ClientName,
        room: Option<RoomName>,
        answer: Option<u64>,
    ) {
        let behind = LogEnd::Nothing;
        self.state = FeedState::Opening { answer, behind };
        let (readers, namespace) = (services.readers.clone(), self.namespace.clone());
        self.stop_reading();
        self.reading = Some(tokio::spawn(catchup::peek(
            readers, namespace, client, room,
        )));
    }

    /// Whether it only looks: no cursor is to move.
    pub fn is_peeking(&self) -> bool {
        matches!(
            self.state,
            FeedState::Opening {
                behind: LogEnd::Nothing,
                ..
            } | FeedState::Reading {
                behind: LogEnd::Nothing,
                ..
            }
        )
    }

    /// In these rooms nothing before `cursor` is owed any more.
    pub fn emptied(&mut self, rooms: &[RoomName], cursor: Seq) {
        for room in rooms {
            let end = self.emptied.entry(room.clone()).or_insert(cursor);
            *end = cursor.max(*end);
        }
        self.skip_emptied();
        if let FeedState::Reading { page, .. } = &mut self.state {
            let reader = &self.reader;
            let left = std::mem::take(page).into_iter();
            *page = left
                .filter_map(|(from, parcel)| Some((still(from, &parcel, reader)?, parcel)))
                .collect();
        }
    }

    /// From which message on a record is still owed.
    pub fn owes(&self, parcel: &Delivery) -> Option<u32> {
        owed(parcel.record.number, parcel.header(), &self.reader)
    }

    fn skip_emptied(&mut self) {
        let reader = Arc::make_mut(&mut self.reader);
        for (room, end) in &self.emptied {
            if let Some(cursor) = reader.rooms.get_mut(room) {
                *cursor = (*cursor).max(*end);
            }
        }
    }

    /// The reader entered or left rooms by itself.
    pub fn moved(&mut self, reader: &Reader) {
        if self.is_peeking() {
            self.meanwhile = Some(reader.clone());
            return;
        }
        if self.is_silent()
            && let Some(start) = reader.rooms.values().min()
        {
            self.position = *start;
            self.state = FeedState::Live;
        }
        // Cursors of rooms that stay are this feed's: the hub's are those of the time of subscribing.
        self.set_reader(catchup::with_cursors_of(reader, &self.reader));
    }

    fn set_reader(&mut self, reader: Arc<Reader>) {
        self.rooms = reader.rooms.keys().cloned().collect();
        self.reader = reader;
    }

    /// Attached again at `head`: what lies between is in the log.
    pub fn attached(&mut self, head: u64) {
        if matches!(self.state, FeedState::Attaching) {
            self.read_on(
                self.position,
                head,
                CaughtUpNotice::Nothing,
                LogEnd::Mailbox,
            );
        }
    }

    fn read_on(&mut self, from: Seq, upto: u64, announce: CaughtUpNotice, behind: LogEnd) {
        let next = (from.record <= upto).then_some(from);
        self.state = FeedState::Reading {
            next,
            upto,
            page: VecDeque::new(),
            announce,
            behind,
        };
    }

    fn stop_reading(&mut self) {
        if let Some(reading) = self.reading.take() {
            reading.abort();
        }
    }

    /// Ready with what the store answered, if it was asked: for [`Self::opened`] or [`Self::turned`].
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<LogRead, StoreError>> {
        let Some(reading) = &mut self.reading else {
            return Poll::Pending;
        };
        let Poll::Ready(done) = Pin::new(reading).poll(cx) else {
            return Poll::Pending;
        };
        self.reading = None;
        Poll::Ready(catchup::done(done))
    }

    /// It was found out where the subscription begins. Returns the ack id of who asked for it; None when that was meanwhile
    /// replaced.
    pub fn opened(&mut self, opened: &Opened, announce: CaughtUpNotice) -> Option<Option<u64>> {
        let FeedState::Opening { answer, behind } = self.state else {
            return None;
        };
        self.set_reader(match behind {
            // Rooms may have been entered or left while the store was asked.
            LogEnd::Mailbox => catchup::with_cursors_of(&self.reader, &opened.reader),
            LogEnd::Nothing => Arc::clone(&opened.reader),
        });
        self.skip_emptied();
        self.position = opened.start;
        self.read_on(opened.start, opened.head, announce, behind);
        Some(answer)
    }

    /// The next page.
    pub fn turned(&mut self, page: LogPage) -> AddedPage {
        let FeedState::Reading {
            next,
            upto,
            page: waiting,
            ..
        } = &mut self.state
        else {
            return AddedPage::default();
        };
        let (reader, whole) = (&self.reader, self.emptied.is_empty());
        waiting.extend(page.records.into_iter().filter_map(|(from, record)| {
            let parcel = Delivery::new(record, DeliveryKind::Durable);
            let from = if whole {
                from
            } else {
                still(from, &parcel, reader)?
            };
            Some((from, parcel))
        }));
        *next = page.next;
        let behind = page.next.unwrap_or(Seq::after_record(*upto));
        // Pages in a row can meet the same gap.
        let gap = page.gap.filter(|(_, to)| *to > self.gap_told);
        if let Some((_, to)) = gap {
            self.gap_told = to;
        }
        AddedPage {
            skip: waiting.is_empty().then_some(behind),
            gap,
        }
    }

    /// What is to be handed now. Who asks can take it.
    pub fn next(&mut self, services: &Services, notices: &NotificationQueue) -> Next {
        match &mut self.state {
            FeedState::Silent => match self.mailbox.take_direct() {
                Some(parcel) => Next::Delivery(parcel, 0),
                None => Next::Nothing,
            },
            FeedState::Opening { .. } | FeedState::Attaching => Next::Nothing,
            FeedState::Reading {
                next,
                upto,
                page,
                announce,
                behind,
            } => {
                if let Some(from) = *next
                    && page.len() < 2
                    && self.reading.is_none()
                {
                    let (readers, reader) = (services.readers.clone(), Arc::clone(&self.reader));
                    let reading =
                        catchup::page(readers, self.namespace.clone(), reader, from, *upto);
                    self.reading = Some(tokio::spawn(reading));
                    return Next::Busy;
                }
                if let Some((from, parcel)) = page.pop_front() {
                    return Next::Delivery(Arc::new(parcel), from);
                }
                if self.reading.is_some() {
                    return Next::Nothing;
                }
                let (upto, announce, behind) = (*upto, *announce, *behind);
                if behind == LogEnd::Nothing {
                    self.state = FeedState::Silent;
                    self.set_reader(Arc::default());
                    if let Some(reader) = self.meanwhile.take() {
                        self.moved(&reader);
                    }
                    return Next::Live {
                        skip: None,
                        upto,
                        announce,
                    };
                }
                self.state = FeedState::Live;
                let end = Seq::after_record(upto);
                Next::Live {
                    skip: (end > self.position).then_some(end),
                    upto,
                    announce,
                }
            }
            FeedState::Live => match self.mailbox.take() {
                MailboxItem::Empty => Next::Nothing,
                // The hub tells of a room before it hands a parcel of that room: what was told in between comes first. Who
                // holds the feed was woken for it.
                MailboxItem::Delivery(parcel) if !notices.is_empty() => {
                    self.mailbox.put_back(parcel);
                    Next::Nothing
                }
                MailboxItem::Delivery(parcel) => self.consider(parcel),
                MailboxItem::Overflowed => {
                    self.state = FeedState::Attaching;
                    Next::Attach
                }
            },
        }
    }

    fn consider(&self, parcel: Arc<Delivery>) -> Next {
        if matches!(parcel.kind, DeliveryKind::Direct | DeliveryKind::Presence) {
            return Next::Delivery(parcel, 0);
        }
        let number = parcel.record.number;
        if parcel.kind == DeliveryKind::Durable && number < self.position.record {
            return Next::Busy;
        }
        match owed(number, parcel.header(), &self.reader) {
            Some(from) => Next::Delivery(parcel, from),
            None if parcel.kind == DeliveryKind::Durable => Next::Skip(Seq::after_record(number)),
            None => Next::Busy,
        }
    }
}

/// Of what was owed from message `from` on, what still is.
fn still(from: u32, parcel: &Delivery, reader: &Reader) -> Option<u32> {
    let first = owed(parcel.record.number, parcel.header(), reader)?;
    Some(first.max(from))
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop_reading();
    }
}
