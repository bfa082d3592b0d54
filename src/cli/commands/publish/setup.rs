//! What the flags of `pub` say: where messages come from and go to, and how long it holds out.

use std::fs::File;
use std::io::{IsTerminal, stdin as standard_input};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::words::joined;
use crate::cli::args::publish::PubArgs;
use crate::cli::failure::Failure;
use crate::cli::io::batches::{BatchSource, BatchTemplate, Destination, Envelopes};
use crate::cli::io::stdin::{InputOptions, InputSource, Payload, Split, read};
use crate::cli::remote::target::{chosen_namespace, room_beside, target};
use crate::cli::screen::progress::{Progress, ProgressKind};
use crate::cli::settings::Global;
use crate::client::publish_window::PublishOutcome;
use crate::client::{PublishReceipt, RetryPolicy, Target};
use crate::limits;
use crate::wire::batch::Audience;

/// What `--require` has to say of a receipt.
pub fn missed(receipt: &PublishReceipt, wanted: Option<u64>) -> Option<Failure> {
    let wanted = wanted?;
    match receipt.outcome {
        PublishOutcome::Delivered { delivered, queued } => {
            let reached = delivered.saturating_add(queued);
            (reached < wanted).then_some(Failure::Require { wanted, reached })
        }
        PublishOutcome::Unknown | PublishOutcome::Delayed { .. } => {
            (wanted > 0).then_some(Failure::RequireUnknown { wanted })
        }
    }
}

pub fn destination(args: &PubArgs, global: &Global) -> Result<(Target, BatchTemplate), Failure> {
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
    let template = BatchTemplate {
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
        delivery_time: args.later.delivery_time(),
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
        return Progress::new(ProgressKind::Wait);
    }
    let typed = match &args.file[..] {
        [] => standard_input().is_terminal(),
        files => files.iter().any(|file| is_a_device(file)),
    };
    let bytes = match &args.file[..] {
        [] => None,
        files => files.iter().map(|file| length(file)).sum::<Option<u64>>(),
    };
    Progress::new(match bytes {
        _ if typed => ProgressKind::Wait,
        bytes if args.stream.stream => ProgressKind::Stream(bytes),
        Some(bytes) if !args.envelope => ProgressKind::PublishBytes(bytes),
        _ => ProgressKind::Publish,
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
pub enum Counted {
    /// A pipe may stay open for ever: what was read of it.
    Read,
    /// A file: all of it.
    All,
}

pub fn counted(args: &PubArgs) -> Counted {
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

pub fn feed(
    args: &PubArgs,
    global: &Global,
    template: BatchTemplate,
    max_message: usize,
) -> Result<BatchSource, Failure> {
    let input = InputOptions {
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
        return Ok(BatchSource::Words(
            Some(joined(&args.message, input)?),
            template,
        ));
    }
    let source = source(&args.file);
    if !args.envelope {
        return Ok(BatchSource::Blocks(read(source, input), template));
    }
    let destination = match (&args.room, chosen_namespace(global)) {
        _ if !template.rooms.is_empty() => Destination::Given,
        (None, None) => Destination::Own,
        _ => Destination::OwnRooms,
    };
    let lines = InputOptions {
        max_message: Envelopes::max_line_bytes(max_message),
        ..input
    };
    let envelopes = Envelopes::new(read(source, lines), template, destination, max_message);
    Ok(BatchSource::Envelopes(envelopes))
}

pub fn source(files: &[PathBuf]) -> InputSource {
    match files {
        [] => InputSource::Stdin,
        files => InputSource::Files(files.to_vec()),
    }
}
