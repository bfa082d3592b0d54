//! What a command prints, where it is not simply stdout's: kept for an answer, or written whole so that commands that
//! run at once do not break into each other's lines. Knows nothing of messages.

use std::io;
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;
use tokio::process::ChildStdout;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;

use crate::cli::io::stdout::write_through;
use crate::limits;

/// Stdout, for one command at a time.
pub type Turn = Arc<Mutex<()>>;

/// The stdout of one command, while it is read.
pub struct Printed {
    from: Option<ChildStdout>,
    bytes: Vec<u8>,
    to: To,
}

enum To {
    /// One byte more than so many at most: that it was more is seen by that.
    Kept(usize),
    /// Stdout, and the turn once it is ours.
    Stdout(Turn, Option<OwnedMutexGuard<()>>),
}

impl Printed {
    pub fn kept(from: Option<ChildStdout>, most: usize) -> Self {
        Self::new(from, To::Kept(most))
    }

    /// Written when it ends. What is more than this process holds is written as it comes, and others wait meanwhile.
    pub fn whole(from: Option<ChildStdout>, turn: &Turn) -> Self {
        Self::new(from, To::Stdout(Arc::clone(turn), None))
    }

    fn new(from: Option<ChildStdout>, to: To) -> Self {
        Self {
            from,
            bytes: Vec::new(),
            to,
        }
    }

    pub fn is_open(&self) -> bool {
        self.from.is_some()
    }

    /// Reads some; what came is looked at by [`Self::took`]. Cancel-safe, as reading into a buffer is.
    pub async fn read(&mut self) {
        let Some(from) = &mut self.from else { return };
        // What was printed before a failure counts as printed.
        if !matches!(from.read_buf(&mut self.bytes).await, Ok(1..)) {
            self.from = None;
        }
    }

    /// Goes on with what was read. Not to be dropped half-way: it writes.
    pub async fn took(&mut self) -> io::Result<()> {
        match &self.to {
            To::Kept(most) if self.bytes.len() > *most => self.from = None,
            To::Stdout(..) if self.bytes.len() >= limits::EXEC_BUFFERED_OUTPUT => {
                return self.write().await;
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes the rest, or returns what was kept.
    pub async fn end(mut self) -> io::Result<Vec<u8>> {
        self.write().await?;
        Ok(self.bytes)
    }

    async fn write(&mut self) -> io::Result<()> {
        let To::Stdout(turn, held) = &mut self.to else {
            return Ok(());
        };
        if self.bytes.is_empty() {
            return Ok(());
        }
        if held.is_none() {
            *held = Some(Arc::clone(turn).lock_owned().await);
        }
        let bytes = std::mem::take(&mut self.bytes);
        // A reader of stdout that takes its time holds up no connection.
        let written = spawn_blocking(move || write_through(&bytes)).await;
        written.map_err(io::Error::other)?
    }
}
