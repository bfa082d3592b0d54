//! One message's command: its process, run again until it ends well or was tried often enough. Knows nothing of acks.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::select;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::address::RoomName;
use crate::cli::settings::OF_A_HUB;
use crate::cli::stdout::{self, Chunk, Form};
use crate::cli::term;
use crate::client::backoff::Backoff;
use crate::limits;

/// What is the same for every message.
#[derive(Debug, Clone)]
pub struct Plan {
    pub command: String,
    /// Tries after the first.
    pub retries: u32,
    /// What stdin gets.
    pub form: Form,
    pub output: OutputTo,
    /// The variables of the hub that the messages come from, for a `roomcat` in the command.
    pub passed_on: Vec<(&'static str, OsString)>,
}

/// Where a command's stdout goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputTo {
    Stdout,
    /// To the reply room of a message that has one, of so many bytes at most.
    Reply(usize),
}

/// What became of a message.
#[derive(Debug)]
pub enum Ended {
    /// With what it printed for the reply room.
    Done(Option<Vec<u8>>),
    /// It never ended well.
    Dead { reason: String, attempts: u32 },
    /// Neither: the work was called off, and the message is to come again.
    Abandoned,
}

/// Why no message can be worked on.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    #[error("cannot start sh: {}", crate::client::error::plain(.0))]
    Start(io::Error),
    #[error(
        "a command of {0:?} was not found (sh ended with 127); the message is not acknowledged"
    )]
    NotFound(String),
    #[error(
        "a command of {0:?} cannot be run (sh ended with 126); the message is not acknowledged"
    )]
    NotRunnable(String),
}

/// Whether work goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Wanted,
    /// What runs may end; nothing is tried again.
    CalledOff,
}

/// What the shell says of commands that it cannot find or run.
const NOT_RUNNABLE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// Every variable that a message may set: those of our own environment are about another message.
const VARIABLES: [&str; 7] = [
    "ROOMCAT_ROOM",
    "ROOMCAT_EVENT",
    "ROOMCAT_FROM",
    "ROOMCAT_SEQ",
    "ROOMCAT_TIME",
    "ROOMCAT_NAMESPACE",
    "ROOMCAT_REPLY",
];

impl Plan {
    /// Works on the one message of `chunk`, which came by `room`.
    pub async fn work(
        &self,
        chunk: &Chunk,
        room: Option<&RoomName>,
        mut work: watch::Receiver<Work>,
    ) -> Result<Ended, ExecError> {
        let data = Bytes::from(stdout::rendered(&self.form, chunk));
        let mut backoff = Backoff::default();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let reason = match self.run(chunk, room, &data).await? {
                Ok(output) => return Ok(Ended::Done(output)),
                Err(reason) => reason,
            };
            // Who prints to a reader that is gone fails by that.
            if *work.borrow() == Work::CalledOff || stdout::is_closed() {
                return Ok(Ended::Abandoned);
            }
            if attempts > self.retries {
                return Ok(Ended::Dead { reason, attempts });
            }
            term::detail(format!("{reason}; trying again"));
            select! {
                () = sleep(backoff.wait()) => {}
                _ = work.changed() => return Ok(Ended::Abandoned),
            }
        }
    }

    /// One try: what it printed for the reply room, or why it failed.
    async fn run(
        &self,
        chunk: &Chunk,
        room: Option<&RoomName>,
        data: &Bytes,
    ) -> Result<Result<Option<Vec<u8>>, String>, ExecError> {
        let most = match self.output {
            OutputTo::Reply(most) if chunk.header.reply.is_some() => Some(most),
            _ => None,
        };
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.command);
        for name in VARIABLES.into_iter().chain(OF_A_HUB) {
            command.env_remove(name);
        }
        command.envs(self.passed_on.iter().cloned());
        command.envs(self.variables(chunk, room));
        let stdout = match most {
            Some(_) => Stdio::piped(),
            None => Stdio::inherit(),
        };
        // A group of its own: a terminal's ^C is for us, who let it end.
        let spawned = command
            .stdin(Stdio::piped())
            .stdout(stdout)
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let mut process = Process::new(spawned.map_err(ExecError::Start)?);
        let (status, output) = process.end(data.clone(), most).await;
        let status = status.map_err(ExecError::Start)?;
        if most.is_some_and(|most| output.len() > most) {
            let most = most.unwrap_or_default();
            return Ok(Err(format!("it printed more than {most} bytes")));
        }
        match status.code() {
            Some(0) => Ok(Ok(most.map(|_| output))),
            Some(NOT_FOUND) => Err(ExecError::NotFound(self.command.clone())),
            Some(NOT_RUNNABLE) => Err(ExecError::NotRunnable(self.command.clone())),
            _ => Ok(Err(spoken(status))),
        }
    }

    fn variables(
        &self,
        chunk: &Chunk,
        room: Option<&RoomName>,
    ) -> impl Iterator<Item = (&'static str, String)> {
        let header = &chunk.header;
        let [room_is, event, from, seq, time, namespace, reply] = VARIABLES;
        [
            (room_is, room.map(ToString::to_string)),
            (event, Some(header.event.to_string())),
            (from, header.from.as_ref().map(ToString::to_string)),
            (seq, header.first.as_ref().map(ToString::to_string)),
            (time, stdout::time(header.at)),
            (namespace, Some(chunk.namespace.to_string())),
            (reply, header.reply.as_ref().map(ToString::to_string)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

/// A process and whatever it starts: gone when it is dropped before its end.
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

    /// Its end, and what it printed, if that is asked for: one byte more than `most` at most.
    async fn end(&mut self, data: Bytes, most: Option<usize>) -> (io::Result<ExitStatus>, Vec<u8>) {
        let mut output = Vec::new();
        let status = {
            let writing = write(self.child.stdin.take(), data);
            let reading = read(self.child.stdout.take(), most.unwrap_or(0), &mut output);
            tokio::pin!(writing, reading);
            let (mut writes, mut reads) = (true, true);
            let status = loop {
                select! {
                    status = self.child.wait() => break status,
                    () = &mut writing, if writes => writes = false,
                    () = &mut reading, if reads => reads = false,
                }
            };
            // It is gone, and its number may be another's.
            self.group = None;
            if reads {
                let _ = timeout(limits::EXEC_OUTPUT_END, reading).await;
            }
            status
        };
        (status, output)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // Gone already is as good.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// What a command does not read is its own business.
async fn write(stdin: Option<ChildStdin>, data: Bytes) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(&data).await;
    }
}

async fn read(stdout: Option<ChildStdout>, most: usize, output: &mut Vec<u8>) {
    if let Some(stdout) = stdout {
        // What was printed before a failure counts as printed.
        let _ = stdout.take(most as u64 + 1).read_to_end(output).await;
    }
}

fn spoken(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "it ended in an unknown way".to_owned(),
    }
}
