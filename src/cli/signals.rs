//! Signals as something to await: what ends a command, and what changes its terminal. Which exit code each has is in [`super::failure`].

use std::io;

use rustix::process::{getpid, getppid, getsid, kill_process};
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
    /// To be stopped ([`stop`]): the terminal will be another's.
    Suspended,
    /// On again.
    Continued,
}

pub struct TerminalChanges {
    resized: Listener,
    suspended: Listener,
    continued: Listener,
}

impl TerminalChanges {
    /// From here on Ctrl-Z stops the process no longer by itself.
    pub fn listen() -> io::Result<Self> {
        let suspended = SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw());
        let continued = SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
        Ok(Self {
            resized: signal(SignalKind::window_change())?,
            suspended: signal(suspended)?,
            continued: signal(continued)?,
        })
    }

    /// Cancel-safe, as both listeners are.
    pub async fn next(&mut self) -> TerminalChange {
        select! {
            _ = self.resized.recv() => TerminalChange::Resized,
            _ = self.suspended.recv() => TerminalChange::Suspended,
            _ = self.continued.recv() => TerminalChange::Continued,
        }
    }
}

/// What Ctrl-Z does to who does not listen for it: nothing where no shell of the same session is there to go on with it.
pub fn stop() {
    let session = |pid| getsid(Some(pid)).ok();
    let shell = getppid().filter(|shell| session(*shell) == session(getpid()));
    if shell.is_some() {
        // A process may stop itself.
        let _ = kill_process(getpid(), rustix::process::Signal::STOP);
    }
}
