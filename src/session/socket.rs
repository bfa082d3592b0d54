//! One socket: a session's end in one namespace. What it is owed comes to it from the log while it is behind and from its
//! mailbox when it is not; either way in order, without gap or repeat.

mod handing;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::aside::Aside;
use super::catchup::{self, Listing, Opened, ReadDone, Resumed};
use super::credit::{Credit, Hold};
use super::outbox::{Outbox, Submission};
use super::recovery::Recall;
use super::services::Services;
use super::standing::Standing;
use super::verbs::Sender;
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::hub::Message;
use crate::hub::mailbox::{Found, Mailbox, Notices};
use crate::hub::parcel::{Frame, Kind, Parcel};
use crate::hub::request::{Input, LiveRoom, SocketId, Stretch};
use crate::store::{Page, Reader, StoreError, owed};
use crate::wire::socket;

/// Which language the peer speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Batches and verbs' events: asked for with `"roomcat":1`.
    Roomcat,
    /// Plain Socket.IO.
    Stock,
}

#[derive(Debug)]
enum Feed {
    /// Subscribed to nothing.
    Silent,
    /// Finding out where the subscription begins.
    Opening {
        answer: Option<u64>,
    },
    /// Reading the log up to record `upto`; the mailbox has what follows.
    Reading {
        next: Option<Seq>,
        upto: u64,
        page: VecDeque<(u32, Parcel)>,
        announce: Announce,
    },
    Live,
    /// The mailbox overflowed and was emptied; the hub was asked to fill it again.
    Attaching,
}

/// Whether the end of the catch-up is news for the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announce {
    CaughtUp,
    Nothing,
}

pub struct Socket {
    pub id: SocketId,
    pub namespace: Namespace,
    pub sid: Arc<str>,
    pub name: Option<ClientName>,
    /// As whom it publishes: its name, or that of which it is a guest.
    pub from: Option<ClientName>,
    pub dialect: Dialect,
    pub standing: Standing,
    /// What it is told before its CONNECT is answered, for afterwards.
    early: Option<Vec<Aside>>,
    /// What that costs; nothing once it was answered.
    early_cost: usize,
    reader: Arc<Reader>,
    /// The reader's rooms, as cursor moves name them.
    rooms: Arc<[RoomName]>,
    mailbox: Arc<Mailbox>,
    feed: Feed,
    /// The first seq that was neither handed nor skipped.
    position: Seq,
    /// The end of the last gap that the peer was told of.
    gap_told: Seq,
    /// A record of which a stock client got the messages before the index.
    part: Option<(Arc<Parcel>, u32)>,
    credit: Credit,
    hold: Hold,
    pub recall: Recall,
    /// Where this subscription last asked for its cursors to stand.
    moved_to: Option<Seq>,
    reading: Option<JoinHandle<Result<ReadDone, StoreError>>>,
    /// Lists of rooms asked for and not yet answered.
    listings: usize,
    /// Questions to the store other than for messages.
    asking: Vec<JoinHandle<Result<ReadDone, StoreError>>>,
}

/// A socket that enters its namespace.
pub struct Entry {
    pub id: SocketId,
    pub namespace: Namespace,
    pub sid: Arc<str>,
    pub name: Option<ClientName>,
    /// As whom it publishes: its name, or that of which it is a guest.
    pub from: Option<ClientName>,
    pub dialect: Dialect,
    pub credit: Credit,
    pub mailbox: Arc<Mailbox>,
    pub standing: Standing,
}

/// What a finished read of the store was for, where the session has to finish it.
pub enum Finished {
    Nothing,
    Rooms(Listing),
    Names {
        answer: Option<u64>,
        body: Value,
    },
    /// Of what a client that came back had missed some is gone.
    Missed,
}

impl Socket {
    pub fn new(entry: Entry) -> Self {
        let Entry {
            id,
            namespace,
            sid,
            name,
            from,
            dialect,
            credit,
            mailbox,
            standing,
        } = entry;
        Self {
            id,
            namespace,
            sid,
            name,
            from,
            dialect,
            standing,
            early: Some(Vec::new()),
            early_cost: 0,
            reader: Arc::default(),
            rooms: Arc::new([]),
            mailbox,
            feed: Feed::Silent,
            position: Seq::START,
            gap_told: Seq::START,
            part: None,
            credit,
            hold: Hold::default(),
            recall: Recall::Nothing,
            moved_to: None,
            reading: None,
            listings: 0,
            asking: Vec::new(),
        }
    }

