//! The task that holds one name's queue for its sharers: it reads as any subscriber does, and hands out by its ledger.
//!
//! Like a session it is one `poll` over everything that it waits for. It ends with its last sharer, or when somebody else
//! takes the name.

use std::collections::{BTreeMap, HashMap};
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
use super::sheaf::Sheaf;
use super::{Asked, Figures, Given, Joining, Key};
use crate::address::{RoomName, Seq};
use crate::hub::mailbox::{Mailbox, Notices};
use crate::hub::parcel::{Frame, Kind, Parcel};
use crate::hub::peer::{Peer, PeerAddress, Vitals};
use crate::hub::request::{Input, Request, SocketId, Stretch, Told, Want};
use crate::hub::{Handle, Message, Ticket};
use crate::limits;
use crate::session::catchup::ReadDone;
use crate::session::feed::{Announce, Feed, Next, Turned};
use crate::session::outbox::{Gone, Outbox, Submission};
use crate::session::services::{Services, random_id};
use crate::store::writer::Urgency;
use crate::store::{Op, StoreError};
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

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Shutdown
    }
}

struct Desk {
    services: Arc<Services>,
    key: Key,
    id: SocketId,
    waker: Arc<AtomicWaker>,
    notices: Arc<Notices>,
    asked: mpsc::UnboundedReceiver<Asked>,
    figures: Arc<Figures>,
    outbox: Outbox,
    feed: Feed,
    mailbox: Arc<Mailbox>,
    vitals: Arc<Vitals>,
    stage: Stage,
    leases: Leases<Sheaf>,
    sharers: BTreeMap<SocketId, Sharer>,
    /// Acks whose cursor move is on its way to the disk, by number, with who waits for what answer.
    acking: HashMap<u64, (SocketId, u64)>,
    last_ack: u64,
    /// Where the cursors were last asked to stand.
    moved_to: Seq,
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
    /// It was told that nothing is left to hand out.
    caught_up: bool,
}

impl Sharer {
    /// A sharer whose session is gone says so by leaving.
    fn give(&self, given: Given) {
        let _ = self.given.send(given);
    }
}

/// Serves sharers until there are none.
pub async fn run(
    services: Arc<Services>,
    key: Key,
    mut asked: mpsc::UnboundedReceiver<Asked>,
    figures: Arc<Figures>,
) {
    loop {
        let mut desk = Desk::new(&services, &key, asked, Arc::clone(&figures));
        let end = poll_fn(|cx| desk.poll(cx)).await;
        asked = desk.finish(&end);
        match end {
            End::Left | End::NameTaken | End::Kicked(_) => {}
            End::Failed(error) => services.fail(error),
            // Nobody is served any more: what still comes is answered by the end of its session.
            End::Shutdown => return,
        }
        if services.shares.retire(&key, &asked) {
            return;
        }
    }
}

