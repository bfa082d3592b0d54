//! The demo's screen: what is said on it, in which colours, and how long who looks on is given.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use colored::{Color, Colorize as _};

use crate::cli::io::stdout;
use crate::cli::screen::term;

/// Between two things that happen, where someone looks on.
const PACE: Duration = Duration::from_millis(270);
/// Between two looks at what cannot be waited for.
pub(super) const GLANCE: Duration = Duration::from_millis(20);

/// When a command that was printed is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::cli::commands::demo) enum Pacing {
    #[default]
    ByItself,
    /// On Enter, where there is someone to press it.
    OnEnter,
}

#[derive(Debug, Clone)]
pub(super) struct Screen {
    colour: bool,
    pub(super) pace: Duration,
    /// Each Enter; None: nobody is asked.
    enter: Option<Arc<Mutex<Receiver<()>>>>,
    /// Why the first line that was not shown was not.
    failed: Arc<OnceLock<io::Error>>,
}

impl Screen {
    pub(super) fn of_process(pacing: Pacing) -> Self {
        let someone_looks_on = io::stdout().is_terminal();
        let asks = pacing == Pacing::OnEnter && someone_looks_on && io::stdin().is_terminal();
        Self {
            colour: term::stdout_colour(),
            pace: if someone_looks_on {
                PACE
            } else {
                Duration::ZERO
            },
            enter: asks.then(presses),
            failed: Arc::default(),
        }
    }

    pub(super) fn asks(&self) -> bool {
        self.enter.is_some()
    }

    pub(super) fn say(&self, line: &str) {
        self.show(&format!("{line}\n"));
    }

    fn show(&self, text: &str) {
        // Where nobody looks on any more the steps are held to what they say all the same.
        if let Err(error) = stdout::print(text) {
            let _ = self.failed.set(error);
        }
    }

    /// Why what was said is not on the screen: a full disk, but not a reader that went away.
    pub(super) fn failure(&self) -> Option<io::Error> {
        let error = self.failed.get()?;
        Some(match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => error.kind().into(),
        })
    }

    /// A command, which then waits for Enter if that is asked for: the terminal ends the line with it. `go_on` says from time
    /// to time whether there is anything to wait for.
    pub(super) fn offer<E>(
        &self,
        line: &str,
        mut go_on: impl FnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(enter) = &self.enter else {
            self.say(line);
            return Ok(());
        };
        self.show(&format!("{line} "));
        let enter = enter
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        loop {
            match enter.recv_timeout(GLANCE) {
                Ok(()) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => go_on()?,
                // The end of input presses Enter for all that is left.
                Err(RecvTimeoutError::Disconnected) => {
                    self.say("");
                    return Ok(());
                }
            }
        }
    }

    /// As wide as the longest name, so that what is said stands in one column.
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

fn presses() -> Arc<Mutex<Receiver<()>>> {
    let (pressed, presses) = channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            if line.is_err() || pressed.send(()).is_err() {
                return;
            }
        }
    });
    Arc::new(Mutex::new(presses))
}
