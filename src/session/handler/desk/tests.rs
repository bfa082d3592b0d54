use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::TryRecvError;

use super::*;
use crate::address::EventName;
use crate::session::handler::line;
use crate::session::handler::{Busy, Call, Program, What};

/// A program's desk, and the sessions' way to it.
struct Bench {
    program: Program,
    inbox: tokio::sync::mpsc::UnboundedReceiver<Given>,
    desk: Desk,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let program = Program::new();
        Self {
            inbox: program.inbox().unwrap(),
            program,
            desk: Desk::default(),
            now: Instant::now(),
        }
    }

    fn take(&mut self) {
        while let Ok(given) = self.inbox.try_recv() {
            self.desk.take(given, self.now);
        }
    }

    fn ask(&mut self, call: Call) -> Receiver<Verdict> {
        let answer = self.program.ask(call).unwrap();
        self.take();
        answer
    }

    fn tell(&mut self, call: Call) {
        self.program.tell(call).unwrap();
        self.take();
    }

    /// What is written next.
    fn written(&mut self) -> Option<String> {
        let line = self.desk.next_line()?;
        Some(String::from_utf8(line.bytes).unwrap())
    }

    fn whose(&self, sid: &str) -> Whose {
        self.desk.whose(sid, &namespace("/"))
    }
}

fn namespace(name: &str) -> Namespace {
    Namespace::parse(name).unwrap()
}

fn call(sid: &str, what: What) -> Call {
    Call {
        socket: SocketId(sid.len() as u64),
        sid: sid.into(),
        namespace: namespace("/"),
        name: None,
        what,
        args: String::new(),
        attachments: Vec::new(),
    }
}

fn event(sid: &str) -> Call {
    call(sid, What::Event(EventName::message()))
}

fn nothing() -> Arguments {
    let Ok(line::Said::Ack { arguments, .. }) = line::decode(br#"{"id":1,"ack":[]}"#, 10) else {
        panic!()
    };
    arguments
}

