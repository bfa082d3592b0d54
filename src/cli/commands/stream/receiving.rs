//! `sub --stream`: the first stream whose beginning comes by, on stdout.
//!
//! What is written frees the credit of its pieces; a name's place stays before the first of them until all of it is
//! written, so that who is killed in between gets the whole stream once more.

use std::io::{self, IsTerminal};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::select;
use tokio::time::{Instant, sleep_until};

use super::ledger::{Ledger, Step};
use super::publisher::Publisher;
use crate::address::Seq;
use crate::cli::args::sub::SubArgs;
use crate::cli::failure::Failure;
use crate::cli::failure::stream::{Broken, Cut, Left, StreamError};
use crate::cli::io::signals::Signals;
use crate::cli::io::stdout::{self, OutputFormat};
use crate::cli::remote::delivery::{End, Flow, Reading, awaited, tell_link};
use crate::cli::screen::progress::{Progress, ProgressKind};
use crate::client::connection_state::wait_until;
use crate::client::{ClientEvent, Gap, HubClient, Target};
use crate::limits;
use crate::wire::batch::DeliveryHeader;
use crate::wire::stream::StreamPart;

pub struct Receiving {
    reading: Reading,
    ledger: Ledger,
    publisher: Publisher,
    stall: Duration,
    drain: bool,
    named: bool,
    progress: Progress,
    /// Streams that are still wanted.
    remaining: u64,
    /// Everything of the past came; what is on its way now is new.
    caught_up: bool,
    /// When the last piece of the stream was published, by the hub's clock in milliseconds since 1970.
    last_at: u64,
    /// Some of the past is no longer kept.
    gap: bool,
}

/// What an event led to.
enum Came {
    Nothing,
    /// The stream is whole with this message.
    Whole(Seq),
    Cut(StreamError),
    /// `--drain` has all there was.
    Drained,
}

/// How the writing of what was received came to its end.
enum Settled {
    /// Nobody reads stdout any more.
    Closed,
    Written(Log),
}

/// Which log the hub has, beside the one that a stream came from.
enum Log {
    Same,
    Other,
}

impl Receiving {
    pub fn new(args: &SubArgs, target: &Target) -> Self {
        let stall = args.stream.stall.unwrap_or(limits::STREAM_STALL);
        Self {
            reading: Reading::new(stdout::start(OutputFormat::Bytes), target),
            ledger: Ledger::default(),
            publisher: Publisher::new(stall),
            stall,
            drain: args.drain,
            named: target.name.is_some(),
            // At a terminal the bytes are their own progress, and leave no line to draw on.
            progress: if io::stdout().is_terminal() {
                Progress::hidden()
            } else {
                Progress::new(ProgressKind::Stream(None))
            },
            remaining: args.count.unwrap_or(1),
            caught_up: false,
            last_at: 0,
            gap: false,
        }
    }

    /// Until so many streams are written, `--timeout` or a signal.
    pub async fn run(
        mut self,
        mut peer: HubClient,
        signals: &mut Signals,
        deadline: Option<Instant>,
        timeout: Duration,
    ) -> Result<(), Failure> {
        let end = select! {
            end = self.follow(&mut peer) => end,
            signal = signals.next() => Ok(End::Signal(signal)),
            () = wait_until(deadline) => Ok(End::Timeout(timeout)),
        };
        self.progress.clear();
        match end {
            Ok(End::Timeout(after)) if self.ledger.begun().is_some() => {
                self.timed_out(peer, signals, after).await
            }
            Ok(end) => self.reading.finish(peer, signals, end).await,
            Err(failure @ Failure::Cut(_)) => {
                let finished = self.reading.finish(peer, signals, End::Done).await;
                finished.and(Err(failure))
            }
            Err(failure) => {
                peer.close().await;
                Err(failure)
            }
        }
    }

