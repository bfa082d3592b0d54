//! What `sub` and `chat` share: messages on their way to stdout, and their acks once they were written.

use std::future::pending;
use std::time::Duration;

use tokio::select;
use tokio::time::{Instant, sleep_until};

use crate::address::{ClientName, EventName, Namespace, Seq};
use crate::cli::failure::Failure;
use crate::cli::io::signals::{Signal, Signals};
use crate::cli::io::stdout::{Output, OutputBatch, WriteReport};
use crate::cli::screen::progress::{NOT_WAITING, Progress};
use crate::cli::screen::term;
use crate::client::connection_state::wait_until;
use crate::client::{ClientEvent, Gap, HubClient, HubUrl, Target};
use crate::limits;
use crate::wire::batch::{DeliveryHeader, cut};

pub struct Reading {
    output: Output,
    namespace: Namespace,
    name: Option<ClientName>,
    only: Option<EventName>,
    remaining: Option<u64>,
    /// Messages given to the writing thread, and of those the written.
    handed: u64,
    written: u64,
    /// The last message that was passed over since one was handed: read, as soon as everything before it is written.
    passed_over: Option<Seq>,
    closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    More,
    /// Nothing more is wanted: `-n`, or stdout was closed.
    Enough,
}

/// Why a command that reads came to its end.
#[derive(Debug, Clone, Copy)]
pub enum End {
    Done,
    Timeout(Duration),
    Signal(Signal),
}

impl Reading {
    pub fn new(output: Output, target: &Target) -> Self {
        Self {
            output,
            namespace: target.namespace.clone(),
            name: target.name.clone(),
            only: None,
            remaining: None,
            handed: 0,
            written: 0,
            passed_over: None,
            closed: false,
        }
    }

    pub fn only(mut self, event: Option<EventName>) -> Self {
        self.only = event;
        self
    }

    pub fn at_most(mut self, messages: Option<u64>) -> Self {
        self.remaining = messages;
        self
    }

    /// Hands a batch to stdout, or the part of it that is still wanted.
    pub fn batch(
        &mut self,
        peer: &mut HubClient,
        mut header: DeliveryHeader,
        body: bytes::Bytes,
    ) -> Flow {
        if self.only.as_ref().is_some_and(|only| *only != header.event) {
            self.pass_over(peer, &header);
            return Flow::More;
        }
        let mut body = body;
        if let Some(remaining) = self.remaining {
            let wanted = u32::try_from(remaining).unwrap_or(u32::MAX);
            if wanted < header.count {
                body = cut(header.framing, &body, 0, wanted);
                header.count = wanted;
            }
            self.remaining = Some(remaining - u64::from(header.count));
        }
        self.handed += u64::from(header.count);
        self.passed_over = None;
        self.output.write(OutputBatch {
            header,
            body,
            namespace: self.namespace.clone(),
        });
        match self.remaining {
            Some(0) => Flow::Enough,
            _ => Flow::More,
        }
    }

    /// Hands a line to stdout that is no message.
    pub fn aside(&self, line: OutputBatch) {
        self.output.write(line);
    }

    /// A batch that is not written counts as read, once everything before it is.
    pub fn pass_over(&mut self, peer: &mut HubClient, header: &DeliveryHeader) {
        self.passed_over = last(header).or(self.passed_over);
        self.ack_passed_over(peer);
    }

    /// What the writing thread did next. Cancel-safe.
    pub async fn report(&mut self) -> Option<WriteReport> {
        if self.closed {
            pending().await
        } else {
            self.output.reports.recv().await
        }
    }

    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Messages that were written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Everything that came is written.
    pub fn is_settled(&self) -> bool {
        self.closed || self.written == self.handed
    }

    pub fn wrote(
        &mut self,
        peer: &mut HubClient,
        wrote: Option<WriteReport>,
    ) -> Result<Flow, Failure> {
        let (last, messages) = match wrote {
            Some(WriteReport::Upto { last, messages, .. }) => (last, messages),
            Some(WriteReport::Closed { last, messages }) => {
                self.closed = true;
                (last, messages)
            }
            Some(WriteReport::Failed(error)) => return Err(Failure::Output(error)),
            // Reports end with one of the two above; without either there is nothing more to hope for.
            None => {
                self.closed = true;
                (None, 0)
            }
        };
        self.written += messages;
        if let Some(seq) = last {
            peer.ack(seq);
        }
        if self.closed {
            return Ok(Flow::Enough);
        }
        self.ack_passed_over(peer);
        Ok(Flow::More)
    }

    fn ack_passed_over(&mut self, peer: &mut HubClient) {
        if self.written == self.handed
            && let Some(seq) = self.passed_over.take()
        {
            peer.ack(seq);
        }
    }

    /// Writes what was received, and stays until the hub has confirmed its ack. A reader of stdout may take its time,
    /// unless a signal or `--timeout` is what ends this.
    pub async fn finish(
        self,
        peer: HubClient,
        signals: &mut Signals,
        end: End,
    ) -> Result<(), Failure> {
        let hidden = &mut Progress::hidden();
        self.finish_showing(peer, signals, end, hidden).await
    }

