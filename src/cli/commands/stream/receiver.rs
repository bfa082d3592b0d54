//! `sub --stream`: writes the first stream whose beginning it sees to stdout.
//!
//! Written parts free their credit at once. A named reader's cursor stays before the first part until the whole stream is
//! written, so a reader that is killed gets the stream again from its beginning.

use std::io::{self, IsTerminal};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::select;

use super::part_tracker::{PartMatch, PartTracker};
use super::publisher_monitor::PublisherMonitor;
use crate::address::Seq;
use crate::cli::args::sub::SubArgs;
use crate::cli::failure::Failure;
use crate::cli::failure::stream::{IncompleteStream, NextRead, StreamDefect, StreamError};
use crate::cli::io::stdout::{self, OutputFormat};
use crate::cli::remote::connection_notes::{note_event, reconnect_status};
use crate::cli::remote::delivery::{AckingOutput, Flow};
use crate::cli::remote::interrupts::Interrupts;
use crate::cli::screen::progress::{Progress, ProgressKind};
use crate::client::connection_state::wait_until;
use crate::client::{ClientEvent, Gap, HubClient, Target};
use crate::limits;
use crate::wire::batch::DeliveryHeader;
use crate::wire::stream::StreamPart;

pub struct StreamReceiver {
    output: AckingOutput,
    tracker: PartTracker,
    publisher: PublisherMonitor,
    stall: Duration,
    drain: bool,
    is_named: bool,
    progress: Progress,
    /// How many streams are still wanted.
    remaining: u64,
    /// All stored messages came; what comes now is new.
    caught_up: bool,
    /// When the stream's last part was published, by the hub's clock in milliseconds since 1970.
    last_part_at: u64,
    /// The hub no longer keeps some of the messages.
    has_gap: bool,
}

/// What an event means for the stream.
enum StreamEvent {
    Nothing,
    /// The stream is complete with this message.
    Complete(Seq),
    CutOff(StreamError),
    /// `--drain` has everything.
    Drained,
}

enum Flushed {
    StdoutClosed,
    /// Everything is written. Meanwhile the hub may have come back with another log.
    Written(HubLog),
}

/// Whether the hub still has the log that the stream came from.
enum HubLog {
    Same,
    Other,
}

impl StreamReceiver {
    pub fn new(args: &SubArgs, target: &Target) -> Self {
        let stall = args.stream.stall.unwrap_or(limits::STREAM_STALL);
        Self {
            output: AckingOutput::new(stdout::start(OutputFormat::Bytes), target),
            tracker: PartTracker::default(),
            publisher: PublisherMonitor::new(stall),
            stall,
            drain: args.drain,
            is_named: target.name.is_some(),
            // On a terminal the bytes are their own progress.
            progress: if io::stdout().is_terminal() {
                Progress::hidden()
            } else {
                Progress::new(ProgressKind::Stream(None))
            },
            remaining: args.count.unwrap_or(1),
            caught_up: false,
            last_part_at: 0,
            has_gap: false,
        }
    }

    /// Receives streams until there are enough, or until the timeout or a signal.
    pub async fn run(
        mut self,
        mut peer: HubClient,
        interrupts: &mut Interrupts,
    ) -> Result<(), Failure> {
        let ended = interrupts.run(self.receive(&mut peer)).await;
        self.progress.clear();
        match ended {
            Err(Failure::Timeout(after)) if self.is_inside() => {
                self.time_out(peer, interrupts, after).await
            }
            Err(failure @ Failure::IncompleteStream(_)) => {
                let finished = self.output.finish(peer, interrupts, Ok(())).await;
                finished.and(Err(failure))
            }
            ended => self.output.finish(peer, interrupts, ended).await,
        }
    }

    /// The timeout came in the middle of a stream. A blocked stdout is not waited for.
    async fn time_out(
        mut self,
        mut peer: HubClient,
        interrupts: &mut Interrupts,
        after: Duration,
    ) -> Result<(), Failure> {
        interrupts.set_timeout(Some(limits::FINISH_TIMEOUT));
        let next_read = match interrupts.run(self.leave_unfinished(&mut peer)).await {
            Err(Failure::Timeout(_)) => self.next_read(NextRead::SameStream),
            next_read => next_read?,
        };
        let why = if self.publisher.is_gone() {
            StreamError::PublisherGone
        } else {
            StreamError::Timeout(after)
        };
        let timed_out = Err(Failure::Timeout(after));
        match self.output.finish(peer, interrupts, timed_out).await {
            Ok(()) | Err(Failure::Timeout(_)) => Err(IncompleteStream { why, next_read }.into()),
            Err(failure) => Err(failure),
        }
    }

