//! Commands: the expectations about their output and status, and handles for commands that run.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use assert_cmd::cargo::cargo_bin;
use rustix::process::{Pid, Signal, kill_process};

use super::stream::{Stream, Writer};
use super::{DEADLINE, pause};

/// A `roomcat` command with expectations. By default: empty stdout, empty stderr and status 0.
pub struct Cmd {
    command: Command,
    shown: String,
    input: Input,
    stdout: Expected,
    stderr: Expected,
    status: i32,
}

enum Input {
    /// Closed at once.
    Bytes(Vec<u8>),
    /// A file or another pipe that the test passed.
    Given,
}

enum Expected {
    Exactly(Vec<u8>),
    Containing(Vec<String>),
    Anything,
}

impl Cmd {
    pub fn new<S: AsRef<OsStr>>(arguments: &[S]) -> Self {
        let mut command = Command::new(cargo_bin!("roomcat"));
        command.args(arguments);
        Self::of(command)
    }

    /// A shell script in which `roomcat` is the program under test.
    pub fn shell(script: &str) -> Self {
        Self::shell_with::<&str>(script, &[])
    }

    /// A shell script with these arguments in `$@`.
    pub fn shell_with<S: AsRef<OsStr>>(script: &str, arguments: &[S]) -> Self {
        let mut command = Command::new("bash");
        command.args(["-o", "pipefail", "-c", script, "bash"]);
        command.args(arguments);
        Self::of(command)
    }

    pub(super) fn of(mut command: Command) -> Self {
        let roomcat = Path::new(cargo_bin!("roomcat"));
        let folder = roomcat.parent().expect("a binary lies in a folder");
        let mut path = folder.as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        command.env("PATH", path);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ROOMCAT_") {
                command.env_remove(name);
            }
        }
        for name in ["NO_COLOR", "FORCE_COLOR"] {
            command.env_remove(name);
        }
        // Nor the settings of the user who runs the tests.
        command.env("XDG_CONFIG_HOME", folder.join("no-settings"));
        let mut shown = String::new();
        for argument in command.get_args() {
            let _ = write!(shown, " {}", argument.to_string_lossy());
        }
        Self {
            command,
            shown,
            input: Input::Bytes(Vec::new()),
            stdout: Expected::Exactly(Vec::new()),
            stderr: Expected::Exactly(Vec::new()),
            status: 0,
        }
    }

    /// Adds arguments.
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        for argument in arguments {
            let _ = write!(self.shown, " {argument}");
        }
        self
    }

    /// The bare command, and its text for failures.
    pub(super) fn into_command(self) -> (Command, String) {
        (self.command, self.shown)
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn directory(mut self, path: &Path) -> Self {
        self.command.current_dir(path);
        self
    }

    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.input = Input::Bytes(bytes.as_ref().to_vec());
        self
    }

    /// Takes stdin from a file or the end of a pipe.
    pub fn stdin_from(mut self, stdin: impl Into<Stdio>) -> Self {
        self.command.stdin(stdin);
        self.input = Input::Given;
        self
    }

    pub fn stdout(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdout = Expected::Exactly(bytes.as_ref().to_vec());
        self
    }

    pub fn any_stdout(mut self) -> Self {
        self.stdout = Expected::Anything;
        self
    }

    pub fn stdout_has(mut self, text: &str) -> Self {
        self.stdout = also(self.stdout, text);
        self
    }

    pub fn stderr(mut self, text: &str) -> Self {
        self.stderr = Expected::Exactly(text.as_bytes().to_vec());
        self
    }

    pub fn stderr_has(mut self, text: &str) -> Self {
        self.stderr = also(self.stderr, text);
        self
    }

    pub fn any_stderr(mut self) -> Self {
        self.stderr = Expected::Anything;
        self
    }

    pub fn status(mut self, status: i32) -> Self {
        self.status = status;
        self
    }

    /// Runs it to its end and checks all expectations.
    pub fn check(mut self) -> Outcome {
        let outcome = self.run_to_end();
        let mut wrong = String::new();
        compare("stdout", &self.stdout, &outcome.stdout, &mut wrong);
        compare("stderr", &self.stderr, &outcome.stderr, &mut wrong);
        if outcome.status != self.status {
            let _ = writeln!(
                wrong,
                "status: expected {}, found {}",
                self.status, outcome.status
            );
        }
        assert!(
            wrong.is_empty(),
            "roomcat{}\n{wrong}stderr was:\n{}",
            self.shown,
            outcome.stderr()
        );
        outcome
    }

    /// Runs it to its end and checks nothing.
    pub fn run(mut self) -> Outcome {
        self.run_to_end()
    }

    fn run_to_end(&mut self) -> Outcome {
        let mut running = self.start();
        running.close_stdin();
        running.wait()
    }

    /// Starts it and leaves stdin open.
    pub fn spawn(mut self) -> Running {
        self.start()
    }

    /// Starts it and closes stdin after the input.
    pub fn spawn_closed(self) -> Running {
        let mut running = self.spawn();
        running.close_stdin();
        running
    }

    /// Starts it with a stdout from the caller.
    pub fn spawn_onto(mut self, stdout: impl Into<Stdio>) -> Running {
        self.command.stdout(stdout);
        self.launch()
    }

    fn start(&mut self) -> Running {
        self.command.stdout(Stdio::piped());
        self.launch()
    }

    fn launch(&mut self) -> Running {
        if matches!(self.input, Input::Bytes(_)) {
            self.command.stdin(Stdio::piped());
        }
        self.command.stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("roomcat starts");
        let stdout = child.stdout.take().map(Stream::of);
        let stderr = child.stderr.take().map(Stream::of);
        let mut running = Running {
            shown: self.shown.clone(),
            stdin: child.stdin.take().map(Writer::of),
            stdout: stdout.unwrap_or_default(),
            stderr: stderr.unwrap_or_default(),
            child,
        };
        if let Input::Bytes(bytes) = &self.input {
            running.write(bytes);
        }
        // Drop our copies of pipe ends that the child inherited.
        self.command.stdin(Stdio::null()).stdout(Stdio::null());
        running
    }
}

