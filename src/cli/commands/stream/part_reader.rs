//! Reads input into the parts of a stream. A pipe is read without a thread, directly into the part, whenever it is ready;
//! files and terminals may block, so a thread reads them.
//!
//! The sender decides when a part is sent; until then, further input is added to it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use rustix::io::Errno;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc;

use crate::cli::io::stdin::{self, InputError, InputSource, wait_readable};
use crate::limits;
use crate::wire::stream::PartBuffer;

pub enum PartReader {
    Pipe(Receiver),
    Thread {
        blocks: mpsc::Receiver<Result<PartBuffer, InputError>>,
        /// A block that did not fit into the part.
        ahead: Option<PartBuffer>,
    },
}

#[derive(Debug)]
pub enum ReadOutcome {
    More,
    /// There is more input than fits: the part must be sent first.
    Full,
    End,
}

impl PartReader {
    /// Starts to read; a part has at most `max_bytes`.
    pub fn open(source: InputSource, max_bytes: usize) -> Self {
        if source == InputSource::Stdin
            && let Some(pipe) = stdin::pipe()
        {
            // A larger pipe means fewer switches between writer and reader. If the system refuses, the pipe works as it is.
            let _ = rustix::pipe::fcntl_setpipe_size(&pipe, limits::STREAM_PIPE_BYTES);
            return Self::Pipe(pipe);
        }
        let (blocks, receiver) = mpsc::channel(limits::INPUT_BLOCKS);
        let error_sender = blocks.clone();
        let spawned = std::thread::Builder::new()
            .name("stdin".to_owned())
            .spawn(move || read_files(source, max_bytes, &blocks));
        if let Err(source) = spawned {
            let path = PathBuf::from("stdin");
            // Cannot fail: the channel is empty and its receiver still here.
            let _ = error_sender.try_send(Err(InputError::Io { path, source }));
        }
        Self::Thread {
            blocks: receiver,
            ahead: None,
        }
    }

    /// Reads more into a part that is not full. Cancel-safe: what was read is in the part or in `self`.
    pub async fn read(&mut self, part: &mut PartBuffer) -> Result<ReadOutcome, InputError> {
        match self {
            Self::Pipe(pipe) => read_pipe(pipe, part).await.map_err(|source| {
                let path = PathBuf::from("stdin");
                InputError::Io { path, source }
            }),
            Self::Thread { blocks, ahead } => {
                let block = match ahead.take() {
                    Some(block) => block,
                    None => match blocks.recv().await {
                        Some(block) => block?,
                        None => return Ok(ReadOutcome::End),
                    },
                };
                Ok(append(part, block, ahead))
            }
        }
    }
}

/// An empty part is replaced by the block without a copy.
fn append(part: &mut PartBuffer, block: PartBuffer, ahead: &mut Option<PartBuffer>) -> ReadOutcome {
    if part.is_empty() {
        *part = block;
        return ReadOutcome::More;
    }
    let bytes = block.bytes();
    match part.spare().get_mut(..bytes.len()) {
        Some(spare) => {
            spare.copy_from_slice(bytes);
            part.advance(bytes.len());
            ReadOutcome::More
        }
        None => {
            *ahead = Some(block);
            ReadOutcome::Full
        }
    }
}

async fn read_pipe(pipe: &Receiver, part: &mut PartBuffer) -> io::Result<ReadOutcome> {
    loop {
        pipe.readable().await?;
        match pipe.try_read(part.spare()) {
            Ok(0) => return Ok(ReadOutcome::End),
            Ok(read) => {
                part.advance(read);
                return Ok(ReadOutcome::More);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

fn read_files(
    source: InputSource,
    max_bytes: usize,
    blocks: &mpsc::Sender<Result<PartBuffer, InputError>>,
) {
    for path in source.paths() {
        let end = stdin::open(&path).and_then(|fd| read_file(fd.as_fd(), max_bytes, blocks));
        match end {
            Ok(FileEnd::Eof) => {}
            Ok(FileEnd::ReceiverGone) => return,
            Err(source) => {
                let path = stdin::display_path(path);
                let _ = blocks.blocking_send(Err(InputError::Io { path, source }));
                return;
            }
        }
    }
}

/// Why reading a file ended.
enum FileEnd {
    Eof,
    ReceiverGone,
}

fn read_file(
    fd: BorrowedFd<'_>,
    max_bytes: usize,
    blocks: &mpsc::Sender<Result<PartBuffer, InputError>>,
) -> io::Result<FileEnd> {
    loop {
        let mut block = PartBuffer::new(max_bytes);
        match rustix::io::read(fd, block.spare()) {
            Ok(0) => return Ok(FileEnd::Eof),
            Ok(read) => block.advance(read),
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => {
                wait_readable(fd)?;
                continue;
            }
            Err(errno) => return Err(errno.into()),
        }
        if blocks.blocking_send(Ok(block)).is_err() {
            return Ok(FileEnd::ReceiverGone);
        }
    }
}