    pub fn credit(&self) -> &Credit {
        &self.credit
    }

    /// The first seq that was neither handed nor skipped.
    pub fn position(&self) -> Seq {
        self.position
    }

    /// Answers its CONNECT, and tells it what it was told too early.
    pub fn enter(&mut self, reply: Frame, out: &mut VecDeque<Frame>) {
        out.push_back(reply);
        let early = self.early.take().into_iter().flatten();
        self.early_cost = 0;
        out.extend(early.filter_map(|aside| self.say(aside)).flatten());
    }

    pub fn is_entered(&self) -> bool {
        self.early.is_none()
    }

    /// The frames of something for this socket alone; None when it waits until its CONNECT is answered.
    pub fn say(&mut self, aside: Aside) -> Option<Vec<Frame>> {
        match &mut self.early {
            Some(early) => {
                self.early_cost += aside.cost();
                early.push(aside);
                None
            }
            None => Some(aside.into_frames(&self.namespace, self.offset().as_deref())),
        }
    }

    /// What waits until its CONNECT is answered.
    pub fn early_cost(&self) -> usize {
        self.early_cost
    }

    /// As whom it publishes.
    pub fn sender(&self, max_message: usize) -> Sender<'_> {
        Sender {
            namespace: &self.namespace,
            sid: &self.sid,
            name: self.from.as_ref(),
            max_message,
        }
    }

    /// The peer asked for a list of rooms.
    pub fn lists_rooms(&mut self) {
        self.listings += 1;
    }

    /// Whether a list of rooms is still to be answered.
    pub fn is_listing(&self) -> bool {
        self.listings > 0
    }

    /// Whether it asked the store for what it is owed, or where that begins.
    pub fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// The hub attached a new subscription at `head`; now find out where it begins.
    pub fn subscribed(
        &mut self,
        services: &Services,
        reader: &Reader,
        head: u64,
        answer: Option<u64>,
        stretch: Stretch,
    ) {
        let mut reader = reader.clone();
        if matches!(self.credit, Credit::Written(_)) {
            // A stock socket that joined one more room: of the others it was handed all before its position.
            for (room, cursor) in &mut reader.rooms {
                if self.reader.rooms.contains_key(room) {
                    *cursor = (*cursor).max(self.position);
                }
            }
        }
        self.credit.begin();
        self.hold = Hold::keeping(stretch.keep);
        self.moved_to = None;
        self.part = None;
        self.set_reader(Arc::new(reader.clone()));
        self.feed = Feed::Opening { answer };
        let (readers, log_id) = (services.readers.clone(), Arc::clone(&services.log_id));
        let opening = catchup::open(
            readers,
            self.namespace.clone(),
            reader,
            head,
            stretch,
            log_id,
        );
        self.read(opening);
    }

    /// The socket entered or left rooms by itself.
    pub fn moved(&mut self, reader: Arc<Reader>) {
        if matches!(self.feed, Feed::Silent)
            && let Some(start) = reader.rooms.values().min()
        {
            self.position = *start;
            self.feed = Feed::Live;
        }
        // Cursors of rooms that stay are this session's: the hub's are those of the time of subscribing.
        self.set_reader(catchup::with_cursors_of(&reader, &self.reader));
    }

    /// How many rooms it is in once it has joined these.
    pub fn rooms_after(&self, joined: &[RoomName]) -> usize {
        let new = joined
            .iter()
            .filter(|room| !self.reader.rooms.contains_key(*room))
            .count();
        self.reader.rooms.len() + new
    }

    fn set_reader(&mut self, reader: Arc<Reader>) {
        self.rooms = reader.rooms.keys().cloned().collect();
        self.reader = reader;
    }

    /// Attached again at `head`: what lies between is in the log.
    pub fn attached(&mut self, head: u64) {
        if matches!(self.feed, Feed::Attaching) {
            self.read_on(self.position, head, Announce::Nothing);
        }
    }

    fn read_on(&mut self, from: Seq, upto: u64, announce: Announce) {
        let next = (from.record <= upto).then_some(from);
        self.feed = Feed::Reading {
            next,
            upto,
            page: VecDeque::new(),
            announce,
        };
    }

    fn read(
        &mut self,
        reading: impl Future<Output = Result<ReadDone, StoreError>> + Send + 'static,
    ) {
        self.stop_reading();
        self.reading = Some(tokio::spawn(reading));
    }

    fn stop_reading(&mut self) {
        if let Some(reading) = self.reading.take() {
            reading.abort();
        }
    }

    /// Asks the store what there is beside what the hub said is live, for the verb `rooms`.
    pub fn ask_rooms(
        &mut self,
        services: &Services,
        room: Option<RoomName>,
        live: Vec<LiveRoom>,
        answer: Option<u64>,
    ) {
        let asking = catchup::rooms(
            services.readers.clone(),
            self.namespace.clone(),
            room,
            live,
            answer,
        );
        self.ask_store(asking);
    }

    /// Asks the store, for the verb `rooms`.
    pub fn ask_store(
        &mut self,
        asking: impl Future<Output = Result<ReadDone, StoreError>> + Send + 'static,
    ) {
        self.asking.push(tokio::spawn(asking));
    }

    /// Takes what the store answered, if it did.
    pub fn poll_reads(
        &mut self,
        cx: &mut Context<'_>,
        services: &Services,
        outbox: &mut Outbox,
        out: &mut VecDeque<Frame>,
    ) -> Poll<Result<Finished, StoreError>> {
        if let Some(reading) = &mut self.reading
            && let Poll::Ready(done) = std::pin::Pin::new(reading).poll(cx)
        {
            self.reading = None;
            return Poll::Ready(match catchup::done(done)? {
                ReadDone::Opened(opened) => Ok(self.opened(opened, services, outbox, out)),
                ReadDone::Page(page) => Ok(self.page(page, outbox, out)),
                ReadDone::Rooms(_) | ReadDone::Names { .. } => Ok(Finished::Nothing),
            });
        }
        for index in 0..self.asking.len() {
            if let Poll::Ready(done) = std::pin::Pin::new(&mut self.asking[index]).poll(cx) {
                drop(self.asking.swap_remove(index));
                self.listings = self.listings.saturating_sub(1);
                return Poll::Ready(match catchup::done(done)? {
                    ReadDone::Rooms(listing) => Ok(Finished::Rooms(listing)),
                    ReadDone::Names { answer, body } => Ok(Finished::Names { answer, body }),
                    ReadDone::Opened(_) | ReadDone::Page(_) => Ok(Finished::Nothing),
                });
            }
        }
        Poll::Pending
    }

    fn opened(
        &mut self,
        opened: Opened,
        services: &Services,
        outbox: &mut Outbox,
        out: &mut VecDeque<Frame>,
    ) -> Finished {
        let Feed::Opening { answer } = self.feed else {
            return Finished::Nothing;
        };
        let Opened {
            reader,
            start,
            head,
            pending,
            resumed,
        } = opened;
        // Rooms may have been entered or left while the store was asked.
        self.set_reader(catchup::with_cursors_of(&self.reader, &reader));
        self.position = start;
        if let Some(answer) = answer {
            let body = json!({"ok": true, "head": Seq::new(head, 0), "pending": pending, "rooms": &*self.rooms});
            out.push_back(Frame::text(socket::encode_ack(
                &self.namespace,
                answer,
                &body.to_string(),
                0,
            )));
        }
        match resumed {
            Resumed::Nothing => {}
            // It was written, and the ack was lost with the connection.
            Resumed::ThisLog => {
                self.confirmed(start, outbox);
            }
            Resumed::OtherLog => self.tell(out, "gap", &json!({"log": &*services.log_id})),
        }
        let announce = match self.dialect {
            Dialect::Roomcat => Announce::CaughtUp,
            Dialect::Stock => Announce::Nothing,
        };
        self.read_on(start, head, announce);
        Finished::Nothing
    }

    fn page(&mut self, page: Page, outbox: &mut Outbox, out: &mut VecDeque<Frame>) -> Finished {
        let Feed::Reading {
            next,
            upto,
            page: waiting,
            ..
        } = &mut self.feed
        else {
            return Finished::Nothing;
        };
        waiting.extend(
            page.records
                .into_iter()
                .map(|(from, record)| (from, Parcel::new(record, Kind::Durable))),
        );
        *next = page.next;
        let behind = page.next.unwrap_or(Seq::after_record(*upto));
        // What is left of a record that was handed in part stands before all of this.
        if waiting.is_empty() && self.part.is_none() {
            self.skip(behind, outbox);
        }
        // Pages in a row can meet the same gap.
        if let Some((from, to)) = page.gap.filter(|(_, to)| *to > self.gap_told) {
            self.gap_told = to;
            tracing::warn!(namespace = %self.namespace, sid = %self.sid, %from, %to, "a reader fell behind what is kept");
            self.tell(out, "gap", &json!({"from": from, "to": to}));
            if matches!(self.recall, Recall::Returning(..)) {
                return Finished::Missed;
            }
        }
        Finished::Nothing
    }

    /// An event of the hub's own, for those who speak its dialect.
    fn tell(&self, out: &mut VecDeque<Frame>, event: &str, data: &serde_json::Value) {
        if self.dialect == Dialect::Roomcat {
            out.push_back(Frame::text(socket::encode_event(
                &self.namespace,
                None,
                event,
                &data.to_string(),
                0,
            )));
        }
    }

    /// Puts the next of what it is owed into `out`, if there is something and credit for it. True when it did anything.
    pub fn fill(
        &mut self,
        services: &Services,
        notices: &Notices,
        outbox: &mut Outbox,
        out: &mut VecDeque<Frame>,
    ) -> bool {
        if !self.credit.has_room() {
            return false;
        }
        if let Some((parcel, from)) = self.part.take() {
            self.hand(parcel, from, out);
            return true;
        }
        match &mut self.feed {
            Feed::Silent if self.early.is_some() => false,
            Feed::Silent => match self.mailbox.take_direct() {
                Some(parcel) => {
                    self.hand(parcel, 0, out);
                    true
                }
                None => false,
            },
            Feed::Opening { .. } | Feed::Attaching => false,
            Feed::Reading {
                next,
                upto,
                page,
                announce,
            } => {
                if let Some(from) = *next
                    && page.len() < 2
                    && self.reading.is_none()
                {
                    let (readers, reader) = (services.readers.clone(), Arc::clone(&self.reader));
                    let reading =
                        catchup::page(readers, self.namespace.clone(), reader, from, *upto);
                    self.reading = Some(tokio::spawn(reading));
                    return true;
                }
                if let Some((from, parcel)) = page.pop_front() {
                    self.hand(Arc::new(parcel), from, out);
                    return true;
                }
                if self.reading.is_some() {
                    return false;
                }
                let (upto, announce) = (*upto, *announce);
                self.feed = Feed::Live;
                if Seq::after_record(upto) > self.position {
                    self.skip(Seq::after_record(upto), outbox);
                }
                if self.recall.arrived() {
                    self.enter(self.greeting(), out);
                }
                if announce == Announce::CaughtUp {
                    self.tell(out, "caught-up", &json!({"head": Seq::new(upto, 0)}));
                }
                true
            }
            Feed::Live => match self.mailbox.take() {
                Found::Nothing => false,
                // The hub tells of a room before it hands a parcel of that room: what was told in between comes first. The
                // session was woken for it.
                Found::Parcel(parcel) if notices.waiting() => {
                    self.mailbox.put_back(parcel);
                    false
                }
                Found::Parcel(parcel) => {
                    self.consider(parcel, outbox, out);
                    true
                }
                Found::Overflowed => {
                    self.feed = Feed::Attaching;
                    outbox.push(Submission::Hub(Message::Other(Input::Attach(self.id))));
                    true
                }
            },
        }
    }

    fn consider(&mut self, parcel: Arc<Parcel>, outbox: &mut Outbox, out: &mut VecDeque<Frame>) {
        if parcel.kind == Kind::Direct {
            self.hand(parcel, 0, out);
            return;
        }
        let number = parcel.record.number;
        if parcel.kind == Kind::Durable && number < self.position.record {
            return;
        }
        match owed(number, parcel.header(), &self.reader) {
            Some(from) => self.hand(parcel, from, out),
            None if parcel.kind == Kind::Durable => self.skip(Seq::after_record(number), outbox),
            None => {}
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.stop_reading();
        for asking in &self.asking {
            asking.abort();
        }
    }
}
