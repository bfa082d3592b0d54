//! `sub --exec`: a command for each message. Messages are taken as they come, worked on by several at once, and
//! acknowledged in order, once they are done: by the command, or by being in the dead-letter room.

mod command;
mod letter;
mod order;
mod printed;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::sync::Arc;

use tokio::select;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cli::failure::exec::ExecError;
use command::{Ended, Plan, Proof, Work};
use letter::letter;
use order::Order;
use printed::Turn;

use crate::address::{EventName, RoomName, Seq};
use crate::cli::args::sub::SubArgs;
use crate::cli::failure::Failure;
use crate::cli::io::batches::BatchTemplate;
use crate::cli::io::signals::Signals;
use crate::cli::io::stdin::{InputBlock, message};
use crate::cli::io::stdout::{self, Output, OutputBatch, OutputFormat, Terminator, WriteReport};
use crate::cli::remote::delivery::{End, awaited, confirm_last_ack, last, tell_link};
use crate::cli::remote::presence;
use crate::cli::screen::duration::duration_text;
use crate::cli::screen::progress::{NOT_WAITING, Progress, ProgressKind};
use crate::cli::screen::term;
use crate::client::connection_state::wait_until;
use crate::client::{ClientEvent, HubClient, Target};
use crate::limits;
use crate::wire::batch::cut;

pub struct Crew {
    plan: Arc<Plan>,
    target: Target,
    jobs: usize,
    only: Option<EventName>,
    dead: RoomName,
    max_message: usize,
    /// Received, and not yet taken.
    queue: VecDeque<OutputBatch>,
    /// Taken, and to be tried once it is known that the command can be run at all.
    unproven: VecDeque<(u64, OutputBatch)>,
    /// Why it is not known.
    doubt: Option<ExecError>,
    order: Order,
    running: JoinSet<Result<Worked, ExecError>>,
    /// Numbers of messages that are done when the hub has confirmed what was published of them, in that order.
    confirming: VecDeque<u64>,
    /// Messages that may still be taken.
    remaining: Option<u64>,
    /// What is subscribed to, as far as the hub said.
    rooms: Vec<RoomName>,
    drain: Drain,
    work: watch::Sender<Work>,
    /// Nothing is written here: it tells when the reader of stdout goes away.
    stdout: Output,
    /// Of a hub that is awaited, while no command may write on its line.
    progress: Progress,
}

