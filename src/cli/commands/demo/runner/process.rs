//! A process that takes part in the demo: what it is told, what it writes, and the frames that it shows (`--trace`).

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use colored::Color;

use super::context::{Scene, cannot, fits};
use super::screen::GLANCE;
use crate::cli::failure::Failure;
use crate::cli::screen::term;
use crate::limits;

/// It ends when this is dropped.
pub(in crate::cli::commands::demo) struct Terminal {
    name: &'static str,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    /// None: the user sees it as it comes.
    errors: Option<Receiver<String>>,
    scene: Scene,
}

impl Terminal {
    pub(super) fn start(
        name: &'static str,
        command: &mut Command,
        scene: &Scene,
    ) -> Result<Self, Failure> {
        let started = command.spawn();
        let mut child = started.map_err(|error| cannot("start roomcat", &error))?;
        Ok(Self {
            name,
            stdin: child.stdin.take(),
            lines: child.stdout.take().map(lines_of).unwrap_or_else(nothing),
            errors: child.stderr.take().map(lines_of),
            child,
            scene: scene.clone(),
        })
    }

    pub(in crate::cli::commands::demo) fn types(&mut self, line: &str) -> Result<(), Failure> {
        let name = self.scene.screen.name(self.name);
        self.scene.offer(&format!("{name} > {line}"))?;
        self.send(line)?;
        self.scene.pause()
    }

    /// The next line that it writes, and it must be this one.
    pub(in crate::cli::commands::demo) fn hears(&mut self, wanted: &str) -> Result<(), Failure> {
        let Some(line) = self.next_line()? else {
            let what = format!("{} ended and did not hear {wanted:?}", self.name);
            return Err(self.scene.failure(&what));
        };
        let screen = &self.scene.screen;
        let heard = term::visible(&line);
        screen.say(&format!("{} | {heard}", screen.name(self.name)));
        if line != wanted {
            let what = format!("{} should hear {wanted:?}, and heard {line:?}", self.name);
            return Err(self.scene.failure(&what));
        }
        self.scene.pause()
    }

    /// The next frame like this, `…` standing for anything. Frames before it are not shown.
    pub(in crate::cli::commands::demo) fn sees(&mut self, wanted: &str) -> Result<(), Failure> {
        loop {
            let Some(line) = self.next_error()? else {
                let what = format!("{} did not see {wanted:?}", self.name);
                return Err(self.scene.failure(&what));
            };
            if let Some((frame, meaning)) = frame_of(&line)
                && fits(wanted, frame)
            {
                self.scene.show_frame(self.name, frame, meaning);
                return self.scene.pause();
            }
        }
    }

    /// The next line of its stderr like this; what is said before it is not shown.
    pub(in crate::cli::commands::demo) fn says(&mut self, wanted: &str) -> Result<(), Failure> {
        loop {
            let Some(line) = self.next_error()? else {
                let what = format!("{} did not say {wanted:?}", self.name);
                return Err(self.scene.failure(&what));
            };
            if fits(wanted, &line) {
                let screen = &self.scene.screen;
                let said = screen.paint(&term::visible(&line), Color::BrightBlack);
                screen.say(&format!("{} : {said}", screen.name(self.name)));
                return self.scene.pause();
            }
        }
    }

    /// It ends by itself, and well.
    pub(in crate::cli::commands::demo) fn ends(mut self) -> Result<(), Failure> {
        if let Some(line) = self.next_line()? {
            let what = format!("{} should hear nothing more, and heard {line:?}", self.name);
            return Err(self.scene.failure(&what));
        }
        match self.status()? {
            status if status.success() => Ok(()),
            status => Err(self
                .scene
                .failure(&format!("a command ended with {status}"))),
        }
    }

    /// Once its stdout is closed, and so it is about to end.
    pub(super) fn status(&mut self) -> Result<ExitStatus, Failure> {
        let ended = self.child.wait();
        ended.map_err(|error| cannot("wait for a command", &error))
    }

    pub(super) fn send(&mut self, line: &str) -> Result<(), Failure> {
        let Some(stdin) = &mut self.stdin else {
            return Ok(());
        };
        let written = stdin.write_all(format!("{line}\n").as_bytes());
        written.map_err(|error| {
            self.scene
                .failure(&format!("a command does not listen: {error}"))
        })
    }

    pub(super) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// None: it closed its output.
    pub(super) fn next_line(&mut self) -> Result<Option<String>, Failure> {
        self.next_of(&self.lines)
    }

    pub(super) fn next_error(&mut self) -> Result<Option<String>, Failure> {
        match &self.errors {
            Some(errors) => self.next_of(errors),
            None => Ok(None),
        }
    }

    fn next_of(&self, lines: &Receiver<String>) -> Result<Option<String>, Failure> {
        let deadline = Instant::now() + limits::DEMO_TIMEOUT;
        loop {
            match lines.recv_timeout(GLANCE) {
                Ok(line) => return Ok(Some(line)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => self.scene.check()?,
            }
            if Instant::now() > deadline {
                let what = format!("{} heard nothing", self.name);
                return Err(self.scene.failure(&what));
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended before, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line of `--trace` without its time, and the meaning of its parts.
pub(super) fn frame_of(line: &str) -> Option<(&str, &str)> {
    let (_time, frame) = line.split_once(' ')?;
    let is_frame = frame.starts_with(['→', '←']);
    is_frame.then(|| frame.split_once("   ").unwrap_or((frame, "")))
}

fn nothing() -> Receiver<String> {
    channel().1
}

fn lines_of(source: impl Read + Send + 'static) -> Receiver<String> {
    let (lines, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(source).lines() {
            let Ok(line) = line else { return };
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
