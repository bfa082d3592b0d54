//! `pub --stream`: sends stdin or files as one stream. While no part is unconfirmed, input leaves as soon as it is read;
//! otherwise the next part fills up first.

use tokio::select;

use super::part_reader::{PartReader, ReadOutcome};
use crate::address::EventName;
use crate::cli::commands::publish::plan::PublishPlan;
use crate::cli::commands::publish::receipt_check::ReceiptCheck;
use crate::cli::failure::Failure;
use crate::cli::failure::stream::StreamError;
use crate::cli::io::envelope::BatchTemplate;
use crate::cli::io::stdin::InputBlock;
use crate::cli::remote::connect::connect_hub;
use crate::cli::remote::connection_notes::{note_event, reconnect_status};
use crate::cli::remote::interrupts::Interrupts;
use crate::cli::screen::progress::Progress;
use crate::client::random::random_id;
use crate::client::{ClientEvent, HubClient};
use crate::limits;
use crate::wire::batch::Framing;
use crate::wire::stream::{Crc32, EVENT, PartBuffer, StreamEnd, StreamPart};

pub async fn send_stream(plan: PublishPlan) -> Result<(), Failure> {
    let mut interrupts = Interrupts::listen(None)?;
    let peer = interrupts
        .run(connect_hub(&plan.target, plan.retry))
        .await?;
    let mut sender = StreamSender::new(&plan, peer)?;
    let sent = interrupts.run(sender.send_all()).await;
    sender.progress.clear();
    if let Err(failure) = &sent {
        interrupts.set_timeout(Some(limits::FINISH_TIMEOUT));
        // The failure that ends the stream is reported; this one is not.
        let _ = interrupts.run(sender.abort(failure)).await;
    }
    sender.peer.close().await;
    sent.and(sender.receipt_check.into_result())
}

/// How many bytes of a stream fit a message.
fn max_part_bytes(max_message: usize) -> Result<usize, StreamError> {
    let least = limits::STREAM_HEAD_BYTES;
    match max_message.checked_sub(least) {
        None | Some(0) => Err(StreamError::LimitTooSmall {
            limit: max_message,
            least,
        }),
        Some(bytes) => Ok(bytes.min(limits::BATCH_BYTES)),
    }
}

struct StreamSender {
    template: BatchTemplate,
    peer: HubClient,
    id: String,
    next_part: u64,
    /// The bytes of all parts so far.
    bytes: u64,
    crc: Crc32,
    buffer: PartBuffer,
    reader: PartReader,
    state: SenderState,
    /// The sid that the last part named.
    announced_sid: String,
    /// The log that has the first part, once a receipt came. A part without receipt is sent to a new log by itself.
    log: Option<String>,
    receipt_check: ReceiptCheck,
    progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SenderState {
    Reading,
    /// The buffer must be sent before more is read.
    Full,
    /// All input was read; the end of the stream is not sent yet.
    AtEnd,
    /// The end, or an abort, is sent.
    Ended,
}

impl StreamSender {
    fn new(plan: &PublishPlan, peer: HubClient) -> Result<Self, StreamError> {
        let max_bytes = max_part_bytes(peer.hub_info().limits.message)?;
        Ok(Self {
            template: BatchTemplate {
                event: Some(EventName::parse(EVENT).expect("it is a name")),
                ..plan.template.clone()
            },
            peer,
            id: random_id(),
            next_part: 0,
            bytes: 0,
            crc: Crc32::new(),
            buffer: PartBuffer::new(max_bytes),
            reader: PartReader::open(plan.source(), max_bytes),
            state: SenderState::Reading,
            announced_sid: String::new(),
            log: None,
            receipt_check: ReceiptCheck::new(plan.required),
            progress: Progress::new(plan.task),
        })
    }