/// One message, and what became of it.
struct Worked {
    number: u64,
    chunk: OutputBatch,
    ended: Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drain {
    NotAsked,
    /// Until everything that waited is done.
    Pending,
    CaughtUp,
}

impl Crew {
    pub fn new(
        command: &str,
        args: &SubArgs,
        form: OutputFormat,
        (target, child_variables): (&Target, Vec<(&'static str, OsString)>),
        peer: &HubClient,
        dead: RoomName,
    ) -> Self {
        let max_message = peer.hub_info().limits.message;
        let plan = Plan {
            command: command.to_owned(),
            retries: args.script.retries,
            form: match form {
                // A command gets the message, not a line.
                OutputFormat::Data(Terminator::Newline) => OutputFormat::Data(Terminator::Raw),
                form => form,
            },
            reply: args.script.reply.then_some(max_message),
            turn: (args.script.jobs.get() > 1).then(Turn::default),
            child_variables,
            proof: Proof::default(),
        };
        Self {
            plan: Arc::new(plan),
            target: target.clone(),
            jobs: usize::from(args.script.jobs.get()),
            only: args.event.clone(),
            dead,
            max_message,
            queue: VecDeque::new(),
            unproven: VecDeque::new(),
            doubt: None,
            order: Order::default(),
            running: JoinSet::new(),
            confirming: VecDeque::new(),
            remaining: args.count,
            rooms: Vec::new(),
            drain: if args.drain {
                Drain::Pending
            } else {
                Drain::NotAsked
            },
            work: watch::Sender::new(Work::Wanted),
            stdout: stdout::start(OutputFormat::Data(Terminator::Raw)),
            progress: Progress::new(ProgressKind::Wait),
        }
    }

    /// Works until `-n`, `--drain`, `--timeout`, a signal or a failure ends it; `end` is what ended it from outside.
    pub async fn run(
        mut self,
        mut peer: HubClient,
        signals: &mut Signals,
        deadline: Option<Instant>,
        timeout: std::time::Duration,
    ) -> Result<(), Failure> {
        let end = select! {
            end = self.follow(&mut peer) => end,
            signal = signals.next() => Ok(End::Signal(signal)),
            () = wait_until(deadline) => Ok(End::Timeout(timeout)),
        };
        self.progress.clear();
        self.work.send_replace(Work::CalledOff);
        self.tell_wait(&end);
        let reachable = !matches!(end, Err(Failure::Client(_)));
        let finished = select! {
            finished = self.finish(&mut peer, reachable) => finished,
            signal = signals.next() => Err(Failure::Signal(signal)),
        };
        if !self.running.is_empty() {
            term::warn(format!(
                "killed {} command(s) that ran on; their messages are not acknowledged",
                self.running.len()
            ));
        }
        self.running.abort_all();
        peer.close().await;
        match end? {
            End::Done => finished,
            End::Timeout(after) => Err(Failure::Timeout(after)),
            End::Signal(signal) => Err(Failure::Signal(signal)),
        }
    }

    async fn follow(&mut self, peer: &mut HubClient) -> Result<End, Failure> {
        loop {
            self.start(peer);
            if self.running.is_empty()
                && !self.plan.proof.is_there()
                && let Some(doubt) = self.doubt.take()
            {
                return Err(doubt.into());
            }
            if self.is_over() {
                return Ok(End::Done);
            }
            select! {
                Some(worked) = self.running.join_next() => self.worked(worked, peer)?,
                event = peer.next_event() => self.happened(event?, peer)?,
                wrote = self.stdout.reports.recv() => match wrote {
                    Some(WriteReport::Failed(error)) => return Err(Failure::Output(error)),
                    // Nobody reads what is printed.
                    _ => return Ok(End::Done),
                },
                () = self.progress.due() => self.draw(peer),
            }
        }
    }

    fn draw(&mut self, peer: &HubClient) {
        self.progress
            .draw(awaited(peer).filter(|_| self.running.is_empty()));
    }

    /// Lets what runs end, within a bound, and has it acknowledged.
    async fn finish(&mut self, peer: &mut HubClient, reachable: bool) -> Result<(), Failure> {
        let bound = wait_until(Some(Instant::now() + limits::EXEC_FINISH_TIMEOUT));
        tokio::pin!(bound);
        while !self.running.is_empty() || reachable && !self.confirming.is_empty() {
            select! {
                Some(worked) = self.running.join_next() => {
                    // Why it all ends is known already, and the others may still end well.
                    let _ = self.worked(worked, peer);
                }
                event = peer.next_event(), if reachable => self.happened(event?, peer)?,
                () = &mut bound => break,
            }
        }
        if reachable {
            confirm_last_ack(peer, self.target.name.as_ref()).await
        } else {
            Ok(())
        }
    }

    fn is_over(&self) -> bool {
        let enough =
            self.remaining == Some(0) || self.drain == Drain::CaughtUp && self.queue.is_empty();
        let worked = self.running.is_empty() && self.unproven.is_empty();
        enough && worked && self.confirming.is_empty()
    }

    /// Says what the end waits for, where it waits for a command.
    fn tell_wait(&self, end: &Result<End, Failure>) {
        let (before, again) = match end {
            Ok(End::Signal(_)) => (String::new(), "again "),
            Ok(End::Timeout(after)) => {
                (format!("--timeout {} is over; ", duration_text(*after)), "")
            }
            Ok(End::Done) | Err(_) => return,
        };
        let (commands, them) = match self.running.len() {
            0 => return,
            1 => ("1 command".to_owned(), "it"),
            several => (format!("{several} commands"), "them"),
        };
        term::note(format!(
            "{before}waiting for {commands}, {} at most; Ctrl-C {again}kills {them}",
            duration_text(limits::EXEC_FINISH_TIMEOUT)
        ));
    }

    /// Starts as many commands as may run.
    fn start(&mut self, peer: &mut HubClient) {
        while self.running.len() < self.jobs && peer.can_publish() {
            let Some((number, chunk)) = self.take() else {
                break;
            };
            let room = self.room(&chunk);
            let (plan, work) = (Arc::clone(&self.plan), self.work.subscribe());
            if self.running.is_empty() {
                self.progress.draw(NOT_WAITING);
            }
            self.running.spawn(async move {
                let ended = plan.work(&chunk, room.as_ref(), work).await?;
                Ok(Worked {
                    number,
                    chunk,
                    ended,
                })
            });
        }
        self.ack(peer);
    }

    /// What is to be worked on next, and its number.
    fn take(&mut self) -> Option<(u64, OutputBatch)> {
        if self.plan.proof.is_there() {
            self.doubt = None;
            if let Some(again) = self.unproven.pop_front() {
                return Some(again);
            }
        }
        let may = self.order.len() < limits::EXEC_AHEAD
            && self.unproven.len() < limits::EXEC_STARTUP_FAILURES
            && self.remaining != Some(0);
        let chunk = if may { self.next() } else { None }?;
        self.remaining = self.remaining.map(|remaining| remaining - 1);
        Some((self.order.take(chunk.header.first), chunk))
    }

    /// The next message that is wanted, by itself.
    fn next(&mut self) -> Option<OutputBatch> {
        loop {
            let chunk = self.queue.front_mut()?;
            let unwanted = self
                .only
                .as_ref()
                .is_some_and(|only| *only != chunk.header.event);
            if unwanted || chunk.header.count == 0 {
                self.order.pass(last(&chunk.header));
                self.queue.pop_front();
                continue;
            }
            let mut single = chunk.clone();
            single.header.count = 1;
            single.body = cut(chunk.header.framing, &chunk.body, 0, 1);
            chunk.body = chunk.body.slice(single.body.len()..);
            chunk.header.count -= 1;
            let further = |first: Seq| Seq::new(first.record, first.index.saturating_add(1));
            chunk.header.first = chunk.header.first.map(further);
            if chunk.header.count == 0 {
                self.queue.pop_front();
            }
            return Some(single);
        }
    }

    /// The room by which it came.
    fn room(&self, chunk: &OutputBatch) -> Option<RoomName> {
        let rooms = &chunk.header.rooms;
        let read = rooms.iter().find(|room| self.rooms.contains(room));
        read.or(rooms.first()).cloned()
    }

    fn happened(&mut self, event: ClientEvent, peer: &mut HubClient) -> Result<(), Failure> {
        tell_link(&event, peer.url());
        match event {
            ClientEvent::Batch { header, body } => self.queue.push_back(OutputBatch {
                header,
                body,
                namespace: self.target.namespace.clone(),
            }),
            ClientEvent::Presence(moved) => presence::note(&moved, &self.target.namespace),
            ClientEvent::CaughtUp if self.drain == Drain::Pending => self.drain = Drain::CaughtUp,
            ClientEvent::Subscribed { rooms, .. } => {
                refuse_a_circle(&rooms, &self.dead)?;
                self.rooms = rooms;
            }
            ClientEvent::Receipt(_) => {
                // They come in the order of what was published.
                if let Some(number) = self.confirming.pop_front() {
                    self.order.done(number);
                    self.ack(peer);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn worked(
        &mut self,
        worked: Result<Result<Worked, ExecError>, tokio::task::JoinError>,
        peer: &mut HubClient,
    ) -> Result<(), Failure> {
        let worked =
            worked.map_err(|error| Failure::other(format!("a command was lost: {error}")))?;
        let Worked {
            number,
            chunk,
            ended,
        } = worked?;
        match ended {
            Ended::Done(output) => match (output, &chunk.header.reply) {
                (Some(output), Some(reply)) => {
                    self.publish(number, reply, answer(&output), peer);
                }
                _ => {
                    self.order.done(number);
                    self.ack(peer);
                }
            },
            Ended::Dead { reason, attempts } => {
                let which = chunk.header.first.map(|seq| format!("message {seq}: "));
                term::warn(format!(
                    "{}{reason} (attempts: {attempts}); it goes to {:?}",
                    which.unwrap_or_default(),
                    self.dead.as_str()
                ));
                let letter = letter(&chunk, &reason, attempts, self.max_message);
                let dead = self.dead.clone();
                self.publish(number, &dead, letter, peer);
            }
            // A message may be what makes the shell say no: others tell.
            Ended::Unproven(error) => {
                self.unproven.push_back((number, chunk));
                self.doubt = Some(error);
            }
            Ended::Abandoned => {}
        }
        Ok(())
    }

    fn publish(&mut self, number: u64, room: &RoomName, block: InputBlock, peer: &mut HubClient) {
        let template = BatchTemplate {
            rooms: vec![room.clone()],
            ..BatchTemplate::default()
        };
        peer.publish(template.batch(block));
        self.confirming.push_back(number);
    }

    fn ack(&mut self, peer: &mut HubClient) {
        if let Some(seq) = self.order.settled() {
            peer.ack(seq);
        }
    }
}

/// What fails in the dead-letter room would go there again, for ever.
pub fn refuse_a_circle(rooms: &[RoomName], dead: &RoomName) -> Result<(), Failure> {
    match rooms.contains(dead) {
        true => Err(Failure::Usage(format!(
            "what fails in {:?} would come there again; name another --dead-letter ROOM",
            dead.as_str()
        ))),
        false => Ok(()),
    }
}

/// As `$(…)` has it: a newline at the end is the end of the line, not part of the answer.
fn answer(output: &[u8]) -> InputBlock {
    message(output.strip_suffix(b"\n").unwrap_or(output))
}
