//! A subscription as its client remembers it: what was asked, how far it came, and what of it was written.
//!
//! Pure. It is what makes a `sub` survive a lost connection without repeats and without loss: it resumes behind the
//! last message that was written, so that the hub moves no cursor past the others, and passes over what comes twice.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use crate::address::{ClientName, RoomName, Seq};
use crate::wire::batch::DeliveryHeader;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscribeRequest {
    /// None of them: every room that the client name joined.
    pub rooms: Vec<RoomName>,
    pub since: Option<StartPosition>,
    pub last: Option<u64>,
    pub presence: PresenceUpdates,
    pub mode: DeliveryMode,
}

/// How the messages are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeliveryMode {
    /// By oneself.
    #[default]
    FanOut,
    /// With others of the same name, each message to one of them.
    Shared(ShareOptions),
    /// Only to look at what waits for somebody; the rooms are then not asked for.
    Peek(PeekRequest),
}

/// Whose, and where; no room: in all that it joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeekRequest {
    pub name: ClientName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomName>,
}

/// How much of a shared queue is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareOptions {
    /// Messages that may come before those before them are acked; None: as many as the hub thinks fit.
    pub window: Option<u32>,
    /// What is not acked for so long goes to others.
    pub ack_timeout: Duration,
}

/// Whether it is told who comes to the rooms and who goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PresenceUpdates {
    #[default]
    Off,
    On,
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum StartPosition {
    /// With this message.
    Seq(Seq),
    /// With the first message at or after this time, in milliseconds since 1970 (UTC).
    Time(u64),
}

/// Messages that will not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// Some between these are no longer kept.
    Pruned { from: Seq, to: Seq },
    /// The hub has another log than the one this subscription was reading.
    OtherLog { log: String },
}

#[derive(Debug)]
pub struct Subscription {
    request: SubscribeRequest,
    /// The log that `position` and the seqs are of.
    log: String,
    /// The first message not yet received.
    position: Option<Seq>,
    /// Received, and on their way to be written.
    handed: VecDeque<Handed>,
    /// The last message written, in this log.
    written: Option<Seq>,
    /// Of a shared queue: what was written last came by a connection that is gone, so that another may have it by now.
    strayed: bool,
    /// What the hub said that it reads, in this log.
    rooms: Vec<RoomName>,
    /// What begins here is not done with, whatever was written: the place of a name stays before it.
    keep: Option<Seq>,
}

#[derive(Debug)]
struct Handed {
    first: Seq,
    last: Seq,
    log: Log,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    This,
    /// Its seqs would ack other messages here.
    Former,
}

impl Subscription {
    pub fn new(request: SubscribeRequest, log: &str) -> Self {
        Self {
            request,
            log: log.to_owned(),
            position: None,
            handed: VecDeque::new(),
            written: None,
            strayed: false,
            rooms: Vec::new(),
            keep: None,
        }
    }

    /// The same once more, from this place in the log: what came before is forgotten. What begins at `keep` is not done with.
    pub fn from(&self, place: Seq, keep: Option<Seq>) -> Self {
        Self {
            position: Some(place),
            rooms: self.rooms.clone(),
            keep,
            ..Self::new(self.request.clone(), &self.log)
        }
    }

    pub fn keep(&mut self, keep: Option<Seq>) {
        self.keep = keep;
    }

    pub fn kept(&self) -> Option<Seq> {
        self.keep
    }

    pub fn request(&self) -> &SubscribeRequest {
        &self.request
    }

    /// These are no longer wanted.
    pub fn leave(&mut self, rooms: &[RoomName]) {
        self.request.rooms.retain(|room| !rooms.contains(room));
        self.rooms.retain(|room| !rooms.contains(room));
    }

    /// The hub subscribed it to these.
    pub fn reads(&mut self, rooms: &[RoomName]) {
        self.rooms = rooms.to_vec();
    }

    /// The verb that asks for it, and its argument, at first and after each reconnect.
    pub fn verb(&self) -> (&'static str, String) {
        match &self.request.mode {
            DeliveryMode::FanOut | DeliveryMode::Shared(_) => ("sub", self.sub()),
            DeliveryMode::Peek(peek) => {
                let peek = serde_json::to_string(peek).expect("names are JSON");
                ("peek", peek)
            }
        }
    }

