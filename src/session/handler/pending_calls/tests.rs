use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::TryRecvError;

use super::*;
use crate::address::EventName;
use crate::session::handler::protocol;
use crate::session::handler::{Call, CallEvent, HandlerBusy, Program};

/// The pending calls of a program, and the program's handle that sessions use.
struct Bench {
    program: Program,
    inbox: tokio::sync::mpsc::UnboundedReceiver<QueuedCall>,
    calls: PendingCalls,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let program = Program::new();
        Self {
            inbox: program.take_receiver().unwrap(),
            program,
            calls: PendingCalls::default(),
            now: Instant::now(),
        }
    }

    fn drain(&mut self) {
        while let Ok(queued) = self.inbox.try_recv() {
            self.calls.add(queued, self.now);
        }
    }

    fn request(&mut self, call: Call) -> Receiver<Verdict> {
        let answer = self.program.request(call).unwrap();
        self.drain();
        answer
    }

    fn notify(&mut self, call: Call) {
        self.program.notify(call).unwrap();
        self.drain();
    }

    /// The line that is written next.
    fn next_line(&mut self) -> Option<String> {
        let line = self.calls.next_line()?;
        Some(String::from_utf8(line.bytes).unwrap())
    }

    fn resolve(&self, sid: &str) -> EmitTarget {
        self.calls.resolve(sid, &namespace("/"))
    }
}

fn namespace(name: &str) -> Namespace {
    Namespace::parse(name).unwrap()
}

fn call(sid: &str, event: CallEvent) -> Call {
    Call {
        socket: SocketId(sid.len() as u64),
        sid: sid.into(),
        namespace: namespace("/"),
        name: None,
        event,
        args: String::new(),
        attachments: Vec::new(),
    }
}

fn event(sid: &str) -> Call {
    call(sid, CallEvent::Event(EventName::message()))
}

