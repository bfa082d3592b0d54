//! Running a namespace's program for as long as the hub runs: starts it, starts it again when it ends, hands it what
//! sessions ask, and publishes what it says.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::QueuedCall;
use super::lines::Line;
use super::pending_calls::{AnswerOutcome, EmitTarget, PendingCalls};
use super::process::{Over, Process, ProcessEvent, Reading};
use super::protocol::{self, Emit, ProgramLine};
use super::rate_limited_log::RateLimitedLog;
use crate::address::{Namespace, RoomName};
use crate::hub::mailbox::{Mailbox, Notices};
use crate::hub::request::{Direct, Publisher, SocketId, Told, Want};
use crate::hub::{Handle, Message, Ticket};
use crate::limits;
use crate::session::engine::permits::permits;
use crate::session::namespace::policy::{Handler, Pattern, Rules};
use crate::session::services::Services;
use crate::store::writer::{Urgency, WriterClosed};
use crate::store::{MessageHeader, NewRecord, Op};
use crate::wire::batch::{Audience, Framing};

/// CallEvent a record remembers as its sender's sid.
const ORIGIN: &str = "handler";

/// Starts all programs of a hub. They end, each in a bounded time, once `stopping` is true; nobody may ask them anything
/// then.
pub fn start(services: &Arc<Services>, stopping: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut running = JoinSet::new();
    for (pattern, rules) in services.settings.namespaces.tables() {
        let inbox = services.programs.of(rules).and_then(|it| it.inbox());
        if let (Some(handler), Some(inbox)) = (&rules.handler, inbox) {
            let runner = ProgramRunner::new(Arc::clone(services), pattern, rules, handler, inbox);
            running.spawn(runner.run(stopping.clone()));
        }
    }
    running
}

struct ProgramRunner {
    services: Arc<Services>,
    pattern: Pattern,
    rules: Arc<Rules>,
    handler: Handler,
    inbox: mpsc::UnboundedReceiver<QueuedCall>,
    desk: PendingCalls,
    process: Option<Process>,
    restart: Restart,
    start_at: Instant,
    /// CallEvent the next line of the program waits for.
    busy: Option<Wait>,
    /// As whom it publishes, and what the hub says of that.
    id: SocketId,
    notices: Arc<Notices>,
    /// CallEvent it published and the hub has said nothing of: bounded as that of a session is.
    in_flight: usize,
    waker: Arc<AtomicWaker>,
    say: RateLimitedLog,
    stage: Stage,
}

type Wait = Pin<Box<dyn Future<Output = Result<(), WriterClosed>> + Send>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Serving,
    Stopping,
}

enum Event {
    QueuedCall(QueuedCall),
    Process(ProcessEvent),
    Free(Result<(), WriterClosed>),
    Told(Told),
    Deadline,
    Start,
    Stop,
}

impl ProgramRunner {
    fn new(
        services: Arc<Services>,
        pattern: &Pattern,
        rules: &Arc<Rules>,
        handler: &Handler,
        inbox: mpsc::UnboundedReceiver<QueuedCall>,
    ) -> Self {
        let waker = Arc::new(AtomicWaker::new());
        Self {
            id: services.next_socket(),
            services,
            pattern: pattern.clone(),
            rules: Arc::clone(rules),
            handler: handler.clone(),
            inbox,
            desk: PendingCalls::default(),
            process: None,
            restart: Restart::default(),
            start_at: Instant::now(),
            busy: None,
            notices: Arc::new(Notices::new(Arc::clone(&waker))),
            in_flight: 0,
            waker,
            say: RateLimitedLog::new(pattern.as_str()),
            stage: Stage::Serving,
        }
    }

