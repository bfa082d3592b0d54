//! Tests of the core: inputs go in, deliveries and notifications come out.

mod delivery;
mod people;

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::core::{Core, Effects};
use super::delivery::{Delivery, DeliveryKind, DeliveryOutcome};
use super::input::CoreInput;
use super::mailbox::{Mailbox, MailboxItem};
use super::notification::{DeliveryReceipt, Notification};
use super::request::{DirectRecord, JoinScope, PublishVerb, ReplayRange, Request, SocketRequest};
use super::socket_id::SocketId;
use super::socket_stats::SocketStats;

use crate::address::{ClientName, EventName, Namespace, RoomName, Seq};
use crate::limits;
use crate::store::sessions::{OpenedSession, SessionOrigin};
use crate::store::{Member, MessageHeader, NewRecord, OpOutcome, Record, Refusal};
use crate::wire::batch::{self, Audience, Framing};

#[derive(Default)]
struct RecordedEffects {
    /// Socket and record number.
    delivered: Vec<(u64, u64)>,
    notifications: Vec<(u64, Notification)>,
    full: HashSet<u64>,
    removed: Vec<u64>,
    /// Socket and body of each presence event.
    presence: Vec<(u64, Bytes)>,
}

const NOW: u64 = 1_700_000_000_000;

impl Effects for RecordedEffects {
    fn deliver(&mut self, to: SocketId, delivery: &Arc<Delivery>) -> DeliveryOutcome {
        if self.full.contains(&to.0) {
            return DeliveryOutcome::Full;
        }
        if delivery.kind == DeliveryKind::Presence {
            self.presence.push((to.0, delivery.record.body.clone()));
            return DeliveryOutcome::Accepted;
        }
        self.delivered.push((to.0, delivery.record.number));
        DeliveryOutcome::Accepted
    }

    fn notify(&mut self, to: SocketId, notification: Notification) {
        self.notifications.push((to.0, notification));
    }

    fn remove(&mut self, socket: SocketId) {
        self.removed.push(socket.0);
    }

    fn now_ms(&self) -> u64 {
        NOW
    }
}

/// A core, its recorded effects, and the head of its log.
#[derive(Default)]
struct TestCore {
    core: Core,
    effects: RecordedEffects,
    head: u64,
}

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn rooms(names: &[&str]) -> Vec<RoomName> {
    names.iter().map(|name| room(name)).collect()
}

fn client(name: &str) -> ClientName {
    ClientName::parse(name).unwrap()
}

fn joined(name: &str, names: &[&str]) -> OpOutcome {
    OpOutcome::Joined {
        namespace: Namespace::root(),
        client: client(name),
        rooms: rooms(names),
    }
}

fn left(name: &str, names: &[&str]) -> OpOutcome {
    OpOutcome::Left {
        namespace: Namespace::root(),
        client: client(name),
        rooms: rooms(names),
    }
}

impl TestCore {
    fn with_members(members: &[(&str, &str)]) -> Self {
        let member = |(client, name): &(&str, &str)| Member {
            namespace: Namespace::root(),
            client: ClientName::parse(client).unwrap(),
            room: room(name),
            cursor: Seq::START,
        };
        Self {
            core: Core::new(0, members.iter().map(member).collect()),
            ..Self::default()
        }
    }

    fn commit(&mut self, socket: u64, outcome: OpOutcome, kind: Request) {
        let request = SocketRequest {
            socket: SocketId(socket),
            ack_id: Some(1),
            kind,
        };
        self.apply(outcome, Some(request));
    }

    /// Commits an outcome that no socket of this hub requested.
    fn commit_fact(&mut self, outcome: OpOutcome) {
        self.apply(outcome, None);
    }

    fn apply(&mut self, outcome: OpOutcome, request: Option<SocketRequest>) {
        let input = CoreInput::Committed { outcome, request };
        self.core.step(input, &mut self.effects);
    }

    fn connect(&mut self, socket: u64, namespace: &str, name: Option<&str>) {
        let name = name.map(|name| ClientName::parse(name).unwrap());
        let input = CoreInput::Connect {
            socket: SocketId(socket),
            namespace: Namespace::parse(namespace).unwrap(),
            sid: format!("sid{socket}").into(),
            stats: Arc::new(SocketStats::new(Arc::default(), name.clone(), 0)),
            name,
        };
        self.core.step(input, &mut self.effects);
    }

    /// Connects and subscribes. A name becomes a member of the rooms.
    fn sub(&mut self, socket: u64, name: Option<&str>, names: &[&str]) {
        self.connect(socket, "/", name);
        let from = Seq::after_record(self.head);
        let subscribed = rooms(names).into_iter().map(|room| (room, from)).collect();
        let joined = if name.is_some() {
            rooms(names)
        } else {
            Vec::new()
        };
        let outcome = OpOutcome::Subscribed {
            namespace: Namespace::root(),
            client: name.map(client),
            rooms: subscribed,
            joined,
            head: self.head,
        };
        self.commit(socket, outcome, Request::Subscribe(ReplayRange::default()));
    }