    async fn receive(&mut self, peer: &mut HubClient) -> Result<(), Failure> {
        loop {
            let check_at = self.is_inside().then(|| self.publisher.next_check());
            let event = select! {
                report = self.output.next_report() => {
                    self.publisher.reset();
                    if self.output.handle_report(peer, report)? == Flow::Stop {
                        return Ok(());
                    }
                    StreamEvent::Nothing
                }
                event = peer.next_event() => self.handle_event(event?, peer),
                () = wait_until(check_at) => self.check_publisher(peer),
                () = self.progress.due() => {
                    self.progress.draw(reconnect_status(peer));
                    StreamEvent::Nothing
                }
            };
            match event {
                StreamEvent::Nothing => {}
                StreamEvent::Drained => return Ok(()),
                StreamEvent::Complete(last) => {
                    if self.complete(last, peer).await? == Flow::Stop {
                        return Ok(());
                    }
                }
                StreamEvent::CutOff(why) => {
                    let next_read = if let StreamError::NotEnded = why {
                        self.leave_unfinished(peer).await?
                    } else {
                        self.flush(peer).await?;
                        self.give_up(peer)
                    };
                    return Err(IncompleteStream { why, next_read }.into());
                }
            }
        }
    }

    /// In the middle of a stream.
    fn is_inside(&self) -> bool {
        self.tracker.stream_start().is_some()
    }

    fn handle_event(&mut self, event: ClientEvent, peer: &mut HubClient) -> StreamEvent {
        note_event(&event, peer.url());
        match event {
            ClientEvent::Batch { header, body } => return self.handle_message(peer, header, &body),
            ClientEvent::CaughtUp => {
                self.caught_up = true;
                return match (self.drain, self.is_inside()) {
                    (true, true) => StreamEvent::CutOff(StreamError::NotEnded),
                    (true, false) => StreamEvent::Drained,
                    (false, _) => StreamEvent::Nothing,
                };
            }
            ClientEvent::Gap(Gap::Pruned { .. }) => self.has_gap = true,
            ClientEvent::Gap(Gap::OtherLog { .. }) => {
                let was_inside = self.is_inside();
                // The tracker's seqs mean nothing in another log.
                self.tracker = PartTracker::default();
                if was_inside {
                    return StreamEvent::CutOff(StreamError::OtherLog);
                }
            }
            ClientEvent::Response { id, answer } => self.publisher.handle_answer(id, &answer),
            ClientEvent::Disconnected { .. } => self.caught_up = false,
            ClientEvent::Reconnected { .. } => self.publisher.reset(),
            _ => {}
        }
        StreamEvent::Nothing
    }

    /// Writes a message that is the stream's next part; skips any other message.
    fn handle_message(
        &mut self,
        peer: &mut HubClient,
        header: DeliveryHeader,
        body: &bytes::Bytes,
    ) -> StreamEvent {
        let part = StreamPart::decode(&header, body);
        // Volatile parts have no seq, so the cursor could not stay at them.
        let (Some((part, bytes)), Some(seq)) = (part, header.first) else {
            self.output.skip_batch(peer, &header);
            return StreamEvent::Nothing;
        };
        let part_match = self.tracker.take(seq, &part, &bytes);
        if part_match == PartMatch::Other {
            self.output.skip_batch(peer, &header);
            return StreamEvent::Nothing;
        }
        // Before any part of the stream is acked.
        peer.hold_cursor(self.tracker.stream_start());
        self.publisher.handle_part(part.sid.as_deref());
        self.last_part_at = header.at;
        self.progress.add(1, bytes.len() as u64);
        if let PartMatch::Defect(defect) = part_match {
            self.output.skip_batch(peer, &header);
            return StreamEvent::CutOff(match defect {
                StreamDefect::Parts { .. } if self.has_gap => StreamError::Pruned,
                defect => StreamError::Defect(defect),
            });
        }
        self.output.write_batch(peer, header, bytes);
        if part_match == PartMatch::Last {
            StreamEvent::Complete(seq)
        } else {
            StreamEvent::Nothing
        }
    }