    /// `--timeout` came in the middle of a stream. Nothing waits for a stdout that takes nothing.
    async fn timed_out(
        mut self,
        mut peer: HubClient,
        signals: &mut Signals,
        after: Duration,
    ) -> Result<(), Failure> {
        let left = select! {
            left = self.leave_unfinished(&mut peer) => left?,
            signal = signals.next() => return Err(Failure::Signal(signal)),
            () = wait_until(Some(Instant::now() + limits::FINISH_TIMEOUT)) => self.left(Left::Ahead),
        };
        let why = if self.publisher.is_gone() {
            StreamError::PublisherGone
        } else {
            StreamError::Timeout(after)
        };
        let finished = self.reading.finish(peer, signals, End::Timeout(after));
        match finished.await {
            // Of a stream there is more to say.
            Ok(()) | Err(Failure::Timeout(_)) => Err(Cut { why, left }.into()),
            Err(failure) => Err(failure),
        }
    }

    async fn follow(&mut self, peer: &mut HubClient) -> Result<End, Failure> {
        loop {
            let due = self.ledger.begun().map(|_| self.publisher.due());
            let came = select! {
                report = self.reading.report() => {
                    self.publisher.moved();
                    if self.reading.wrote(peer, report)? == Flow::Enough {
                        return Ok(End::Done);
                    }
                    Came::Nothing
                }
                event = peer.next_event() => self.happened(event?, peer),
                () = wait_until(due) => self.silence(peer),
                () = self.progress.due() => {
                    self.progress.draw(awaited(peer));
                    Came::Nothing
                }
            };
            match came {
                Came::Nothing => {}
                Came::Drained => return Ok(End::Done),
                Came::Whole(last) => {
                    if self.whole(last, peer).await? == Flow::Enough {
                        return Ok(End::Done);
                    }
                }
                Came::Cut(StreamError::NotEnded) => {
                    let left = self.leave_unfinished(peer).await?;
                    let why = StreamError::NotEnded;
                    return Err(Cut { why, left }.into());
                }
                Came::Cut(why) => {
                    self.settle(peer).await?;
                    let left = self.leave_behind(peer);
                    return Err(Cut { why, left }.into());
                }
            }
        }
    }

    fn happened(&mut self, event: ClientEvent, peer: &mut HubClient) -> Came {
        tell_link(&event, peer.url());
        let inside = self.ledger.begun().is_some();
        match event {
            ClientEvent::Batch { header, body } => return self.piece(peer, header, &body),
            ClientEvent::CaughtUp => {
                self.caught_up = true;
                return match (self.drain, inside) {
                    (true, true) => Came::Cut(StreamError::NotEnded),
                    (true, false) => Came::Drained,
                    (false, _) => Came::Nothing,
                };
            }
            ClientEvent::Gap(Gap::Pruned { .. }) => self.gap = true,
            ClientEvent::Gap(Gap::OtherLog { .. }) => {
                // Its places are none of this log.
                self.ledger = Ledger::default();
                if inside {
                    return Came::Cut(StreamError::OtherLog);
                }
            }
            ClientEvent::Response { id, answer } => {
                self.publisher.answered(id, &answer);
            }
            ClientEvent::Disconnected { .. } => self.caught_up = false,
            ClientEvent::Reconnected { .. } => self.publisher.moved(),
            _ => {}
        }
        Came::Nothing
    }

    /// A message: the next piece of the stream, or something to be passed over.
    fn piece(&mut self, peer: &mut HubClient, header: DeliveryHeader, body: &bytes::Bytes) -> Came {
        let piece = StreamPart::decode(&header, body);
        // Volatile pieces have no place to come back to.
        let (Some((piece, bytes)), Some(seq)) = (piece, header.first) else {
            self.reading.pass_over(peer, &header);
            return Came::Nothing;
        };
        let step = self.ledger.piece(seq, &piece, &bytes);
        if step == Step::Other {
            self.reading.pass_over(peer, &header);
            return Came::Nothing;
        }
        // Before anything of it is acknowledged.
        peer.hold_cursor(self.ledger.begun());
        self.publisher.heard(piece.sid.as_deref());
        self.last_at = header.at;
        self.progress.add(1, bytes.len() as u64);
        match step {
            Step::Broken(broken) => {
                self.reading.pass_over(peer, &header);
                Came::Cut(match broken {
                    Broken::Parts { .. } if self.gap => StreamError::Pruned,
                    broken => StreamError::Broken(broken),
                })
            }
            Step::Last => {
                self.reading.batch(peer, header, bytes);
                Came::Whole(seq)
            }
            Step::Next | Step::Other => {
                self.reading.batch(peer, header, bytes);
                Came::Nothing
            }
        }
    }

