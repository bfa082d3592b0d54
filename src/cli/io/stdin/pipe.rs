//! Stdin that is a pipe, read by whoever waits for its blocks: a line that comes wakes one thread, not two.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use tokio::net::unix::pipe::Receiver;

use super::block::{Block, Input};
use super::cutter::Cutter;
use super::error::InputError;

pub(super) struct Pipe {
    receiver: Receiver,
    cutter: Cutter,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Its end was read; the cutter may hold the last messages.
    AtEnd,
    Failed,
}

impl Pipe {
    /// None when stdin is no pipe that can be opened.
    pub(super) fn stdin(input: Input) -> Option<Self> {
        Some(Self {
            receiver: open()?,
            cutter: Cutter::new(input),
            state: State::Open,
        })
    }

    /// Cancel-safe: what was read stays in the cutter.
    pub(super) async fn next(&mut self) -> Option<Result<Block, InputError>> {
        loop {
            if self.state == State::Failed {
                return None;
            }
            if let Some(block) = self.cutter.next_block() {
                if block.is_err() {
                    self.state = State::Failed;
                }
                return Some(block);
            }
            if self.state == State::AtEnd {
                return None;
            }
            if let Err(source) = self.read().await {
                self.state = State::Failed;
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
                self.state = State::AtEnd;
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
