//! Tests of `who`, `kick` and presence events.

use super::*;
use crate::hub::notification::PresentSocket;
use crate::hub::request::{KickTarget, PresenceMode, SocketFilter};

impl TestCore {
    /// Connects and subscribes with presence events.
    fn watch(&mut self, socket: u64, name: Option<&str>, names: &[&str]) {
        self.connect(socket, "/", name);
        self.subscribe(socket, name, names, PresenceMode::On);
    }

    fn subscribe(
        &mut self,
        socket: u64,
        name: Option<&str>,
        names: &[&str],
        presence: PresenceMode,
    ) {
        let from = Seq::after_record(self.head);
        let outcome = OpOutcome::Subscribed {
            namespace: Namespace::root(),
            client: name.map(client),
            rooms: rooms(names).into_iter().map(|room| (room, from)).collect(),
            joined: name.map_or_else(Vec::new, |_| rooms(names)),
            head: self.head,
        };
        let range = ReplayRange {
            presence,
            ..ReplayRange::default()
        };
        self.commit(socket, outcome, Request::Subscribe(range));
    }

    fn ask(
        &mut self,
        socket: u64,
        input: impl Fn(SocketRequest) -> CoreInput,
        kind: Request,
    ) -> Notification {
        let request = SocketRequest {
            socket: SocketId(socket),
            ack_id: Some(1),
            kind,
        };
        self.core.step(input(request), &mut self.effects);
        self.effects.notifications.pop().expect("an answer").1
    }

    fn kick(&mut self, socket: u64, target: KickTarget) -> u64 {
        match self.ask(socket, CoreInput::Kick, Request::Kick(target)) {
            Notification::KickCount { kicked, .. } => kicked,
            other => panic!("{other:?}"),
        }
    }

