//! Signals as something to await: what ends a command, and what changes its terminal. And the end by one, once everything is
//! put in order: whoever started the process learns from that what ended it.

use std::future::pending;
use std::io;

use rustix::process::{getpid, getppid, getsid, kill_process};
use tokio::select;
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Interrupt,
    Terminate,
    Hangup,
}

impl Signal {
    fn raw(self) -> i32 {
        let signal = match self {
            Self::Interrupt => rustix::process::Signal::INT,
            Self::Terminate => rustix::process::Signal::TERM,
            Self::Hangup => rustix::process::Signal::HUP,
        };
        signal.as_raw()
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::Hangup => "SIGHUP",
        }
    }

    /// What a shell has in `$?` for it.
    pub fn exit_code(self) -> u8 {
        u8::try_from(self.raw()).map_or(u8::MAX, |raw| raw.saturating_add(128))
    }

    /// Ends the process as if nobody had listened for the signal. A process that exits with 130 tells a shell that it dealt
    /// with Ctrl-C itself, and the shell's loop goes on; one that died of it breaks the loop. Returns only where that fails.
    pub fn end_process(self) {
        let _ = signal_hook::low_level::emulate_default_handler(self.raw());
    }
}

pub struct Signals {
    interrupt: Listener,
    terminate: Listener,
    /// None: whoever started the process wants it to go on, as nohup does.
    hangup: Option<Listener>,
}

impl Signals {
    /// From here on these signals no longer end the process by themselves.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: match is_ignored(Signal::Hangup) {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
        })
    }

    /// Cancel-safe, as the listeners are.
    pub async fn next(&mut self) -> Signal {
        select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
            () = heard(&mut self.hangup) => Signal::Hangup,
        }
    }
}

async fn heard(listener: &mut Option<Listener>) {
    match listener {
        Some(listener) => {
            listener.recv().await;
        }
        None => pending().await,
    }
}

/// Where the system does not tell, it counts as ignored: the signal does then what it did without anyone listening.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask >> (signal.raw() - 1) & 1 == 1)
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
