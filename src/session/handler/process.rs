//! One run of a program: its process, its pipes and its end. Knows nothing of the meaning of the lines.

use std::future::pending;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep_until};

use super::lines::{BoundedLine, Lines};
use super::pending_calls::{PendingCalls, QueuedLine};
use crate::limits;
use crate::session::namespace::policy::{HandlerCommand, NamespacePattern};

#[derive(Debug)]
pub struct ProgramProcess {
    child: Child,
    /// The process leads a group of its own: its children end with it, and Ctrl-C on a terminal reaches only the hub.
    group: Option<Pid>,
    started: Instant,
    /// `None` when it is closed.
    stdin: Option<ChildStdin>,
    /// The line that is being written, and the number of its bytes written so far.
    writing: Option<(QueuedLine, usize)>,
    shutdown: Shutdown,
    stdout: Lines<ChildStdout>,
    stderr: Lines<ChildStderr>,
    exit: Option<ExitStatus>,
    /// When the process is killed, or its pipes are given up.
    deadline: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shutdown {
    No,
    /// Stdin is closed once everything was written.
    Requested,
    Killed,
}

/// Whether the runner can handle a line of stdout now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StdoutReads {
    Allowed,
    Paused,
}

#[derive(Debug)]
pub enum ProcessEvent {
    Stdout(BoundedLine),
    Stderr(BoundedLine),
    /// A step that needs no action by the caller.
    Progress,
    Exited(ProgramExit),
}

#[derive(Debug)]
pub struct ProgramExit {
    /// `None` when even killing it did not end it.
    pub status: Option<ExitStatus>,
    pub ran: Duration,
}

impl ProgramProcess {
    pub fn start(
        handler: &HandlerCommand,
        namespaces: &NamespacePattern,
        max_line_bytes: usize,
    ) -> io::Result<Self> {
        // hub.toml was named without a folder.
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
        let piped = "all three streams are piped";
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        Ok(Self {
            group: pid.and_then(Pid::from_raw),
            started: Instant::now(),
            stdin: Some(child.stdin.take().expect(piped)),
            writing: None,
            shutdown: Shutdown::No,
            stdout: Lines::new(child.stdout.take().expect(piped), max_line_bytes),
            stderr: Lines::new(
                child.stderr.take().expect(piped),
                limits::HANDLER_STDERR_BYTES,
            ),
            exit: None,
            deadline: None,
            child,
        })
    }

    /// Closes stdin after the lines that wait now, and kills the process if it does not end in time.
    pub fn shut_down(&mut self) {
        if self.shutdown == Shutdown::No {
            self.shutdown = Shutdown::Requested;
        }
        self.set_deadline(limits::HANDLER_STOP_TIMEOUT);
    }

    /// Cancel-safe: a partial write or read is kept here. Must not be called after `Exited`.
    pub async fn next_event(
        &mut self,
        calls: &mut PendingCalls,
        reads: StdoutReads,
    ) -> ProcessEvent {
        if self.exit.is_some() && self.stdout.has_ended() && self.stderr.has_ended() {
            return self.exited();
        }
        self.start_next_write(calls);
        let reads = reads == StdoutReads::Allowed && !self.stdout.has_ended();
        tokio::select! {
            result = write(&mut self.stdin, &mut self.writing) => self.finish_write(result),
            line = self.stdout.next(), if reads => match line {
                Some(line) => return ProcessEvent::Stdout(line),
                // It cannot answer any call from now on.
                None => self.set_deadline(limits::HANDLER_STOP_TIMEOUT),
            },
            line = self.stderr.next(), if !self.stderr.has_ended() => {
                if let Some(line) = line {
                    return ProcessEvent::Stderr(line);
                }
            }
            status = self.child.wait(), if self.exit.is_none() => {
                // A process that cannot be waited for does not exist.
                self.exit = Some(status.unwrap_or_default());
                self.stdin = None;
                // Its background children end with it. The rest of its pipes is still read.
                self.kill_group();
                self.deadline = Some(Instant::now() + limits::HANDLER_STOP_TIMEOUT);
            }
            () = sleep_until(self.deadline.unwrap_or(self.started)), if self.deadline.is_some() => {
                if self.shutdown == Shutdown::Killed || self.exit.is_some() {
                    return self.exited();
                }
                self.kill();
            }
        }
        ProcessEvent::Progress
    }

    fn start_next_write(&mut self, calls: &mut PendingCalls) {
        if self.stdin.is_none() || self.writing.is_some() {
            return;
        }
        self.writing = calls.next_line().map(|line| (line, 0));
        if self.writing.is_none() && self.shutdown == Shutdown::Requested {
            self.stdin = None;
        }
    }

    fn finish_write(&mut self, result: io::Result<usize>) {
        match (result, &mut self.writing) {
            (Ok(count), Some((line, written))) => {
                *written += count;
                if *written >= line.bytes.len() {
                    self.writing = None;
                }
            }
            // It closed its stdin.
            (Err(_), _) => {
                self.stdin = None;
                self.writing = None;
                self.set_deadline(limits::HANDLER_STOP_TIMEOUT);
            }
            (Ok(_), None) => {}
        }
    }

    fn set_deadline(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        self.deadline = Some(
            self.deadline
                .map_or(deadline, |sooner| sooner.min(deadline)),
        );
    }

    fn kill(&mut self) {
        self.shutdown = Shutdown::Killed;
        self.kill_group();
        self.deadline = Some(Instant::now() + limits::HANDLER_STOP_TIMEOUT);
    }

    fn kill_group(&self) {
        if let Some(group) = self.group {
            // An error means that the group has ended.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    fn exited(&mut self) -> ProcessEvent {
        ProcessEvent::Exited(ProgramExit {
            status: self.exit,
            ran: self.started.elapsed(),
        })
    }
}

/// One write. Never ready without a line or an open stdin. Cancel-safe, because `write` is.
async fn write(
    stdin: &mut Option<ChildStdin>,
    writing: &mut Option<(QueuedLine, usize)>,
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
