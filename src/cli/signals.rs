//! SIGINT and SIGTERM as something to await. Which exit code each has is in [`super::failure`].

use std::io;

use tokio::select;
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Interrupt,
    Terminate,
}

pub struct Signals {
    interrupt: Listener,
    terminate: Listener,
}

impl Signals {
    /// From here on these signals no longer end the process by themselves.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Cancel-safe, as both listeners are.
    pub async fn next(&mut self) -> Signal {
        select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}