    /// Connects as a session that the store remembers, with these rooms, and subscribes.
    fn begin(&mut self, socket: u64, sid: &str, name: Option<&str>, names: &[&str]) {
        self.connect(socket, "/", name);
        let begun = OpenedSession {
            pid: "p".into(),
            sid: sid.into(),
            origin: SessionOrigin::Recovered,
            rooms: rooms(names)
                .into_iter()
                .map(|room| (room, Seq::START))
                .collect(),
        };
        self.commit(
            socket,
            OpOutcome::SessionOpened(Some(begun)),
            Request::OpenSession,
        );
        let joined = name.map_or_else(Vec::new, |_| rooms(names));
        let outcome = OpOutcome::Subscribed {
            namespace: Namespace::root(),
            client: name.map(client),
            rooms: rooms(&[""])
                .into_iter()
                .map(|room| (room, Seq::new(9, 9)))
                .collect(),
            joined,
            head: self.head,
        };
        self.commit(socket, outcome, Request::Subscribe(ReplayRange::default()));
    }

    fn header(&self, socket: u64, names: &[&str]) -> MessageHeader {
        let rooms = rooms(names).into();
        MessageHeader {
            framing: Framing::Lines,
            origin: format!("sid{socket}").into(),
            ..MessageHeader::new(Namespace::root(), rooms, EventName::message())
        }
    }

    fn publish(&mut self, socket: u64, header: MessageHeader) -> DeliveryReceipt {
        self.head += 1;
        let record = Record {
            number: self.head,
            at_ms: 0,
            header,
            body: Bytes::from_static(b"hi\n"),
        };
        self.commit(
            socket,
            OpOutcome::Appended(record),
            Request::Publish(PublishVerb::Single),
        );
        let Some((_, Notification::Receipt { receipt, .. })) = self.effects.notifications.pop()
        else {
            panic!("no receipt")
        };
        receipt
    }

    /// Publishes. Returns the sockets that got the record, and the counts of the receipt.
    fn reach(&mut self, socket: u64, header: MessageHeader) -> (Vec<u64>, u64, u64) {
        self.effects.delivered.clear();
        let receipt = self.publish(socket, header);
        let mut sockets: Vec<u64> = self
            .effects
            .delivered
            .iter()
            .map(|(socket, _)| *socket)
            .collect();
        sockets.sort_unstable();
        (sockets, receipt.delivered, receipt.queued)
    }
}

#[test]
fn a_union_of_rooms_meets_a_socket_once() {
    let mut hub = TestCore::default();
    hub.sub(1, None, &["a", "b"]);
    hub.sub(2, None, &["b"]);
    hub.sub(3, None, &["c"]);
    let header = hub.header(9, &["a", "b"]);
    assert_eq!(hub.reach(9, header), (vec![1, 2], 2, 0));
}

#[test]
fn rooms_never_cross_namespaces() {
    let mut hub = TestCore::default();
    hub.sub(1, None, &["a"]);
    let header = MessageHeader {
        namespace: Namespace::parse("/admin").unwrap(),
        ..hub.header(9, &["a"])
    };
    assert_eq!(hub.reach(9, header), (vec![], 0, 0));
}

#[test]
fn others_skips_the_emitting_socket_and_its_name() {
    let mut hub = TestCore::default();
    hub.sub(1, None, &["a"]);
    hub.sub(2, Some("alice"), &["a"]);
    let header = MessageHeader {
        audience: Audience::Others,
        ..hub.header(1, &["a"])
    };
    assert_eq!(hub.reach(1, header), (vec![2], 1, 0));
    let from = Some(ClientName::parse("alice").unwrap());
    let header = MessageHeader {
        audience: Audience::Others,
        from,
        ..hub.header(7, &["a"])
    };
    // Alice's session gets it to move her cursor over it. She is not counted.
    assert_eq!(hub.reach(7, header), (vec![1, 2], 1, 0));
}

#[test]
fn except_skips_the_sockets_in_that_room() {
    let mut hub = TestCore::with_members(&[("bob", "a"), ("bob", "quiet"), ("carol", "a")]);
    hub.sub(1, None, &["a", "quiet"]);
    hub.sub(2, None, &["a"]);
    let header = MessageHeader {
        except: rooms(&["quiet"]).into(),
        ..hub.header(9, &["a"])
    };
    assert_eq!(
        hub.reach(9, header),
        (vec![2], 1, 1),
        "it waits only for carol"
    );
}

