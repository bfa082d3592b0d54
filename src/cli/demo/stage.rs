//! The demo's stage: a hub in a temporary folder, the processes of who takes part, and the screen.
//!
//! Knows nothing of the story. Whatever happens, the processes end and the folder goes.

use std::fs::DirBuilder;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use colored::{Color, Colorize as _};
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::term;
use crate::limits;

/// Between two things that happen, where someone looks on.
const PACE: Duration = Duration::from_millis(270);
/// Between two looks at what cannot be waited for.
const GLANCE: Duration = Duration::from_millis(20);

/// Asks the demo to end early.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) struct Stage {
    // Dropped in this order: the hub ends before its folder goes.
    _hub: Terminal,
    _folder: Folder,
    url: String,
    scene: Scene,
}

/// What every process of the demo needs.
#[derive(Clone)]
struct Scene {
    roomcat: PathBuf,
    stop: Stop,
    screen: Screen,
    /// Number and title of the step that is shown.
    step: String,
}

#[derive(Debug, Clone, Copy)]
struct Screen {
    colour: bool,
    pace: Duration,
}

impl Stage {
    pub(super) fn open(stop: Stop) -> Result<Self, Failure> {
        let roomcat = std::env::current_exe();
        let roomcat = roomcat.map_err(|error| cannot("find the roomcat program", &error))?;
        let pace = if io::stdout().is_terminal() {
            PACE
        } else {
            Duration::ZERO
        };
        let colour = term::stdout_colour();
        let scene = Scene {
            roomcat,
            stop,
            screen: Screen { colour, pace },
            step: "opening".to_owned(),
        };
        let folder = Folder::create().map_err(|error| cannot("make a temporary folder", &error))?;
        let database = folder.path.join("demo.db").display().to_string();
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--db", &database];
        let mut hub = scene.start("hub", None, &arguments, Ears::Stderr)?;
        let url = loop {
            let line = hub.next_line()?;
            let line = line.ok_or_else(|| scene.failure("the hub did not start"))?;
            if let Some((_, url)) = line.split_once("listening on ") {
                break url.trim().to_owned();
            }
        };
        let stage = Self {
            _hub: hub,
            _folder: folder,
            url,
            scene,
        };
        stage.say(&format!(
            "{}  One hub, {}, and a few who talk. Every line below is a real command.",
            stage.bold("roomcat demo"),
            stage.url
        ));
        Ok(stage)
    }

    pub(super) fn title(&mut self, number: u32, title: &str) {
        self.scene.step = format!("step {number} ({title})");
        self.say(&format!("\n{}", self.bold(&format!("{number}. {title}"))));
    }

    /// The step did what it says.
    pub(super) fn done(&self) -> Result<(), Failure> {
        self.scene.pause()
    }

    pub(super) fn close(self) {
        self.say(&format!(
            "\n{} Now your own: start a hub with {}, and in another terminal type {}.",
            self.bold("That was all of it."),
            self.bold("roomcat serve"),
            self.bold("roomcat chat lobby"),
        ));
    }

    pub(super) fn note(&self, text: &str) {
        let text = format!("        {text}");
        self.say(&self.scene.screen.paint(&text, Color::BrightBlack));
    }

