//! Ctrl-Z in a chat: the process stops only after its terminal is tidied. Knows nothing of the terminal.

use std::io;

use rustix::process::{Signal, getpid, kill_process};
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};

/// The editor asks for it by a signal, and goes on at once.
pub struct Suspensions(Listener);

impl Suspensions {
    /// From here on that signal does not stop the process by itself.
    pub fn listen() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?))
    }

    /// Cancel-safe, as the listener is.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// Comes back when the process is to go on.
pub fn stop_here() {
    // Nobody is refused to stop itself; and going on at once is no worse than that.
    let _ = kill_process(getpid(), Signal::STOP);
}