#[test]
fn records_wait_for_members_away_or_behind_and_reach_holders() {
    let mut hub = TestCore::with_members(&[("alice", "a"), ("bob", "a")]);
    let header = hub.header(9, &["a"]);
    assert_eq!(hub.reach(9, header.clone()), (vec![], 0, 2));
    hub.sub(1, Some("alice"), &["a"]);
    assert_eq!(hub.reach(9, header.clone()), (vec![1], 1, 1));
    hub.effects.full.insert(1);
    assert_eq!(hub.reach(9, header.clone()), (vec![], 0, 2), "behind");
    hub.effects.full.clear();
    assert_eq!(
        hub.reach(9, header.clone()),
        (vec![], 0, 2),
        "detached until it asks to be attached"
    );
    hub.core
        .step(CoreInput::Attach(SocketId(1)), &mut hub.effects);
    assert!(matches!(
        hub.effects.notifications.pop(),
        Some((1, Notification::Attached { head: 4 }))
    ));
    assert_eq!(hub.reach(9, header.clone()), (vec![1], 1, 1));
    hub.commit(1, OpOutcome::Noop, Request::Disconnect);
    assert_eq!(hub.effects.removed, [1]);
    assert_eq!(hub.reach(9, header), (vec![], 0, 2));
}

#[test]
fn the_newest_holder_of_a_name_wins() {
    let mut hub = TestCore::default();
    hub.sub(1, Some("alice"), &["a"]);
    hub.sub(2, Some("alice"), &["a"]);
    assert!(
        hub.effects
            .notifications
            .iter()
            .any(|(socket, notifications)| *socket == 1
                && matches!(notifications, Notification::NameTaken))
    );
    hub.commit(1, OpOutcome::Noop, Request::Disconnect);
    let header = hub.header(9, &["a"]);
    assert_eq!(hub.reach(9, header), (vec![2], 1, 0));
    // The disconnect of the older socket did not take the name from the newer one.
    hub.sub(3, Some("alice"), &["a"]);
    assert!(
        hub.effects
            .notifications
            .iter()
            .any(|(socket, notifications)| *socket == 2
                && matches!(notifications, Notification::NameTaken))
    );
}

#[test]
fn a_restored_session_replaces_the_older_socket() {
    let mut hub = TestCore::default();
    hub.begin(1, "s", None, &["", "a"]);
    let header = hub.header(9, &["a"]);
    assert_eq!(hub.reach(9, header.clone()), (vec![1], 1, 0));
    hub.begin(2, "s", None, &["", "a"]);
    let is_replaced = |(socket, notification): &(u64, Notification)| {
        *socket == 1 && matches!(notification, Notification::Replaced)
    };
    assert!(hub.effects.notifications.iter().any(is_replaced));
    let Some((2, Notification::Subscribed { reader, .. })) = hub.effects.notifications.pop() else {
        panic!("not subscribed")
    };
    assert_eq!(reader.sid.as_deref(), Some("s"));
    assert_eq!(reader.rooms.get(&room("a")), Some(&Seq::START));
    assert_eq!(hub.reach(9, header.clone()), (vec![2], 1, 0));
    let own = MessageHeader {
        audience: Audience::Others,
        origin: "s".into(),
        ..header.clone()
    };
    assert_eq!(hub.reach(9, own), (vec![], 0, 0));
    // The disconnect of the older socket does not disconnect the newer one.
    hub.commit(1, OpOutcome::Noop, Request::Disconnect);
    assert_eq!(hub.reach(9, header.clone()), (vec![2], 1, 0));
    hub.begin(3, "s", None, &["a"]);
    assert_eq!(hub.reach(9, header), (vec![3], 1, 0));
}

#[test]
fn a_restored_client_holds_its_name() {
    let mut hub = TestCore::default();
    hub.begin(1, "s", Some("alice"), &[""]);
    hub.begin(2, "s", Some("alice"), &[""]);
    let notifications = hub
        .effects
        .notifications
        .iter()
        .filter(|(socket, _)| *socket == 1);
    let last = notifications
        .map(|(_, notification)| notification)
        .next_back();
    assert!(
        matches!(last, Some(Notification::Replaced)),
        "and nothing else"
    );
    hub.commit(1, OpOutcome::Noop, Request::Disconnect);
    let header = hub.header(9, &[""]);
    assert_eq!(hub.reach(9, header), (vec![2], 1, 0));
}

#[test]
fn a_socket_that_the_store_cannot_remember_subscribes_anyway() {
    let refused = OpOutcome::Refused(Refusal::Disk {
        reason: "full".to_owned(),
    });
    for done in [OpOutcome::SessionOpened(None), refused] {
        let mut hub = TestCore::default();
        hub.connect(1, "/", None);
        hub.commit(1, done.clone(), Request::OpenSession);
        let notifications = hub.effects.notifications.pop();
        assert!(
            matches!(notifications, Some((1, Notification::SessionOpened(None)))),
            "{notifications:?}"
        );
        hub.sub(1, None, &[""]);
        // A refused op does not keep the socket from disconnecting.
        hub.commit(1, done, Request::Disconnect);
        assert_eq!(hub.effects.removed, [1]);
    }
}

