//! One socket: a session's end in one namespace. What it is owed its feed knows; here it is encoded and handed, as far as
//! the peer's credit goes.

pub mod catchup;
pub mod credit;
mod delivery;
pub mod direct_message;
pub mod feed;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use self::catchup::{Listing, LogRead, Opened, ResumeOutcome};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::hub::delivery::Delivery;
use crate::hub::frame::WireFrame;
use crate::hub::inbox::InboxMessage;
use crate::hub::input::CoreInput;
use crate::hub::mailbox::Mailbox;
use crate::hub::notification::LiveRoom;
use crate::hub::notification_queue::NotificationQueue;
use crate::hub::request::ReplayRange;
use crate::hub::socket_id::SocketId;
use crate::hub::socket_stats::SocketStats;
use crate::session::engine::outbox::{Outbox, Submission};
use crate::session::namespace::permissions::Permissions;
use crate::session::namespace::socket_recovery::SocketRecovery;
use crate::session::services::Services;
use crate::session::shared_queue::sharer_handle::SharerHandle;
use crate::session::socket::credit::{Credit, CursorHold};
use crate::session::socket::direct_message::DirectMessage;
use crate::session::socket::feed::{AddedPage, CaughtUpNotice, Feed, Next};
use crate::session::verbs::Sender;
use crate::session::verbs::queue::Counted;
use crate::store::{LogPage, Reader, StoreError};
use crate::wire::error_code::ErrorCode;
use crate::wire::socket;

/// Which language the peer speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// Batches and verbs' events: asked for with `"roomcat":1`.
    Roomcat,
    /// Plain Socket.IO.
    Stock,
}

pub struct Socket {
    pub id: SocketId,
    pub namespace: Namespace,
    pub sid: Arc<str>,
    pub name: Option<ClientName>,
    /// As whom it publishes: its name, or that of which it is a guest.
    pub from: Option<ClientName>,
    pub dialect: ClientKind,
    pub standing: Permissions,
    /// What others see of it.
    vitals: Arc<SocketStats>,
    /// What it is told before its CONNECT is answered, for afterwards.
    early: Option<Vec<DirectMessage>>,
    /// What that costs; nothing once it was answered.
    early_cost: usize,
    feed: Feed,
    /// What it gets of a queue that it shares.
    pub sharing: Option<SharerHandle>,
    /// A record of which a stock client got the messages before the index.
    part: Option<(Arc<Delivery>, u32)>,
    credit: Credit,
    hold: CursorHold,
    pub recall: SocketRecovery,
    /// Where this subscription last asked for its cursors to stand.
    moved_to: Option<Seq>,
    /// Lists of rooms asked for and not yet answered.
    listings: usize,
    /// Questions to the store other than for messages.
    asking: Vec<JoinHandle<Result<LogRead, StoreError>>>,
}

/// A socket that enters its namespace.
pub struct NewSocket {
    pub id: SocketId,
    pub namespace: Namespace,
    pub sid: Arc<str>,
    pub name: Option<ClientName>,
    /// As whom it publishes: its name, or that of which it is a guest.
    pub from: Option<ClientName>,
    pub dialect: ClientKind,
    pub credit: Credit,
    pub mailbox: Arc<Mailbox>,
    pub standing: Permissions,
    pub vitals: Arc<SocketStats>,
}

/// What a finished read of the store was for, where the session has to finish it.
pub enum Finished {
    Nothing,
    Rooms(Listing),
    Names {
        answer: Option<u64>,
        body: Value,
    },
    /// What is to be given up.
    Counted(Counted),
    /// Of what a client that came back had missed some is gone.
    Missed,
}

impl Socket {
    pub fn new(entry: NewSocket) -> Self {
        let NewSocket {
            id,
            namespace,
            sid,
            name,
            from,
            dialect,
            credit,
            mailbox,
            standing,
            vitals,
        } = entry;
        Self {
            id,
            feed: Feed::new(namespace.clone(), mailbox),
            sharing: None,
            namespace,
            sid,
            name,
            from,
            dialect,
            standing,
            vitals,
            early: Some(Vec::new()),
            early_cost: 0,
            part: None,
            credit,
            hold: CursorHold::default(),
            recall: SocketRecovery::Nothing,
            moved_to: None,
            listings: 0,
            asking: Vec::new(),
        }
    }

    pub fn credit(&self) -> &Credit {
        &self.credit
    }

