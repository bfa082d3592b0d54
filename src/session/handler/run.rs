//! Runs a namespace's program for as long as the hub runs: starts and restarts its process, writes the sessions' calls to
//! it, and acts on the lines that it writes.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::call::QueuedCall;
use super::lines::BoundedLine;
use super::pending_calls::{AnswerOutcome, EmitTarget, PendingCalls};
use super::process::{ProcessEvent, ProgramExit, ProgramProcess, StdoutReads};
use super::protocol::{self, ProgramEmit, ProgramLine};
use super::rate_limited_log::RateLimitedLog;
use crate::address::{Namespace, RoomName};
use crate::hub::inbox::{InboxMessage, SocketHandle};
use crate::hub::mailbox::Mailbox;
use crate::hub::notification::Notification;
use crate::hub::notification_queue::NotificationQueue;
use crate::hub::request::{DirectRecord, PublishVerb, Request};
use crate::hub::socket_id::SocketId;
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::session::engine::permits::permits;
use crate::session::namespace::policy::{HandlerCommand, NamespacePattern, NamespaceRules};
use crate::session::services::Services;
use crate::store::writer::{Urgency, WriterClosed};
use crate::store::{MessageHeader, NewRecord, Op};

/// The origin of a record that a program published, in place of a sid.
const ORIGIN: &str = "handler";

/// Starts all programs of a hub. Each ends in a bounded time once `stopping` is true. Calls made after that get no verdict.
pub fn start(services: &Arc<Services>, stopping: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut running = JoinSet::new();
    for (pattern, rules) in services.settings.namespaces.tables() {
        let program = services.programs.of(rules);
        let calls = program.and_then(|program| program.take_receiver());
        if let (Some(handler), Some(calls)) = (&rules.handler, calls) {
            let runner = ProgramRunner::new(Arc::clone(services), pattern, rules, handler, calls);
            running.spawn(runner.run(stopping.clone()));
        }
    }
    running
}

struct ProgramRunner {
    services: Arc<Services>,
    pattern: NamespacePattern,
    rules: Arc<NamespaceRules>,
    handler: HandlerCommand,
    receiver: mpsc::UnboundedReceiver<QueuedCall>,
    calls: PendingCalls,
    process: Option<ProgramProcess>,
    backoff: RestartBackoff,
    start_at: Instant,
    /// Must complete before the next line of the program is handled.
    blocked_on: Option<LineBarrier>,
    /// The program's identity as a publisher.
    id: SocketId,
    /// The hub's answers to its publishes.
    notifications: Arc<NotificationQueue>,
    /// Publishes without an answer of the hub: bounded as a session's verbs are.
    in_flight: usize,
    waker: Arc<AtomicWaker>,
    log: RateLimitedLog,
    phase: RunPhase,
}

type LineBarrier = Pin<Box<dyn Future<Output = Result<(), WriterClosed>> + Send>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RunPhase {
    Serving,
    Stopping,
}

enum RunnerEvent {
    Call(QueuedCall),
    Process(ProcessEvent),
    Unblocked(Result<(), WriterClosed>),
    Notification(Notification),
    Deadline,
    Start,
    Stop,
}

impl ProgramRunner {
    fn new(
        services: Arc<Services>,
        pattern: &NamespacePattern,
        rules: &Arc<NamespaceRules>,
        handler: &HandlerCommand,
        receiver: mpsc::UnboundedReceiver<QueuedCall>,
    ) -> Self {
        let waker = Arc::new(AtomicWaker::new());
        Self {
            id: services.next_socket(),
            services,
            pattern: pattern.clone(),
            rules: Arc::clone(rules),
            handler: handler.clone(),
            receiver,
            calls: PendingCalls::default(),
            process: None,
            backoff: RestartBackoff::default(),
            start_at: Instant::now(),
            blocked_on: None,
            notifications: Arc::new(NotificationQueue::new(Arc::clone(&waker))),
            in_flight: 0,
            waker,
            log: RateLimitedLog::new(pattern.as_str()),
            phase: RunPhase::Serving,
        }
    }

