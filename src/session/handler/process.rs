//! One run of a program: its process, the pipes to it, and its end. Knows nothing of what the lines mean.

use std::future::pending;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep_until};

use super::desk::{self, Desk};
use super::reading::{Line, Lines};
use crate::limits;
use crate::session::namespace::policy::{HandlerCommand, NamespacePattern};

#[derive(Debug)]
pub struct Process {
    child: Child,
    /// It leads a group of its own, so that nothing that it started outlives it, and a terminal's ^C is the hub's alone.
    group: Option<Pid>,
    since: Instant,
    /// None when it is closed.
    stdin: Option<ChildStdin>,
    /// What is being written, and how much of it was.
    writing: Option<(desk::Line, usize)>,
    ending: Ending,
    stdout: Lines<ChildStdout>,
    stderr: Lines<ChildStderr>,
    exit: Option<ExitStatus>,
    /// When it is killed, or what is left of it given up.
    until: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    No,
    /// Stdin is closed when everything was written.
    Asked,
    Killed,
}

/// Whether whoever runs it takes its lines at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    Yes,
    No,
}

#[derive(Debug)]
pub enum Happened {
    Said(Line),
    Complained(Line),
    /// Something that is nobody else's business.
    Progress,
    Over(Over),
}

#[derive(Debug)]
pub struct Over {
    /// None when it would not even be killed.
    pub status: Option<ExitStatus>,
    pub ran: Duration,
}

impl Process {
    pub fn start(
        handler: &HandlerCommand,
        namespaces: &NamespacePattern,
        longest: usize,
    ) -> io::Result<Self> {
        // The folder of a file that was named without one.
        let folder = if handler.folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &handler.folder
        };
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(&handler.command)
            .current_dir(folder)
            .env("ROOMCAT_NAMESPACE", namespaces.as_str())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let piped = "it was given pipes";
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        Ok(Self {
            group: pid.and_then(Pid::from_raw),
            since: Instant::now(),
            stdin: Some(child.stdin.take().expect(piped)),
            writing: None,
            ending: Ending::No,
            stdout: Lines::new(child.stdout.take().expect(piped), longest),
            stderr: Lines::new(
                child.stderr.take().expect(piped),
                limits::HANDLER_STDERR_BYTES,
            ),
            exit: None,
            until: None,
            child,
        })
    }

    /// Asks it to end: its stdin ends after what waits for it now.
    pub fn end(&mut self) {
        if self.ending == Ending::No {
            self.ending = Ending::Asked;
        }
        self.end_within(limits::HANDLER_STOP);
    }

    /// Cancel-safe: what was half done is kept here. Not to be asked again after `Over`.
    pub async fn next(&mut self, desk: &mut Desk, reading: Reading) -> Happened {
        if self.exit.is_some() && self.stdout.has_ended() && self.stderr.has_ended() {
            return self.over();
        }
        self.choose_what_to_write(desk);
        let reads = reading == Reading::Yes && !self.stdout.has_ended();
        tokio::select! {
            wrote = write(&mut self.stdin, &mut self.writing) => self.wrote(wrote),
            line = self.stdout.next(), if reads => match line {
                Some(line) => return Happened::Said(line),
                // Nothing that it is asked can be answered any more.
                None => self.end_within(limits::HANDLER_STOP),
            },
            line = self.stderr.next(), if !self.stderr.has_ended() => {
                if let Some(line) = line {
                    return Happened::Complained(line);
                }
            }
            status = self.child.wait(), if self.exit.is_none() => {
                // Whoever cannot be waited for is not there.
                self.exit = Some(status.unwrap_or_default());
                self.stdin = None;
                // What it started in the background goes with it. What is in its pipes is still read.
                self.kill_group();
                self.until = Some(Instant::now() + limits::HANDLER_STOP);
            }
            () = sleep_until(self.until.unwrap_or(self.since)), if self.until.is_some() => {
                if self.ending == Ending::Killed || self.exit.is_some() {
                    return self.over();
                }
                self.kill();
            }
        }
        Happened::Progress
    }

    fn choose_what_to_write(&mut self, desk: &mut Desk) {
        if self.stdin.is_none() || self.writing.is_some() {
            return;
        }
        self.writing = desk.next_line().map(|line| (line, 0));
        if self.writing.is_none() && self.ending == Ending::Asked {
            self.stdin = None;
        }
    }

    fn wrote(&mut self, wrote: io::Result<usize>) {
        match (wrote, &mut self.writing) {
            (Ok(count), Some((line, written))) => {
                *written += count;
                if *written >= line.bytes.len() {
                    self.writing = None;
                }
            }
            // It closed its stdin: it hears nothing any more.
            (Err(_), _) => {
                self.stdin = None;
                self.writing = None;
                self.end_within(limits::HANDLER_STOP);
            }
            (Ok(_), None) => {}
        }
    }

    fn end_within(&mut self, time: Duration) {
        let until = Instant::now() + time;
        self.until = Some(self.until.map_or(until, |sooner| sooner.min(until)));
    }

    fn kill(&mut self) {
        self.ending = Ending::Killed;
        self.kill_group();
        self.until = Some(Instant::now() + limits::HANDLER_STOP);
    }

    fn kill_group(&self) {
        if let Some(group) = self.group {
            // HubClosed already is as good.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    fn over(&mut self) -> Happened {
        Happened::Over(Over {
            status: self.exit,
            ran: self.since.elapsed(),
        })
    }
}

/// One write; never ready when there is nothing to write or nowhere. Cancel-safe, as a write is.
async fn write(
    stdin: &mut Option<ChildStdin>,
    writing: &mut Option<(desk::Line, usize)>,
) -> io::Result<usize> {
    match (stdin, writing) {
        (Some(stdin), Some((line, written))) => {
            let rest = line.bytes.get(*written..).unwrap_or_default();
            match stdin.write(rest).await? {
                0 => Err(io::ErrorKind::WriteZero.into()),
                count => Ok(count),
            }
        }
        _ => pending().await,
    }
}