#[test]
fn an_answer_goes_to_whoever_asked() {
    let mut bench = Bench::new();
    let (mut first, mut second) = (bench.ask(event("a")), bench.ask(event("a")));
    assert!(bench.written().unwrap().contains(r#"{"id":1,"#));
    assert!(bench.written().unwrap().contains(r#"{"id":2,"#));
    assert!(bench.written().is_none());
    assert!(matches!(
        bench.desk.acknowledged(2, nothing()),
        Answered::Taken
    ));
    assert!(matches!(second.try_recv(), Ok(Verdict::Ack(_))));
    assert!(matches!(first.try_recv(), Err(TryRecvError::Empty)));
    assert!(matches!(
        bench.desk.denied(1, "no".to_owned()),
        Answered::Taken
    ));
    assert!(matches!(first.try_recv(), Ok(Verdict::Deny(why)) if why == "no"));
    for id in [1, 2, 99] {
        let again = bench.desk.acknowledged(id, nothing());
        assert!(matches!(again, Answered::NotAwaited));
    }
}

#[test]
fn what_is_not_answered_in_time_is_given_up_and_not_asked_any_more() {
    let mut bench = Bench::new();
    let mut written = bench.ask(event("a"));
    bench.written().unwrap();
    bench.now += limits::HANDLER_ANSWER / 2;
    let mut unwritten = bench.ask(event("b"));
    bench.tell(event("c"));
    let first = bench.desk.deadline().unwrap();
    assert_eq!(bench.desk.expire(first - limits::HANDLER_ANSWER / 10), 0);
    assert_eq!(bench.desk.expire(first), 1);
    assert!(matches!(written.try_recv(), Ok(Verdict::Silent)));
    assert!(matches!(unwritten.try_recv(), Err(TryRecvError::Empty)));
    let second = bench.desk.deadline().unwrap();
    assert_eq!(bench.desk.expire(second), 1);
    assert!(matches!(unwritten.try_recv(), Ok(Verdict::Silent)));
    assert_eq!(bench.desk.deadline(), None);
    assert!(bench.written().unwrap().contains(r#""sid":"c""#));
    assert!(bench.written().is_none());
}

#[test]
fn a_death_refuses_what_the_dead_was_given_and_nothing_else() {
    let mut bench = Bench::new();
    let (mut given, mut waits) = (bench.ask(event("a")), bench.ask(event("b")));
    bench.written().unwrap();
    bench.desk.died();
    assert!(matches!(given.try_recv(), Ok(Verdict::Silent)));
    assert!(matches!(waits.try_recv(), Err(TryRecvError::Empty)));
    assert!(bench.written().unwrap().contains(r#""sid":"b""#));
    bench.desk.acknowledged(2, nothing());
    assert!(matches!(waits.try_recv(), Ok(Verdict::Ack(_))));
}

#[test]
fn a_sid_is_whoever_was_let_in() {
    let mut bench = Bench::new();
    assert_eq!(bench.whose("a"), Whose::Nobody);
    let mut verdict = bench.ask(call("a", What::Connect));
    assert_eq!(bench.whose("a"), Whose::NotYetIn);
    let Answered::Entering(mut entering) = bench.desk.acknowledged(1, nothing()) else {
        panic!()
    };
    assert_eq!(bench.whose("a"), Whose::Socket(SocketId(1)));
    assert_eq!(bench.desk.whose("a", &namespace("/b")), Whose::Nobody);
    let Ok(Verdict::Ack(answer)) = verdict.try_recv() else {
        panic!()
    };
    assert!(matches!(entering.try_recv(), Err(TryRecvError::Empty)));
    drop(answer.hold);
    assert!(matches!(entering.try_recv(), Err(TryRecvError::Closed)));
    bench.tell(call("a", What::Disconnect));
    assert_eq!(bench.whose("a"), Whose::Departed);
    bench.ask(call("bb", What::Connect));
    bench.desk.denied(2, String::new());
    assert_eq!(bench.whose("bb"), Whose::Nobody);
    bench.ask(call("ccc", What::Connect));
    bench.desk.expire(bench.now + limits::HANDLER_ANSWER);
    assert_eq!(bench.whose("ccc"), Whose::Nobody);
}

#[test]
fn the_departed_are_forgotten_one_day() {
    let mut bench = Bench::new();
    for number in 0..=limits::HANDLER_DEPARTED {
        bench.tell(call(&format!("sid{number}"), What::Disconnect));
    }
    assert_eq!(bench.whose("sid0"), Whose::Nobody);
    assert_eq!(bench.whose("sid1"), Whose::Departed);
    assert_eq!(bench.desk.departed.sids.len(), limits::HANDLER_DEPARTED);
}

#[test]
fn the_queue_is_bounded_in_bytes_and_farewells_have_one_of_their_own() {
    let mut bench = Bench::new();
    let half = || Call {
        args: format!("\"{}\"", "x".repeat(limits::HANDLER_QUEUE_BYTES / 2)),
        ..event("a")
    };
    bench.tell(half());
    assert_eq!(bench.program.tell(half()), Err(Busy));
    assert!(bench.program.ask(half()).is_err());
    bench.tell(event("b"));
    bench.tell(call("a", What::Disconnect));
    let mut told = 0;
    while bench.program.tell(event("c")).is_ok() {
        told += 1;
    }
    assert!(told <= limits::HANDLER_QUEUE_BYTES / limits::ENTRY_BYTES);
    bench.tell(call("c", What::Disconnect));
    // What was written is out of the queue.
    bench.written().unwrap();
    bench.tell(half());
    let whole = Call {
        args: format!("\"{}\"", "x".repeat(2 * limits::HANDLER_QUEUE_BYTES)),
        ..event("a")
    };
    assert_eq!(bench.program.tell(whole.clone()), Err(Busy));
    while bench.written().is_some() {}
    bench.tell(whole);
    assert_eq!(bench.program.tell(event("b")), Err(Busy));
}

#[test]
fn answers_awaited_are_bounded() {
    let mut bench = Bench::new();
    let mut asked = Vec::new();
    for _ in 0..limits::HANDLER_AWAITED {
        asked.push(bench.ask(event("a")));
        // It is read at once, and never answered.
        bench.written().unwrap();
    }
    assert!(matches!(bench.program.ask(event("a")), Err(Busy)));
    bench.tell(event("a"));
    bench.desk.acknowledged(1, nothing());
    bench.ask(event("a"));
}

#[test]
fn a_program_that_is_gone_is_busy() {
    let Bench { program, inbox, .. } = Bench::new();
    drop(inbox);
    assert!(matches!(program.ask(event("a")), Err(Busy)));
    assert_eq!(program.tell(event("a")), Err(Busy));
}
