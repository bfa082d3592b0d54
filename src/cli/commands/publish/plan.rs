//! The flags of `pub`, resolved: where messages come from and go to, and how long to retry.

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, stdin as standard_input};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::words::join_words;
use crate::address::{Address, RoomName};
use crate::cli::args::publish::PubArgs;
use crate::cli::failure::Failure;
use crate::cli::io::batches::{BatchSource, Destination, Envelopes};
use crate::cli::io::envelope::BatchTemplate;
use crate::cli::io::stdin::{InputError, InputOptions, InputSource, Payload, Split, check, read};
use crate::cli::remote::target::{explicit_namespace, resolve_target, room_of_flag};
use crate::cli::screen::progress::ProgressKind;
use crate::cli::settings::Global;
use crate::client::{RetryPolicy, Target};
use crate::limits;
use crate::wire::batch::Audience;

pub struct PublishPlan {
    pub target: Target,
    /// What all messages have in common.
    pub template: BatchTemplate,
    pub retry: RetryPolicy,
    pub task: ProgressKind,
    /// `--require`
    pub required: Option<u64>,
    /// What to count as unconfirmed when publishing fails.
    pub unsent: UnsentInput,
    words: Vec<OsString>,
    files: Vec<PathBuf>,
    split: Split,
    payload: Payload,
    /// `--envelope`
    envelopes: Option<Destination>,
}

/// Which part of the unsent input counts as unconfirmed when publishing fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsentInput {
    /// What was read so far: a pipe may stay open forever.
    AlreadyRead,
    /// All of a file.
    All,
}

impl PublishPlan {
    pub fn new(args: &PubArgs, global: &Global) -> Result<Self, Failure> {
        let (target, template) = resolve_template(args, global)?;
        let from_pipe = args.message.is_empty() && args.file.is_empty() && !stdin_is_a_file();
        let envelopes = match (&args.room, explicit_namespace(global)) {
            _ if !template.rooms.is_empty() => Destination::Given,
            (None, None) => Destination::Own,
            _ => Destination::OwnRooms,
        };
        Ok(Self {
            target,
            template,
            // A pipe's data would be lost; a file can be sent again, and somebody waits for the command to end.
            retry: match args.retry_for {
                Some(duration) => RetryPolicy::For(duration),
                None if from_pipe => RetryPolicy::Forever,
                None => RetryPolicy::For(limits::RETRY_FOR_FILE),
            },
            task: progress_task(args),
            required: args.require,
            unsent: if from_pipe {
                UnsentInput::AlreadyRead
            } else {
                UnsentInput::All
            },
            words: args.message.clone(),
            files: args.file.clone(),
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
            envelopes: args.envelope.then_some(envelopes),
        })
    }

    /// Errors: one of the files cannot be read.
    pub fn check_files(&self) -> Result<(), InputError> {
        check(&self.files)
    }

    /// Where to read from when there are no words.
    pub fn source(&self) -> InputSource {
        match &self.files[..] {
            [] => InputSource::Stdin,
            files => InputSource::Files(files.to_vec()),
        }
    }

    /// Starts to read the input. `max_message` is the hub's limit.
    pub fn open_feed(&self, max_message: usize) -> Result<BatchSource, InputError> {
        let template = self.template.clone();
        let input = InputOptions {
            split: self.split,
            payload: self.payload,
            max_message,
        };
        if !self.words.is_empty() {
            return Ok(BatchSource::Words(
                Some(join_words(&self.words, input)?),
                template,
            ));
        }
        let Some(destination) = self.envelopes else {
            return Ok(BatchSource::Blocks(read(self.source(), input), template));
        };
        let lines = InputOptions {
            max_message: Envelopes::max_line_bytes(max_message),
            ..input
        };
        let blocks = read(self.source(), lines);
        let envelopes = Envelopes::new(blocks, template, destination, max_message);
        Ok(BatchSource::Envelopes(envelopes))
    }
}

fn resolve_template(args: &PubArgs, global: &Global) -> Result<(Target, BatchTemplate), Failure> {
    let to = || args.room.iter().chain(&args.to);
    // The rooms of --except are in the same namespace.
    let (target, _) = resolve_target(global, &args.remote, to().chain(&args.except))?;
    let reply = args.reply_to.as_ref();
    let reply = reply.map(|reply| room_of_flag(&target, reply, "--reply-to"));
    let template = BatchTemplate {
        rooms: distinct_rooms(to()),
        except: distinct_rooms(&args.except),
        event: args.event.clone(),
        to: if args.others {
            Audience::Others
        } else {
            Audience::All
        },
        volatile: args.volatile,
        delivery_time: args.delivery.delivery_time(),
        reply: reply.transpose()?,
    };
    Ok((target, template))
}

fn distinct_rooms<'a>(addresses: impl IntoIterator<Item = &'a Address>) -> Vec<RoomName> {
    let mut rooms = Vec::new();
    for address in addresses {
        if !rooms.contains(&address.room) {
            rooms.push(address.room.clone());
        }
    }
    rooms
}

/// Typed input is its own progress, and a few words take no time.
fn progress_task(args: &PubArgs) -> ProgressKind {
    let typed = match &args.file[..] {
        [] => standard_input().is_terminal(),
        files => files.iter().any(|file| is_character_device(file)),
    };
    let bytes = match &args.file[..] {
        [] => None,
        files => files.iter().map(|file| length(file)).sum::<Option<u64>>(),
    };
    match bytes {
        _ if typed || !args.message.is_empty() => ProgressKind::Wait,
        bytes if args.stream.stream => ProgressKind::Stream(bytes),
        Some(bytes) if !args.envelope => ProgressKind::PublishBytes(bytes),
        _ => ProgressKind::Publish,
    }
}

fn is_character_device(file: &Path) -> bool {
    let metadata = file.metadata();
    metadata.is_ok_and(|metadata| metadata.file_type().is_char_device())
}

/// None if the file has no fixed length.
fn length(file: &Path) -> Option<u64> {
    let metadata = file.metadata().ok()?;
    metadata.is_file().then_some(metadata.len())
}

fn stdin_is_a_file() -> bool {
    let metadata = standard_input()
        .as_fd()
        .try_clone_to_owned()
        .and_then(|fd| File::from(fd).metadata());
    metadata.is_ok_and(|metadata| metadata.is_file())
}
