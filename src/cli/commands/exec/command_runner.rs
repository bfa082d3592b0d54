//! Runs the command for one message, with retries. Knows nothing of acks.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tokio::select;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::captured_stdout::{CapturedStdout, StdoutLock};
use crate::address::RoomName;
use crate::cli::args::exec::ExecArgs;
use crate::cli::failure::exec::ExecError;
use crate::cli::io::stdout::{self, OutputBatch, OutputFormat, Terminator};
use crate::cli::screen::term;
use crate::cli::settings::HUB_VARIABLES;
use crate::client::backoff::Backoff;
use crate::limits;

/// Runs the same command for every message.
#[derive(Debug)]
pub struct CommandRunner {
    command: String,
    /// Attempts after the first.
    retries: u32,
    /// How stdin gets the message.
    format: OutputFormat,
    /// `--reply`: the size limit of the output that goes to a message's reply room.
    max_reply: Option<usize>,
    /// If commands run concurrently, each writes its output in one go.
    stdout_lock: Option<StdoutLock>,
    /// Variables that let a `roomcat` in the command reach the same hub.
    child_variables: Vec<(&'static str, OsString)>,
    /// The command has ended once with another status than the shell's 126 and 127, so it exists and can be run.
    is_proven: AtomicBool,
}

/// The result for one message.
#[derive(Debug)]
pub enum JobOutcome {
    /// The command succeeded; with its output if there is a reply room.
    Done(Option<Vec<u8>>),
    /// All attempts failed.
    Failed { reason: String, attempts: u32 },
    /// The pool stops before another attempt. The message stays unacknowledged.
    Abandoned,
    /// The shell cannot run the command, and no command has run so far.
    NotRunnable(ExecError),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkState {
    Running,
    /// Running commands may end; failed ones are not retried.
    Stopping,
}

/// Exit statuses of a shell for commands that it cannot run or find.
const NOT_RUNNABLE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// All variables of a message. Inherited ones are removed first: they belong to another message.
const VARIABLES: [&str; 7] = [
    "ROOMCAT_ROOM",
    "ROOMCAT_EVENT",
    "ROOMCAT_FROM",
    "ROOMCAT_SEQ",
    "ROOMCAT_TIME",
    "ROOMCAT_NAMESPACE",
    "ROOMCAT_REPLY",
];

impl CommandRunner {
    pub fn new(
        command: &str,
        exec: &ExecArgs,
        format: OutputFormat,
        child_variables: Vec<(&'static str, OsString)>,
        max_message: usize,
    ) -> Self {
        Self {
            command: command.to_owned(),
            retries: exec.retries,
            format: match format {
                // A command gets the message, not a line.
                OutputFormat::Data(Terminator::Newline) => OutputFormat::Data(Terminator::Raw),
                format => format,
            },
            max_reply: exec.reply.then_some(max_message),
            stdout_lock: (exec.jobs.get() > 1).then(StdoutLock::default),
            child_variables,
            is_proven: AtomicBool::new(false),
        }
    }

    pub fn is_proven(&self) -> bool {
        self.is_proven.load(Ordering::Relaxed)
    }

    /// Runs the command for the one message of `batch`, which came from `room`, until it succeeds or has no retries left.
    pub async fn run_with_retries(
        &self,
        batch: &OutputBatch,
        room: Option<&RoomName>,
        mut work_state: watch::Receiver<WorkState>,
    ) -> Result<JobOutcome, ExecError> {
        let data = Bytes::from(stdout::rendered(&self.format, batch));
        let mut backoff = Backoff::default();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let reason = match self.run(batch, room, &data).await? {
                Attempt::Succeeded(output) => return Ok(JobOutcome::Done(output)),
                Attempt::Failed(reason) => reason,
                Attempt::NotRunnable(_, reason) if self.is_proven() => reason,
                Attempt::NotRunnable(error, _) => return Ok(JobOutcome::NotRunnable(error)),
            };
            // With stdout closed, commands fail because they cannot print.
            if *work_state.borrow() == WorkState::Stopping || stdout::is_closed() {
                return Ok(JobOutcome::Abandoned);
            }
            if attempts > self.retries {
                return Ok(JobOutcome::Failed { reason, attempts });
            }
            term::detail(format!("{reason}; trying again"));
            select! {
                () = sleep(backoff.next_wait()) => {}
                _ = work_state.changed() => return Ok(JobOutcome::Abandoned),
            }
        }
    }

