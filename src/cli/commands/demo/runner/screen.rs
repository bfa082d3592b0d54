//! The demo's screen: its colours, its pauses, and the wait for Enter.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use colored::{Color, Colorize as _};

use crate::cli::io::stdout;
use crate::cli::screen::term;

/// The pause between two steps at a terminal, so that people can read.
const PAUSE: Duration = Duration::from_millis(270);
/// The interval of checks for events that cannot be waited for.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// When a printed command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pacing {
    #[default]
    Automatic,
    /// On Enter, if stdin and stdout are a terminal.
    OnEnter,
}

#[derive(Debug, Clone)]
pub(super) struct DemoScreen {
    colour: bool,
    pub(super) pause: Duration,
    /// Receives each press of Enter. None if commands run without waiting.
    enter: Option<Arc<Mutex<Receiver<()>>>>,
    /// Why printing failed for the first time.
    failure: Arc<OnceLock<io::Error>>,
}

impl DemoScreen {
    pub(super) fn of_stdout(pacing: Pacing) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let waits = pacing == Pacing::OnEnter && is_terminal && io::stdin().is_terminal();
        Self {
            colour: term::stdout_colour(),
            pause: if is_terminal { PAUSE } else { Duration::ZERO },
            enter: waits.then(read_enter),
            failure: Arc::default(),
        }
    }

    pub(super) fn waits_for_enter(&self) -> bool {
        self.enter.is_some()
    }

    pub(super) fn print(&self, line: &str) {
        self.write(&format!("{line}\n"));
    }

    fn write(&self, text: &str) {
        // A failure ends the demo at its next check.
        if let Err(error) = stdout::print(text) {
            let _ = self.failure.set(error);
        }
    }

    /// Why stdout cannot be written, for example a full disk. A closed stdout is no failure: the steps go on and are checked.
    pub(super) fn failure(&self) -> Option<io::Error> {
        let error = self.failure.get()?;
        Some(match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => error.kind().into(),
        })
    }

    /// Prints a command and waits for Enter if this screen does. The echo of Enter ends the line. `check` is called again and
    /// again, and its error ends the wait.
    pub(super) fn prompt<E>(
        &self,
        line: &str,
        mut check: impl FnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(enter) = &self.enter else {
            self.print(line);
            return Ok(());
        };
        self.write(&format!("{line} "));
        let enter = enter.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match enter.recv_timeout(POLL_INTERVAL) {
                Ok(()) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => check()?,
                // After the end of input, no command waits.
                Err(RecvTimeoutError::Disconnected) => {
                    self.print("");
                    return Ok(());
                }
            }
        }
    }

    /// A name in its colour, padded so that the texts after the names are aligned.
    pub(super) fn name(&self, name: &str) -> String {
        let colour = match name {
            "alice" => Color::Cyan,
            "bob" => Color::Magenta,
            "hub" => Color::Yellow,
            _ => Color::Green,
        };
        self.paint(&format!("{name:>5}"), colour)
    }

    pub(super) fn paint(&self, text: &str, colour: Color) -> String {
        if self.colour {
            text.color(colour).to_string()
        } else {
            text.to_owned()
        }
    }

    pub(super) fn bold(&self, text: &str) -> String {
        if self.colour {
            text.bold().to_string()
        } else {
            text.to_owned()
        }
    }
}

/// Sends each press of Enter. The channel closes at the end of input.
fn read_enter() -> Arc<Mutex<Receiver<()>>> {
    let (sender, presses) = channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            if line.is_err() || sender.send(()).is_err() {
                return;
            }
        }
    });
    Arc::new(Mutex::new(presses))
}
