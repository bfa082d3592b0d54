//! The core by tables: steps in, deliveries and words out.

mod people;

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::core::{Core, Effects, Taken};
use super::mailbox::{Found, Mailbox};
use super::parcel::{Kind, Parcel};
use super::peer::Vitals;
use super::request::{
    Direct, Input, Membership, Publisher, Receipt, Request, SocketId, Stretch, Told, Want,
};
use crate::address::{ClientName, EventName, Namespace, RoomName, Seq};
use crate::limits;
use crate::store::sessions::{OpenedSession, SessionOrigin};
use crate::store::{Member, MessageHeader, NewRecord, OpOutcome, Record, Refusal};
use crate::wire::batch::{self, Audience, Framing};

#[derive(Default)]
struct Seen {
    /// Socket and record number.
    delivered: Vec<(u64, u64)>,
    told: Vec<(u64, Told)>,
    full: HashSet<u64>,
    forgotten: Vec<u64>,
    /// Socket and body of what is told of others.
    moves: Vec<(u64, Bytes)>,
}

const NOW: u64 = 1_700_000_000_000;

impl Effects for Seen {
    fn deliver(&mut self, to: SocketId, parcel: &Arc<Parcel>) -> Taken {
        if self.full.contains(&to.0) {
            return Taken::Full;
        }
        if parcel.kind == Kind::Presence {
            self.moves.push((to.0, parcel.record.body.clone()));
            return Taken::Yes;
        }
        self.delivered.push((to.0, parcel.record.number));
        Taken::Yes
    }

    fn tell(&mut self, to: SocketId, told: Told) {
        self.told.push((to.0, told));
    }

    fn forget(&mut self, socket: SocketId) {
        self.forgotten.push(socket.0);
    }

    fn now_ms(&self) -> u64 {
        NOW
    }
}

/// A core with its log's head and what it did.
#[derive(Default)]
struct Bench {
    core: Core,
    seen: Seen,
    head: u64,
}

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn rooms(names: &[&str]) -> Vec<RoomName> {
    names.iter().map(|name| room(name)).collect()
}

impl Bench {
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

    fn commit(&mut self, socket: u64, done: OpOutcome, want: Want) {
        let request = Request {
            socket: SocketId(socket),
            answer: Some(1),
            want,
        };
        self.core
            .step(Input::Committed { done, request }, &mut self.seen);
    }

    fn connect(&mut self, socket: u64, namespace: &str, name: Option<&str>) {
        let name = name.map(|name| ClientName::parse(name).unwrap());
        let input = Input::Connect {
            socket: SocketId(socket),
            namespace: Namespace::parse(namespace).unwrap(),
            sid: format!("sid{socket}").into(),
            vitals: Arc::new(Vitals::new(Arc::default(), name.clone(), 0)),
            name,
        };
        self.core.step(input, &mut self.seen);
    }

    /// Connects and subscribes; a name is a member of what it subscribes to.
    fn sub(&mut self, socket: u64, name: Option<&str>, names: &[&str]) {
        self.connect(socket, "/", name);
        let from = Seq::after_record(self.head);
        let subscribed = rooms(names).into_iter().map(|room| (room, from)).collect();
        let joined = if name.is_some() {
            rooms(names)
        } else {
            Vec::new()
        };
        let done = OpOutcome::Subscribed {
            rooms: subscribed,
            joined,
            head: self.head,
        };
        self.commit(socket, done, Want::Subscribe(Stretch::default()));
    }

