//! Stdin that is a pipe, read by whoever waits for its blocks: a line that comes wakes one thread, not two.

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
    /// Its end was read; the cutter may hold the last messages.
    AtEnd,
    Failed,
}

impl StdinPipe {
    /// None when stdin is no pipe that can be opened.
    pub(super) fn stdin(input: InputOptions) -> Option<Self> {
        Some(Self {
            receiver: open()?,
            cutter: Cutter::new(input),
            state: PipeState::Open,
        })
    }

    /// Cancel-safe: what was read stays in the cutter.
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
        match self.receiver.try_read_buf(self.cutter.room()) {
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

/// None when stdin is no pipe, or one with a name, or cannot be opened again: who shares the descriptor must not find it
/// non-blocking, so this one is a description of its own.
pub(super) fn open() -> Option<Receiver> {
    // Not a named one: to open that again is to wait for a writer, and the only one may have come and gone.
    let path = "/proc/self/fd/0";
    let target = std::fs::read_link(path).ok()?;
    if !target.as_os_str().as_bytes().starts_with(b"pipe:") {
        return None;
    }
    let again = File::open(path).ok()?;
    Receiver::from_file(again).ok()
}
