//! `sub --exec`: runs a command for each message. Commands run concurrently; messages are acknowledged in order, once their
//! command succeeded or they are in the dead-letter room.

mod ack_tracker;
mod captured_stdout;
mod command_runner;
mod dead_letter;

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::select;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};

use self::ack_tracker::AckTracker;
pub use self::command_runner::CommandRunner;
use self::command_runner::{JobOutcome, WorkState};
use self::dead_letter::dead_letter;
use crate::address::{EventName, RoomName, Seq};
use crate::cli::args::sub::SubArgs;
use crate::cli::failure::Failure;
use crate::cli::failure::exec::ExecError;
use crate::cli::io::envelope::BatchTemplate;
use crate::cli::io::stdin::{InputBlock, message};
use crate::cli::io::stdout::{self, Output, OutputBatch, OutputFormat, Terminator, WriteReport};
use crate::cli::remote::connection_notes::{note_event, reconnect_status};
use crate::cli::remote::delivery::{confirm_last_ack, last_seq};
use crate::cli::remote::interrupts::Interrupts;
use crate::cli::remote::presence;
use crate::cli::screen::duration::duration_text;
use crate::cli::screen::progress::{NOT_WAITING, Progress, ProgressKind};
use crate::cli::screen::quantity::quantity;
use crate::cli::screen::term;
use crate::client::connection_state::wait_until;
use crate::client::{ClientEvent, HubClient, Target};
use crate::limits;
use crate::wire::batch::cut;

pub struct WorkerPool {
    runner: Arc<CommandRunner>,
    target: Target,
    max_jobs: usize,
    only_event: Option<EventName>,
    dead_letter_room: RoomName,
    max_message: usize,
    /// Received, but not started.
    queue: VecDeque<OutputBatch>,
    /// Messages for which the shell could not run the command. They are retried once it has run for another message.
    not_runnable: VecDeque<(u64, OutputBatch)>,
    /// Why the command could not be run.
    run_error: Option<ExecError>,
    tracker: AckTracker,
    running: JoinSet<Result<FinishedJob, ExecError>>,
    /// Messages whose answer or dead letter is published; each is done with its receipt. Receipts come in the same order.
    awaiting_receipt: VecDeque<u64>,
    /// How many messages may still be started.
    remaining: Option<u64>,
    /// The subscribed rooms, as the hub confirmed them.
    rooms: Vec<RoomName>,
    drain: Drain,
    state: watch::Sender<WorkState>,
    /// Writes nothing; it reports when stdout is closed.
    stdout: Output,
    /// Shows a lost connection while no command is running.
    progress: Progress,
}

struct FinishedJob {
    number: u64,
    batch: OutputBatch,
    outcome: JobOutcome,
}

/// `--drain`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drain {
    Off,
    Pending,
    /// All that was waiting is received.
    CaughtUp,
}

impl WorkerPool {
    pub fn new(
        runner: CommandRunner,
        args: &SubArgs,
        target: Target,
        dead_letter_room: RoomName,
        max_message: usize,
    ) -> Self {
        Self {
            runner: Arc::new(runner),
            target,
            max_jobs: usize::from(args.exec.jobs.get()),
            only_event: args.event.clone(),
            dead_letter_room,
            max_message,
            queue: VecDeque::new(),
            not_runnable: VecDeque::new(),
            run_error: None,
            tracker: AckTracker::default(),
            running: JoinSet::new(),
            awaiting_receipt: VecDeque::new(),
            remaining: args.count,
            rooms: Vec::new(),
            drain: if args.drain {
                Drain::Pending
            } else {
                Drain::Off
            },
            state: watch::Sender::new(WorkState::Running),
            stdout: stdout::start(OutputFormat::Data(Terminator::Raw)),
            progress: Progress::new(ProgressKind::Wait),
        }
    }

    /// Works until `-n`, `--drain`, a failure, the timeout or a signal; then lets running commands end.
    pub async fn run(
        mut self,
        mut peer: HubClient,
        interrupts: &mut Interrupts,
    ) -> Result<(), Failure> {
        let ended = interrupts.run(self.work(&mut peer)).await;
        self.progress.clear();
        self.state.send_replace(WorkState::Stopping);
        self.note_wait(&ended);
        let is_reachable = !matches!(ended, Err(Failure::Client(_)));
        interrupts.set_timeout(None);
        let finished = if is_reachable {
            interrupts.run(self.finish(&mut peer)).await
        } else {
            interrupts.run(self.finish_offline(&mut peer)).await
        };
        if !self.running.is_empty() {
            let rest = match self.running.len() {
                1 => "its message is",
                _ => "their messages are",
            };
            let commands = quantity(self.running.len() as u64, "running command");
            term::warn(format!("killed {commands}; {rest} not acknowledged"));
        }
        self.running.abort_all();
        peer.close().await;
        ended.and(finished)
    }