    async fn run(
        &self,
        batch: &OutputBatch,
        room: Option<&RoomName>,
        data: &Bytes,
    ) -> Result<Attempt, ExecError> {
        let max_reply = self.max_reply.filter(|_| batch.header.reply.is_some());
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.command);
        for name in VARIABLES.into_iter().chain(HUB_VARIABLES) {
            command.env_remove(name);
        }
        command.envs(self.child_variables.iter().cloned());
        command.envs(self.variables(batch, room));
        let stdout = match (max_reply, &self.stdout_lock) {
            (None, None) => Stdio::inherit(),
            _ => Stdio::piped(),
        };
        // In its own process group: Ctrl-C stops this process only, which lets the command end.
        let spawned = command
            .stdin(prefilled_stdin(data).unwrap_or_else(Stdio::piped))
            .stdout(stdout)
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let mut process = Process::new(spawned.map_err(ExecError::Start)?);
        let stdout = process.child.stdout.take();
        let captured = match (max_reply, &self.stdout_lock) {
            (None, Some(lock)) => CapturedStdout::forward(stdout, lock),
            (max_reply, _) => CapturedStdout::keep(stdout, max_reply.unwrap_or(0)),
        };
        let (status, output) = process.wait(data.clone(), captured).await;
        let status = status.map_err(ExecError::Start)?;
        if !matches!(status.code(), Some(NOT_FOUND | NOT_RUNNABLE)) {
            self.is_proven.store(true, Ordering::Relaxed);
        }
        let output = match output {
            Ok(output) => output,
            Err(error) => return Ok(Attempt::Failed(format!("cannot write to stdout: {error}"))),
        };
        if let Some(limit) = max_reply.filter(|limit| output.len() > *limit) {
            let reason = format!("it printed more than {limit} bytes");
            return Ok(Attempt::Failed(reason));
        }
        let command = || self.command.clone();
        Ok(match status.code() {
            Some(0) => Attempt::Succeeded(max_reply.map(|_| output)),
            Some(NOT_FOUND) => {
                Attempt::NotRunnable(ExecError::NotFound(command()), status_text(status))
            }
            Some(NOT_RUNNABLE) => {
                Attempt::NotRunnable(ExecError::NotRunnable(command()), status_text(status))
            }
            _ => Attempt::Failed(status_text(status)),
        })
    }

    fn variables(
        &self,
        batch: &OutputBatch,
        room: Option<&RoomName>,
    ) -> impl Iterator<Item = (&'static str, String)> {
        let header = &batch.header;
        let [room_name, event, from, seq, time, namespace, reply] = VARIABLES;
        [
            (room_name, room.map(ToString::to_string)),
            (event, Some(header.event.to_string())),
            (from, header.from.as_ref().map(ToString::to_string)),
            (seq, header.first.as_ref().map(ToString::to_string)),
            (time, stdout::time(header.at)),
            (namespace, Some(batch.namespace.to_string())),
            (reply, header.reply.as_ref().map(ToString::to_string)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

/// The result of one run.
enum Attempt {
    /// With the output if there is a reply room.
    Succeeded(Option<Vec<u8>>),
    Failed(String),
    /// The shell cannot run the command. It may still run it for other messages.
    NotRunnable(ExecError, String),
}

/// A process and its children. They are killed if it is dropped before its end.
struct Process {
    child: Child,
    group: Option<Pid>,
}

impl Process {
    fn new(child: Child) -> Self {
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            group: pid.and_then(Pid::from_raw),
            child,
        }
    }

    /// Feeds the process and waits for its end. Returns the captured output.
    async fn wait(
        &mut self,
        data: Bytes,
        mut captured: CapturedStdout,
    ) -> (io::Result<ExitStatus>, io::Result<Vec<u8>>) {
        let mut processed = Ok(());
        let status = {
            let writing = write(self.child.stdin.take(), data);
            tokio::pin!(writing);
            let mut is_writing = true;
            loop {
                select! {
                    status = self.child.wait() => break status,
                    () = &mut writing, if is_writing => is_writing = false,
                    () = captured.read(), if captured.is_open() && processed.is_ok() => {
                        processed = captured.process().await;
                    }
                }
            }
        };
        // The process is gone, and its id may be reused.
        self.group = None;
        let until = Instant::now() + limits::EXEC_OUTPUT_TIMEOUT;
        // Its children may still hold the pipe open.
        while processed.is_ok()
            && captured.is_open()
            && timeout_at(until, captured.read()).await.is_ok()
        {
            processed = captured.process().await;
        }
        let output = match processed {
            Ok(()) => captured.finish().await,
            Err(error) => Err(error),
        };
        (status, output)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // It may be gone already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// A pipe that already holds the data, so that the command gets it even if `sub` is killed meanwhile. None if the data may not
/// fit into a pipe.
fn prefilled_stdin(data: &[u8]) -> Option<Stdio> {
    if data.len() > limits::EXEC_PREWRITTEN_STDIN {
        return None;
    }
    let (reader, mut writer) = io::pipe().ok()?;
    writer.write_all(data).ok()?;
    Some(reader.into())
}

/// Ignores errors: a command need not read its stdin.
async fn write(stdin: Option<ChildStdin>, data: Bytes) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(&data).await;
    }
}

fn status_text(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "it ended in an unknown way".to_owned(),
    }
}
