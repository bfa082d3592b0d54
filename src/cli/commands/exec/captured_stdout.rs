//! Captures a command's stdout: to keep it as an answer, or to write it in one go, so that the output of concurrent commands
//! is not mixed. Knows nothing of messages.

use std::io;
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;
use tokio::process::ChildStdout;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;

use crate::cli::io::stdout::write_through;
use crate::limits;

/// Held by the one command that writes to stdout.
pub type StdoutLock = Arc<Mutex<()>>;

/// The stdout of one running command.
pub struct CapturedStdout {
    /// None at its end.
    pipe: Option<ChildStdout>,
    bytes: Vec<u8>,
    mode: CaptureMode,
}

enum CaptureMode {
    /// Keeps this many bytes. If there are more, at least one of them is kept to show it.
    Keep(usize),
    /// Writes to stdout; holds the lock from the first write on.
    Forward(StdoutLock, Option<OwnedMutexGuard<()>>),
}

impl CapturedStdout {
    pub fn keep(pipe: Option<ChildStdout>, max_bytes: usize) -> Self {
        Self::new(pipe, CaptureMode::Keep(max_bytes))
    }

    /// Writes the output when the command ends. From [`limits::EXEC_BUFFERED_OUTPUT`] bytes on, writes it as it comes, while other commands
    /// wait.
    pub fn forward(pipe: Option<ChildStdout>, lock: &StdoutLock) -> Self {
        Self::new(pipe, CaptureMode::Forward(Arc::clone(lock), None))
    }

    fn new(pipe: Option<ChildStdout>, mode: CaptureMode) -> Self {
        Self {
            pipe,
            bytes: Vec::new(),
            mode,
        }
    }

    pub fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Reads some output, for [`Self::process`]. Cancel-safe: it reads into a buffer of `self`.
    pub async fn read(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        // An error ends the output; what came before counts.
        if !matches!(pipe.read_buf(&mut self.bytes).await, Ok(1..)) {
            self.pipe = None;
        }
    }

    /// Processes what was read. Not cancel-safe: it writes.
    pub async fn process(&mut self) -> io::Result<()> {
        match &self.mode {
            CaptureMode::Keep(max_bytes) if self.bytes.len() > *max_bytes => self.pipe = None,
            CaptureMode::Forward(..) if self.bytes.len() >= limits::EXEC_BUFFERED_OUTPUT => {
                return self.write().await;
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes the rest, or returns what was kept.
    pub async fn finish(mut self) -> io::Result<Vec<u8>> {
        self.write().await?;
        Ok(self.bytes)
    }

    async fn write(&mut self) -> io::Result<()> {
        let CaptureMode::Forward(lock, guard) = &mut self.mode else {
            return Ok(());
        };
        if self.bytes.is_empty() {
            return Ok(());
        }
        if guard.is_none() {
            *guard = Some(Arc::clone(lock).lock_owned().await);
        }
        let bytes = std::mem::take(&mut self.bytes);
        // A slow reader of stdout must not block the connection.
        let written = spawn_blocking(move || write_through(&bytes)).await;
        written.map_err(io::Error::other)?
    }
}
