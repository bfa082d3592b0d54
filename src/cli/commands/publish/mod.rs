//! `pub`: stdin, files or words to a room.

mod announcement;
pub mod setup;
pub mod words;

use futures_util::FutureExt;
use tokio::select;

use self::announcement::Announcement;
use self::setup::{Counted, counted, destination, feed, missed, progress, retry};
use crate::cli::args::publish::PubArgs;
use crate::cli::commands::stream;
use crate::cli::failure::{Failure, Rest};
use crate::cli::io::batches::{BatchSource, RoutedBatch};
use crate::cli::io::signals::{Signal, Signals};
use crate::cli::io::stdin;
use crate::cli::remote::connect::peer_or_signal;
use crate::cli::remote::delivery::{awaited, tell_link};
use crate::cli::runtime;
use crate::cli::screen::progress::Progress;
use crate::cli::settings::Global;
use crate::client::{ClientEvent, HubClient, RetryPolicy, Target};

pub async fn run(args: &PubArgs, global: &Global) -> Result<(), Failure> {
    if args.stream.stream {
        return stream::sending::run(args, global).await;
    }
    let (target, template) = destination(args, global)?;
    // Of several files none is sent when one of them cannot be.
    stdin::check(&args.file)?;
    let mut signals = runtime::listen()?;
    let retry = retry(args);
    let peer = peer_or_signal(&target, retry, &mut signals).await?;
    // The hub's limit is known only now, and so is what may be read.
    let feed = feed(args, global, template, peer.hub_info().limits.message)?;
    let mut publishing = Publishing {
        target,
        retry,
        peer,
        feed,
        progress: progress(args),
        announcement: Announcement::of(args.later.delivery_time()),
        open: true,
        held: None,
        wanted: args.require,
        missed: None,
        failure: None,
    };
    if let Err(failure) = publishing.run(&mut signals).await {
        publishing.progress.clear();
        let failure = match failure {
            Failure::Signal(signal) => publishing.interrupted(signal),
            failure => {
                let unconfirmed = publishing.unconfirmed(counted(args)).await;
                Failure::unconfirmed(failure, unconfirmed)
            }
        };
        publishing.peer.close().await;
        return Err(failure);
    }
    publishing.progress.clear();
    publishing.peer.close().await;
    match publishing.failure.or(publishing.missed) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// One run of `pub`, from the first message to the last receipt.
struct Publishing {
    target: Target,
    retry: RetryPolicy,
    peer: HubClient,
    feed: BatchSource,
    progress: Progress,
    announcement: Announcement,
    /// The feed may have more.
    open: bool,
    /// Read, and not yet given to the peer.
    held: Option<RoutedBatch>,
    wanted: Option<u64>,
    /// The first message that reached fewer than `--require`; the others are published all the same.
    missed: Option<Failure>,
    failure: Option<Failure>,
}

impl Publishing {
    async fn run(&mut self, signals: &mut Signals) -> Result<(), Failure> {
        loop {
            self.publish_held(signals).await?;
            if !self.open && self.held.is_none() && self.peer.unconfirmed_messages() == 0 {
                return Ok(());
            }
            let reads = self.open && self.held.is_none() && self.peer.can_publish();
            select! {
                event = self.peer.next_event() => self.happened(&event?),
                next = self.feed.next(), if reads => match next {
                    Some(Ok(outgoing)) => self.held = Some(outgoing),
                    Some(Err(error)) => {
                        // Everything before it is still confirmed.
                        self.failure = Some(error.into());
                        self.open = false;
                    }
                    None => self.open = false,
                },
                signal = signals.next() => return Err(Failure::Signal(signal)),
                () = self.progress.due() => self.progress.draw(awaited(&self.peer)),
            }
        }
    }

    /// Who pressed Ctrl-C waits for nothing: of the input only that is looked at which was read by itself.
    fn interrupted(&mut self, signal: Signal) -> Failure {
        let confirmed = self.progress.messages();
        let unconfirmed = self.peer.unconfirmed_messages();
        let unsent = self.held.is_some()
            || self.open && matches!(self.feed.next().now_or_never(), Some(Some(Ok(_))));
        let rest = if unsent { Rest::Unsent } else { Rest::None };
        match (confirmed, unconfirmed, rest) {
            // There is nothing to say.
            (0, 0, Rest::None) => Failure::Signal(signal),
            _ => Failure::Interrupted {
                signal,
                confirmed,
                unconfirmed,
                rest,
            },
        }
    }

    /// Messages that the hub did not confirm, those included that were not sent.
    async fn unconfirmed(&mut self, counted: Counted) -> u64 {
        let messages = |outgoing: &RoutedBatch| u64::from(outgoing.batch.header.count);
        let mut unconfirmed =
            self.peer.unconfirmed_messages() + self.held.as_ref().map_or(0, messages);
        while self.open {
            let next = match counted {
                Counted::Read => self.feed.next().now_or_never().flatten(),
                Counted::All => self.feed.next().await,
            };
            match next {
                Some(Ok(outgoing)) => unconfirmed += messages(&outgoing),
                Some(Err(_)) | None => self.open = false,
            }
        }
        unconfirmed
    }

    /// A batch for another namespace (envelopes have their own) waits until everything before it is confirmed.
    async fn publish_held(&mut self, signals: &mut Signals) -> Result<(), Failure> {
        let other = self.held.as_ref().and_then(|held| held.namespace.as_ref());
        if let Some(other) = other.filter(|other| **other != self.target.namespace) {
            if self.peer.unconfirmed_messages() > 0 {
                return Ok(());
            }
            self.target.namespace = other.clone();
            self.peer = peer_or_signal(&self.target, self.retry, signals).await?;
        }
        if let Some(outgoing) = self.held.take() {
            self.peer.publish(outgoing.batch);
        }
        Ok(())
    }

    fn happened(&mut self, event: &ClientEvent) {
        tell_link(event, self.peer.url());
        let ClientEvent::Receipt(receipt) = event else {
            return;
        };
        self.progress
            .add(u64::from(receipt.messages), receipt.bytes as u64);
        self.announcement.hear(receipt.outcome);
        let missed = missed(receipt, self.wanted);
        self.missed = self.missed.take().or(missed);
    }
}
