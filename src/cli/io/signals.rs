//! Signals as something to await: those that end a command, and those that change its terminal. After an orderly end the process
//! dies of the signal, so that its parent sees it.

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

    /// The `$?` of a shell.
    pub fn exit_code(self) -> u8 {
        u8::try_from(self.raw()).map_or(u8::MAX, |raw| raw.saturating_add(128))
    }

    /// Ends the process by the default action of the signal. A shell goes on with its loop after a process that exited with 130,
    /// and ends the loop after one that died of the signal. Returns only if that fails.
    pub fn end_process(self) {
        let _ = signal_hook::low_level::emulate_default_handler(self.raw());
    }
}

pub struct Signals {
    interrupt: Listener,
    terminate: Listener,
    /// `None` when the parent has the signal ignored, as nohup does.
    hangup: Option<Listener>,
}

impl Signals {
    /// From this call on the signals no longer end the process by themselves.
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
            () = wait_for(&mut self.hangup) => Signal::Hangup,
        }
    }
}

async fn wait_for(listener: &mut Option<Listener>) {
    match listener {
        Some(listener) => {
            listener.recv().await;
        }
        None => pending().await,
    }
}

/// Counts a signal as ignored when the system does not say: then its default action stays.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask >> (signal.raw() - 1) & 1 == 1)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalChange {
    Resized,
    /// The process goes on after a stop.
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
