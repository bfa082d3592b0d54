//! Signals as something to await: what ends a command, and what changes its terminal. And the end by one, once everything is
//! put in order: whoever started the process learns from that what ended it.

use std::future::pending;
use std::io;

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
            hangup: if is_ignored(Signal::Hangup) {
                None
            } else {
                Some(signal(SignalKind::hangup())?)
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
    /// On again.
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