fn no_arguments() -> HandlerArgs {
    let Ok(protocol::ProgramLine::Ack { arguments, .. }) =
        protocol::decode(br#"{"id":1,"ack":[]}"#, 10)
    else {
        panic!()
    };
    arguments
}

#[test]
fn an_answer_goes_to_the_session_that_called() {
    let mut bench = Bench::new();
    let (mut first, mut second) = (bench.request(event("a")), bench.request(event("a")));
    assert!(bench.next_line().unwrap().contains(r#"{"id":1,"#));
    assert!(bench.next_line().unwrap().contains(r#"{"id":2,"#));
    assert!(bench.next_line().is_none());
    assert!(matches!(
        bench.calls.acknowledge(2, no_arguments()),
        AnswerOutcome::Accepted
    ));
    assert!(matches!(second.try_recv(), Ok(Verdict::Ack(_))));
    assert!(matches!(first.try_recv(), Err(TryRecvError::Empty)));
    assert!(matches!(
        bench.calls.deny(1, "no".to_owned()),
        AnswerOutcome::Accepted
    ));
    assert!(matches!(first.try_recv(), Ok(Verdict::Deny(why)) if why == "no"));
    for id in [1, 2, 99] {
        let again = bench.calls.acknowledge(id, no_arguments());
        assert!(matches!(again, AnswerOutcome::Unexpected));
    }
}

#[test]
fn a_call_without_an_answer_in_time_is_given_up_and_no_longer_written() {
    let mut bench = Bench::new();
    let mut written = bench.request(event("a"));
    bench.next_line().unwrap();
    bench.now += limits::HANDLER_ANSWER_TIMEOUT / 2;
    let mut unwritten = bench.request(event("b"));
    bench.notify(event("c"));
    let first = bench.calls.deadline().unwrap();
    assert_eq!(
        bench
            .calls
            .expire(first - limits::HANDLER_ANSWER_TIMEOUT / 10),
        0
    );
    assert_eq!(bench.calls.expire(first), 1);
    assert!(matches!(written.try_recv(), Ok(Verdict::Silent)));
    assert!(matches!(unwritten.try_recv(), Err(TryRecvError::Empty)));
    let second = bench.calls.deadline().unwrap();
    assert_eq!(bench.calls.expire(second), 1);
    assert!(matches!(unwritten.try_recv(), Ok(Verdict::Silent)));
    assert_eq!(bench.calls.deadline(), None);
    assert!(bench.next_line().unwrap().contains(r#""sid":"c""#));
    assert!(bench.next_line().is_none());
}

#[test]
fn when_the_process_ends_only_the_calls_it_was_given_are_refused() {
    let mut bench = Bench::new();
    let (mut written, mut queued) = (bench.request(event("a")), bench.request(event("b")));
    bench.next_line().unwrap();
    bench.calls.process_ended();
    assert!(matches!(written.try_recv(), Ok(Verdict::Silent)));
    assert!(matches!(queued.try_recv(), Err(TryRecvError::Empty)));
    assert!(bench.next_line().unwrap().contains(r#""sid":"b""#));
    bench.calls.acknowledge(2, no_arguments());
    assert!(matches!(queued.try_recv(), Ok(Verdict::Ack(_))));
}

#[test]
fn a_sid_names_a_socket_once_it_was_admitted() {
    let mut bench = Bench::new();
    assert_eq!(bench.resolve("a"), EmitTarget::Room);
    let mut verdict = bench.request(call("a", CallEvent::Connect));
    assert_eq!(bench.resolve("a"), EmitTarget::NotAdmitted);
    let AnswerOutcome::Admitting(mut admitting) = bench.calls.acknowledge(1, no_arguments()) else {
        panic!()
    };
    assert_eq!(bench.resolve("a"), EmitTarget::Socket(SocketId(1)));
    assert_eq!(bench.calls.resolve("a", &namespace("/b")), EmitTarget::Room);
    let Ok(Verdict::Ack(answer)) = verdict.try_recv() else {
        panic!()
    };
    assert!(matches!(admitting.try_recv(), Err(TryRecvError::Empty)));
    drop(answer.hold);
    assert!(matches!(admitting.try_recv(), Err(TryRecvError::Closed)));
    bench.notify(call("a", CallEvent::Disconnect));
    assert_eq!(bench.resolve("a"), EmitTarget::Disconnected);
    bench.request(call("bb", CallEvent::Connect));
    bench.calls.deny(2, String::new());
    assert_eq!(bench.resolve("bb"), EmitTarget::Room);
    bench.request(call("ccc", CallEvent::Connect));
    bench
        .calls
        .expire(bench.now + limits::HANDLER_ANSWER_TIMEOUT);
    assert_eq!(bench.resolve("ccc"), EmitTarget::Room);
}

#[test]
fn disconnected_sids_are_forgotten_in_the_end() {
    let mut bench = Bench::new();
    for number in 0..=limits::HANDLER_DISCONNECTED_SIDS {
        bench.notify(call(&format!("sid{number}"), CallEvent::Disconnect));
    }
    assert_eq!(bench.resolve("sid0"), EmitTarget::Room);
    assert_eq!(bench.resolve("sid1"), EmitTarget::Disconnected);
    assert_eq!(
        bench.calls.disconnected.sids.len(),
        limits::HANDLER_DISCONNECTED_SIDS
    );
}

#[test]
fn the_queue_is_bounded_in_bytes_and_disconnects_have_a_bound_of_their_own() {
    let mut bench = Bench::new();
    let half = || Call {
        args: format!("\"{}\"", "x".repeat(limits::HANDLER_QUEUE_BYTES / 2)),
        ..event("a")
    };
    bench.notify(half());
    assert_eq!(bench.program.notify(half()), Err(HandlerBusy));
    assert!(bench.program.request(half()).is_err());
    bench.notify(event("b"));
    bench.notify(call("a", CallEvent::Disconnect));
    let mut sent = 0;
    while bench.program.notify(event("c")).is_ok() {
        sent += 1;
    }
    assert!(sent <= limits::HANDLER_QUEUE_BYTES / limits::ENTRY_BYTES);
    bench.notify(call("c", CallEvent::Disconnect));
    // A written line frees its share of the queue.
    bench.next_line().unwrap();
    bench.notify(half());
    let whole = Call {
        args: format!("\"{}\"", "x".repeat(2 * limits::HANDLER_QUEUE_BYTES)),
        ..event("a")
    };
    assert_eq!(bench.program.notify(whole.clone()), Err(HandlerBusy));
    while bench.next_line().is_some() {}
    bench.notify(whole);
    assert_eq!(bench.program.notify(event("b")), Err(HandlerBusy));
}

#[test]
fn unanswered_calls_are_bounded() {
    let mut bench = Bench::new();
    let mut unanswered = Vec::new();
    for _ in 0..limits::HANDLER_CALLS_IN_FLIGHT {
        unanswered.push(bench.request(event("a")));
        // The program reads the call and never answers it.
        bench.next_line().unwrap();
    }
    assert!(matches!(
        bench.program.request(event("a")),
        Err(HandlerBusy)
    ));
    bench.notify(event("a"));
    bench.calls.acknowledge(1, no_arguments());
    bench.request(event("a"));
}

#[test]
fn a_program_that_has_ended_is_busy() {
    let Bench { program, inbox, .. } = Bench::new();
    drop(inbox);
    assert!(matches!(program.request(event("a")), Err(HandlerBusy)));
    assert_eq!(program.notify(event("a")), Err(HandlerBusy));
}
