//! Ctrl-Z in a chat: the process stops only after its terminal is restored. Does not touch the terminal itself.

use std::io;

use rustix::process::{Signal, getpid, kill_process};
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

/// The SIGTSTPs of Ctrl-Z. The editor sends the signal and does not wait for its effect.
pub struct SuspendSignals(SignalStream);

impl SuspendSignals {
    /// From now on, SIGTSTP does not stop the process by itself.
    pub fn listen() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?))
    }

    /// Cancel-safe, because the stream is.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// Stops this process. Returns when the shell continues it.
pub fn stop_process() {
    // A process may always stop itself. If it could not, the chat would just go on.
    let _ = kill_process(getpid(), Signal::STOP);
}