    /// No part came for a while.
    fn check_publisher(&mut self, peer: &mut HubClient) -> StreamEvent {
        // Parts may be held up here or on the way, so the silence may not be the publisher's.
        if !self.caught_up || !self.output.is_flushed() || !peer.is_connected() {
            self.publisher.reset();
            return StreamEvent::Nothing;
        }
        if self.publisher.is_gone_for_good() {
            return StreamEvent::CutOff(if self.has_gap {
                StreamError::Pruned
            } else {
                StreamError::PublisherGone
            });
        }
        self.publisher.ask(peer);
        StreamEvent::Nothing
    }

    /// Finishes a complete stream and, if more are wanted, goes to the next.
    async fn complete(&mut self, last: Seq, peer: &mut HubClient) -> Result<Flow, Failure> {
        let log = match self.flush(peer).await? {
            Flushed::StdoutClosed => return Ok(Flow::Stop),
            Flushed::Written(log) => log,
        };
        let next = self.tracker.finish_stream();
        peer.hold_cursor(next);
        self.remaining -= 1;
        if self.remaining == 0 {
            return Ok(Flow::Stop);
        }
        // Messages that came during the flush were dropped, so they are read again.
        let start = match log {
            HubLog::Same => next.unwrap_or(last.next()),
            HubLog::Other => Seq::START,
        };
        peer.resubscribe_from(start, next);
        self.caught_up = false;
        self.has_gap = false;
        Ok(Flow::Continue)
    }

    /// Writes everything received. Drops messages that come meanwhile; they must be read again.
    async fn flush(&mut self, peer: &mut HubClient) -> Result<Flushed, Failure> {
        let mut log = HubLog::Same;
        while !self.output.is_flushed() {
            select! {
                report = self.output.next_report() => {
                    if self.output.handle_report(peer, report)? == Flow::Stop {
                        return Ok(Flushed::StdoutClosed);
                    }
                }
                event = peer.next_event() => {
                    let event = event?;
                    note_event(&event, peer.url());
                    if let ClientEvent::Gap(Gap::OtherLog { .. }) = event {
                        self.tracker = PartTracker::default();
                        log = HubLog::Other;
                    }
                }
            }
        }
        Ok(Flushed::Written(log))
    }

    /// Gives the stream up. It counts as read; otherwise nothing behind it could ever be read.
    fn give_up(&mut self, peer: &mut HubClient) -> NextRead {
        let next = self.tracker.finish_stream();
        peer.hold_cursor(next);
        self.next_read(NextRead::NextStream)
    }

    /// Leaves a stream before its end. The next call gets it again, unless its publisher is gone for good.
    async fn leave_unfinished(&mut self, peer: &mut HubClient) -> Result<NextRead, Failure> {
        self.flush(peer).await?;
        if !self.publisher.is_gone() {
            self.publisher.ask(peer);
        }
        let deadline = tokio::time::Instant::now() + limits::LAST_ACK_TIMEOUT;
        while self.publisher.awaits_answer() {
            select! {
                event = peer.next_event() => match event? {
                    ClientEvent::Response { id, answer } => {
                        self.publisher.handle_answer(id, &answer);
                    }
                    ClientEvent::Disconnected { .. } | ClientEvent::Gap(Gap::OtherLog { .. }) => break,
                    event => note_event(&event, peer.url()),
                },
                () = wait_until(Some(deadline)) => break,
            }
        }
        // A short absence, or one of this reader, says nothing.
        let is_stale = now_ms().saturating_sub(self.last_part_at) >= millis(self.stall);
        let was_answered = !self.publisher.awaits_answer();
        if was_answered && self.publisher.is_gone() && is_stale {
            Ok(self.give_up(peer))
        } else {
            Ok(self.next_read(NextRead::SameStream))
        }
    }

    fn next_read(&self, next_read: NextRead) -> NextRead {
        if self.is_named {
            next_read
        } else {
            NextRead::FromNow
        }
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, millis)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
