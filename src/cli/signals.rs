//! Signals as something to await: what ends a command, and what changes its terminal. Which exit code each has is in [`super::failure`].

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalChange {
    Resized,
    /// Stopped, and on again: in between the terminal was another's.
    Continued,
}

pub struct TerminalChanges {
    resized: Listener,
    continued: Listener,
}

impl TerminalChanges {
    pub fn listen() -> io::Result<Self> {
        let continued = SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
        Ok(Self {
            resized: signal(SignalKind::window_change())?,
            continued: signal(continued)?,
        })
    }

    /// Cancel-safe, as both listeners are.
    pub async fn next(&mut self) -> TerminalChange {
        select! {
            _ = self.resized.recv() => TerminalChange::Resized,
            _ = self.continued.recv() => TerminalChange::Continued,
        }
    }
}