    async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let handle = SocketHandle {
            // Stays empty: a program is in no room.
            mailbox: Arc::new(Mailbox::new(Arc::clone(&self.waker))),
            notifications: Arc::clone(&self.notifications),
        };
        let message = InboxMessage::ConnectPublisher(self.id, handle);
        if self.services.inbox.send(message).await.is_err() {
            return;
        }
        while self.phase == RunPhase::Serving || self.process.is_some() {
            match self.next_event(&mut stopping).await {
                RunnerEvent::Call(call) => self.calls.add(call, Instant::now()),
                RunnerEvent::Process(event) => self.handle_process_event(event),
                RunnerEvent::Unblocked(result) => {
                    self.blocked_on = None;
                    if result.is_err() {
                        self.stop();
                    }
                }
                RunnerEvent::Notification(notification) => self.handle_notification(&notification),
                RunnerEvent::Deadline => {
                    let expired = self.calls.expire(Instant::now());
                    self.log.warn(|| {
                        format!(
                            "no answer to {expired} in {:?}",
                            limits::HANDLER_ANSWER_TIMEOUT
                        )
                    });
                }
                RunnerEvent::Start => self.start(),
                RunnerEvent::Stop => self.stop(),
            }
        }
    }

    /// Cancel-safe: each arm only waits, or keeps its progress in the object it waits for.
    async fn next_event(&mut self, stopping: &mut watch::Receiver<bool>) -> RunnerEvent {
        let Self {
            receiver,
            calls,
            process,
            blocked_on,
            notifications,
            in_flight,
            waker,
            phase,
            start_at,
            ..
        } = self;
        let (deadline, is_serving) = (calls.deadline(), *phase == RunPhase::Serving);
        let must_start = process.is_none() && is_serving;
        let reads = if blocked_on.is_none() && *in_flight < limits::VERBS_IN_FLIGHT {
            StdoutReads::Allowed
        } else {
            StdoutReads::Paused
        };
        tokio::select! {
            Some(call) = receiver.recv() => RunnerEvent::Call(call),
            event = async {
                match process {
                    Some(process) => process.next_event(calls, reads).await,
                    None => pending().await,
                }
            } => RunnerEvent::Process(event),
            result = async {
                match blocked_on {
                    Some(barrier) => barrier.await,
                    None => pending().await,
                }
            } => RunnerEvent::Unblocked(result),
            notification = next_notification(notifications, waker) => {
                RunnerEvent::Notification(notification)
            }
            () = sleep_until(deadline.unwrap_or(*start_at)), if deadline.is_some() => {
                RunnerEvent::Deadline
            }
            () = sleep_until(*start_at), if must_start => RunnerEvent::Start,
            _ = stopping.wait_for(|stopping| *stopping), if is_serving => RunnerEvent::Stop,
        }
    }

    fn start(&mut self) {
        let max_line = protocol::max_line_bytes(self.services.settings.max_message);
        match ProgramProcess::start(&self.handler, &self.pattern, max_line) {
            Ok(process) => {
                self.log.lifecycle("started");
                self.process = Some(process);
            }
            Err(error) => {
                let wait = self.backoff.next_wait(Duration::ZERO);
                self.start_at = Instant::now() + wait;
                let (folder, kind) = (self.handler.folder.display(), error.kind());
                self.log.failure(&format!(
                    "cannot be started in {folder}: {kind}; trying again in {wait:?}"
                ));
            }
        }
    }

    /// Writes the calls that are queued already, then closes the program's stdin.
    fn stop(&mut self) {
        self.phase = RunPhase::Stopping;
        while let Ok(call) = self.receiver.try_recv() {
            self.calls.add(call, Instant::now());
        }
        if let Some(process) = &mut self.process {
            process.shut_down();
        }
    }

    fn handle_process_event(&mut self, event: ProcessEvent) {
        match event {
            ProcessEvent::Progress => {}
            ProcessEvent::Stdout(BoundedLine::Whole(line)) => self.handle_line(&line),
            ProcessEvent::Stdout(BoundedLine::TooLong(prefix)) => {
                self.log
                    .warn(|| format!("ignored a line that is too long: {}…", excerpt(&prefix)));
            }
            ProcessEvent::Stderr(BoundedLine::Whole(line)) => {
                self.log
                    .info(|| String::from_utf8_lossy(&line).into_owned());
            }
            ProcessEvent::Stderr(BoundedLine::TooLong(prefix)) => {
                self.log.info(|| format!("{}…", excerpt(&prefix)));
            }
            ProcessEvent::Exited(exit) => self.handle_exit(exit),
        }
    }

    fn handle_exit(&mut self, ProgramExit { status, ran }: ProgramExit) {
        self.process = None;
        self.calls.process_ended();
        let how = status.map_or("it did not end when killed".to_owned(), |status| {
            status.to_string()
        });
        match self.phase {
            RunPhase::Stopping => self.log.lifecycle(&format!("ended ({how})")),
            RunPhase::Serving => {
                let wait = self.backoff.next_wait(ran);
                self.start_at = Instant::now() + wait;
                self.log
                    .failure(&format!("ended ({how}); starting it again in {wait:?}"));
            }
        }
    }

    fn handle_line(&mut self, line: &[u8]) {
        let decoded = match protocol::decode(line, self.services.settings.max_message) {
            Ok(decoded) => decoded,
            Err(error) => {
                self.log
                    .warn(|| format!("ignored a line, {error}: {}", excerpt(line)));
                return;
            }
        };
        match decoded {
            ProgramLine::Ack { id, arguments } => match self.calls.acknowledge(id, arguments) {
                AnswerOutcome::Accepted => {}
                AnswerOutcome::Admitting(admitting) => self.block_until_admitted(admitting),
                AnswerOutcome::Unexpected => tracing::debug!(
                    "handler of {}: nothing waits for an answer to {id}",
                    self.pattern.as_str()
                ),
            },
            ProgramLine::Deny { id, reason } => {
                if let AnswerOutcome::Unexpected = self.calls.deny(id, reason.clone()) {
                    self.log.info(|| format!("denied {id}: {reason}"));
                }
            }
            ProgramLine::Emit(emit) => {
                if let Err(why) = self.emit(emit) {
                    self.log.warn(|| format!("ignored a line, {why}"));
                }
            }
        }
    }

    /// The program's next line may be meant for the socket that is being admitted.
    fn block_until_admitted(&mut self, admitting: oneshot::Receiver<()>) {
        self.blocked_on = Some(Box::pin(async move {
            // A socket that is never admitted delays others no longer than this.
            let _ = timeout(limits::HANDLER_ENTRY_TIMEOUT, admitting).await;
            Ok(())
        }));
    }

    fn emit(&mut self, emit: ProgramEmit) -> Result<(), String> {
        let namespace = self.emit_namespace(emit.namespace)?;
        let target = match &emit.to {
            Some(to) => self.calls.resolve(to.as_str(), &namespace),
            None => EmitTarget::Room,
        };
        let room = emit.to.unwrap_or_else(RoomName::whole_namespace);
        let record = NewRecord {
            header: MessageHeader {
                origin: ORIGIN.into(),
                ..MessageHeader::new(namespace, Arc::new([room]), emit.event)
            },
            body: emit.arguments.body,
        };
        let bytes = record.body.len();
        match target {
            EmitTarget::Room => {
                let request = Request::Publish(PublishVerb::Single);
                self.publish(bytes, Op::Append { record, id: None }, request);
            }
            EmitTarget::Socket(to) => {
                let at_ms = (self.services.clock)();
                let request = Request::Direct(Box::new(DirectRecord { to, record, at_ms }));
                self.publish(bytes, Op::Noop, request);
            }
            EmitTarget::Disconnected => {
                let pattern = self.pattern.as_str();
                tracing::debug!("handler of {pattern}: {} left", record.header.rooms[0]);
            }
            EmitTarget::NotAdmitted => {
                return Err(format!(
                    "{} is not admitted yet: answer its connect first",
                    record.header.rooms[0]
                ));
            }
        }
        Ok(())
    }

    /// The namespace that a line is for. It must be one of this program's.
    fn emit_namespace(&self, named: Option<Namespace>) -> Result<Namespace, String> {
        let Some(named) = named else {
            return self.pattern.fixed().ok_or_else(|| {
                let pattern = self.pattern.as_str();
                format!("this program serves {pattern}: name the \"namespace\"")
            });
        };
        let rules = self.services.settings.namespaces.rules(&named);
        if rules.is_some_and(|rules| Arc::ptr_eq(rules, &self.rules)) {
            Ok(named)
        } else {
            Err(format!("{named} is not this program's"))
        }
    }

    /// Holds bytes of the append queue until the receipt, as every publisher does. The program's next line waits for them.
    fn publish(&mut self, bytes: usize, op: Op, request: Request) {
        let mut ticket = Ticket::unanswered(self.id, request);
        let queue = Arc::clone(&self.services.append_queue);
        let writer = self.services.writer.clone();
        let share = permits(bytes);
        self.in_flight += 1;
        if let Ok(permit) = Arc::clone(&queue).try_acquire_many_owned(share) {
            ticket.permit = Some(permit);
            if writer.send(op, Urgency::Now, ticket).is_err() {
                self.stop();
            }
            return;
        }
        self.blocked_on = Some(Box::pin(async move {
            let permit = queue.acquire_many_owned(share).await;
            ticket.permit = Some(permit.map_err(|_| WriterClosed)?);
            writer.send(op, Urgency::Now, ticket)
        }));
    }

    fn handle_notification(&mut self, notification: &Notification) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match notification {
            Notification::Receipt { receipt, .. }
                if receipt.first.is_none() && receipt.delivered == 0 =>
            {
                self.log.info(|| {
                    "a message for one socket was dropped: the socket reads too slowly, or left"
                        .to_owned()
                });
            }
            Notification::Refused { refusal, .. } => {
                self.log.warn(|| format!("an emit was refused: {refusal}"));
            }
            _ => {}
        }
    }
}

/// Cancel-safe: a notification is taken only when it is returned.
async fn next_notification(queue: &NotificationQueue, waker: &AtomicWaker) -> Notification {
    poll_fn(|cx| {
        waker.register(cx.waker());
        match queue.take() {
            Some((_, notification)) => Poll::Ready(notification),
            None => Poll::Pending,
        }
    })
    .await
}

/// The beginning of a line, for the log.
fn excerpt(line: &[u8]) -> String {
    const MAX_BYTES: usize = 200;
    let text = String::from_utf8_lossy(line.get(..MAX_BYTES).unwrap_or(line));
    text.into_owned()
}

/// How long the runner waits before it starts a program that ended.
#[derive(Debug, Default)]
struct RestartBackoff {
    last: Option<Duration>,
}

impl RestartBackoff {
    /// Doubles the wait for a program that ran only briefly.
    fn next_wait(&mut self, ran: Duration) -> Duration {
        let wait = match self.last {
            Some(last) if ran < limits::HANDLER_RESTART_MAX => {
                (last * 2).min(limits::HANDLER_RESTART_MAX)
            }
            _ => limits::HANDLER_RESTART_MIN,
        };
        self.last = Some(wait);
        wait
    }
}

#[cfg(test)]
mod tests;