    /// Nothing came for a while in the middle of a stream.
    fn silence(&mut self, peer: &mut HubClient) -> Came {
        // What was received and not written, or not yet received, says that it is not the publisher who is slow.
        if !self.caught_up || !self.reading.is_settled() || !peer.is_connected() {
            self.publisher.moved();
            return Came::Nothing;
        }
        if self.publisher.is_gone_for_good() {
            return Came::Cut(if self.gap {
                StreamError::Pruned
            } else {
                StreamError::PublisherGone
            });
        }
        self.publisher.ask(peer);
        Came::Nothing
    }

    /// A stream has come to its end. [`Flow::More`] when another one is wanted.
    async fn whole(&mut self, last: Seq, peer: &mut HubClient) -> Result<Flow, Failure> {
        let log = match self.settle(peer).await? {
            Settled::Closed => return Ok(Flow::Enough),
            Settled::Written(log) => log,
        };
        let next = self.ledger.over();
        peer.hold_cursor(next);
        self.remaining -= 1;
        if self.remaining == 0 {
            return Ok(Flow::Enough);
        }
        // Of what came meanwhile nothing was kept.
        let place = match log {
            Log::Same => next.unwrap_or(last.next()),
            Log::Other => Seq::START,
        };
        peer.resubscribe_from(place, next);
        self.caught_up = false;
        self.gap = false;
        Ok(Flow::More)
    }

    /// Writes what was received; what comes meanwhile comes again.
    async fn settle(&mut self, peer: &mut HubClient) -> Result<Settled, Failure> {
        let mut log = Log::Same;
        while !self.reading.is_settled() {
            select! {
                report = self.reading.report() => {
                    if self.reading.wrote(peer, report)? == Flow::Enough {
                        return Ok(Settled::Closed);
                    }
                }
                event = peer.next_event() => {
                    let event = event?;
                    tell_link(&event, peer.url());
                    if let ClientEvent::Gap(Gap::OtherLog { .. }) = event {
                        self.ledger = Ledger::default();
                        log = Log::Other;
                    }
                }
            }
        }
        Ok(Settled::Written(log))
    }

    /// The stream is given up, and counts as read: otherwise nothing behind it would ever be reached.
    fn leave_behind(&mut self, peer: &mut HubClient) -> Left {
        let next = self.ledger.over();
        peer.hold_cursor(next);
        self.left(Left::Behind)
    }

    /// The stream is given up before it has ended. It comes again, unless nobody is there any more to end it.
    async fn leave_unfinished(&mut self, peer: &mut HubClient) -> Result<Left, Failure> {
        self.settle(peer).await?;
        if !self.publisher.is_gone() {
            self.publisher.ask(peer);
        }
        let deadline = Instant::now() + limits::LAST_ACK_TIMEOUT;
        while self.publisher.is_asked() {
            select! {
                event = peer.next_event() => match event? {
                    ClientEvent::Response { id, answer } => {
                        self.publisher.answered(id, &answer);
                    }
                    ClientEvent::Disconnected { .. } | ClientEvent::Gap(Gap::OtherLog { .. }) => {
                        return Ok(self.left(Left::Ahead));
                    }
                    event => tell_link(&event, peer.url()),
                },
                () = sleep_until(deadline) => return Ok(self.left(Left::Ahead)),
            }
        }
        // Nothing was heard of it since, and not only because this reader was not there.
        let long_ago = now_ms().saturating_sub(self.last_at) >= millis(self.stall);
        if self.publisher.is_gone() && long_ago {
            Ok(self.leave_behind(peer))
        } else {
            Ok(self.left(Left::Ahead))
        }
    }

    fn left(&self, left: Left) -> Left {
        if self.named { left } else { Left::Nothing }
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, millis)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
