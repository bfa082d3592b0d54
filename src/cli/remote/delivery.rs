//! Messages on their way to stdout, and their acks once they are written: what `sub`, `chat` and their relatives share.

use std::future::pending;

use tokio::select;
use tokio::time::{Instant, sleep_until};

use crate::address::{ClientName, EventName, Namespace, Seq};
use crate::cli::failure::Failure;
use crate::cli::io::stdout::{Output, OutputBatch, WriteReport};
use crate::cli::remote::connection_notes::note_event;
use crate::cli::remote::interrupts::Interrupts;
use crate::cli::screen::progress::{NOT_WAITING, Progress};
use crate::client::{ClientEvent, HubClient, Target};
use crate::limits;
use crate::wire::batch::{DeliveryHeader, cut};

/// Writes deliveries to stdout and acks each once it is written.
pub struct AckingOutput {
    output: Output,
    namespace: Namespace,
    name: Option<ClientName>,
    only_event: Option<EventName>,
    remaining: Option<u64>,
    /// Messages given to the writer thread, and how many of them it has written.
    queued: u64,
    written: u64,
    /// The last message skipped since one was queued. It is acked once everything before it is written.
    skipped: Option<Seq>,
    closed: bool,
}

/// Whether a command goes on reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    Continue,
    /// It has enough (`-n`), or stdout is closed.
    Stop,
}

impl AckingOutput {
    pub fn new(output: Output, target: &Target) -> Self {
        Self {
            output,
            namespace: target.namespace.clone(),
            name: target.name.clone(),
            only_event: None,
            remaining: None,
            queued: 0,
            written: 0,
            skipped: None,
            closed: false,
        }
    }

    /// Writes only this event; other messages count as read.
    pub fn only_event(mut self, event: Option<EventName>) -> Self {
        self.only_event = event;
        self
    }

    /// Stops after this many messages.
    pub fn limit(mut self, messages: Option<u64>) -> Self {
        self.remaining = messages;
        self
    }

    /// Queues a batch for stdout, cut to the messages that are still wanted.
    pub fn write_batch(
        &mut self,
        peer: &mut HubClient,
        mut header: DeliveryHeader,
        mut body: bytes::Bytes,
    ) -> Flow {
        let only = self.only_event.as_ref();
        if only.is_some_and(|only| *only != header.event) {
            self.skip_batch(peer, &header);
            return Flow::Continue;
        }
        if let Some(remaining) = self.remaining {
            let wanted = u32::try_from(remaining).unwrap_or(u32::MAX);
            if wanted < header.count {
                body = cut(header.framing, &body, 0, wanted);
                header.count = wanted;
            }
            self.remaining = Some(remaining - u64::from(header.count));
        }
        self.queued += u64::from(header.count);
        self.skipped = None;
        self.output.write(OutputBatch {
            header,
            body,
            namespace: self.namespace.clone(),
        });
        match self.remaining {
            Some(0) => Flow::Stop,
            _ => Flow::Continue,
        }
    }

    /// Queues a line that is not a message.
    pub fn write_note(&self, line: OutputBatch) {
        self.output.write(line);
    }

    /// Counts a batch as read without writing it. It is acked once everything before it is written.
    pub fn skip_batch(&mut self, peer: &mut HubClient, header: &DeliveryHeader) {
        self.skipped = last_seq(header).or(self.skipped);
        self.ack_skipped(peer);
    }

    /// The writer thread's next report, for [`Self::handle_report`]. Cancel-safe.
    pub async fn next_report(&mut self) -> Option<WriteReport> {
        if self.closed {
            pending().await
        } else {
            self.output.reports.recv().await
        }
    }

    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// How many messages are written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Everything that was queued is written, or stdout is closed.
    pub fn is_flushed(&self) -> bool {
        self.closed || self.written == self.queued
    }

    /// Acks what is written.
    pub fn handle_report(
        &mut self,
        peer: &mut HubClient,
        report: Option<WriteReport>,
    ) -> Result<Flow, Failure> {
        let (last, messages) = match report {
            Some(WriteReport::Upto { last, messages, .. }) => (last, messages),
            Some(WriteReport::Closed { last, messages }) => {
                self.closed = true;
                (last, messages)
            }
            Some(WriteReport::Failed(error)) => return Err(Failure::Output(error)),
            // The writer thread died without its last report.
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
            return Ok(Flow::Stop);
        }
        self.ack_skipped(peer);
        Ok(Flow::Continue)
    }

    fn ack_skipped(&mut self, peer: &mut HubClient) {
        if self.written == self.queued
            && let Some(seq) = self.skipped.take()
        {
            peer.ack(seq);
        }
    }

    /// Ends a command that ended with `ended`: writes what was received and waits until the hub has confirmed the last ack.
    /// A slow reader of stdout may take its time, but only for a bounded time after a signal or timeout.
    pub async fn finish(
        self,
        peer: HubClient,
        interrupts: &mut Interrupts,
        ended: Result<(), Failure>,
    ) -> Result<(), Failure> {
        let progress = &mut Progress::hidden();
        self.finish_with_progress(peer, interrupts, ended, progress)
            .await
    }

    /// [`Self::finish`], showing how much is written.
    pub async fn finish_with_progress(
        mut self,
        mut peer: HubClient,
        interrupts: &mut Interrupts,
        ended: Result<(), Failure>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let timeout = match &ended {
            Ok(()) => None,
            Err(Failure::Signal(_) | Failure::Timeout(_)) => Some(limits::FINISH_TIMEOUT),
            Err(_) => {
                peer.close().await;
                return ended;
            }
        };
        interrupts.set_timeout(timeout);
        let flushed = interrupts.run(self.flush(&mut peer, progress)).await;
        peer.close().await;
        ended.and(flushed)
    }

    async fn flush(
        &mut self,
        peer: &mut HubClient,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        // Nobody relies on the acks of an unnamed reader, so it writes what it has even when the connection is lost for good.
        let mut connected = true;
        while !self.is_flushed() {
            let written = self.written;
            select! {
                report = self.next_report() => {
                    self.handle_report(peer, report)?;
                }
                event = peer.next_event(), if connected => match event {
                    Ok(event) => note_event(&event, peer.url()),
                    Err(_) if self.name.is_none() => connected = false,
                    Err(error) => return Err(error.into()),
                },
                () = progress.due() => progress.draw(NOT_WAITING),
            }
            progress.add(self.written - written, 0);
        }
        if !connected {
            return Ok(());
        }
        progress.clear();
        confirm_last_ack(peer, self.name.as_ref()).await
    }
}

/// Waits until the hub has confirmed the last ack, if there is one to confirm.
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
                event => note_event(&event, peer.url()),
            },
            () = sleep_until(deadline) => return Err(unacknowledged()),
        }
    }
}

/// The seq of a batch's last message; None for volatile messages.
pub fn last_seq(header: &DeliveryHeader) -> Option<Seq> {
    let first = header.first?;
    let more = header.count.saturating_sub(1);
    Some(Seq::new(first.record, first.index.saturating_add(more)))
}