impl Desk {
    fn new(
        services: &Arc<Services>,
        key: &Key,
        asked: mpsc::UnboundedReceiver<Asked>,
        figures: Arc<Figures>,
    ) -> Self {
        let waker = Arc::new(AtomicWaker::new());
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&waker)));
        Self {
            id: services.next_socket(),
            notices: Arc::new(Notices::new(Arc::clone(&waker))),
            outbox: Outbox::new(Arc::clone(services)),
            feed: Feed::new(key.0.clone(), Arc::clone(&mailbox)),
            services: Arc::clone(services),
            key: key.clone(),
            waker,
            asked,
            figures,
            mailbox,
            vitals: Arc::new(Vitals::new(
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
        match did || waiting || !self.sharers.is_empty() {
            true => Ok(did),
            false => Err(End::Left),
        }
    }

    fn told(&mut self, told: Told) -> Result<(), End> {
        match told {
            Told::Subscribed {
                reader,
                head,
                stretch,
                ..
            } => {
                let (services, reader) = (&self.services, (*reader).clone());
                self.feed.subscribed(services, reader, head, None, stretch);
                self.vitals.reads(Arc::clone(self.feed.reader()));
            }
            Told::NoRooms { .. } => {
                let why = "this name has joined no room; name one";
                self.turn_away("no_rooms", why);
                return Err(End::Left);
            }
            Told::Refused { answer, refusal } => match answer {
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
            Told::Acked { answer } => {
                let acked = answer.and_then(|ack| self.acking.remove(&ack));
                if let Some((sharer, answer)) = acked {
                    self.give(sharer, Given::Answer(Some((answer, json!({"ok": true})))));
                }
            }
            Told::Moved { reader } => self.feed.moved(&reader),
            Told::Emptied { rooms, cursor } => {
                self.feed.emptied(&rooms, cursor);
                let feed = &self.feed;
                self.leases.drop_free(|sheaf| feed.owes(&sheaf.parcel));
            }
            Told::Attached { head } => self.feed.attached(head),
            Told::NameTaken => return Err(End::NameTaken),
            Told::Kicked { by } => return Err(End::Kicked(by)),
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
                Stage::Open => self.enter(joining),
            },
            Asked::Ack {
                socket,
                seq,
                answer,
            } => self.ack(socket, seq, answer),
            Asked::Leave(socket) => {
                if let Stage::Opening(waiting) = &mut self.stage {
                    waiting.retain(|joining| joining.socket != socket);
                }
                if self.sharers.remove(&socket).is_some() {
                    self.leases.leave(socket);
                }
            }
        }
    }

    /// Takes the name, in the order of everything else.
    fn subscribe(&mut self, rooms: &[RoomName]) {
        let (namespace, name) = self.key.clone();
        let handle = Handle {
            mailbox: Arc::clone(&self.mailbox),
            notices: Arc::clone(&self.notices),
        };
        let input = Input::Connect {
            socket: self.id,
            namespace: namespace.clone(),
            sid: random_id().into(),
            name: Some(name.clone()),
            vitals: Arc::clone(&self.vitals),
        };
        let connect = Message::Connect(self.id, handle, input);
        self.outbox.push(Submission::Hub(connect));
        let op = Op::Subscribe {
            namespace,
            client: Some(name),
            rooms: rooms.to_vec(),
        };
        let ticket = Ticket::unanswered(self.id, Want::Subscribe(Stretch::default()));
        self.outbox
            .push(Submission::Store(op, Urgency::Now, ticket));
    }

    fn waiting(&mut self) -> Vec<Joining> {
        match std::mem::replace(&mut self.stage, Stage::New) {
            Stage::Opening(waiting) => waiting,
            stage => {
                self.stage = stage;
                Vec::new()
            }
        }
    }

    fn turn_away(&mut self, code: &'static str, message: &str) {
        for joining in self.waiting() {
            refuse(&joining, code, message.to_owned());
        }
    }

    fn enter(&mut self, joining: Joining) {
        let rooms = self.feed.rooms();
        let others = |room: &RoomName| !rooms.contains(room);
        if !joining.rooms.is_empty()
            && (joining.rooms.len() != rooms.len() || joining.rooms.iter().any(others))
        {
            let list: Vec<String> = rooms.iter().map(|room| format!("\"{room}\"")).collect();
            let why = format!(
                "this queue is shared for {}; name these rooms, or none",
                list.join(", ")
            );
            return refuse(&joining, "bad_request", why);
        }
        if self.sharers.len() >= limits::SHARERS {
            let why = format!("at most {} share one queue", limits::SHARERS);
            return refuse(&joining, "bad_request", why);
        }
        let head = self.feed.position().record.saturating_sub(1);
        let body = json!({"ok": true, "head": Seq::new(head, 0), "pending": self.leases.free(), "rooms": &**rooms});
        let sharer = Sharer {
            given: joining.given,
            caught_up: false,
        };
        sharer.give(Given::Answer(joining.answer.map(|answer| (answer, body))));
        tracing::debug!(
            "{} {} is shared with {}",
            self.key.0,
            self.key.1,
            joining.sid
        );
        self.sharers.insert(joining.socket, sharer);
        self.leases.enter(joining.socket, joining.terms);
    }

    fn read(&mut self, done: ReadDone) {
        match done {
            ReadDone::Opened(opened) => {
                if self.feed.opened(&opened, Announce::Nothing).is_none() {
                    return;
                }
                self.leases = Leases::new(opened.start);
                self.moved_to = opened.start;
                let waiting = self.waiting();
                self.stage = Stage::Open;
                for joining in waiting {
                    self.enter(joining);
                }
            }
            ReadDone::Page(page) => {
                let Turned { skip, gap } = self.feed.turned(page);
                if let Some(behind) = skip {
                    self.skip(behind);
                }
                if let Some((from, to)) = gap {
                    let (namespace, name) = &self.key;
                    tracing::warn!(%namespace, %name, %from, %to, "a shared queue fell behind what is kept");
                    self.tell_all("gap", &json!({"from": from, "to": to}));
                }
            }
            ReadDone::Rooms(_) | ReadDone::Names { .. } | ReadDone::Counted(_) => {}
        }
    }

    fn skip(&mut self, behind: Seq) {
        self.feed.pass(behind);
        self.leases.skip(behind);
    }

    fn ack(&mut self, sharer: SocketId, seq: Seq, answer: Option<u64>) {
        self.leases.ack(sharer, seq, Instant::now());
        let Some(answer) = answer else {
            return self.give(sharer, Given::Answer(None));
        };
        // An answer is the proof that the disk has it, as far as it goes without a hole.
        self.last_ack += 1;
        self.acking.insert(self.last_ack, (sharer, answer));
        self.submit_cursor(Urgency::Now, Some(self.last_ack));
    }

    fn move_cursor(&mut self) {
        if matches!(self.stage, Stage::Open) && self.leases.cursor() > self.moved_to {
            self.submit_cursor(Urgency::Later, None);
        }
    }

    fn submit_cursor(&mut self, urgency: Urgency, answer: Option<u64>) {
        let cursor = self.leases.cursor();
        self.moved_to = self.moved_to.max(cursor);
        let (namespace, client) = self.key.clone();
        let op = Op::Ack {
            namespace,
            client,
            rooms: Arc::clone(self.feed.rooms()),
            cursor,
        };
        let ticket = Ticket::new(Request {
            socket: self.id,
            answer,
            want: Want::Ack,
        });
        self.outbox.push(Submission::Store(op, urgency, ticket));
    }

    /// Hands out what there is to those who have room.
    fn hand_out(&mut self) -> bool {
        if !matches!(self.stage, Stage::Open) {
            return false;
        }
        let (mut did, now) = (false, Instant::now());
        loop {
            while let Some(piece) = self.leases.hand(now) {
                did = true;
                let frames = piece.record.frames(piece.from, piece.to).to_vec();
                self.give(piece.holder, Given::Frames(frames));
            }
            if !self.leases.wants() {
                return did;
            }
            match self.feed.next(&self.services, &self.notices) {
                Next::Nothing => {
                    did |= self.caught_up();
                    return did;
                }
                Next::Busy => {}
                Next::Parcel(parcel, from) => self.take(parcel, from),
                Next::Skip(behind) => self.skip(behind),
                Next::Live { skip, .. } => {
                    if let Some(behind) = skip {
                        self.skip(behind);
                    }
                }
                Next::Attach => {
                    let attach = Message::Other(Input::Attach(self.id));
                    self.outbox.push(Submission::Hub(attach));
                }
            }
            did = true;
        }
    }

    fn take(&mut self, parcel: Arc<Parcel>, from: u32) {
        if parcel.kind != Kind::Durable {
            // It is nobody's in particular and waits for nobody.
            if let Some(sharer) = self.leases.freest()
                && let Some(sharer) = self.sharers.get(&sharer)
            {
                sharer.give(Given::Frames(parcel.batch(0).to_vec()));
            }
            return;
        }
        let (number, count) = (parcel.record.number, parcel.header().count);
        let bytes = parcel.record.body.len();
        self.feed.pass(Seq::after_record(number));
        self.leases
            .add(number, from, count, Sheaf::new(parcel), bytes);
    }

    /// Nothing is left to hand out: who was not told that yet is.
    fn caught_up(&mut self) -> bool {
        if !self.feed.is_live() || self.notices.waiting() || !self.leases.is_handed() {
            return false;
        }
        let head = Seq::new(self.feed.position().record.saturating_sub(1), 0);
        let event = self.event("caught-up", &json!({"head": head}));
        let mut did = false;
        for sharer in self.sharers.values_mut().filter(|it| !it.caught_up) {
            sharer.caught_up = true;
            sharer.give(Given::Frames(vec![event.clone()]));
            did = true;
        }
        did
    }

    fn tell_all(&self, event: &str, data: &serde_json::Value) {
        let frame = self.event(event, data);
        for sharer in self.sharers.values() {
            sharer.give(Given::Frames(vec![frame.clone()]));
        }
    }

    fn event(&self, event: &str, data: &serde_json::Value) -> Frame {
        let text = socket::encode_event(&self.key.0, None, event, &data.to_string(), 0);
        Frame::text(text)
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
                let (namespace, name) = &self.key;
                tracing::info!(
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
        self.vitals.reached(self.feed.position(), unconfirmed);
    }

    /// Says goodbye to everyone; what was still asked is for the next desk.
    fn finish(mut self, end: &End) -> mpsc::UnboundedReceiver<Asked> {
        let farewell = || match end {
            End::NameTaken => Some(Given::NameTaken),
            End::Kicked(by) => Some(Given::Kicked(Arc::clone(by))),
            End::Left | End::Failed(_) | End::Shutdown => None,
        };
        for joining in self.waiting() {
            farewell().map(|farewell| joining.given.send(farewell));
        }
        for sharer in self.sharers.values() {
            farewell().into_iter().for_each(|it| sharer.give(it));
        }
        self.sharers.clear();
        self.count();
        let ticket = Ticket::unanswered(self.id, Want::Disconnect);
        // With the store gone the hub is going too.
        let _ = self.services.writer.send(Op::Mark, Urgency::Now, ticket);
        self.asked
    }
}

fn refuse(joining: &Joining, code: &'static str, message: String) {
    let _ = joining.given.send(Given::Refused {
        answer: joining.answer,
        code,
        message,
    });
}