    /// The same, and shows meanwhile how much is written.
    pub async fn finish_showing(
        mut self,
        mut peer: HubClient,
        signals: &mut Signals,
        end: End,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let bound = match end {
            End::Done => None,
            End::Timeout(_) | End::Signal(_) => Some(Instant::now() + limits::FINISH_TIMEOUT),
        };
        let settled = select! {
            settled = self.settle(&mut peer, progress) => settled,
            signal = signals.next() => Err(Failure::Signal(signal)),
            () = wait_until(bound) => Ok(()),
        };
        peer.close().await;
        match end {
            End::Done => settled,
            End::Timeout(after) => Err(Failure::Timeout(after)),
            End::Signal(signal) => Err(Failure::Signal(signal)),
        }
    }

    async fn settle(
        &mut self,
        peer: &mut HubClient,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        while !self.closed && self.written < self.handed {
            let written = self.written;
            select! {
                report = self.report() => {
                    self.wrote(peer, report)?;
                }
                event = peer.next_event() => match event {
                    Ok(event) => tell_link(&event, peer.url()),
                    // Nobody counts on an unnamed reader's acks: what it has it may still write.
                    Err(_) if self.name.is_none() => return self.write_out(peer, progress).await,
                    Err(error) => return Err(error.into()),
                },
                () = progress.due() => progress.draw(NOT_WAITING),
            }
            progress.add(self.written - written, 0);
        }
        progress.clear();
        confirm_last_ack(peer, self.name.as_ref()).await
    }

    async fn write_out(
        &mut self,
        peer: &mut HubClient,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        while !self.closed && self.written < self.handed {
            let written = self.written;
            select! {
                report = self.report() => {
                    self.wrote(peer, report)?;
                }
                () = progress.due() => progress.draw(NOT_WAITING),
            }
            progress.add(self.written - written, 0);
        }
        Ok(())
    }
}

/// Stays until the hub has confirmed the last ack, where that means anything.
pub async fn confirm_last_ack(
    peer: &mut HubClient,
    name: Option<&ClientName>,
) -> Result<(), Failure> {
    if !peer.request_ack_confirmation() {
        return Ok(());
    }
    let unacknowledged = || Failure::Unacknowledged {
        name: name.map(ToString::to_string).unwrap_or_default(),
    };
    let deadline = Instant::now() + limits::LAST_ACK_TIMEOUT;
    loop {
        select! {
            event = peer.next_event() => match event? {
                ClientEvent::AckConfirmed => return Ok(()),
                ClientEvent::AckLost => return Err(unacknowledged()),
                event => tell_link(&event, peer.url()),
            },
            () = sleep_until(deadline) => return Err(unacknowledged()),
        }
    }
}

/// What a peer without a connection waits for, and since when.
pub fn awaited(peer: &HubClient) -> Option<(Instant, String)> {
    let (since, reason) = peer.outage()?;
    Some((since, format!("reconnecting to {}: {reason}", peer.url())))
}

/// Says on stderr what becomes of the connection.
pub fn tell_link(event: &ClientEvent, url: &HubUrl) {
    match event {
        ClientEvent::Disconnected { reason } => {
            term::note(format!("lost {url}: {reason}; reconnecting"))
        }
        ClientEvent::Reconnected { dropped: 0 } => term::note(format!("back at {url}")),
        ClientEvent::Reconnected { dropped } => term::warn(format!(
            "back at {url}; {dropped} volatile messages were on their way and may not have arrived"
        )),
        ClientEvent::Gap(Gap::Pruned { from, to }) => term::warn(format!(
            "gap: some messages between {from} and {to} are no longer kept"
        )),
        ClientEvent::Gap(Gap::OtherLog { .. }) => term::warn(format!(
            "gap: {url} has another database than before; what it had not sent is not in it"
        )),
        ClientEvent::PublishStalled(refusal) => term::warn(format!(
            "the hub takes nothing for now: {refusal}; trying again"
        )),
        ClientEvent::Subscribed { pending, rooms } => {
            term::detail(format!(
                "subscribed to {} room(s); waiting messages: {pending}",
                rooms.len()
            ));
        }
        ClientEvent::CaughtUp => term::detail("caught up"),
        ClientEvent::Batch { .. }
        | ClientEvent::Receipt(_)
        | ClientEvent::AckConfirmed
        | ClientEvent::AckLost
        | ClientEvent::Presence(_)
        | ClientEvent::Response { .. }
        | ClientEvent::RoomsRefused(_) => {}
    }
}

/// The seq of a batch's last message; volatile ones have none.
pub fn last(header: &DeliveryHeader) -> Option<Seq> {
    let first = header.first?;
    let more = header.count.saturating_sub(1);
    Some(Seq::new(first.record, first.index.saturating_add(more)))
}