    /// Connects as one that the store remembers, with these rooms, and subscribes.
    fn begin(&mut self, socket: u64, sid: &str, name: Option<&str>, names: &[&str]) {
        self.connect(socket, "/", name);
        let begun = OpenedSession {
            pid: "p".into(),
            sid: sid.into(),
            origin: SessionOrigin::Recovered,
            rooms: rooms(names)
                .into_iter()
                .map(|it| (it, Seq::START))
                .collect(),
        };
        self.commit(socket, OpOutcome::SessionOpened(Some(begun)), Want::Begin);
        let joined = name.map_or_else(Vec::new, |_| rooms(names));
        let done = OpOutcome::Subscribed {
            rooms: rooms(&[""])
                .into_iter()
                .map(|it| (it, Seq::new(9, 9)))
                .collect(),
            joined,
            head: self.head,
        };
        self.commit(socket, done, Want::Subscribe(Stretch::default()));
    }

    fn header(&self, socket: u64, names: &[&str]) -> MessageHeader {
        MessageHeader {
            namespace: Namespace::root(),
            rooms: rooms(names).into(),
            except: Arc::new([]),
            audience: Audience::All,
            event: EventName::message(),
            framing: Framing::Lines,
            json: false,
            count: 1,
            from: None,
            origin: format!("sid{socket}").into(),
            reply: None,
        }
    }

    fn publish(&mut self, socket: u64, header: MessageHeader) -> Receipt {
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
            Want::Publish(Publisher::Single),
        );
        let Some((_, Told::Receipt { receipt, .. })) = self.seen.told.pop() else {
            panic!("no receipt")
        };
        receipt
    }

    /// Publishes and returns who was handed it, with the receipt's counts.
    fn reach(&mut self, socket: u64, header: MessageHeader) -> (Vec<u64>, u64, u64) {
        self.seen.delivered.clear();
        let receipt = self.publish(socket, header);
        let mut sockets: Vec<u64> = self
            .seen
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
    let mut bench = Bench::default();
    bench.sub(1, None, &["a", "b"]);
    bench.sub(2, None, &["b"]);
    bench.sub(3, None, &["c"]);
    let header = bench.header(9, &["a", "b"]);
    assert_eq!(bench.reach(9, header), (vec![1, 2], 2, 0));
}

#[test]
fn rooms_never_cross_namespaces() {
    let mut bench = Bench::default();
    bench.sub(1, None, &["a"]);
    let header = MessageHeader {
        namespace: Namespace::parse("/admin").unwrap(),
        ..bench.header(9, &["a"])
    };
    assert_eq!(bench.reach(9, header), (vec![], 0, 0));
}

#[test]
fn others_skips_the_emitting_socket_and_its_name() {
    let mut bench = Bench::default();
    bench.sub(1, None, &["a"]);
    bench.sub(2, Some("alice"), &["a"]);
    let header = MessageHeader {
        audience: Audience::Others,
        ..bench.header(1, &["a"])
    };
    assert_eq!(bench.reach(1, header), (vec![2], 1, 0));
    let from = Some(ClientName::parse("alice").unwrap());
    let header = MessageHeader {
        audience: Audience::Others,
        from,
        ..bench.header(7, &["a"])
    };
    // Alice's session is handed it so that her cursor passes over it; she is not counted.
    assert_eq!(bench.reach(7, header), (vec![1, 2], 1, 0));
}

#[test]
fn except_skips_who_is_in_that_room() {
    let mut bench = Bench::with_members(&[("bob", "a"), ("bob", "quiet"), ("carol", "a")]);
    bench.sub(1, None, &["a", "quiet"]);
    bench.sub(2, None, &["a"]);
    let header = MessageHeader {
        except: rooms(&["quiet"]).into(),
        ..bench.header(9, &["a"])
    };
    assert_eq!(
        bench.reach(9, header),
        (vec![2], 1, 1),
        "carol alone waits for it"
    );
}