fn also(expected: Expected, text: &str) -> Expected {
    let mut texts = match expected {
        Expected::Containing(texts) => texts,
        Expected::Exactly(_) | Expected::Anything => Vec::new(),
    };
    texts.push(text.to_owned());
    Expected::Containing(texts)
}

/// A running command. Drop kills it.
pub struct Running {
    shown: String,
    child: Child,
    stdin: Option<Writer>,
    stdout: Stream,
    stderr: Stream,
}

impl Running {
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the process is there");
    }

    /// Queues bytes for the thread that writes stdin, so that a full pipe does not block the test.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        if let Some(stdin) = &self.stdin {
            stdin.write(bytes.as_ref());
        }
    }

    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The next line of stdout, without its newline.
    pub fn line(&mut self) -> String {
        let Some(line) = self.stdout.line() else {
            panic!(
                "roomcat{}: no further line on stdout; stderr was:\n{}",
                self.shown,
                self.stderr.text()
            );
        };
        String::from_utf8_lossy(&line).into_owned()
    }

    /// The next line of stdout if it has already arrived.
    pub fn line_if_there(&mut self) -> Option<String> {
        let line = self.stdout.line_if_there()?;
        Some(String::from_utf8_lossy(&line).into_owned())
    }

    /// Whether stdout has nothing beyond the lines that the test has read.
    pub fn is_silent(&self) -> bool {
        self.stdout.is_empty()
    }

    /// The number of bytes on stdout so far, whether the test has read them or not.
    pub fn received(&self) -> usize {
        self.stdout.received()
    }

    pub fn stderr_so_far(&self) -> String {
        self.stderr.text()
    }

    pub fn wait_for_stderr(&self, pattern: &str) -> String {
        let Some(line) = self.stderr.find_line(pattern) else {
            panic!(
                "roomcat{}: {pattern:?} did not appear on stderr:\n{}",
                self.shown,
                self.stderr.text()
            );
        };
        line
    }

    /// Waits for the first line of stderr that contains one of these.
    pub fn first_stderr(&self, patterns: &[&str]) -> String {
        let found = self.stderr.find_line_with(patterns);
        found.unwrap_or_else(|| panic!("none of {patterns:?}:\n{}", self.stderr.text()))
    }

    /// Whether it is still running.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end. The outcome has the stdout that was not read as lines.
    pub fn wait(mut self) -> Outcome {
        let deadline = Instant::now() + DEADLINE;
        let status = loop {
            match self.child.try_wait().expect("a child can be waited for") {
                Some(status) => break status,
                None if Instant::now() > deadline => panic!(
                    "roomcat{} does not end; stdout: {:?}, stderr:\n{}",
                    self.shown,
                    String::from_utf8_lossy(&self.stdout.peek()),
                    self.stderr.text()
                ),
                None => pause(),
            }
        };
        Outcome {
            status: code(status),
            signal: std::os::unix::process::ExitStatusExt::signal(&status),
            stdout: self.stdout.rest(),
            stderr: self.stderr.rest(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status as a shell reports it: 128 plus the number for a signal.
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    let signal = || status.signal().map(|signal| 128 + signal);
    status.code().or_else(signal).unwrap_or(-1)
}

/// The result of a command.
#[derive(Debug)]
pub struct Outcome {
    /// As a shell reports it.
    pub status: i32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Outcome {
    pub fn stdout(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    pub fn stderr(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }
}

fn compare(what: &str, expected: &Expected, found: &[u8], wrong: &mut String) {
    match expected {
        Expected::Anything => {}
        Expected::Exactly(expected) if expected == found => {}
        Expected::Exactly(expected) => {
            let same = expected.iter().zip(found).take_while(|(a, b)| a == b);
            let at = same.count();
            let _ = writeln!(
                wrong,
                "{what}: differs at byte {at} (expected {} bytes, found {})\n  expected …{}\n  found    …{}",
                expected.len(),
                found.len(),
                around(expected, at),
                around(found, at)
            );
        }
        Expected::Containing(texts) => {
            let found = String::from_utf8_lossy(found);
            for text in texts.iter().filter(|text| !found.contains(text.as_str())) {
                let _ = writeln!(wrong, "{what}: {text:?} is not in {found:?}");
            }
        }
    }
}

/// Some bytes around an offset, escaped.
fn around(bytes: &[u8], at: usize) -> String {
    let from = at.saturating_sub(40);
    let to = bytes.len().min(at + 80);
    bytes[from..to].escape_ascii().to_string()
}