#[test]
fn a_live_join_enters_and_a_leave_exits() {
    let mut hub = TestCore::default();
    hub.connect(1, "/", None);
    let header = hub.header(9, &["a"]);
    hub.commit(
        1,
        OpOutcome::Noop,
        Request::Join(rooms(&["a", "b"]), JoinScope::Live),
    );
    assert_eq!(hub.reach(9, header.clone()), (vec![1], 1, 0));
    hub.commit(1, OpOutcome::Noop, Request::Leave(rooms(&["a"])));
    assert_eq!(hub.reach(9, header), (vec![], 0, 0));
}

#[test]
fn a_durable_join_adds_a_member_and_a_leave_removes_it() {
    let mut hub = TestCore::default();
    hub.connect(1, "/", Some("alice"));
    let header = hub.header(9, &["a"]);
    hub.commit(
        1,
        joined("alice", &["a"]),
        Request::Join(rooms(&["a"]), JoinScope::DurableOnly),
    );
    assert_eq!(hub.reach(9, header.clone()), (vec![], 0, 1));
    hub.commit(1, left("alice", &["a"]), Request::Leave(rooms(&["a"])));
    assert_eq!(hub.reach(9, header), (vec![], 0, 0));
}

#[test]
fn the_holder_of_a_name_is_notified_of_a_purge() {
    let mut hub = TestCore::default();
    hub.sub(1, Some("alice"), &["a"]);
    hub.connect(2, "/", None);
    hub.connect(3, "/other", None);
    let mut purge = |requester: u64, namespace: &str| {
        hub.effects.notifications.clear();
        let outcome = OpOutcome::Purged {
            namespace: Namespace::parse(namespace).unwrap(),
            client: client("alice"),
            rooms: rooms(&["a"]),
            cursor: Seq::new(9, 0),
        };
        hub.commit(requester, outcome, Request::Purge { messages: 7 });
        std::mem::take(&mut hub.effects.notifications)
    };
    let notifications = purge(2, "/");
    let emptied = Seq::new(9, 0);
    assert!(
        matches!(&notifications[..], [(1, Notification::PendingPurged { cursor, .. }), (2, Notification::Purged { messages: 7, .. })] if *cursor == emptied),
        "{notifications:?}"
    );
    // In the other namespace nobody holds the name.
    let notifications = purge(3, "/other");
    assert!(
        matches!(&notifications[..], [(3, Notification::Purged { .. })]),
        "{notifications:?}"
    );
}

/// The core also follows commits of another hub: a committed fact needs no requester.
#[test]
fn facts_without_a_requester_change_members_and_are_delivered() {
    let mut hub = TestCore::default();
    hub.sub(1, None, &["a"]);
    hub.sub(2, Some("alice"), &["b"]);
    hub.effects.notifications.clear();
    hub.commit_fact(joined("alice", &["a"]));
    hub.commit_fact(joined("bob", &["a"]));
    let notifications = std::mem::take(&mut hub.effects.notifications);
    assert!(
        matches!(&notifications[..], [(2, Notification::ReaderChanged { reader })] if reader.other_rooms.contains(&room("a"))),
        "{notifications:?}"
    );
    let record = |hub: &TestCore, number| Record {
        number,
        at_ms: 0,
        header: hub.header(9, &["a"]),
        body: Bytes::from_static(b"hi\n"),
    };
    let appended = OpOutcome::Appended(record(&hub, 1));
    hub.commit_fact(appended);
    assert_eq!(hub.effects.delivered, [(1, 1)]);
    assert!(
        hub.effects.notifications.is_empty(),
        "there is no publisher to notify"
    );
    hub.head = 1;
    let header = hub.header(9, &["a"]);
    assert_eq!(hub.reach(9, header.clone()), (vec![1], 1, 2));
    hub.commit_fact(left("bob", &["a"]));
    hub.commit_fact(OpOutcome::Subscribed {
        namespace: Namespace::root(),
        client: Some(client("carol")),
        rooms: Vec::new(),
        joined: rooms(&["a", "c"]),
        head: 2,
    });
    assert_eq!(hub.reach(9, header), (vec![1], 1, 2));
    let purged = OpOutcome::Purged {
        namespace: Namespace::root(),
        client: client("alice"),
        rooms: rooms(&["a"]),
        cursor: Seq::new(4, 0),
    };
    hub.commit_fact(purged);
    assert!(matches!(
        hub.effects.notifications.pop(),
        Some((2, Notification::PendingPurged { .. }))
    ));
}
