//! Bytes for the pieces of a stream: stdin that is a pipe is read when it is ready, right into the piece; files and
//! terminals, which may make a reader wait, on a thread.
//!
//! Nothing here decides when a piece is sent: what was read is in it, and it may be read on into.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use rustix::io::Errno;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc;

use crate::cli::io::stdin::{self, InputError, InputSource, wait_readable};
use crate::limits;
use crate::wire::stream::PartBuffer;

pub enum InputOptions {
    Pipe(Receiver),
    Thread {
        blocks: mpsc::Receiver<Result<PartBuffer, InputError>>,
        /// What did not fit behind the bytes that a piece has already.
        ahead: Option<PartBuffer>,
    },
}

/// What reading came to.
#[derive(Debug)]
pub enum Read {
    More,
    /// There is more than fits the piece: it is to be sent first.
    Full,
    End,
}

impl InputOptions {
    /// Starts reading, in pieces of at most so many bytes.
    pub fn open(source: InputSource, most: usize) -> Self {
        if source == InputSource::Stdin
            && let Some(pipe) = stdin::pipe()
        {
            // Fewer turns for both of its ends; where the system allows no more, it stays as it is.
            let _ = rustix::pipe::fcntl_setpipe_size(&pipe, limits::STREAM_PIPE_BYTES);
            return Self::Pipe(pipe);
        }
        let (blocks, receiver) = mpsc::channel(limits::INPUT_BLOCKS);
        let refused = blocks.clone();
        let spawned = std::thread::Builder::new()
            .name("stdin".to_owned())
            .spawn(move || run(source, most, &blocks));
        if let Err(source) = spawned {
            let path = PathBuf::from("stdin");
            // The channel is new and its receiver is in our hands, so there is room.
            let _ = refused.try_send(Err(InputError::Io { path, source }));
        }
        Self::Thread {
            blocks: receiver,
            ahead: None,
        }
    }

    /// Reads on into a piece that is not full. Cancel-safe: what was read is in the piece, or still here.
    pub async fn read(&mut self, piece: &mut PartBuffer) -> Result<Read, InputError> {
        match self {
            Self::Pipe(pipe) => read_pipe(pipe, piece).await.map_err(|source| {
                let path = PathBuf::from("stdin");
                InputError::Io { path, source }
            }),
            Self::Thread { blocks, ahead } => {
                let block = match ahead.take() {
                    Some(block) => block,
                    None => match blocks.recv().await {
                        Some(block) => block?,
                        None => return Ok(Read::End),
                    },
                };
                Ok(join(piece, block, ahead))
            }
        }
    }
}

/// What a whole block is becomes the piece; a small one is copied behind what the piece has.
fn join(piece: &mut PartBuffer, block: PartBuffer, ahead: &mut Option<PartBuffer>) -> Read {
    if piece.is_empty() {
        *piece = block;
        return Read::More;
    }
    let bytes = block.bytes();
    match piece.spare().get_mut(..bytes.len()) {
        Some(room) => {
            room.copy_from_slice(bytes);
            piece.advance(bytes.len());
            Read::More
        }
        None => {
            *ahead = Some(block);
            Read::Full
        }
    }
}

async fn read_pipe(pipe: &Receiver, piece: &mut PartBuffer) -> io::Result<Read> {
    loop {
        pipe.readable().await?;
        match pipe.try_read(piece.spare()) {
            Ok(0) => return Ok(Read::End),
            Ok(read) => {
                piece.advance(read);
                return Ok(Read::More);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

fn run(source: InputSource, most: usize, blocks: &mpsc::Sender<Result<PartBuffer, InputError>>) {
    for path in source.paths() {
        let done = stdin::open(&path).and_then(|fd| pump(fd.as_fd(), most, blocks));
        match done {
            Ok(Pumped::All) => {}
            Ok(Pumped::Unwanted) => return,
            Err(source) => {
                let path = stdin::display_path(path);
                let _ = blocks.blocking_send(Err(InputError::Io { path, source }));
                return;
            }
        }
    }
}

/// Why reading a descriptor is over.
enum Pumped {
    All,
    /// Nobody listens any more.
    Unwanted,
}

fn pump(
    fd: BorrowedFd<'_>,
    most: usize,
    blocks: &mpsc::Sender<Result<PartBuffer, InputError>>,
) -> io::Result<Pumped> {
    loop {
        let mut block = PartBuffer::new(most);
        match rustix::io::read(fd, block.spare()) {
            Ok(0) => return Ok(Pumped::All),
            Ok(read) => block.advance(read),
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => {
                wait_readable(fd)?;
                continue;
            }
            Err(errno) => return Err(errno.into()),
        }
        if blocks.blocking_send(Ok(block)).is_err() {
            return Ok(Pumped::Unwanted);
        }
    }
}
