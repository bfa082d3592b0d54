//! `pub`: stdin, files or words to a room.

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, stdin as standard_input};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use tokio::select;

use crate::cli::args::moment::{Announcement, When};
use crate::cli::args::{Global, PubArgs};
use crate::cli::commands::stream;
use crate::cli::failure::{Failure, Rest};
use crate::cli::io::batches::{Destination, Envelopes, Feed, Outgoing, Template};
use crate::cli::io::signals::{Signal, Signals};
use crate::cli::io::stdin::{self, Block, Input, InputError, Payload, Source, Split, read, words};
use crate::cli::remote::connect::peer_or_signal;
use crate::cli::remote::delivery::{awaited, tell_link};
use crate::cli::remote::target::{chosen_namespace, room_beside, target};
use crate::cli::screen::progress::{Progress, Task};
use crate::client::window::PublishOutcome;
use crate::client::{ClientEvent, HubClient, PublishReceipt, RetryPolicy, Target};
use crate::limits;
use crate::wire::batch::{Audience, Framing, push_bytes_message};

pub async fn run(args: &PubArgs, global: &Global) -> Result<(), Failure> {
    if args.stream.stream {
        return stream::sending::run(args, global).await;
    }
    let (target, template) = destination(args, global)?;
    // Of several files none is sent when one of them cannot be.
    stdin::check(&args.file)?;
    let mut signals = crate::cli::runtime::listen()?;
    let retry = retry(args);
    let peer = peer_or_signal(&target, retry, &mut signals).await?;
    // The hub's limit is known only now, and so is what may be read.
    let feed = feed(args, global, template, peer.hello().limits.message)?;
    let mut publishing = Publishing {
        target,
        retry,
        peer,
        feed,
        progress: progress(args),
        announcement: Announcement::of(When::of(&args.later)),
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
    feed: Feed,
    progress: Progress,
    announcement: Announcement,
    /// The feed may have more.
    open: bool,
    /// Read, and not yet given to the peer.
    held: Option<Outgoing>,
    wanted: Option<u64>,
    /// The first message that reached fewer than `--require`; the others are published all the same.
    missed: Option<Failure>,
    failure: Option<Failure>,
}

impl Publishing {
    async fn run(&mut self, signals: &mut Signals) -> Result<(), Failure> {
        loop {
            self.publish_held(signals).await?;
            if !self.open && self.held.is_none() && self.peer.unconfirmed() == 0 {
                return Ok(());
            }
            let reads = self.open && self.held.is_none() && self.peer.has_room();
            select! {
                event = self.peer.next() => self.happened(&event?),
                next = self.feed.next(), if reads => match next {
                    Some(Ok(outgoing)) => self.held = Some(outgoing),
                    Some(Err(failure)) => {
                        // Everything before it is still confirmed.
                        self.failure = Some(failure);
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
        let unconfirmed = self.peer.unconfirmed();
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
        let messages = |outgoing: &Outgoing| u64::from(outgoing.batch.header.count);
        let mut unconfirmed = self.peer.unconfirmed() + self.held.as_ref().map_or(0, messages);
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
            if self.peer.unconfirmed() > 0 {
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
            .did(u64::from(receipt.messages), receipt.bytes as u64);
        self.announcement.hear(receipt.reached);
        let missed = missed(receipt, self.wanted);
        self.missed = self.missed.take().or(missed);
    }
}

/// What `--require` has to say of a receipt.
pub fn missed(receipt: &PublishReceipt, wanted: Option<u64>) -> Option<Failure> {
    let wanted = wanted?;
    match receipt.reached {
        PublishOutcome::Known { delivered, queued } => {
            let reached = delivered.saturating_add(queued);
            (reached < wanted).then_some(Failure::Require { wanted, reached })
        }
        PublishOutcome::Unknown | PublishOutcome::Later { .. } => {
            (wanted > 0).then_some(Failure::RequireUnknown { wanted })
        }
    }
}

pub fn destination(args: &PubArgs, global: &Global) -> Result<(Target, Template), Failure> {
    let to = || args.room.iter().chain(&args.to);
    let (target, _) = target(global, &args.remote, to().chain(&args.except))?;
    // Where one names the namespace, the bare ones of the other list are in it too.
    let of = |addresses: Vec<_>| -> Vec<_> {
        let mut rooms = Vec::new();
        for room in addresses {
            if !rooms.contains(&room) {
                rooms.push(room);
            }
        }
        rooms
    };
    let template = Template {
        rooms: of(to().map(|address| address.room.clone()).collect()),
        except: of(args
            .except
            .iter()
            .map(|address| address.room.clone())
            .collect()),
        event: args.event.clone(),
        to: if args.others {
            Audience::Others
        } else {
            Audience::All
        },
        volatile: args.volatile,
        later: When::of(&args.later),
        reply: args
            .reply_to
            .as_ref()
            .map(|reply| room_beside(&target, reply, "--reply-to"))
            .transpose()?,
    };
    Ok((target, template))
}

/// A file can be sent again and somebody waits for the command's end; what a pipe holds would be lost.
pub fn retry(args: &PubArgs) -> RetryPolicy {
    match (args.retry_for, comes_from_a_pipe(args)) {
        (Some(patience), _) => RetryPolicy::For(patience),
        (None, true) => RetryPolicy::Forever,
        (None, false) => RetryPolicy::For(limits::RETRY_FOR_FILE),
    }
}

/// Who types sees what they type; a word or two are over at once.
pub fn progress(args: &PubArgs) -> Progress {
    if !args.message.is_empty() {
        return Progress::of(Task::Wait);
    }
    let typed = match &args.file[..] {
        [] => standard_input().is_terminal(),
        files => files.iter().any(|file| is_a_device(file)),
    };
    let bytes = match &args.file[..] {
        [] => None,
        files => files.iter().map(|file| length(file)).sum::<Option<u64>>(),
    };
    Progress::of(match bytes {
        _ if typed => Task::Wait,
        bytes if args.stream.stream => Task::Stream(bytes),
        Some(bytes) if !args.envelope => Task::PublishBytes(bytes),
        _ => Task::Publish,
    })
}

/// As a terminal is.
fn is_a_device(file: &Path) -> bool {
    let metadata = file.metadata();
    metadata.is_ok_and(|metadata| metadata.file_type().is_char_device())
}

/// None for what has no length.
fn length(file: &Path) -> Option<u64> {
    let metadata = file.metadata().ok()?;
    metadata.is_file().then_some(metadata.len())
}

/// What of the input is still counted once publishing has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// A pipe may stay open for ever: what was read of it.
    Read,
    /// A file: all of it.
    All,
}

fn counted(args: &PubArgs) -> Counted {
    if comes_from_a_pipe(args) {
        Counted::Read
    } else {
        Counted::All
    }
}

fn comes_from_a_pipe(args: &PubArgs) -> bool {
    args.message.is_empty() && args.file.is_empty() && !stdin_is_a_file()
}

fn stdin_is_a_file() -> bool {
    let metadata = standard_input()
        .as_fd()
        .try_clone_to_owned()
        .and_then(|fd| File::from(fd).metadata());
    metadata.is_ok_and(|metadata| metadata.is_file())
}

fn feed(
    args: &PubArgs,
    global: &Global,
    template: Template,
    max_message: usize,
) -> Result<Feed, Failure> {
    let input = Input {
        split: match (args.null, args.whole) {
            (true, _) => Split::Nul,
            (false, true) => Split::Whole,
            (false, false) => Split::Lines,
        },
        payload: if args.json {
            Payload::Json
        } else {
            Payload::Text
        },
        max_message,
    };
    if !args.message.is_empty() {
        return Ok(Feed::Words(Some(joined(&args.message, input)?), template));
    }
    let source = source(&args.file);
    if !args.envelope {
        return Ok(Feed::Blocks(read(source, input), template));
    }
    let destination = match (&args.room, chosen_namespace(global)) {
        _ if !template.rooms.is_empty() => Destination::Given,
        (None, None) => Destination::Own,
        _ => Destination::OwnRooms,
    };
    let lines = Input {
        max_message: Envelopes::longest_line(max_message),
        ..input
    };
    let envelopes = Envelopes::new(read(source, lines), template, destination, max_message);
    Ok(Feed::Envelopes(envelopes))
}

pub fn source(files: &[PathBuf]) -> Source {
    match files {
        [] => Source::Stdin,
        files => Source::Files(files.to_vec()),
    }
}

/// The words of the command line as one message, as `echo` joins them. They need not be text.
pub fn joined(message: &[OsString], input: Input) -> Result<Block, InputError> {
    let joined = message.join(std::ffi::OsStr::new(" "));
    whole(joined.as_bytes(), input)
}

/// One message, checked.
pub fn whole(bytes: &[u8], input: Input) -> Result<Block, InputError> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return words(text, input);
    }
    if input.payload == Payload::Json {
        let reason = "it is not text".to_owned();
        return Err(InputError::NotJson { number: 1, reason });
    }
    if bytes.len() > input.max_message {
        return Err(InputError::TooLong {
            number: 1,
            length: bytes.len(),
            limit: input.max_message,
        });
    }
    let mut body = Vec::new();
    push_bytes_message(&mut body, bytes);
    Ok(Block {
        framing: Framing::Bytes,
        json: false,
        count: 1,
        body: body.into(),
    })
}
