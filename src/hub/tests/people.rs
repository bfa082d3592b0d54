//! Who is here, who is sent away, and who is told of comings and goings.

use super::*;
use crate::hub::request::{Culprit, Presence, Present, Whom};

impl Bench {
    /// Subscribes as one that is told who comes and goes.
    fn watch(&mut self, socket: u64, name: Option<&str>, names: &[&str]) {
        self.connect(socket, "/", name);
        self.subscribe(socket, name, names, Presence::Seen);
    }

    fn subscribe(&mut self, socket: u64, name: Option<&str>, names: &[&str], presence: Presence) {
        let from = Seq::after_record(self.head);
        let done = OpOutcome::Subscribed {
            rooms: rooms(names).into_iter().map(|room| (room, from)).collect(),
            joined: name.map_or_else(Vec::new, |_| rooms(names)),
            head: self.head,
        };
        let stretch = Stretch {
            presence,
            ..Stretch::default()
        };
        self.commit(socket, done, Want::Subscribe(stretch));
    }

    fn ask(&mut self, socket: u64, input: impl Fn(Request) -> Input, want: Want) -> Told {
        let request = Request {
            socket: SocketId(socket),
            answer: Some(1),
            want,
        };
        self.core.step(input(request), &mut self.seen);
        self.seen.told.pop().expect("an answer").1
    }

    fn kick(&mut self, socket: u64, culprit: Culprit) -> u64 {
        match self.ask(socket, Input::Kick, Want::Kick(culprit)) {
            Told::KickedOut { kicked, .. } => kicked,
            other => panic!("{other:?}"),
        }
    }

