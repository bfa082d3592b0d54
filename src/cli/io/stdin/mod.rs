//! Turns stdin or files into blocks of whole messages, ready to be sent as batches. A pipe is read when it is ready. Files and
//! terminals can block, so a thread reads them.
//!
//! A line is passed on as soon as `read()` has returned it; a file is passed on in blocks. This folder knows nothing of rooms,
//! connections or credit: the bounded channel slows the reader down.

mod block;
mod cutter;
pub mod error;
mod pipe;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc;

use crate::limits;
pub use block::{InputBlock, InputOptions, Payload, Split};
use cutter::Cutter;
pub use error::InputError;
use pipe::StdinPipe;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputSource {
    Stdin,
    /// Read one after the other. `-` is stdin. The end of a file ends its last message.
    Files(Vec<PathBuf>),
}

impl InputSource {
    /// The paths in reading order.
    pub fn paths(self) -> Vec<PathBuf> {
        match self {
            Self::Stdin => vec![PathBuf::from("-")],
            Self::Files(paths) => paths,
        }
    }
}

/// The blocks of the input. The stream ends after an error and at the end of the input.
pub struct Blocks(BlockOrigin);

enum BlockOrigin {
    Thread(mpsc::Receiver<Result<InputBlock, InputError>>),
    StdinPipe(StdinPipe),
}

impl Blocks {
    /// The next block, or `None` after the last. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<InputBlock, InputError>> {
        match &mut self.0 {
            BlockOrigin::Thread(blocks) => blocks.recv().await,
            BlockOrigin::StdinPipe(pipe) => pipe.next().await,
        }
    }
}

impl From<mpsc::Receiver<Result<InputBlock, InputError>>> for Blocks {
    fn from(blocks: mpsc::Receiver<Result<InputBlock, InputError>>) -> Self {
        Self(BlockOrigin::Thread(blocks))
    }
}

/// Starts reading. Must be called inside the runtime that reads the blocks.
pub fn read(source: InputSource, input: InputOptions) -> Blocks {
    match source {
        InputSource::Stdin => match StdinPipe::stdin(input) {
            Some(pipe) => Blocks(BlockOrigin::StdinPipe(pipe)),
            None => read_on_thread(source, input).into(),
        },
        InputSource::Files(_) => read_on_thread(source, input).into(),
    }
}

fn read_on_thread(
    source: InputSource,
    input: InputOptions,
) -> mpsc::Receiver<Result<InputBlock, InputError>> {
    let (blocks, receiver) = mpsc::channel(limits::INPUT_BLOCKS);
    let refused = blocks.clone();
    let spawned = std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || run(source, input, &blocks));
    if let Err(source) = spawned {
        let path = PathBuf::from("stdin");
        // The channel is empty and its receiver is alive, so this cannot fail.
        let _ = refused.try_send(Err(InputError::Io { path, source }));
    }
    receiver
}

/// One message as a block. Does not check its length; [`words`] does.
pub fn message(bytes: &[u8]) -> InputBlock {
    cutter::single(bytes)
}

/// The words of a command line as one message, under the same rules as a message from stdin.
pub fn words(text: &str, input: InputOptions) -> Result<InputBlock, InputError> {
    let mut cutter = Cutter::new(InputOptions {
        split: Split::Whole,
        ..input
    });
    cutter.fill(text.as_bytes());
    cutter.end();
    cutter
        .next_block()
        .expect("Split::Whole makes a message or an error of any input")
}

/// The blocks of typed or pasted lines. The iterator ends after an error.
pub fn typed(
    text: &str,
    input: InputOptions,
) -> impl Iterator<Item = Result<InputBlock, InputError>> {
    let mut cutter = Cutter::new(input);
    cutter.fill(text.as_bytes());
    cutter.end();
    std::iter::from_fn(move || cutter.next_block())
}

/// Why reading stopped before the end of the input.
enum ReadStop {
    /// The receiver is gone, or has just got an error.
    Reported,
    Failed(io::Error),
}

impl From<Errno> for ReadStop {
    fn from(errno: Errno) -> Self {
        Self::Failed(errno.into())
    }
}

fn run(
    source: InputSource,
    input: InputOptions,
    blocks: &mpsc::Sender<Result<InputBlock, InputError>>,
) {
    let mut cutter = Cutter::new(input);
    for path in source.paths() {
        let done = open(&path)
            .map_err(ReadStop::Failed)
            .and_then(|fd| pump(fd.as_fd(), &mut cutter, blocks));
        match done {
            Ok(()) => {}
            Err(ReadStop::Reported) => return,
            // Bytes after the last separator are not a message when reading failed.
            Err(ReadStop::Failed(source)) => {
                let path = display_path(path);
                let _ = blocks.blocking_send(Err(InputError::Io { path, source }));
                return;
            }
        }
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The name of the input in error texts.
pub fn display_path(path: PathBuf) -> PathBuf {
    if is_stdin(&path) {
        "stdin".into()
    } else {
        path
    }
}

/// Stdin as a non-blocking pipe of our own, if it is a pipe. Must be called inside the runtime that reads it.
pub fn pipe() -> Option<Receiver> {
    pipe::open()
}

/// Checks that files can be opened. Does not open pipes, which would wait for a writer.
pub fn check(paths: &[PathBuf]) -> Result<(), InputError> {
    for path in paths.iter().filter(|path| !is_stdin(path)) {
        let opened = path.metadata().and_then(|metadata| {
            if metadata.is_file() {
                File::open(path).map(drop)
            } else if metadata.is_dir() {
                Err(io::ErrorKind::IsADirectory.into())
            } else {
                Ok(())
            }
        });
        opened.map_err(|source| InputError::Io {
            path: path.clone(),
            source,
        })?;
    }
    Ok(())
}

pub fn open(path: &Path) -> io::Result<OwnedFd> {
    if is_stdin(path) {
        // Our own descriptor, without the buffer and the lock of std's handle.
        io::stdin().as_fd().try_clone_to_owned()
    } else {
        File::open(path).map(OwnedFd::from)
    }
}

/// Reads one descriptor to its end.
fn pump(
    fd: BorrowedFd<'_>,
    cutter: &mut Cutter,
    blocks: &mpsc::Sender<Result<InputBlock, InputError>>,
) -> Result<(), ReadStop> {
    loop {
        let read = match rustix::io::read(fd, rustix::buffer::spare_capacity(cutter.read_buffer()))
        {
            Ok(read) => read,
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => {
                wait_readable(fd)?;
                continue;
            }
            Err(errno) => return Err(errno.into()),
        };
        if read == 0 {
            cutter.end();
        }
        while let Some(block) = cutter.next_block() {
            let failed = block.is_err();
            if blocks.blocking_send(block).is_err() || failed {
                return Err(ReadStop::Reported);
            }
        }
        if read == 0 {
            return Ok(());
        }
    }
}

/// Another process that shares the descriptor may have made it non-blocking.
pub fn wait_readable(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    match rustix::event::poll(&mut fds, None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}