#[test]
fn members_away_or_behind_are_queued_and_holders_delivered() {
    let mut bench = Bench::with_members(&[("alice", "a"), ("bob", "a")]);
    let header = bench.header(9, &["a"]);
    assert_eq!(bench.reach(9, header.clone()), (vec![], 0, 2));
    bench.sub(1, Some("alice"), &["a"]);
    assert_eq!(bench.reach(9, header.clone()), (vec![1], 1, 1));
    bench.seen.full.insert(1);
    assert_eq!(bench.reach(9, header.clone()), (vec![], 0, 2), "behind");
    bench.seen.full.clear();
    assert_eq!(
        bench.reach(9, header.clone()),
        (vec![], 0, 2),
        "detached until it asks"
    );
    bench.core.step(Input::Attach(SocketId(1)), &mut bench.seen);
    assert!(matches!(
        bench.seen.told.pop(),
        Some((1, Told::Attached { head: 4 }))
    ));
    assert_eq!(bench.reach(9, header.clone()), (vec![1], 1, 1));
    bench.commit(1, OpOutcome::Noop, Want::Disconnect);
    assert_eq!(bench.seen.forgotten, [1]);
    assert_eq!(bench.reach(9, header), (vec![], 0, 2));
}

#[test]
fn the_newest_holder_of_a_name_wins() {
    let mut bench = Bench::default();
    bench.sub(1, Some("alice"), &["a"]);
    bench.sub(2, Some("alice"), &["a"]);
    assert!(
        bench
            .seen
            .told
            .iter()
            .any(|(socket, told)| *socket == 1 && matches!(told, Told::NameTaken))
    );
    bench.commit(1, OpOutcome::Noop, Want::Disconnect);
    let header = bench.header(9, &["a"]);
    assert_eq!(bench.reach(9, header), (vec![2], 1, 0));
    // The older one's farewell did not take the name from the newer.
    bench.sub(3, Some("alice"), &["a"]);
    assert!(
        bench
            .seen
            .told
            .iter()
            .any(|(socket, told)| *socket == 2 && matches!(told, Told::NameTaken))
    );
}

#[test]
fn a_socket_that_came_back_is_who_it_was_and_the_older_one_is_nobody() {
    let mut bench = Bench::default();
    bench.begin(1, "s", None, &["", "a"]);
    let header = bench.header(9, &["a"]);
    assert_eq!(bench.reach(9, header.clone()), (vec![1], 1, 0));
    bench.begin(2, "s", None, &["", "a"]);
    let came_back = |(socket, told): &(u64, Told)| *socket == 1 && matches!(told, Told::CameBack);
    assert!(bench.seen.told.iter().any(came_back));
    let Some((2, Told::Subscribed { reader, .. })) = bench.seen.told.pop() else {
        panic!("not subscribed")
    };
    assert_eq!(reader.sid.as_deref(), Some("s"));
    assert_eq!(reader.rooms.get(&room("a")), Some(&Seq::START));
    assert_eq!(bench.reach(9, header.clone()), (vec![2], 1, 0));
    let own = MessageHeader {
        audience: Audience::Others,
        origin: "s".into(),
        reply: None,
        ..header.clone()
    };
    assert_eq!(bench.reach(9, own), (vec![], 0, 0));
    // The farewell of the older is not that of the newer.
    bench.commit(1, OpOutcome::Noop, Want::Disconnect);
    assert_eq!(bench.reach(9, header.clone()), (vec![2], 1, 0));
    bench.begin(3, "s", None, &["a"]);
    assert_eq!(bench.reach(9, header), (vec![3], 1, 0));
}

#[test]
fn a_client_that_came_back_holds_its_name() {
    let mut bench = Bench::default();
    bench.begin(1, "s", Some("alice"), &[""]);
    bench.begin(2, "s", Some("alice"), &[""]);
    let words = bench.seen.told.iter().filter(|(socket, _)| *socket == 1);
    let last = words.map(|(_, told)| told).next_back();
    assert!(matches!(last, Some(Told::CameBack)), "and nothing else");
    bench.commit(1, OpOutcome::Noop, Want::Disconnect);
    let header = bench.header(9, &[""]);
    assert_eq!(bench.reach(9, header), (vec![2], 1, 0));
}