    fn who(&mut self, socket: u64, whom: Whom) -> Vec<String> {
        match self.ask(socket, Input::Who, Want::Who(whom)) {
            Told::Who { present, .. } => {
                let sid = |it: Present| it.reader.sid.as_deref().unwrap_or_default().to_owned();
                present.into_iter().map(sid).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    /// Who was told what since it was last asked: `1: join a sid2`.
    fn moves(&mut self) -> Vec<String> {
        let moves = std::mem::take(&mut self.seen.moves);
        let shown = |(socket, body): (u64, Bytes)| {
            let args = batch::decode_args(&body).unwrap().inside().to_owned();
            let told: serde_json::Value = serde_json::from_str(&args).unwrap();
            assert_eq!(told["at"], NOW);
            let text = |key: &str| told[key].as_str().unwrap_or("-").to_owned();
            format!(
                "{socket}: {} {} {}",
                text("what"),
                text("room"),
                text("sid")
            )
        };
        moves.into_iter().map(shown).collect()
    }
}

fn name(text: &str) -> Culprit {
    Culprit::Name(ClientName::parse(text).unwrap())
}

#[test]
fn watchers_are_told_of_others_and_nobody_else_is() {
    let mut bench = Bench::default();
    bench.watch(1, None, &["a", "b"]);
    bench.sub(2, None, &["a"]);
    assert_eq!(bench.moves(), ["1: join a sid2"]);
    bench.watch(3, Some("carol"), &["a", "c"]);
    assert_eq!(
        bench.moves(),
        ["1: join a sid3"],
        "and not of c, nor to 2 or 3"
    );
    bench.subscribe(2, None, &["b", "c"], Presence::Unseen);
    let moved = bench.moves();
    assert_eq!(
        moved,
        [
            "1: leave a sid2",
            "3: leave a sid2",
            "1: join b sid2",
            "3: join c sid2"
        ]
    );
    bench.commit(2, OpOutcome::Noop, Want::Leave(rooms(&["b", "nowhere"])));
    assert_eq!(bench.moves(), ["1: leave b sid2"]);
    bench.commit(
        2,
        OpOutcome::Noop,
        Want::Join(rooms(&["a", "c"]), Membership::Live),
    );
    assert_eq!(bench.moves(), ["1: join a sid2", "3: join a sid2"]);
    bench.commit(2, OpOutcome::Noop, Want::Disconnect);
    assert_eq!(
        bench.moves(),
        ["1: leave a sid2", "3: leave a sid2", "3: leave c sid2"]
    );
    // Membership is not presence.
    bench.connect(4, "/", Some("dave"));
    bench.commit(
        4,
        OpOutcome::Joined,
        Want::Join(rooms(&["a"]), Membership::DurableOnly),
    );
    bench.commit(4, OpOutcome::Left, Want::Leave(rooms(&["a"])));
    bench.commit(4, OpOutcome::Noop, Want::Disconnect);
    assert_eq!(bench.moves(), [""; 0]);
    // Nobody watches any more.
    bench.subscribe(1, None, &["a"], Presence::Unseen);
    bench.moves();
    bench.commit(3, OpOutcome::Noop, Want::Disconnect);
    assert_eq!(bench.moves(), [""; 0]);
}

#[test]
fn who_takes_a_name_comes_behind_who_had_it() {
    let mut bench = Bench::default();
    bench.watch(1, None, &["a"]);
    bench.sub(2, Some("alice"), &["a"]);
    bench.moves();
    bench.sub(3, Some("alice"), &["a"]);
    assert_eq!(bench.moves(), ["1: leave a sid2", "1: join a sid3"]);
    bench.commit(2, OpOutcome::Noop, Want::Disconnect);
    assert_eq!(bench.moves(), [""; 0], "it was told");
}

#[test]
fn a_crowd_is_not_told_of_each_other() {
    let mut bench = Bench::default();
    bench.watch(1, None, &["a"]);
    let crowd = limits::PRESENCE_CROWD as u64;
    for socket in 2..=crowd + 5 {
        bench.sub(socket, None, &["a"]);
    }
    assert_eq!(bench.moves().len() as u64, crowd - 1);
    for socket in 2..=crowd + 5 {
        bench.commit(socket, OpOutcome::Noop, Want::Disconnect);
    }
    assert_eq!(
        bench.moves().len() as u64,
        crowd,
        "those behind whom no crowd is left"
    );
}

#[test]
fn who_enters_many_rooms_is_not_told_in_all_of_them() {
    let mut bench = Bench::default();
    let names: Vec<String> = (10..74).map(|room| room.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let crowd = limits::PRESENCE_CROWD as u64 - 1;
    for socket in 1..=crowd {
        bench.watch(socket, None, &names);
        bench.seen.moves.clear();
    }
    let most = limits::PRESENCE_TOLD;
    bench.sub(1000, None, &names);
    let told = bench.seen.moves.len();
    assert!((most / 2..=most).contains(&told), "{told}");
    bench.seen.moves.clear();
    bench.commit(1000, OpOutcome::Noop, Want::Disconnect);
    let told = bench.seen.moves.len();
    assert!((most / 2..=most).contains(&told), "{told}");
}

#[test]
fn who_is_behind_is_not_told() {
    let mut bench = Bench::default();
    bench.watch(1, None, &["a"]);
    bench.seen.full.insert(1);
    bench.sub(2, None, &["a"]);
    let header = bench.header(9, &["a"]);
    assert_eq!(bench.reach(9, header.clone()).1, 1);
    bench.seen.full.clear();
    bench.sub(3, None, &["a"]);
    assert_eq!(bench.moves(), [""; 0], "detached");
    bench.core.step(Input::Attach(SocketId(1)), &mut bench.seen);
    bench.sub(4, None, &["a"]);
    assert_eq!(bench.moves(), ["1: join a sid4"]);
}

#[test]
fn a_kick_ends_what_it_names_and_nothing_else() {
    let mut bench = Bench::default();
    bench.connect(9, "/", Some("teacher"));
    bench.sub(1, Some("bob"), &["a"]);
    bench.connect(2, "/", Some("bob"));
    bench.sub(3, Some("carol"), &["a"]);
    bench.connect(4, "/elsewhere", Some("bob"));
    bench.watch(5, None, &["a"]);
    assert_eq!(
        bench.who(9, Whom::default()),
        ["sid1", "sid2", "sid3", "sid5", "sid9"]
    );
    assert_eq!(bench.kick(9, name("nobody")), 0);
    assert_eq!(bench.kick(9, name("teacher")), 0, "not oneself");
    bench.seen.told.clear();
    assert_eq!(bench.kick(9, name("bob")), 2);
    let told = bench.seen.told.drain(..);
    let kicked = told.filter_map(|(socket, told)| match told {
        Told::Kicked { by } => Some((socket, by.to_string())),
        _ => None,
    });
    let by = || "teacher".to_owned();
    assert_eq!(kicked.collect::<Vec<_>>(), [(1, by()), (2, by())]);
    assert_eq!(bench.moves(), ["5: leave a sid1"]);
    assert_eq!(bench.who(9, Whom::default()), ["sid3", "sid5", "sid9"]);
    // It is handed nothing more, whatever it had asked before; a message waits for the name.
    bench.core.step(Input::Attach(SocketId(1)), &mut bench.seen);
    let header = bench.header(9, &["a"]);
    assert_eq!(bench.reach(9, header), (vec![3, 5], 2, 1));
    assert_eq!(bench.kick(9, name("bob")), 0, "they are told once");
    assert_eq!(bench.kick(9, Culprit::Sid("sid3".into())), 1);
    assert_eq!(
        bench.kick(9, Culprit::Sid("sid4".into())),
        0,
        "another namespace"
    );
    bench.commit(1, OpOutcome::Noop, Want::Disconnect);
    assert_eq!(bench.moves(), ["5: leave a sid3"], "and not twice of 1");
}

#[test]
fn who_was_kicked_does_not_come_alive_by_what_it_had_asked() {
    let mut bench = Bench::default();
    bench.connect(9, "/", None);
    bench.watch(5, None, &["a"]);
    bench.sub(1, Some("bob"), &["a"]);
    bench.sub(2, None, &["a"]);
    assert_eq!(bench.kick(9, name("bob")), 1);
    assert_eq!(bench.kick(9, Culprit::Sid("sid2".into())), 1);
    bench.moves();
    // These were on their way when it was kicked.
    bench.subscribe(1, Some("bob"), &["a", "b"], Presence::Seen);
    let live = || Want::Join(rooms(&["a", "c"]), Membership::Live);
    bench.commit(1, OpOutcome::Joined, live());
    bench.commit(2, OpOutcome::Noop, live());
    bench.subscribe(2, None, &["a"], Presence::Unseen);
    assert_eq!(bench.moves(), [""; 0]);
    assert_eq!(bench.who(9, Whom::default()), ["sid5", "sid9"]);
    // To nobody; it waits for the name, which is a member.
    for (number, room) in [(1, "c"), (2, "b")] {
        let header = bench.header(9, &[room]);
        assert_eq!(bench.reach(number, header), (vec![], 0, 1), "{room}");
    }
    // Another takes its place.
    bench.sub(3, Some("bob"), &["a"]);
    let header = bench.header(9, &["a"]);
    assert_eq!(bench.reach(3, header), (vec![3, 5], 2, 0));
    bench.commit(1, OpOutcome::Noop, Want::Disconnect);
    bench.commit(2, OpOutcome::Noop, Want::Disconnect);
    let header = bench.header(9, &["a"]);
    assert_eq!(bench.reach(4, header), (vec![3, 5], 2, 0));
}

#[test]
fn who_comes_in_with_the_sid_that_it_had_takes_its_place() {
    let mut bench = Bench::default();
    bench.begin(1, "sid2", None, &["a"]);
    bench.seen.told.clear();
    bench.begin(2, "sid2", None, &["a"]);
    let came_back = |(to, told): &(u64, Told)| *to == 1 && matches!(told, Told::CameBack);
    assert!(bench.seen.told.iter().any(came_back));
}

#[test]
fn one_answer_holds_the_oldest() {
    let mut bench = Bench::default();
    let most = limits::SOCKETS_LISTED as u64;
    for socket in (1..=most + 3).rev() {
        bench.connect(socket, "/", None);
    }
    let Told::Who { present, more, .. } = bench.ask(1, Input::Who, Want::Who(Whom::default()))
    else {
        panic!("another answer")
    };
    assert_eq!((present.len() as u64, more), (most, 3));
    let last = present.last().and_then(|it| it.reader.sid.clone());
    assert_eq!(last.as_deref(), Some(&*format!("sid{most}")));
}

#[test]
fn who_lists_what_is_asked_for() {
    let mut bench = Bench::default();
    bench.sub(1, None, &["a"]);
    bench.sub(2, None, &["a", "b"]);
    let room = |text: &str| Whom {
        room: Some(room(text)),
        sid: None,
    };
    assert_eq!(bench.who(1, room("b")), ["sid2"]);
    assert_eq!(bench.who(1, room("a")), ["sid1", "sid2"]);
    let whom = Whom {
        sid: Some("sid1".into()),
        ..room("b")
    };
    assert_eq!(bench.who(1, whom), [""; 0]);
}