    async fn work(&mut self, peer: &mut HubClient) -> Result<(), Failure> {
        loop {
            self.start_jobs(peer);
            if self.running.is_empty()
                && !self.runner.is_proven()
                && let Some(error) = self.run_error.take()
            {
                return Err(error.into());
            }
            if self.is_finished() {
                return Ok(());
            }
            select! {
                Some(job) = self.running.join_next() => self.finish_job(job, peer)?,
                event = peer.next_event() => self.handle_event(event?, peer)?,
                report = self.stdout.reports.recv() => match report {
                    Some(WriteReport::Failed(error)) => return Err(Failure::Output(error)),
                    // Stdout is closed.
                    _ => return Ok(()),
                },
                () = self.progress.due() => self.draw_progress(peer),
            }
        }
    }

    fn draw_progress(&mut self, peer: &HubClient) {
        let is_idle = self.running.is_empty();
        self.progress
            .draw(reconnect_status(peer).filter(|_| is_idle));
    }

    /// Waits a bounded time for running commands and for receipts, then confirms the last ack.
    async fn finish(&mut self, peer: &mut HubClient) -> Result<(), Failure> {
        let deadline = Instant::now() + limits::EXEC_FINISH_TIMEOUT;
        while !self.running.is_empty() || !self.awaiting_receipt.is_empty() {
            select! {
                Some(job) = self.running.join_next() => {
                    // The failure that ended the pool is reported; further ones are not.
                    let _ = self.finish_job(job, peer);
                }
                event = peer.next_event() => self.handle_event(event?, peer)?,
                () = wait_until(Some(deadline)) => break,
            }
        }
        confirm_last_ack(peer, self.target.name.as_ref()).await
    }

    /// [`Self::finish`] without a connection.
    async fn finish_offline(&mut self, peer: &mut HubClient) -> Result<(), Failure> {
        let deadline = Instant::now() + limits::EXEC_FINISH_TIMEOUT;
        while let Ok(Some(job)) = timeout_at(deadline, self.running.join_next()).await {
            let _ = self.finish_job(job, peer);
        }
        Ok(())
    }

    fn is_finished(&self) -> bool {
        let has_enough =
            self.remaining == Some(0) || self.drain == Drain::CaughtUp && self.queue.is_empty();
        let is_idle = self.running.is_empty() && self.not_runnable.is_empty();
        has_enough && is_idle && self.awaiting_receipt.is_empty()
    }

    /// After a signal or timeout, reports that commands are still running.
    fn note_wait(&self, ended: &Result<(), Failure>) {
        let (prefix, again) = match ended {
            Err(Failure::Signal(_)) => (String::new(), "again "),
            Err(Failure::Timeout(after)) => {
                (format!("timed out after {}; ", duration_text(*after)), "")
            }
            _ => return,
        };
        let pronoun = match self.running.len() {
            0 => return,
            1 => "it",
            _ => "them",
        };
        term::note(format!(
            "{prefix}waiting up to {} for {}; Ctrl-C {again}kills {pronoun}",
            duration_text(limits::EXEC_FINISH_TIMEOUT),
            quantity(self.running.len() as u64, "command")
        ));
    }

    /// Starts as many commands as may run at once.
    fn start_jobs(&mut self, peer: &mut HubClient) {
        while self.running.len() < self.max_jobs && peer.can_publish() {
            let Some((number, batch)) = self.next_job() else {
                break;
            };
            let room = self.source_room(&batch);
            let (runner, state) = (Arc::clone(&self.runner), self.state.subscribe());
            if self.running.is_empty() {
                self.progress.draw(NOT_WAITING);
            }
            self.running.spawn(async move {
                let outcome = runner
                    .run_with_retries(&batch, room.as_ref(), state)
                    .await?;
                Ok(FinishedJob {
                    number,
                    batch,
                    outcome,
                })
            });
        }
        self.ack(peer);
    }

    /// The next message to work on, and its number.
    fn next_job(&mut self) -> Option<(u64, OutputBatch)> {
        if self.runner.is_proven() {
            self.run_error = None;
            if let Some(job) = self.not_runnable.pop_front() {
                return Some(job);
            }
        }
        let may_start = self.tracker.len() < limits::EXEC_AHEAD
            && self.not_runnable.len() < limits::EXEC_STARTUP_FAILURES
            && self.remaining != Some(0);
        let batch = if may_start { self.next_message() } else { None }?;
        self.remaining = self.remaining.map(|remaining| remaining - 1);
        Some((self.tracker.start(batch.header.first), batch))
    }