#[test]
fn a_socket_that_cannot_be_remembered_subscribes_all_the_same() {
    let refused = OpOutcome::Refused(Refusal::Disk {
        reason: "full".to_owned(),
    });
    for done in [OpOutcome::SessionOpened(None), refused] {
        let mut bench = Bench::default();
        bench.connect(1, "/", None);
        bench.commit(1, done.clone(), Want::Begin);
        let told = bench.seen.told.pop();
        assert!(matches!(told, Some((1, Told::Begun(None)))), "{told:?}");
        bench.sub(1, None, &[""]);
        // That nothing could be stored keeps nobody from going.
        bench.commit(1, done, Want::Disconnect);
        assert_eq!(bench.seen.forgotten, [1]);
    }
}

#[test]
fn joining_and_leaving_live_is_what_socket_io_does() {
    let mut bench = Bench::default();
    bench.connect(1, "/", None);
    let header = bench.header(9, &["a"]);
    bench.commit(
        1,
        OpOutcome::Noop,
        Want::Join(rooms(&["a", "b"]), Membership::Live),
    );
    assert_eq!(bench.reach(9, header.clone()), (vec![1], 1, 0));
    bench.commit(1, OpOutcome::Noop, Want::Leave(rooms(&["a"])));
    assert_eq!(bench.reach(9, header), (vec![], 0, 0));
}

#[test]
fn a_durable_join_makes_a_member_and_a_leave_unmakes_it() {
    let mut bench = Bench::default();
    bench.connect(1, "/", Some("alice"));
    let header = bench.header(9, &["a"]);
    bench.commit(
        1,
        OpOutcome::Joined,
        Want::Join(rooms(&["a"]), Membership::DurableOnly),
    );
    assert_eq!(bench.reach(9, header.clone()), (vec![], 0, 1));
    bench.commit(1, OpOutcome::Left, Want::Leave(rooms(&["a"])));
    assert_eq!(bench.reach(9, header), (vec![], 0, 0));
}

#[test]
fn volatile_messages_are_handed_out_and_queued_for_nobody() {
    let mut bench = Bench::with_members(&[("bob", "a")]);
    bench.sub(1, None, &["a"]);
    bench.sub(2, None, &["a"]);
    bench.seen.full.insert(2);
    let record = NewRecord {
        header: bench.header(9, &["a"]),
        body: Bytes::from_static(b"hi\n"),
    };
    let request = Request {
        socket: SocketId(9),
        answer: None,
        want: Want::Publish(Publisher::Single),
    };
    bench.core.step(
        Input::Volatile {
            record,
            at_ms: 0,
            request,
        },
        &mut bench.seen,
    );
    let Some((9, Told::Receipt { receipt, .. })) = bench.seen.told.pop() else {
        panic!("no receipt")
    };
    assert_eq!(
        (receipt.first, receipt.delivered, receipt.queued),
        (None, 1, 0)
    );
    bench.seen.full.clear();
    let header = bench.header(9, &["a"]);
    assert_eq!(bench.reach(9, header).0, [1, 2], "who dropped it goes on");
}

#[test]
fn a_mailbox_is_bounded_and_takes_again_once_emptied() {
    let mailbox = Mailbox::new(Arc::default());
    let bench = Bench::default();
    let body = Bytes::from(vec![b'x'; limits::MAILBOX_BYTES / 4]);
    let parcel = |number, kind| {
        let record = Record {
            number,
            at_ms: 0,
            header: bench.header(1, &["a"]),
            body: body.clone(),
        };
        Arc::new(Parcel::new(record, kind))
    };
    let taken = (1..100)
        .take_while(|number| mailbox.put(&parcel(*number, Kind::Durable)) == Taken::Yes)
        .count();
    assert_eq!(taken, 3, "three quarters and their overhead fit");
    assert_eq!(mailbox.put(&parcel(100, Kind::Volatile)), Taken::Full);
    for number in 1..=3 {
        assert!(matches!(mailbox.take(), Found::Parcel(parcel) if parcel.record.number == number));
    }
    assert!(matches!(mailbox.take(), Found::Overflowed));
    assert!(matches!(mailbox.take(), Found::Nothing));
    assert_eq!(mailbox.put(&parcel(101, Kind::Durable)), Taken::Yes);
}