    /// Runs a command to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<(), Failure> {
        self.finish(&[], arguments).map(drop)
    }

    /// Runs a command with these lines on its stdin.
    pub(super) fn pipe(&self, lines: &[&str], arguments: &[&str]) -> Result<(), Failure> {
        self.finish(lines, arguments).map(drop)
    }

    /// Runs a command and shows what it writes.
    pub(super) fn show(&self, arguments: &[&str]) -> Result<(), Failure> {
        for line in self.finish(&[], arguments)? {
            let line = format!("        {}", term::visible(&line));
            self.say(line.trim_end());
        }
        self.scene.pause()
    }

    fn finish(&self, lines: &[&str], arguments: &[&str]) -> Result<Vec<String>, Failure> {
        let input = match lines {
            [] => String::new(),
            lines => format!("printf '%s\\n' {} | ", quoted(lines)),
        };
        self.say(&format!(
            "      $ {}",
            self.bold(&format!("{input}roomcat {}", quoted(arguments)))
        ));
        let mut process = self.start("", arguments)?;
        for line in lines {
            process.send(line)?;
        }
        process.stdin = None;
        let mut written = Vec::new();
        while let Some(line) = process.next_line()? {
            written.push(line);
        }
        process.ends()?;
        self.scene.pause()?;
        Ok(written)
    }

    /// Starts someone who listens.
    pub(super) fn listen(
        &self,
        name: &'static str,
        arguments: &[&str],
    ) -> Result<Terminal, Failure> {
        self.say(&format!(
            "{} $ {}",
            self.scene.screen.name(name),
            self.bold(&format!("roomcat {}", quoted(arguments)))
        ));
        self.scene.pause()?;
        self.start(name, arguments)
    }

    /// Waits until so many sockets are in a room.
    pub(super) fn sockets(&self, namespace: &str, room: &str, count: u64) -> Result<(), Failure> {
        let deadline = Instant::now() + limits::DEMO_TIMEOUT;
        while self.room(namespace, room)?["sockets"] != count {
            if Instant::now() > deadline {
                return Err(self.failure(&format!("{count} listeners did not come to {room}")));
            }
            self.scene.check()?;
            thread::park_timeout(GLANCE);
        }
        Ok(())
    }

    /// What `rooms --json` says of a room; null when there is none.
    pub(super) fn room(&self, namespace: &str, room: &str) -> Result<Value, Failure> {
        let mut process = self.start("", &["rooms", "--json", "--namespace", namespace])?;
        let mut found = Value::Null;
        while let Some(line) = process.next_line()? {
            let object: Value = serde_json::from_str(&line)
                .map_err(|error| self.failure(&format!("rooms --json wrote {line:?}: {error}")))?;
            if object["room"] == room {
                found = object;
            }
        }
        process.ends()?;
        Ok(found)
    }

    pub(super) fn failure(&self, what: &str) -> Failure {
        self.scene.failure(what)
    }

    fn start(&self, name: &'static str, arguments: &[&str]) -> Result<Terminal, Failure> {
        self.scene
            .start(name, Some(&self.url), arguments, Ears::Stdout)
    }

    fn say(&self, line: &str) {
        self.scene.screen.say(line);
    }

    fn bold(&self, text: &str) -> String {
        if self.scene.screen.colour {
            text.bold().to_string()
        } else {
            text.to_owned()
        }
    }
}

impl Scene {
    fn start(
        &self,
        name: &'static str,
        url: Option<&str>,
        arguments: &[&str],
        ears: Ears,
    ) -> Result<Terminal, Failure> {
        let mut command = Command::new(&self.roomcat);
        command.args(arguments).stdin(Stdio::piped());
        for variable in ["AS", "CONFIG", "NAMESPACE", "TOKEN_FILE", "URL"] {
            command.env_remove(format!("ROOMCAT_{variable}"));
        }
        if let Some(url) = url {
            command.env("ROOMCAT_URL", url);
        }
        match ears {
            Ears::Stdout => command.stdout(Stdio::piped()),
            Ears::Stderr => command.stdout(Stdio::null()).stderr(Stdio::piped()),
        };
        let started = command.spawn();
        let mut child = started.map_err(|error| cannot("start roomcat", &error))?;
        let lines = match ears {
            Ears::Stdout => child.stdout.take().map(lines_of),
            Ears::Stderr => child.stderr.take().map(lines_of),
        };
        Ok(Terminal {
            name,
            stdin: child.stdin.take(),
            child,
            lines: lines.expect("what we listen to is a pipe"),
            scene: self.clone(),
        })
    }