    fn sub(&self) -> String {
        #[derive(Serialize)]
        struct Verb<'a> {
            rooms: &'a [RoomName],
            #[serde(skip_serializing_if = "Option::is_none")]
            since: Option<StartPosition>,
            #[serde(skip_serializing_if = "Option::is_none")]
            last: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            log: Option<&'a str>,
            // Of a room that the name joined since, nothing was written: its place is not this one.
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            within: &'a [RoomName],
            #[serde(skip_serializing_if = "Option::is_none")]
            keep: Option<Seq>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            presence: bool,
            #[serde(flatten)]
            share: Option<ShareArgs>,
        }
        #[derive(Serialize)]
        struct ShareArgs {
            share: bool,
            ack_timeout: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            window: Option<u32>,
        }
        let presence = self.request.presence == PresenceUpdates::On;
        let share = self.share().map(|share| ShareArgs {
            share: true,
            ack_timeout: u64::try_from(share.ack_timeout.as_millis()).unwrap_or(u64::MAX),
            window: share.window,
        });
        let verb = match self.unwritten() {
            Some(place) => Verb {
                rooms: &self.request.rooms,
                since: Some(StartPosition::Seq(place)),
                last: None,
                log: Some(&self.log),
                within: if self.request.rooms.is_empty() {
                    &self.rooms
                } else {
                    &[]
                },
                keep: self.keep,
                presence,
                share,
            },
            None => Verb {
                rooms: &self.request.rooms,
                since: self.request.since,
                last: self.request.last,
                log: None,
                within: &[],
                keep: None,
                presence,
                share,
            },
        };
        serde_json::to_string(&verb).expect("names and numbers are JSON")
    }

    pub fn share(&self) -> Option<ShareOptions> {
        match self.request.mode {
            DeliveryMode::FanOut | DeliveryMode::Peek(_) => None,
            DeliveryMode::Shared(share) => Some(share),
        }
    }

    /// The hub greeted with this log. With a position the hub finds out by itself, and tells in a gap.
    pub fn entered(&mut self, log: &str) {
        if self.share().is_some() {
            // What came by another connection is somebody else's by now: none of it can be acked.
            return self.begin_log(log);
        }
        if self.position.is_none() && self.log != log {
            self.begin_log(log);
        }
    }

    /// How many of its messages were received before: those stand at its beginning.
    pub fn received(&mut self, header: &DeliveryHeader) -> u32 {
        // A volatile message has no place in the log: nothing to resume from, nothing to ack.
        let Some(first) = header.first else { return 0 };
        let last = nth(first, header.count.saturating_sub(1));
        // Of a shared queue every message that comes is this one's to do, the one that comes again too.
        let position = self.position.filter(|_| self.share().is_none());
        let known = match position {
            Some(position) if last < position => return header.count,
            // Not behind its last message, so in the same record.
            Some(position) if first < position => position.index - first.index,
            _ => 0,
        };
        self.position = self.share().is_none().then_some(last.next());
        self.handed.push_back(Handed {
            first: nth(first, known),
            last,
            log: Log::This,
        });
        known
    }

    /// The first message that is not known to be written, once anything came. Of a shared queue none is: it goes on where it
    /// is.
    fn unwritten(&self) -> Option<Seq> {
        if self.share().is_some() {
            return None;
        }
        let waiting = self
            .handed
            .iter()
            .find(|handed| handed.log == Log::This)
            .map(|handed| handed.first);
        let written = self.written.map(Seq::next);
        // What is waiting may be written in part.
        match waiting {
            Some(first) => Some(written.map_or(first, |written| written.max(first))),
            None => self.position,
        }
    }

    /// Nothing waits to be written.
    pub fn is_settled(&self) -> bool {
        self.handed.is_empty()
    }

    pub fn caught_up(&mut self, head: Seq) {
        if self.share().is_some() {
            return;
        }
        let behind = Seq::after_record(head.record);
        self.position = Some(
            self.position
                .map_or(behind, |position| position.max(behind)),
        );
    }

    pub fn gap(&mut self, gap: &Gap) {
        if let Gap::OtherLog { log } = gap {
            self.begin_log(log);
        }
    }

    /// Everything handed on up to `seq` was written. True when the hub is to be told.
    pub fn wrote(&mut self, seq: Seq) -> bool {
        let holds = |handed: &Handed| handed.first <= seq && seq <= handed.last;
        let Some(at) = self.handed.iter().position(holds) else {
            return false;
        };
        let log = self.handed[at].log;
        let whole = at + usize::from(self.handed[at].last == seq);
        self.handed.drain(..whole);
        match log {
            Log::This => {
                self.written = Some(seq);
                self.strayed = false;
                true
            }
            Log::Former => {
                self.strayed = self.share().is_some();
                false
            }
        }
    }

    pub fn written(&self) -> Option<Seq> {
        self.written
    }

    /// Whether what was written last cannot be acked, and comes to another of those who share the queue.
    pub fn strayed(&self) -> bool {
        self.strayed
    }

    fn begin_log(&mut self, log: &str) {
        self.log = log.to_owned();
        self.position = None;
        self.written = None;
        self.keep = None;
        self.rooms.clear();
        for handed in &mut self.handed {
            handed.log = Log::Former;
        }
    }
}