    /// Cancel-safe: what was read stays in the buffer.
    async fn send_all(&mut self) -> Result<(), Failure> {
        loop {
            self.send_if_due();
            if self.state == SenderState::Ended && self.peer.unconfirmed_messages() == 0 {
                return Ok(());
            }
            let can_read = self.state == SenderState::Reading && !self.buffer.is_full();
            select! {
                event = self.peer.next_event() => match event {
                    Ok(event) => self.handle_event(&event)?,
                    Err(error) => return Err(Failure::Unsent(Box::new(error.into()))),
                },
                outcome = self.reader.read(&mut self.buffer), if can_read => match outcome? {
                    ReadOutcome::More => {}
                    ReadOutcome::Full => self.state = SenderState::Full,
                    ReadOutcome::End => self.state = SenderState::AtEnd,
                },
                () = self.progress.due() => self.progress.draw(reconnect_status(&self.peer)),
            }
        }
    }

    fn send_if_due(&mut self) {
        if !self.peer.can_publish() {
            return;
        }
        let is_idle = self.peer.unconfirmed_messages() == 0;
        let is_full = self.buffer.is_full() || self.state == SenderState::Full;
        // After a reconnect, readers learn the new sid at once.
        let sid_changed =
            self.next_part > 0 && self.peer.is_connected() && self.announced_sid != self.sid();
        match self.state {
            SenderState::AtEnd => {
                self.state = SenderState::Ended;
                self.send_part(None);
            }
            SenderState::Reading | SenderState::Full
                if is_full || sid_changed || is_idle && !self.buffer.is_empty() =>
            {
                self.state = SenderState::Reading;
                self.send_part(None);
            }
            SenderState::Reading | SenderState::Full | SenderState::Ended => {}
        }
    }

    fn sid(&self) -> &str {
        &self.peer.hub_info().sid
    }

    /// Sends the buffer as the next part. In [`SenderState::Ended`] it carries the end of the stream, or the reason of an abort.
    fn send_part(&mut self, abort: Option<String>) {
        self.announced_sid = self.sid().to_owned();
        self.bytes += self.buffer.bytes().len() as u64;
        self.crc.update(self.buffer.bytes());
        let is_complete = self.state == SenderState::Ended && abort.is_none();
        let part = StreamPart {
            id: self.id.clone(),
            part: self.next_part,
            sid: Some(self.announced_sid.clone()),
            end: is_complete.then_some(StreamEnd {
                bytes: self.bytes,
                crc32: Some(self.crc.clone().finalize()),
            }),
            abort,
        };
        self.next_part += 1;
        let block = InputBlock {
            framing: Framing::Args,
            json: false,
            count: 1,
            body: self.buffer.take(&part),
        };
        self.peer.publish(self.template.batch(block));
    }

    fn handle_event(&mut self, event: &ClientEvent) -> Result<(), StreamError> {
        note_event(event, self.peer.url());
        let log = &self.peer.hub_info().log;
        match event {
            ClientEvent::Receipt(receipt) => {
                self.log.get_or_insert_with(|| log.clone());
                self.progress.add(1, receipt.bytes as u64);
                self.receipt_check.check(receipt);
            }
            // Readers of the new log never get the beginning.
            ClientEvent::Reconnected { .. }
                if self.log.as_ref().is_some_and(|first| first != log) =>
            {
                return Err(StreamError::OtherLog);
            }
            _ => {}
        }
        Ok(())
    }

    /// Tells readers that the stream is aborted, if the connection is still there to do so.
    async fn abort(&mut self, failure: &Failure) -> Result<(), Failure> {
        if self.next_part == 0 || !self.peer.is_connected() || self.state == SenderState::Ended {
            return Ok(());
        }
        let reason = match failure {
            Failure::Signal(_) => "it was interrupted".to_owned(),
            failure => failure.to_string(),
        };
        if !self.buffer.is_empty() {
            self.send_part(None);
        }
        self.state = SenderState::Ended;
        self.send_part(Some(reason));
        while self.peer.unconfirmed_messages() > 0 {
            if let ClientEvent::Disconnected { .. } = self.peer.next_event().await? {
                break;
            }
        }
        Ok(())
    }
}