    /// A moment for whoever looks on.
    fn pause(&self) -> Result<(), Failure> {
        let until = Instant::now() + self.screen.pace;
        while Instant::now() < until {
            self.check()?;
            thread::park_timeout(GLANCE);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Failure> {
        if self.stop.is_asked() {
            Err(self.failure("it was interrupted"))
        } else {
            Ok(())
        }
    }

    fn failure(&self, what: &str) -> Failure {
        Failure::other(format!("the demo failed in {}: {what}", self.step))
    }
}

/// Which of a process's outputs is listened to.
enum Ears {
    Stdout,
    Stderr,
}

/// A process that takes part. It ends when this is dropped.
pub(super) struct Terminal {
    name: &'static str,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    scene: Scene,
}

impl Terminal {
    pub(super) fn types(&mut self, line: &str) -> Result<(), Failure> {
        let screen = self.scene.screen;
        screen.say(&format!("{} > {line}", screen.name(self.name)));
        self.send(line)?;
        self.scene.pause()
    }

    /// The next line that it writes, and it must be this one.
    pub(super) fn hears(&mut self, wanted: &str) -> Result<(), Failure> {
        let screen = self.scene.screen;
        let Some(line) = self.next_line()? else {
            let what = format!("{} ended and did not hear {wanted:?}", self.name);
            return Err(self.scene.failure(&what));
        };
        let heard = term::visible(&line);
        screen.say(&format!("{} | {heard}", screen.name(self.name)));
        if line != wanted {
            let what = format!("{} should hear {wanted:?}, and heard {line:?}", self.name);
            return Err(self.scene.failure(&what));
        }
        self.scene.pause()
    }

    /// It ends by itself, and well.
    pub(super) fn ends(mut self) -> Result<(), Failure> {
        if let Some(line) = self.next_line()? {
            let what = format!("{} should hear nothing more, and heard {line:?}", self.name);
            return Err(self.scene.failure(&what));
        }
        // Its stdout is closed: it is about to end.
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self
                .scene
                .failure(&format!("a command ended with {status}"))),
            Err(error) => Err(cannot("wait for a command", &error)),
        }
    }

    fn send(&mut self, line: &str) -> Result<(), Failure> {
        let Some(stdin) = &mut self.stdin else {
            return Ok(());
        };
        let written = stdin.write_all(format!("{line}\n").as_bytes());
        written.map_err(|error| {
            self.scene
                .failure(&format!("a command does not listen: {error}"))
        })
    }

    /// None: it closed its output.
    fn next_line(&mut self) -> Result<Option<String>, Failure> {
        let deadline = Instant::now() + limits::DEMO_TIMEOUT;
        loop {
            match self.lines.recv_timeout(GLANCE) {
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

    fn end(&mut self) {
        // It may have ended before, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.end();
    }
}

impl Screen {
    /// As wide as the longest name, so that what is said stands in one column.
    fn name(self, name: &str) -> String {
        let colour = match name {
            "alice" => Color::Cyan,
            "bob" => Color::Magenta,
            _ => Color::Green,
        };
        self.paint(&format!("{name:>5}"), colour)
    }

    fn paint(self, text: &str, colour: Color) -> String {
        if self.colour {
            text.color(colour).to_string()
        } else {
            text.to_owned()
        }
    }

    fn say(self, line: &str) {
        // Nobody looks on any more: the steps are held to what they say all the same.
        let _ = writeln!(io::stdout(), "{line}");
    }
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

/// As one would type it.
fn quoted(words: &[&str]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:".contains(c);
    let quoted = words.iter().map(|word| {
        if word.chars().all(is_plain) {
            (*word).to_owned()
        } else {
            format!("'{word}'")
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// A folder of our own. It goes, with what is in it, when this is dropped.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn create() -> io::Result<Self> {
        let random = getrandom::u64().map_err(io::Error::other)?;
        let name = format!("roomcat-demo-{}-{random:016x}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Nobody else's: it fails where something is in its place.
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_dir_all(path) {
        term::warn(format!("{} stays behind: {error}", path.display()));
    }
}

fn cannot(what: &str, error: &io::Error) -> Failure {
    Failure::other(format!("cannot {what}: {error}"))
}