    /// Splits the next wanted message off the queue.
    fn next_message(&mut self) -> Option<OutputBatch> {
        loop {
            let batch = self.queue.front_mut()?;
            let only = self.only_event.as_ref();
            let is_unwanted = only.is_some_and(|only| *only != batch.header.event);
            if is_unwanted || batch.header.count == 0 {
                self.tracker.skip(last_seq(&batch.header));
                self.queue.pop_front();
                continue;
            }
            let mut single = batch.clone();
            single.header.count = 1;
            single.body = cut(batch.header.framing, &batch.body, 0, 1);
            batch.body = batch.body.slice(single.body.len()..);
            batch.header.count -= 1;
            let next_seq = |seq: Seq| Seq::new(seq.record, seq.index.saturating_add(1));
            batch.header.first = batch.header.first.map(next_seq);
            if batch.header.count == 0 {
                self.queue.pop_front();
            }
            return Some(single);
        }
    }

    /// The subscribed room that the message came from.
    fn source_room(&self, batch: &OutputBatch) -> Option<RoomName> {
        let rooms = &batch.header.rooms;
        let subscribed = rooms.iter().find(|room| self.rooms.contains(room));
        subscribed.or(rooms.first()).cloned()
    }

    fn handle_event(&mut self, event: ClientEvent, peer: &mut HubClient) -> Result<(), Failure> {
        note_event(&event, peer.url());
        match event {
            ClientEvent::Batch { header, body } => self.queue.push_back(OutputBatch {
                header,
                body,
                namespace: self.target.namespace.clone(),
            }),
            ClientEvent::Presence(change) => presence::print_note(&change, &self.target.namespace),
            ClientEvent::CaughtUp if self.drain == Drain::Pending => self.drain = Drain::CaughtUp,
            ClientEvent::Subscribed { rooms, .. } => {
                reject_dead_letter_loop(&rooms, &self.dead_letter_room)?;
                self.rooms = rooms;
            }
            ClientEvent::Receipt(_) => {
                if let Some(number) = self.awaiting_receipt.pop_front() {
                    self.tracker.finish(number);
                    self.ack(peer);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish_job(
        &mut self,
        job: Result<Result<FinishedJob, ExecError>, JoinError>,
        peer: &mut HubClient,
    ) -> Result<(), Failure> {
        let job = job.map_err(|error| Failure::other(format!("a command was lost: {error}")))?;
        let FinishedJob {
            number,
            batch,
            outcome,
        } = job?;
        match outcome {
            JobOutcome::Done(output) => match (output, &batch.header.reply) {
                (Some(output), Some(reply)) => {
                    self.publish(number, reply, answer(&output), peer);
                }
                _ => {
                    self.tracker.finish(number);
                    self.ack(peer);
                }
            },
            JobOutcome::Failed { reason, attempts } => {
                let room = self.dead_letter_room.clone();
                let seq = batch.header.first.map(|seq| format!("message {seq}: "));
                term::warn(format!(
                    "{}{reason} ({}); moved to {:?}",
                    seq.unwrap_or_default(),
                    quantity(u64::from(attempts), "attempt"),
                    room.as_str()
                ));
                let letter = dead_letter(&batch, &reason, attempts, self.max_message);
                self.publish(number, &room, letter, peer);
            }
            // The message itself may have caused this; other messages will show.
            JobOutcome::NotRunnable(error) => {
                self.not_runnable.push_back((number, batch));
                self.run_error = Some(error);
            }
            JobOutcome::Abandoned => {}
        }
        Ok(())
    }

    fn publish(&mut self, number: u64, room: &RoomName, block: InputBlock, peer: &mut HubClient) {
        let template = BatchTemplate {
            rooms: vec![room.clone()],
            ..BatchTemplate::default()
        };
        peer.publish(template.batch(block));
        self.awaiting_receipt.push_back(number);
    }

    fn ack(&mut self, peer: &mut HubClient) {
        if let Some(seq) = self.tracker.next_ack() {
            peer.ack(seq);
        }
    }
}

/// Errors: the dead-letter room is subscribed, so its messages would return to it forever.
pub fn reject_dead_letter_loop(
    rooms: &[RoomName],
    dead_letter_room: &RoomName,
) -> Result<(), Failure> {
    if !rooms.contains(dead_letter_room) {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "messages that fail in {:?} would return to it; name another --dead-letter ROOM",
        dead_letter_room.as_str()
    )))
}

/// Drops the last newline, as `$(…)` does.
fn answer(output: &[u8]) -> InputBlock {
    message(output.strip_suffix(b"\n").unwrap_or(output))
}