    async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let handle = Handle {
            // Room sends it anything but what became of its publishes.
            mailbox: Arc::new(Mailbox::new(Arc::clone(&self.waker))),
            notices: Arc::clone(&self.notices),
        };
        let message = Message::Publisher(self.id, handle);
        if self.services.inbox.send(message).await.is_err() {
            return;
        }
        while self.stage == Stage::Serving || self.process.is_some() {
            match self.next(&mut stopping).await {
                Event::QueuedCall(given) => self.desk.take(given, Instant::now()),
                Event::Process(happened) => self.happened(happened),
                Event::Free(done) => {
                    self.busy = None;
                    if done.is_err() {
                        self.stop();
                    }
                }
                Event::Told(told) => self.told(told),
                Event::Deadline => {
                    let expired = self.desk.expire(Instant::now());
                    self.say
                        .warn(|| format!("no answer to {expired} in {:?}", limits::HANDLER_ANSWER));
                }
                Event::Start => self.start(),
                Event::Stop => self.stop(),
            }
        }
    }

    /// Every arm only waits or keeps its state in what it waits for: cancel-safe.
    async fn next(&mut self, stopping: &mut watch::Receiver<bool>) -> Event {
        let Self {
            inbox,
            desk,
            process,
            busy,
            notices,
            in_flight,
            waker,
            stage,
            start_at,
            ..
        } = self;
        let (deadline, serving) = (desk.deadline(), *stage == Stage::Serving);
        let starts = process.is_none() && serving;
        let reading = match busy {
            None if *in_flight < limits::VERBS_IN_FLIGHT => Reading::Yes,
            _ => Reading::No,
        };
        tokio::select! {
            Some(given) = inbox.recv() => Event::QueuedCall(given),
            happened = async {
                match process {
                    Some(process) => process.next(desk, reading).await,
                    None => pending().await,
                }
            } => Event::Process(happened),
            done = async {
                match busy {
                    Some(busy) => busy.await,
                    None => pending().await,
                }
            } => Event::Free(done),
            told = next_notice(notices, waker) => Event::Told(told),
            () = sleep_until(deadline.unwrap_or(*start_at)), if deadline.is_some() => Event::Deadline,
            () = sleep_until(*start_at), if starts => Event::Start,
            _ = stopping.wait_for(|stopping| *stopping), if serving => Event::Stop,
        }
    }

    fn start(&mut self) {
        let longest = protocol::longest(self.services.settings.max_message);
        match Process::start(&self.handler, &self.pattern, longest) {
            Ok(process) => {
                self.say.life("started");
                self.process = Some(process);
            }
            Err(error) => {
                let (wait, folder) = (self.restart.after(Duration::ZERO), &self.handler.folder);
                self.start_at = Instant::now() + wait;
                let (folder, kind) = (folder.display(), error.kind());
                self.say.death(&format!(
                    "cannot be started in {folder}: {kind}; trying again in {wait:?}"
                ));
            }
        }
    }

    /// Everything that was told before is still written, then its stdin ends.
    fn stop(&mut self) {
        self.stage = Stage::Stopping;
        while let Ok(given) = self.inbox.try_recv() {
            self.desk.take(given, Instant::now());
        }
        if let Some(process) = &mut self.process {
            process.end();
        }
    }

    fn happened(&mut self, happened: ProcessEvent) {
        match happened {
            ProcessEvent::Progress => {}
            ProcessEvent::ProgramLine(Line::Whole(line)) => self.said(&line),
            ProcessEvent::ProgramLine(Line::TooLong(start)) => {
                self.say
                    .warn(|| format!("passed over a line that is too long: {}…", shown(&start)));
            }
            ProcessEvent::Complained(Line::Whole(line)) => {
                self.say
                    .info(|| String::from_utf8_lossy(&line).into_owned());
            }
            ProcessEvent::Complained(Line::TooLong(start)) => {
                self.say.info(|| format!("{}…", shown(&start)));
            }
            ProcessEvent::Over(over) => self.over(over),
        }
    }

    fn over(&mut self, Over { status, ran }: Over) {
        self.process = None;
        self.desk.died();
        let how = status.map_or("it would not end".to_owned(), |status| status.to_string());
        match self.stage {
            Stage::Stopping => self.say.life(&format!("ended ({how})")),
            Stage::Serving => {
                let wait = self.restart.after(ran);
                self.start_at = Instant::now() + wait;
                self.say
                    .death(&format!("ended ({how}); starting it again in {wait:?}"));
            }
        }
    }

    fn said(&mut self, line: &[u8]) {
        let said = match protocol::decode(line, self.services.settings.max_message) {
            Ok(said) => said,
            Err(error) => {
                self.say
                    .warn(|| format!("passed over a line, {error}: {}", shown(line)));
                return;
            }
        };
        match said {
            ProgramLine::Ack { id, arguments } => match self.desk.acknowledged(id, arguments) {
                AnswerOutcome::Taken => {}
                AnswerOutcome::Entering(entering) => self.wait_for(entering),
                AnswerOutcome::NotAwaited => tracing::debug!(
                    "handler of {}: nobody waits for an answer to {id}",
                    self.pattern.as_str()
                ),
            },
            ProgramLine::Deny { id, why } => {
                if let AnswerOutcome::NotAwaited = self.desk.denied(id, why.clone()) {
                    self.say.info(|| format!("denied {id}: {why}"));
                }
            }
            ProgramLine::Emit(emit) => {
                if let Err(why) = self.emit(emit) {
                    self.say.warn(|| format!("passed over a line, {why}"));
                }
            }
        }
    }

    /// Its next line may be for whoever enters.
    fn wait_for(&mut self, entering: oneshot::Receiver<()>) {
        self.busy = Some(Box::pin(async move {
            // Whoever does not get in within that time is not waited for.
            let _ = timeout(limits::HANDLER_ENTRY, entering).await;
            Ok(())
        }));
    }

    fn emit(&mut self, emit: Emit) -> Result<(), String> {
        let Emit {
            event,
            arguments,
            to,
            namespace,
        } = emit;
        let namespace = self.namespace(namespace)?;
        let whose = match &to {
            Some(to) => self.desk.whose(to.as_str(), &namespace),
            None => EmitTarget::Room,
        };
        let record = NewRecord {
            header: MessageHeader {
                namespace,
                rooms: Arc::new([to.unwrap_or_else(RoomName::whole_namespace)]),
                except: Arc::new([]),
                audience: Audience::All,
                event,
                framing: Framing::Args,
                json: false,
                count: 1,
                from: None,
                origin: ORIGIN.into(),
                reply: None,
            },
            body: arguments.body,
        };
        match whose {
            EmitTarget::Room => {
                let want = Want::Publish(Publisher::Single);
                let bytes = record.body.len();
                self.publish(bytes, Op::Append { record, id: None }, want);
            }
            EmitTarget::Socket(to) => {
                let at_ms = (self.services.clock)();
                let bytes = record.body.len();
                let want = Want::Direct(Box::new(Direct { to, record, at_ms }));
                self.publish(bytes, Op::Noop, want);
            }
            EmitTarget::DisconnectedSids => {
                tracing::debug!(
                    "handler of {}: {} left",
                    self.pattern.as_str(),
                    record.header.rooms[0]
                );
            }
            EmitTarget::NotAdmitted => {
                return Err(format!(
                    "{} is not let in yet: answer its connect first",
                    record.header.rooms[0]
                ));
            }
        }
        Ok(())
    }

    /// The namespace that a line is for: one that has this program.
    fn namespace(&self, named: Option<Namespace>) -> Result<Namespace, String> {
        let Some(named) = named else {
            return self.pattern.fixed().ok_or_else(|| {
                let pattern = self.pattern.as_str();
                format!("this program serves {pattern}: say in which \"namespace\"")
            });
        };
        let rules = self.services.settings.namespaces.rules(&named);
        if rules.is_some_and(|rules| Arc::ptr_eq(rules, &self.rules)) {
            Ok(named)
        } else {
            Err(format!("{named} is not this program's"))
        }
    }

    /// Like any publisher it holds bytes of the append queue until the receipt; its next line waits for them.
    fn publish(&mut self, bytes: usize, op: Op, want: Want) {
        let mut ticket = Ticket::unanswered(self.id, want);
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
        self.busy = Some(Box::pin(async move {
            let permit = queue.acquire_many_owned(share).await;
            ticket.permit = Some(permit.map_err(|_| WriterClosed)?);
            writer.send(op, Urgency::Now, ticket)
        }));
    }

    fn told(&mut self, told: Told) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match told {
            Told::Receipt { receipt, .. } if receipt.first.is_none() && receipt.delivered == 0 => {
                self.say.info(|| {
                    "a message for one socket was dropped: it does not read, or left".to_owned()
                });
            }
            Told::Refused { refusal, .. } => {
                self.say.warn(|| format!("an emit was refused: {refusal}"));
            }
            _ => {}
        }
    }
}

/// Cancel-safe: a notice is taken only when it is returned.
async fn next_notice(notices: &Notices, waker: &AtomicWaker) -> Told {
    poll_fn(|cx| {
        waker.register(cx.waker());
        match notices.take() {
            Some((_, told)) => Poll::Ready(told),
            None => Poll::Pending,
        }
    })
    .await
}

fn shown(line: &[u8]) -> String {
    /// Enough to find it.
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(line.get(..LONGEST).unwrap_or(line));
    text.into_owned()
}

/// How long a program that ended is left alone.
#[derive(Debug, Default)]
struct Restart {
    last: Option<Duration>,
}

impl Restart {
    fn after(&mut self, ran: Duration) -> Duration {
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