/// The place `more` messages behind in the same record.
fn nth(first: Seq, more: u32) -> Seq {
    Seq::new(first.record, first.index.saturating_add(more))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::EventName;
    use crate::wire::batch::Framing;

    fn batch(record: u64, index: u32, count: u32) -> DeliveryHeader {
        DeliveryHeader {
            rooms: vec![RoomName::parse("r").unwrap()],
            count,
            first: Some(Seq::new(record, index)),
            ..DeliveryHeader::new(EventName::message(), Framing::Lines)
        }
    }

    fn subscription() -> Subscription {
        let rooms = vec![RoomName::parse("r").unwrap()];
        let request = SubscribeRequest {
            rooms,
            last: Some(2),
            ..SubscribeRequest::default()
        };
        Subscription::new(request, "log")
    }

    #[test]
    fn it_asks_anew_until_something_came() {
        let mut sub = subscription();
        assert_eq!(sub.sub(), r#"{"rooms":["r"],"last":2}"#);
        sub.caught_up(Seq::new(50, 0));
        assert_eq!(sub.sub(), r#"{"rooms":["r"],"since":"51","log":"log"}"#);
        let timed = SubscribeRequest {
            since: Some(StartPosition::Time(1234)),
            presence: PresenceUpdates::On,
            ..SubscribeRequest::default()
        };
        assert_eq!(
            Subscription::new(timed, "log").sub(),
            r#"{"rooms":[],"since":1234,"presence":true}"#
        );
    }

    #[test]
    fn it_resumes_behind_what_was_written() {
        let mut sub = subscription();
        let since = |sub: &Subscription| sub.unwritten().unwrap().to_string();
        sub.received(&batch(41, 3, 5));
        sub.received(&batch(42, 0, 5));
        sub.caught_up(Seq::new(50, 0));
        assert_eq!(since(&sub), "41.3");
        sub.wrote(Seq::new(41, 7));
        assert_eq!(since(&sub), "42");
        sub.wrote(Seq::new(42, 1));
        assert_eq!(since(&sub), "42.2");
        assert!(!sub.is_settled());
        sub.wrote(Seq::new(42, 4));
        assert_eq!(since(&sub), "51");
        assert!(sub.is_settled());
    }

    #[test]
    fn what_comes_twice_is_passed_over() {
        let mut sub = subscription();
        assert_eq!(sub.received(&batch(41, 3, 5)), 0);
        assert_eq!(sub.received(&batch(41, 3, 5)), 5);
        assert_eq!(sub.received(&batch(41, 0, 3)), 3);
        assert_eq!(sub.received(&batch(41, 5, 9)), 3);
        assert_eq!(sub.received(&batch(42, 0, 1)), 0);
        // Each message waits to be written once.
        for seq in [Seq::new(41, 7), Seq::new(41, 13), Seq::new(42, 0)] {
            assert!(sub.wrote(seq));
        }
        assert!(sub.is_settled());
    }

    #[test]
    fn only_what_was_handed_on_is_acked() {
        let mut sub = subscription();
        sub.received(&batch(1, 0, 1));
        sub.received(&batch(2, 0, 10));
        assert!(!sub.wrote(Seq::new(7, 0)));
        // Cut by `-n`: the rest of the stretch stays.
        assert!(sub.wrote(Seq::new(2, 4)));
        assert_eq!(sub.written(), Some(Seq::new(2, 4)));
        assert!(sub.wrote(Seq::new(2, 9)));
        assert!(!sub.wrote(Seq::new(2, 9)));
    }

    #[test]
    fn what_came_from_another_log_is_never_acked_in_this_one() {
        let mut sub = subscription();
        sub.received(&batch(9, 0, 1));
        sub.gap(&Gap::OtherLog { log: "new".into() });
        assert_eq!(sub.sub(), r#"{"rooms":["r"],"last":2}"#);
        assert_eq!(sub.received(&batch(1, 0, 1)), 0);
        assert_eq!(sub.sub(), r#"{"rooms":["r"],"since":"1","log":"new"}"#);
        assert!(!sub.wrote(Seq::new(9, 0)));
        assert_eq!(sub.written(), None);
        assert!(sub.wrote(Seq::new(1, 0)));
        assert_eq!(sub.sub(), r#"{"rooms":["r"],"since":"1.1","log":"new"}"#);
    }

    #[test]
    fn a_sharer_takes_what_comes_and_asks_for_no_place() {
        let share = ShareOptions {
            window: Some(3),
            ack_timeout: Duration::from_secs(5),
        };
        let request = SubscribeRequest {
            mode: DeliveryMode::Shared(share),
            ..SubscribeRequest::default()
        };
        let verb = r#"{"rooms":[],"share":true,"ack_timeout":5000,"window":3}"#;
        let mut sub = Subscription::new(request, "log");
        assert_eq!(sub.sub(), verb);
        for first in [batch(41, 3, 5), batch(7, 0, 2), batch(41, 3, 5)] {
            assert_eq!(sub.received(&first), 0);
        }
        sub.caught_up(Seq::new(50, 0));
        assert!(sub.wrote(Seq::new(7, 1)));
        assert_eq!(sub.written(), Some(Seq::new(7, 1)));
        // The hub has handed to another what came by a connection that was lost.
        sub.entered("log");
        assert_eq!((sub.sub().as_str(), sub.written()), (verb, None));
        assert_eq!(sub.received(&batch(41, 3, 5)), 0);
        assert!(!sub.wrote(Seq::new(41, 7)), "of the former connection");
        assert!(sub.strayed());
        assert!(sub.wrote(Seq::new(41, 7)));
        assert!(!sub.strayed());
    }

    #[test]
    fn what_is_kept_is_said_when_it_resumes() {
        let mut sub = subscription();
        sub.received(&batch(41, 0, 1));
        sub.received(&batch(42, 0, 1));
        sub.keep(Some(Seq::new(41, 0)));
        sub.wrote(Seq::new(41, 0));
        assert_eq!(
            sub.sub(),
            r#"{"rooms":["r"],"since":"42","log":"log","keep":"41"}"#
        );
        let behind = sub.from(Seq::new(43, 0), None);
        assert_eq!(behind.sub(), r#"{"rooms":["r"],"since":"43","log":"log"}"#);
        let mut again = sub.from(Seq::new(41, 0), Some(Seq::new(41, 0)));
        assert_eq!(
            again.sub(),
            r#"{"rooms":["r"],"since":"41","log":"log","keep":"41"}"#
        );
        assert_eq!(again.received(&batch(41, 0, 1)), 0, "it comes again");
        again.gap(&Gap::OtherLog { log: "new".into() });
        assert_eq!(again.kept(), None);
    }

    #[test]
    fn volatile_messages_leave_no_trace() {
        let mut sub = subscription();
        let mut volatile = batch(1, 0, 1);
        volatile.first = None;
        assert_eq!(sub.received(&volatile), 0);
        assert_eq!(sub.sub(), r#"{"rooms":["r"],"last":2}"#);
        assert!(sub.is_settled());
    }
}