    /// The first seq that was neither handed nor skipped.
    pub fn position(&self) -> Seq {
        self.feed.position()
    }

    /// Lets others see how far it is.
    pub fn note_progress(&self) {
        let position = self.feed.position();
        self.vitals
            .record_progress(position, self.credit.unconfirmed());
    }

    fn note_reader(&self) {
        self.vitals.set_reader(Arc::clone(self.feed.reader()));
    }

    /// Answers its CONNECT, and tells it what it was told too early.
    pub fn enter(&mut self, reply: WireFrame, out: &mut VecDeque<WireFrame>) {
        out.push_back(reply);
        let early = self.early.take().into_iter().flatten();
        self.early_cost = 0;
        out.extend(early.filter_map(|aside| self.say(aside)).flatten());
    }

    pub fn is_entered(&self) -> bool {
        self.early.is_none()
    }

    /// The frames of something for this socket alone; None when it waits until its CONNECT is answered.
    pub fn say(&mut self, aside: DirectMessage) -> Option<Vec<WireFrame>> {
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

    /// What was asked for like a list of rooms was answered.
    pub fn listed(&mut self) {
        self.listings = self.listings.saturating_sub(1);
    }

    /// Whether a list of rooms is still to be answered.
    pub fn is_listing(&self) -> bool {
        self.listings > 0
    }

    /// Whether it listens to rooms.
    pub fn is_subscribed(&self) -> bool {
        !self.feed.is_silent()
    }

    /// Whether it asked the store for what it is owed, or where that begins.
    pub fn is_reading(&self) -> bool {
        self.feed.is_reading()
    }

    /// The hub attached a new subscription at `head`; now find out where it begins.
    pub fn subscribed(
        &mut self,
        services: &Services,
        reader: &Reader,
        head: u64,
        answer: Option<u64>,
        stretch: ReplayRange,
    ) {
        let mut reader = reader.clone();
        if matches!(self.credit, Credit::Written(_)) {
            // A stock socket that joined one more room: of the others it was handed all before its position.
            for (room, cursor) in &mut reader.rooms {
                if self.feed.is_in(room) {
                    *cursor = (*cursor).max(self.feed.position());
                }
            }
        }
        self.credit.begin();
        self.hold = CursorHold::keeping(stretch.keep);
        self.moved_to = None;
        self.part = None;
        self.feed
            .subscribed(services, reader, head, answer, stretch);
        self.note_reader();
    }

    /// The socket entered or left rooms by itself.
    pub fn moved(&mut self, reader: &Reader) {
        self.feed.moved(reader);
        self.note_reader();
    }

    /// In these rooms nothing before `cursor` is owed any more.
    pub fn emptied(&mut self, rooms: &[RoomName], cursor: Seq) {
        self.feed.emptied(rooms, cursor);
    }

    /// Looks at what waits for a client; nothing moves.
    pub fn peek(
        &mut self,
        services: &Services,
        client: ClientName,
        room: Option<RoomName>,
        answer: Option<u64>,
    ) {
        self.credit.begin();
        self.hold = CursorHold::default();
        self.moved_to = None;
        self.feed.peek(services, client, room, answer);
    }

    /// Whether it looks at what waits for a client, and has not yet seen all of it.
    pub fn is_peeking(&self) -> bool {
        self.feed.is_peeking()
    }

    /// How many rooms it is in once it has joined these.
    pub fn rooms_after(&self, joined: &[RoomName]) -> usize {
        let new = joined.iter().filter(|room| !self.feed.is_in(room));
        self.feed.rooms().len() + new.count()
    }

    /// Attached again at `head`: what lies between is in the log.
    pub fn attached(&mut self, head: u64) {
        self.feed.attached(head);
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
        asking: impl Future<Output = Result<LogRead, StoreError>> + Send + 'static,
    ) {
        self.asking.push(tokio::spawn(asking));
    }

    /// Takes what the store answered, if it did.
    pub fn poll_reads(
        &mut self,
        cx: &mut Context<'_>,
        services: &Services,
        outbox: &mut Outbox,
        out: &mut VecDeque<WireFrame>,
    ) -> Poll<Result<Finished, StoreError>> {
        if let Poll::Ready(done) = self.feed.poll_read(cx) {
            return Poll::Ready(match done? {
                LogRead::Opened(opened) => Ok(self.opened(opened, services, outbox, out)),
                LogRead::Page(page) => Ok(self.page(page, outbox, out)),
                LogRead::Rooms(_) | LogRead::Names { .. } | LogRead::Counted(_) => {
                    Ok(Finished::Nothing)
                }
            });
        }
        for index in 0..self.asking.len() {
            if let Poll::Ready(done) = std::pin::Pin::new(&mut self.asking[index]).poll(cx) {
                drop(self.asking.swap_remove(index));
                self.listings = self.listings.saturating_sub(1);
                return Poll::Ready(match catchup::done(done)? {
                    LogRead::Rooms(listing) => Ok(Finished::Rooms(listing)),
                    LogRead::Names { answer, body } => Ok(Finished::Names { answer, body }),
                    LogRead::Counted(counted) => Ok(Finished::Counted(counted)),
                    LogRead::Opened(_) | LogRead::Page(_) => Ok(Finished::Nothing),
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
        out: &mut VecDeque<WireFrame>,
    ) -> Finished {
        let announce = match self.dialect {
            ClientKind::Roomcat => CaughtUpNotice::CaughtUp,
            ClientKind::Stock => CaughtUpNotice::Nothing,
        };
        let Some(answer) = self.feed.opened(&opened, announce) else {
            return Finished::Nothing;
        };
        self.note_reader();
        let Opened {
            start,
            head,
            pending,
            resumed,
            ..
        } = opened;
        if let Some(answer) = answer {
            let rooms = &**self.feed.rooms();
            let body = match self.feed.is_peeking() && rooms.is_empty() {
                false => {
                    json!({"ok": true, "head": Seq::new(head, 0), "pending": pending, "rooms": rooms})
                }
                true => {
                    json!({"ok": false, "error": {"code": ErrorCode::NoRooms, "message": "this name has not joined that"}})
                }
            };
            out.push_back(WireFrame::text(socket::encode_ack(
                &self.namespace,
                answer,
                &body.to_string(),
                0,
            )));
        }
        match resumed {
            ResumeOutcome::Nothing => {}
            // It was written, and the ack was lost with the connection.
            ResumeOutcome::ThisLog => {
                self.confirmed(start, outbox);
            }
            ResumeOutcome::OtherLog => self.tell(out, "gap", &json!({"log": &*services.log_id})),
        }
        Finished::Nothing
    }

    fn page(
        &mut self,
        page: LogPage,
        outbox: &mut Outbox,
        out: &mut VecDeque<WireFrame>,
    ) -> Finished {
        let AddedPage { skip, gap } = self.feed.turned(page);
        // What is left of a record that was handed in part stands before all of this.
        if let (Some(behind), None) = (skip, &self.part) {
            self.skip(behind, outbox);
        }
        if let Some((from, to)) = gap {
            tracing::warn!(namespace = %self.namespace, sid = %self.sid, %from, %to, "a reader fell behind what is kept");
            self.tell(out, "gap", &json!({"from": from, "to": to}));
            if matches!(self.recall, SocketRecovery::Returning(..)) {
                return Finished::Missed;
            }
        }
        Finished::Nothing
    }

    /// An event of the hub's own, for those who speak its dialect.
    fn tell(&self, out: &mut VecDeque<WireFrame>, event: &str, data: &serde_json::Value) {
        if self.dialect == ClientKind::Roomcat {
            out.push_back(WireFrame::text(socket::encode_event(
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
        notices: &NotificationQueue,
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
        if let Some((parcel, from)) = self.part.take() {
            self.hand(parcel, from, out);
            return true;
        }
        if self.early.is_some() && self.feed.is_silent() {
            return false;
        }
        match self.feed.next(services, notices) {
            Next::Nothing => return false,
            Next::Busy => {}
            Next::Delivery(parcel, from) => self.hand(parcel, from, out),
            Next::Skip(behind) => self.skip(behind, outbox),
            Next::Live {
                skip,
                upto,
                announce,
            } => {
                if let Some(behind) = skip {
                    self.skip(behind, outbox);
                }
                if self.recall.arrived() {
                    self.enter(self.greeting(), out);
                }
                if announce == CaughtUpNotice::CaughtUp {
                    self.tell(out, "caught-up", &json!({"head": Seq::new(upto, 0)}));
                }
            }
            Next::Attach => {
                outbox.push(Submission::Hub(InboxMessage::Core(CoreInput::Attach(
                    self.id,
                ))));
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

impl Drop for Socket {
    fn drop(&mut self) {
        for asking in &self.asking {
            asking.abort();
        }
    }
}
