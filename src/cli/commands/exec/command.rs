//! One message's command: its process, run again until it ends well or was tried often enough. Knows nothing of acks.

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

use super::printed::{Printed, Turn};
use crate::address::RoomName;
use crate::cli::failure::exec::ExecError;
use crate::cli::io::stdout::{self, OutputBatch, OutputFormat};
use crate::cli::screen::term;
use crate::cli::settings::HUB_VARIABLES;
use crate::client::backoff::Backoff;
use crate::limits;

/// What is the same for every message.
#[derive(Debug)]
pub struct Plan {
    pub command: String,
    /// Tries after the first.
    pub retries: u32,
    /// What stdin gets.
    pub form: OutputFormat,
    /// What is printed goes to the reply room of a message that has one: of so many bytes at most.
    pub reply: Option<usize>,
    /// What is printed else waits for its command's end, as several run at once. Without it, it is there at once.
    pub turn: Option<Turn>,
    /// The variables of the hub that the messages come from, for a `roomcat` in the command.
    pub child_variables: Vec<(&'static str, OsString)>,
    pub proof: Proof,
}

/// Whether this command can be run at all: it ended once with something that is not the shell's word for "no".
#[derive(Debug, Default)]
pub struct Proof(AtomicBool);

impl Proof {
    pub fn is_there(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn give(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
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
    /// Not known yet: no command has shown that it can be run.
    Unproven(ExecError),
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
        chunk: &OutputBatch,
        room: Option<&RoomName>,
        mut work: watch::Receiver<Work>,
    ) -> Result<Ended, ExecError> {
        let data = Bytes::from(stdout::rendered(&self.form, chunk));
        let mut backoff = Backoff::default();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let reason = match self.run(chunk, room, &data).await? {
                Tried::Well(output) => return Ok(Ended::Done(output)),
                Tried::Failed(reason) => reason,
                Tried::Unrunnable(_, reason) if self.proof.is_there() => reason,
                Tried::Unrunnable(error, _) => return Ok(Ended::Unproven(error)),
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
                () = sleep(backoff.next_wait()) => {}
                _ = work.changed() => return Ok(Ended::Abandoned),
            }
        }
    }

    async fn run(
        &self,
        chunk: &OutputBatch,
        room: Option<&RoomName>,
        data: &Bytes,
    ) -> Result<Tried, ExecError> {
        let most = self.reply.filter(|_| chunk.header.reply.is_some());
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.command);
        for name in VARIABLES.into_iter().chain(HUB_VARIABLES) {
            command.env_remove(name);
        }
        command.envs(self.child_variables.iter().cloned());
        command.envs(self.variables(chunk, room));
        let stdout = match (most, &self.turn) {
            (None, None) => Stdio::inherit(),
            _ => Stdio::piped(),
        };
        // A group of its own: a terminal's ^C is for us, who let it end.
        let spawned = command
            .stdin(filled(data).unwrap_or_else(Stdio::piped))
            .stdout(stdout)
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let mut process = Process::new(spawned.map_err(ExecError::Start)?);
        let stdout = process.child.stdout.take();
        let printed = match (most, &self.turn) {
            (None, Some(turn)) => Printed::whole(stdout, turn),
            (most, _) => Printed::kept(stdout, most.unwrap_or(0)),
        };
        let (status, output) = process.end(data.clone(), printed).await;
        let status = status.map_err(ExecError::Start)?;
        if !matches!(status.code(), Some(NOT_FOUND | NOT_RUNNABLE)) {
            self.proof.give();
        }
        let output = match output {
            Ok(output) => output,
            Err(error) => return Ok(Tried::Failed(format!("cannot write to stdout: {error}"))),
        };
        if let Some(most) = most.filter(|most| output.len() > *most) {
            return Ok(Tried::Failed(format!("it printed more than {most} bytes")));
        }
        let command = || self.command.clone();
        Ok(match status.code() {
            Some(0) => Tried::Well(most.map(|_| output)),
            Some(NOT_FOUND) => Tried::Unrunnable(ExecError::NotFound(command()), spoken(status)),
            Some(NOT_RUNNABLE) => {
                Tried::Unrunnable(ExecError::NotRunnable(command()), spoken(status))
            }
            _ => Tried::Failed(spoken(status)),
        })
    }

    fn variables(
        &self,
        chunk: &OutputBatch,
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

/// One try.
enum Tried {
    /// With what it printed for the reply room.
    Well(Option<Vec<u8>>),
    Failed(String),
    /// The shell says that there is nothing to run. It may be the message that made it so.
    Unrunnable(ExecError, String),
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

    /// Its end, and what it printed, as far as that is kept.
    async fn end(
        &mut self,
        data: Bytes,
        mut printed: Printed,
    ) -> (io::Result<ExitStatus>, io::Result<Vec<u8>>) {
        let mut taken = Ok(());
        let status = {
            let writing = write(self.child.stdin.take(), data);
            tokio::pin!(writing);
            let mut writes = true;
            loop {
                select! {
                    status = self.child.wait() => break status,
                    () = &mut writing, if writes => writes = false,
                    () = printed.read(), if printed.is_open() && taken.is_ok() => {
                        taken = printed.took().await;
                    }
                }
            }
        };
        // It is gone, and its number may be another's.
        self.group = None;
        let until = Instant::now() + limits::EXEC_OUTPUT_TIMEOUT;
        while taken.is_ok() && printed.is_open() && timeout_at(until, printed.read()).await.is_ok()
        {
            taken = printed.took().await;
        }
        let output = match taken {
            Ok(()) => printed.end().await,
            Err(error) => Err(error),
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

/// Stdin with the data in it, so that a command whose `sub` is killed meanwhile does not find it empty. None for data that
/// a pipe may not take before anyone reads it.
fn filled(data: &[u8]) -> Option<Stdio> {
    if data.len() > limits::EXEC_PREWRITTEN_STDIN {
        return None;
    }
    let (reader, mut writer) = io::pipe().ok()?;
    writer.write_all(data).ok()?;
    Some(reader.into())
}

/// What a command does not read is its own business.
async fn write(stdin: Option<ChildStdin>, data: Bytes) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(&data).await;
    }
}

fn spoken(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "it ended in an unknown way".to_owned(),
    }
}
