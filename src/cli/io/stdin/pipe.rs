//! Stdin as a pipe. The task that waits for the blocks reads it, so that a line wakes one thread, not two.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use tokio::net::unix::pipe::Receiver;

use super::block::{InputBlock, InputOptions};
use super::cutter::Cutter;
use super::error::InputError;

pub(super) struct StdinPipe {
    receiver: Receiver,
    cutter: Cutter,
    state: PipeState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PipeState {
    Open,
    /// The pipe has ended. The cutter may still hold messages.
    AtEnd,
    Failed,
}

impl StdinPipe {
    /// `None` when stdin is not a pipe, or cannot be opened again.
    pub(super) fn stdin(input: InputOptions) -> Option<Self> {
        Some(Self {
            receiver: open()?,
            cutter: Cutter::new(input),
            state: PipeState::Open,
        })
    }

    /// Cancel-safe: bytes that were read stay in the cutter.
    pub(super) async fn next(&mut self) -> Option<Result<InputBlock, InputError>> {
        loop {
            if self.state == PipeState::Failed {
                return None;
            }
            if let Some(block) = self.cutter.next_block() {
                if block.is_err() {
                    self.state = PipeState::Failed;
                }
                return Some(block);
            }
            if self.state == PipeState::AtEnd {
                return None;
            }
            if let Err(source) = self.read().await {
                self.state = PipeState::Failed;
                let path = PathBuf::from("stdin");
                return Some(Err(InputError::Io { path, source }));
            }
        }
    }

    async fn read(&mut self) -> io::Result<()> {
        self.receiver.readable().await?;
        match self.receiver.try_read_buf(self.cutter.read_buffer()) {
            Ok(0) => {
                self.cutter.end();
                self.state = PipeState::AtEnd;
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Opens stdin again as an open file description of our own, so that other processes that share stdin do not find it
/// non-blocking. `None` when stdin is not an anonymous pipe, or cannot be opened again.
pub(super) fn open() -> Option<Receiver> {
    // Opening a named pipe would wait for a writer, and its only writer may have closed it already.
    let path = "/proc/self/fd/0";
    let target = std::fs::read_link(path).ok()?;
    if !target.as_os_str().as_bytes().starts_with(b"pipe:") {
        return None;
    }
    let again = File::open(path).ok()?;
    Receiver::from_file(again).ok()
}
