//! A process of the demo: writes to its stdin, and checks its output, its exit and the frames of its `--trace`.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use colored::Color;

use super::context::{DemoContext, cannot};
use super::pattern;
use super::screen::POLL_INTERVAL;
use crate::cli::failure::Failure;
use crate::cli::screen::term;
use crate::limits;

/// Dropping it kills the process.
pub struct DemoProcess {
    name: &'static str,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<String>,
    /// None if stderr goes to the user.
    stderr: Option<Receiver<String>>,
    context: DemoContext,
}

impl DemoProcess {
    pub(super) fn start(
        name: &'static str,
        command: &mut Command,
        context: &DemoContext,
    ) -> Result<Self, Failure> {
        let child = command.spawn();
        let mut child = child.map_err(|error| cannot("start roomcat", &error))?;
        Ok(Self {
            name,
            stdin: child.stdin.take(),
            stdout: child.stdout.take().map_or_else(|| channel().1, read_lines),
            stderr: child.stderr.take().map(read_lines),
            child,
            context: context.clone(),
        })
    }

    /// Types a line into stdin and shows it.
    pub fn type_line(&mut self, line: &str) -> Result<(), Failure> {
        let name = self.context.screen.name(self.name);
        self.context.prompt(&format!("{name} > {line}"))?;
        self.write_line(line)?;
        self.context.pause()
    }

    /// Shows the next line of stdout, which must be this one.
    pub fn expect_line(&mut self, expected: &str) -> Result<(), Failure> {
        let Some(line) = self.next_stdout()? else {
            return Err(self.failure(&format!("ended without {expected:?}")));
        };
        let screen = &self.context.screen;
        let text = term::visible(&line);
        screen.print(&format!("{} | {text}", screen.name(self.name)));
        if line != expected {
            return Err(self.failure(&format!("got {line:?} instead of {expected:?}")));
        }
        self.context.pause()
    }

    /// Shows the next frame that matches, and skips the frames before it.
    pub fn expect_frame(&mut self, pattern: &str) -> Result<(), Failure> {
        loop {
            let Some(line) = self.next_stderr()? else {
                return Err(self.failure(&format!("ended without the frame {pattern:?}")));
            };
            if let Some((frame, meaning)) = parse_frame(&line)
                && pattern::matches(pattern, frame)
            {
                self.context.show_frame(self.name, frame, meaning);
                return self.context.pause();
            }
        }
    }

    /// Shows the next line of stderr that matches, and skips the lines before it.
    pub fn expect_log(&mut self, pattern: &str) -> Result<(), Failure> {
        loop {
            let Some(line) = self.next_stderr()? else {
                return Err(self.failure(&format!("ended without logging {pattern:?}")));
            };
            if pattern::matches(pattern, &line) {
                let screen = &self.context.screen;
                let text = screen.paint(&term::visible(&line), Color::BrightBlack);
                screen.print(&format!("{} : {text}", screen.name(self.name)));
                return self.context.pause();
            }
        }
    }

    /// Waits for the exit. The process must write nothing more and exit with 0.
    pub fn expect_exit(mut self) -> Result<(), Failure> {
        if let Some(line) = self.next_stdout()? {
            return Err(self.failure(&format!("got {line:?} instead of nothing")));
        }
        let status = self.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(self.failure(&format!("ended with {status}")))
        }
    }

    /// Waits for the exit. Call this only once stdout is closed, because the wait has no deadline.
    pub(super) fn wait(&mut self) -> Result<ExitStatus, Failure> {
        let status = self.child.wait();
        status.map_err(|error| cannot("wait for a command", &error))
    }

    pub(super) fn write_line(&mut self, line: &str) -> Result<(), Failure> {
        let Some(stdin) = &mut self.stdin else {
            return Ok(());
        };
        let written = stdin.write_all(format!("{line}\n").as_bytes());
        written.map_err(|error| self.failure(&format!("does not read its stdin: {error}")))
    }

    pub(super) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// All lines of stdout until it is closed.
    pub(super) fn read_stdout(&mut self) -> Result<Vec<String>, Failure> {
        std::iter::from_fn(|| self.next_stdout().transpose()).collect()
    }

    /// None once stdout is closed.
    fn next_stdout(&mut self) -> Result<Option<String>, Failure> {
        self.next_line(&self.stdout)
    }

    /// None once stderr is closed, or if it goes to the user.
    pub(super) fn next_stderr(&mut self) -> Result<Option<String>, Failure> {
        match &self.stderr {
            Some(stderr) => self.next_line(stderr),
            None => Ok(None),
        }
    }

    fn next_line(&self, lines: &Receiver<String>) -> Result<Option<String>, Failure> {
        let deadline = Instant::now() + limits::DEMO_TIMEOUT;
        loop {
            match lines.recv_timeout(POLL_INTERVAL) {
                Ok(line) => return Ok(Some(line)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => self.context.check()?,
            }
            if Instant::now() > deadline {
                let seconds = limits::DEMO_TIMEOUT.as_secs();
                return Err(self.failure(&format!("wrote nothing for {seconds} s")));
            }
        }
    }

    fn failure(&self, problem: &str) -> Failure {
        let name = if self.name.is_empty() {
            "a command"
        } else {
            self.name
        };
        self.context.failure(&format!("{name} {problem}"))
    }
}

impl Drop for DemoProcess {
    fn drop(&mut self) {
        // This fails only if the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Splits a line of `--trace` into the frame and the meaning of its parts, without the time. None for other lines.
pub(super) fn parse_frame(line: &str) -> Option<(&str, &str)> {
    let (_time, frame) = line.split_once(' ')?;
    let is_frame = frame.starts_with(['→', '←']);
    is_frame.then(|| frame.split_once("   ").unwrap_or((frame, "")))
}

fn read_lines(source: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(source).lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
