//! `pub`: publishes stdin, files or words to rooms.

mod due_time_notice;
pub mod plan;
pub mod receipt_check;
pub mod words;

use futures_util::FutureExt;
use tokio::select;

use self::due_time_notice::DueTimeNotice;
use self::plan::{PublishPlan, UnsentInput};
use self::receipt_check::ReceiptCheck;
use crate::cli::args::publish::PubArgs;
use crate::cli::commands::stream::sender::send_stream;
use crate::cli::failure::{Failure, RemainingInput};
use crate::cli::io::batches::{BatchSource, RoutedBatch};
use crate::cli::io::signals::Signal;
use crate::cli::remote::connect::connect_hub;
use crate::cli::remote::connection_notes::{note_event, reconnect_status};
use crate::cli::remote::interrupts::Interrupts;
use crate::cli::screen::progress::Progress;
use crate::cli::settings::Global;
use crate::client::{ClientEvent, HubClient};

pub async fn run(args: &PubArgs, global: &Global) -> Result<(), Failure> {
    let plan = PublishPlan::new(args, global)?;
    if args.stream.stream {
        return send_stream(plan).await;
    }
    // If one of several files cannot be read, none is sent.
    plan.check_files()?;
    let mut interrupts = Interrupts::listen(None)?;
    let peer = interrupts
        .run(connect_hub(&plan.target, plan.retry))
        .await?;
    let feed = plan.open_feed(peer.hub_info().limits.message)?;
    let mut publisher = BatchPublisher::new(plan, peer, feed);
    let published = interrupts.run(publisher.publish_all()).await;
    publisher.finish(published).await
}

/// Publishes a feed, from the first message to the last receipt.
struct BatchPublisher {
    plan: PublishPlan,
    peer: HubClient,
    feed: BatchSource,
    feed_is_open: bool,
    /// An error of the feed ends it, but what was read before is still published.
    feed_error: Option<Failure>,
    /// Read, but not yet given to the peer.
    next: Option<RoutedBatch>,
    progress: Progress,
    due_time_notice: DueTimeNotice,
    receipt_check: ReceiptCheck,
}

impl BatchPublisher {
    fn new(plan: PublishPlan, peer: HubClient, feed: BatchSource) -> Self {
        Self {
            peer,
            feed,
            feed_is_open: true,
            feed_error: None,
            next: None,
            progress: Progress::new(plan.task),
            due_time_notice: DueTimeNotice::new(plan.template.delivery_time),
            receipt_check: ReceiptCheck::new(plan.required),
            plan,
        }
    }

    /// Cancel-safe: what was read and not published stays in `next`.
    async fn publish_all(&mut self) -> Result<(), Failure> {
        loop {
            self.publish_next().await?;
            let is_idle = self.next.is_none();
            if !self.feed_is_open && is_idle && self.peer.unconfirmed_messages() == 0 {
                return Ok(());
            }
            let can_read = self.feed_is_open && is_idle && self.peer.can_publish();
            select! {
                event = self.peer.next_event() => self.handle_event(&event?),
                next = self.feed.next(), if can_read => match next {
                    Some(Ok(outgoing)) => self.next = Some(outgoing),
                    end => {
                        self.feed_error = end.and_then(Result::err).map(Failure::from);
                        self.feed_is_open = false;
                    }
                },
                () = self.progress.due() => self.progress.draw(reconnect_status(&self.peer)),
            }
        }
    }

    /// Gives the next batch to the peer. A batch for another namespace (`--envelope`) first waits for all receipts.
    async fn publish_next(&mut self) -> Result<(), Failure> {
        let namespace = self.next.as_ref().and_then(|next| next.namespace.as_ref());
        if let Some(other) = namespace.filter(|other| **other != self.plan.target.namespace) {
            if self.peer.unconfirmed_messages() > 0 {
                return Ok(());
            }
            self.plan.target.namespace = other.clone();
            self.peer = connect_hub(&self.plan.target, self.plan.retry).await?;
        }
        if let Some(outgoing) = self.next.take() {
            self.peer.publish(outgoing.batch);
        }
        Ok(())
    }

    fn handle_event(&mut self, event: &ClientEvent) {
        note_event(event, self.peer.url());
        let ClientEvent::Receipt(receipt) = event else {
            return;
        };
        self.progress
            .add(u64::from(receipt.messages), receipt.bytes as u64);
        self.due_time_notice.handle_receipt(receipt.outcome);
        self.receipt_check.check(receipt);
    }

    /// Closes the connection. A failure then says how many messages were not confirmed.
    async fn finish(mut self, published: Result<(), Failure>) -> Result<(), Failure> {
        self.progress.clear();
        let result = match published {
            Ok(()) => self.feed_error.map_or(Ok(()), Err),
            Err(Failure::Signal(signal)) => Err(self.interruption(signal)),
            Err(failure) => {
                let unconfirmed = self.count_unconfirmed().await;
                Err(Failure::unconfirmed(failure, unconfirmed))
            }
        };
        self.peer.close().await;
        result.and(self.receipt_check.into_result())
    }

    /// On Ctrl-C, `pub` reports how many lines were confirmed. It does not wait for more input to do so.
    fn interruption(&mut self, signal: Signal) -> Failure {
        let confirmed = self.progress.messages();
        let unconfirmed = self.peer.unconfirmed_messages();
        let has_unsent = self.next.is_some()
            || self.feed_is_open && matches!(self.feed.next().now_or_never(), Some(Some(Ok(_))));
        let rest = if has_unsent {
            RemainingInput::Unsent
        } else {
            RemainingInput::None
        };
        match (confirmed, unconfirmed, rest) {
            (0, 0, RemainingInput::None) => Failure::Signal(signal),
            _ => Failure::Interrupted {
                signal,
                confirmed,
                unconfirmed,
                rest,
            },
        }
    }

    /// Counts the messages that the hub did not confirm, unsent ones included.
    async fn count_unconfirmed(&mut self) -> u64 {
        let messages = |outgoing: &RoutedBatch| u64::from(outgoing.batch.header.count);
        let mut unconfirmed =
            self.peer.unconfirmed_messages() + self.next.as_ref().map_or(0, messages);
        while self.feed_is_open {
            let next = match self.plan.unsent {
                UnsentInput::AlreadyRead => self.feed.next().now_or_never().flatten(),
                UnsentInput::All => self.feed.next().await,
            };
            match next {
                Some(Ok(outgoing)) => unconfirmed += messages(&outgoing),
                Some(Err(_)) | None => self.feed_is_open = false,
            }
        }
        unconfirmed
    }
}