    fn who(&mut self, socket: u64, filter: SocketFilter) -> Vec<String> {
        match self.ask(socket, CoreInput::Who, Request::Who(filter)) {
            Notification::Sockets { sockets, .. } => {
                let sid = |socket: PresentSocket| {
                    socket.reader.sid.as_deref().unwrap_or_default().to_owned()
                };
                sockets.into_iter().map(sid).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    /// Takes the presence events so far, as `1: join a sid2` for an event that socket 1 got.
    fn presence(&mut self) -> Vec<String> {
        let presence = std::mem::take(&mut self.effects.presence);
        let shown = |(socket, body): (u64, Bytes)| {
            let args = batch::decode_args(&body).unwrap().inside().to_owned();
            let event: serde_json::Value = serde_json::from_str(&args).unwrap();
            assert_eq!(event["at"], NOW);
            let text = |key: &str| event[key].as_str().unwrap_or("-").to_owned();
            format!(
                "{socket}: {} {} {}",
                text("what"),
                text("room"),
                text("sid")
            )
        };
        presence.into_iter().map(shown).collect()
    }
}

fn name(text: &str) -> KickTarget {
    KickTarget::Name(ClientName::parse(text).unwrap())
}

#[test]
fn only_watchers_get_presence_events() {
    let mut hub = TestCore::default();
    hub.watch(1, None, &["a", "b"]);
    hub.sub(2, None, &["a"]);
    assert_eq!(hub.presence(), ["1: join a sid2"]);
    hub.watch(3, Some("carol"), &["a", "c"]);
    assert_eq!(
        hub.presence(),
        ["1: join a sid3"],
        "not of c, and not to 2 or 3"
    );
    hub.subscribe(2, None, &["b", "c"], PresenceMode::Off);
    let moved = hub.presence();
    assert_eq!(
        moved,
        [
            "1: leave a sid2",
            "3: leave a sid2",
            "1: join b sid2",
            "3: join c sid2"
        ]
    );
    hub.commit(2, OpOutcome::Noop, Request::Leave(rooms(&["b", "nowhere"])));
    assert_eq!(hub.presence(), ["1: leave b sid2"]);
    hub.commit(
        2,
        OpOutcome::Noop,
        Request::Join(rooms(&["a", "c"]), JoinScope::Live),
    );
    assert_eq!(hub.presence(), ["1: join a sid2", "3: join a sid2"]);
    hub.commit(2, OpOutcome::Noop, Request::Disconnect);
    assert_eq!(
        hub.presence(),
        ["1: leave a sid2", "3: leave a sid2", "3: leave c sid2"]
    );
    // Membership is not presence.
    hub.connect(4, "/", Some("dave"));
    hub.commit(
        4,
        joined("dave", &["a"]),
        Request::Join(rooms(&["a"]), JoinScope::DurableOnly),
    );
    hub.commit(4, left("dave", &["a"]), Request::Leave(rooms(&["a"])));
    hub.commit(4, OpOutcome::Noop, Request::Disconnect);
    assert_eq!(hub.presence(), [""; 0]);
    // No watcher is left.
    hub.subscribe(1, None, &["a"], PresenceMode::Off);
    hub.presence();
    hub.commit(3, OpOutcome::Noop, Request::Disconnect);
    assert_eq!(hub.presence(), [""; 0]);
}

#[test]
fn a_new_holder_of_a_name_is_announced_after_the_old_one_left() {
    let mut hub = TestCore::default();
    hub.watch(1, None, &["a"]);
    hub.sub(2, Some("alice"), &["a"]);
    hub.presence();
    hub.sub(3, Some("alice"), &["a"]);
    assert_eq!(hub.presence(), ["1: leave a sid2", "1: join a sid3"]);
    hub.commit(2, OpOutcome::Noop, Request::Disconnect);
    assert_eq!(hub.presence(), [""; 0], "announced already");
}

#[test]
fn crowded_rooms_have_no_presence_events() {
    let mut hub = TestCore::default();
    hub.watch(1, None, &["a"]);
    let crowd = limits::PRESENCE_ROOM_SOCKETS as u64;
    for socket in 2..=crowd + 5 {
        hub.sub(socket, None, &["a"]);
    }
    assert_eq!(hub.presence().len() as u64, crowd - 1);
    for socket in 2..=crowd + 5 {
        hub.commit(socket, OpOutcome::Noop, Request::Disconnect);
    }
    assert_eq!(
        hub.presence().len() as u64,
        crowd,
        "departures are announced only once the room is no longer crowded"
    );
}

#[test]
fn presence_events_for_many_rooms_are_bounded() {
    let mut hub = TestCore::default();
    let names: Vec<String> = (10..74).map(|room| room.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let crowd = limits::PRESENCE_ROOM_SOCKETS as u64 - 1;
    for socket in 1..=crowd {
        hub.watch(socket, None, &names);
        hub.effects.presence.clear();
    }
    let most = limits::PRESENCE_VISITS;
    hub.sub(1000, None, &names);
    let announced = hub.effects.presence.len();
    assert!((most / 2..=most).contains(&announced), "{announced}");
    hub.effects.presence.clear();
    hub.commit(1000, OpOutcome::Noop, Request::Disconnect);
    let announced = hub.effects.presence.len();
    assert!((most / 2..=most).contains(&announced), "{announced}");
}

#[test]
fn a_detached_watcher_gets_no_presence_events() {
    let mut hub = TestCore::default();
    hub.watch(1, None, &["a"]);
    hub.effects.full.insert(1);
    hub.sub(2, None, &["a"]);
    let header = hub.header(9, &["a"]);
    assert_eq!(hub.reach(9, header.clone()).1, 1);
    hub.effects.full.clear();
    hub.sub(3, None, &["a"]);
    assert_eq!(hub.presence(), [""; 0], "detached");
    hub.core
        .step(CoreInput::Attach(SocketId(1)), &mut hub.effects);
    hub.sub(4, None, &["a"]);
    assert_eq!(hub.presence(), ["1: join a sid4"]);
}

#[test]
fn a_kick_closes_its_targets_and_no_others() {
    let mut hub = TestCore::default();
    hub.connect(9, "/", Some("teacher"));
    hub.sub(1, Some("bob"), &["a"]);
    hub.connect(2, "/", Some("bob"));
    hub.sub(3, Some("carol"), &["a"]);
    hub.connect(4, "/elsewhere", Some("bob"));
    hub.watch(5, None, &["a"]);
    assert_eq!(
        hub.who(9, SocketFilter::default()),
        ["sid1", "sid2", "sid3", "sid5", "sid9"]
    );
    assert_eq!(hub.kick(9, name("nobody")), 0);
    assert_eq!(hub.kick(9, name("teacher")), 0, "not the requester");
    hub.effects.notifications.clear();
    assert_eq!(hub.kick(9, name("bob")), 2);
    let notifications = hub.effects.notifications.drain(..);
    let kicked = notifications.filter_map(|(socket, notification)| match notification {
        Notification::Kicked { by } => Some((socket, by.to_string())),
        _ => None,
    });
    let by = || "teacher".to_owned();
    assert_eq!(kicked.collect::<Vec<_>>(), [(1, by()), (2, by())]);
    assert_eq!(hub.presence(), ["5: leave a sid1"]);
    assert_eq!(
        hub.who(9, SocketFilter::default()),
        ["sid3", "sid5", "sid9"]
    );
    // It gets nothing more, even if it asked to be attached before. A message waits for the name.
    hub.core
        .step(CoreInput::Attach(SocketId(1)), &mut hub.effects);
    let header = hub.header(9, &["a"]);
    assert_eq!(hub.reach(9, header), (vec![3, 5], 2, 1));
    assert_eq!(hub.kick(9, name("bob")), 0, "nobody is kicked twice");
    assert_eq!(hub.kick(9, KickTarget::Sid("sid3".into())), 1);
    assert_eq!(
        hub.kick(9, KickTarget::Sid("sid4".into())),
        0,
        "another namespace"
    );
    hub.commit(1, OpOutcome::Noop, Request::Disconnect);
    assert_eq!(
        hub.presence(),
        ["5: leave a sid3"],
        "socket 1 is not announced twice"
    );
}

#[test]
fn a_kicked_socket_stays_closed_whatever_it_requested_before() {
    let mut hub = TestCore::default();
    hub.connect(9, "/", None);
    hub.watch(5, None, &["a"]);
    hub.sub(1, Some("bob"), &["a"]);
    hub.sub(2, None, &["a"]);
    assert_eq!(hub.kick(9, name("bob")), 1);
    assert_eq!(hub.kick(9, KickTarget::Sid("sid2".into())), 1);
    hub.presence();
    // These requests were on their way when it was kicked.
    hub.subscribe(1, Some("bob"), &["a", "b"], PresenceMode::On);
    let live = || Request::Join(rooms(&["a", "c"]), JoinScope::Live);
    hub.commit(1, joined("bob", &["a", "c"]), live());
    hub.commit(2, OpOutcome::Noop, live());
    hub.subscribe(2, None, &["a"], PresenceMode::Off);
    assert_eq!(hub.presence(), [""; 0]);
    assert_eq!(hub.who(9, SocketFilter::default()), ["sid5", "sid9"]);
    // No socket gets it. It waits for the name, which is a member.
    for (number, room) in [(1, "c"), (2, "b")] {
        let header = hub.header(9, &[room]);
        assert_eq!(hub.reach(number, header), (vec![], 0, 1), "{room}");
    }
    // Another socket takes the name.
    hub.sub(3, Some("bob"), &["a"]);
    let header = hub.header(9, &["a"]);
    assert_eq!(hub.reach(3, header), (vec![3, 5], 2, 0));
    hub.commit(1, OpOutcome::Noop, Request::Disconnect);
    hub.commit(2, OpOutcome::Noop, Request::Disconnect);
    let header = hub.header(9, &["a"]);
    assert_eq!(hub.reach(4, header), (vec![3, 5], 2, 0));
}

#[test]
fn a_client_that_recovers_at_once_replaces_its_older_socket() {
    let mut hub = TestCore::default();
    hub.begin(1, "sid2", None, &["a"]);
    hub.effects.notifications.clear();
    hub.begin(2, "sid2", None, &["a"]);
    let is_replaced = |(to, notification): &(u64, Notification)| {
        *to == 1 && matches!(notification, Notification::Replaced)
    };
    assert!(hub.effects.notifications.iter().any(is_replaced));
}

#[test]
fn a_full_answer_holds_the_oldest_sockets() {
    let mut hub = TestCore::default();
    let most = limits::SOCKETS_LISTED as u64;
    for socket in (1..=most + 3).rev() {
        hub.connect(socket, "/", None);
    }
    let Notification::Sockets { sockets, more, .. } =
        hub.ask(1, CoreInput::Who, Request::Who(SocketFilter::default()))
    else {
        panic!("another answer")
    };
    assert_eq!((sockets.len() as u64, more), (most, 3));
    let last = sockets.last().and_then(|socket| socket.reader.sid.clone());
    assert_eq!(last.as_deref(), Some(&*format!("sid{most}")));
}

#[test]
fn who_applies_its_filter() {
    let mut hub = TestCore::default();
    hub.sub(1, None, &["a"]);
    hub.sub(2, None, &["a", "b"]);
    let room = |text: &str| SocketFilter {
        room: Some(room(text)),
        sid: None,
    };
    assert_eq!(hub.who(1, room("b")), ["sid2"]);
    assert_eq!(hub.who(1, room("a")), ["sid1", "sid2"]);
    let filter = SocketFilter {
        sid: Some("sid1".into()),
        ..room("b")
    };
    assert_eq!(hub.who(1, filter), [""; 0]);
}