#[test]
fn a_direct_message_reaches_one_socket_in_whatever_room() {
    let mut bench = Bench::default();
    bench.sub(1, None, &["a"]);
    bench.sub(2, None, &["a"]);
    bench.connect(3, "/x", None);
    let direct = |bench: &mut Bench, to: u64| {
        bench.seen.delivered.clear();
        let header = bench.header(9, &["a"]);
        let body = Bytes::from_static(b"hi\n");
        let direct = Direct {
            to: SocketId(to),
            record: NewRecord { header, body },
            at_ms: 5,
        };
        bench.commit(9, OpOutcome::Noop, Want::Direct(Box::new(direct)));
        let Some((9, Told::Receipt { receipt, .. })) = bench.seen.told.pop() else {
            panic!("no receipt")
        };
        assert_eq!((receipt.first, receipt.queued), (None, 0));
        let to = bench.seen.delivered.iter().map(|(socket, _)| *socket);
        (to.collect::<Vec<_>>(), receipt.delivered)
    };
    assert_eq!(direct(&mut bench, 1), (vec![1], 1));
    assert_eq!(direct(&mut bench, 3), (vec![3], 1), "in no room at all");
    bench.seen.full.insert(2);
    assert_eq!(direct(&mut bench, 2), (vec![], 0));
    bench.seen.full.clear();
    let header = bench.header(9, &["a"]);
    assert_eq!(
        bench.reach(9, header),
        (vec![1, 2], 2, 0),
        "nobody is behind for it"
    );
}

#[test]
fn a_full_mailbox_loses_a_direct_message_and_misses_nothing_of_the_log() {
    let waker = Arc::default();
    let mailbox = Mailbox::new(waker);
    let parcel = |bytes: usize, kind| {
        let record = Record {
            number: 1,
            at_ms: 0,
            header: Bench::default().header(1, &["a"]),
            body: vec![0; bytes].into(),
        };
        Arc::new(Parcel::new(record, kind))
    };
    assert_eq!(mailbox.put(&parcel(1, Kind::Direct)), Taken::Yes);
    assert_eq!(mailbox.put(&parcel(1, Kind::Durable)), Taken::Yes);
    let full = parcel(limits::MAILBOX_BYTES, Kind::Direct);
    assert_eq!(mailbox.put(&full), Taken::Full);
    assert!(mailbox.take_direct().is_some());
    assert!(mailbox.take_direct().is_none(), "the log's comes first");
    assert!(matches!(mailbox.take(), Found::Parcel(_)));
    assert!(matches!(mailbox.take(), Found::Nothing));
}

#[test]
fn who_holds_a_name_is_told_what_was_given_up() {
    let mut bench = Bench::default();
    bench.sub(1, Some("alice"), &["a"]);
    bench.connect(2, "/", None);
    bench.connect(3, "/other", None);
    let mut purge = |asker: u64| {
        bench.seen.told.clear();
        let done = OpOutcome::Purged {
            rooms: rooms(&["a"]),
            cursor: Seq::new(9, 0),
        };
        let alice = ClientName::parse("alice").unwrap();
        bench.commit(
            asker,
            done,
            Want::Purge {
                client: alice,
                messages: 7,
            },
        );
        std::mem::take(&mut bench.seen.told)
    };
    let told = purge(2);
    let emptied = Seq::new(9, 0);
    assert!(
        matches!(&told[..], [(1, Told::Emptied { cursor, .. }), (2, Told::Purged { messages: 7, .. })] if *cursor == emptied),
        "{told:?}"
    );
    // Nobody of that name is in another namespace.
    let told = purge(3);
    assert!(matches!(&told[..], [(3, Told::Purged { .. })]), "{told:?}");
}
