//! The demo's stage: a hub in a temporary folder, the processes of who takes part, and the screen.
//!
//! Knows nothing of the story. Whatever happens, the processes end and the folder goes.

mod context;
mod process;
mod screen;
mod temp_folder;

use std::process::Stdio;
use std::thread;
use std::time::Instant;

use colored::Color;
use serde_json::Value;

pub(super) use self::context::Stop;
use self::context::{Scene, cannot, fits};
pub(super) use self::process::Terminal;
pub(super) use self::screen::Pacing;
use self::screen::{GLANCE, Screen};
use self::temp_folder::Folder;
use crate::cli::failure::Failure;
use crate::cli::screen::term;
use crate::limits;

/// What the stage is set with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Setting {
    pub(super) pacing: Pacing,
    /// Files in the folder where everyone is; a hub.toml among them is the hub's.
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// What is held of a command that runs to its end. `…` stands for anything.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held<'a> {
    pub(super) stdin: &'a [&'a str],
    /// Every line of stdout.
    pub(super) stdout: &'a [&'a str],
    /// Frames in their order, among others; for a command with --trace.
    pub(super) frames: &'a [&'a str],
    /// A line of stderr, for a command that is to fail.
    pub(super) error: Option<&'a str>,
    pub(super) status: i32,
}

pub(super) struct Stage {
    // Dropped in this order: the hub ends before its folder goes.
    hub: Terminal,
    _folder: Folder,
    url: String,
    scene: Scene,
}

impl Stage {
    pub(super) fn open(stop: Stop, setting: &Setting) -> Result<Self, Failure> {
        let roomcat = std::env::current_exe();
        let roomcat = roomcat.map_err(|error| cannot("find the roomcat program", &error))?;
        let folder = Folder::create().map_err(|error| cannot("make a temporary folder", &error))?;
        for (name, content) in setting.files {
            let written = std::fs::write(folder.path.join(name), content);
            written.map_err(|error| cannot("write to a temporary folder", &error))?;
        }
        let scene = Scene {
            roomcat,
            folder: folder.path.clone(),
            stop,
            screen: Screen::of_process(setting.pacing),
            step: "opening".to_owned(),
        };
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--db", "demo.db"];
        if setting.files.iter().any(|(name, _)| *name == HUB_FILE) {
            arguments.extend(["--config", HUB_FILE]);
        }
        let mut command = scene.command(None, &arguments, Stdio::null(), Stdio::piped());
        let mut hub = Terminal::start("hub", &mut command, &scene)?;
        let url = loop {
            let line = hub.next_error()?;
            let line = line.ok_or_else(|| scene.failure("the hub did not start"))?;
            if let Some((_, url)) = line.split_once("listening on ") {
                break url.trim().to_owned();
            }
        };
        Ok(Self {
            hub,
            _folder: folder,
            url,
            scene,
        })
    }

    pub(super) fn welcome(&self) {
        self.say(&format!(
            "{}  One hub, {}, and a few who talk. Every line below is a real command.",
            self.bold("roomcat demo"),
            self.url
        ));
    }

    pub(super) fn title(&mut self, number: usize, title: &str) {
        self.scene.step = format!("step {number} ({title})");
        self.say(&format!("\n{}", self.bold(&format!("{number}. {title}"))));
    }

    /// The step did what it says.
    pub(super) fn done(&self) -> Result<(), Failure> {
        self.scene.pause()
    }

    pub(super) fn close(self) {
        self.say(&format!(
            "\n{} Now your own: start a hub with {}, and in another terminal type {}.\nMore, command by command: {}.",
            self.bold("That was all of it."),
            self.bold("roomcat serve"),
            self.bold("roomcat chat lobby"),
            self.bold("roomcat demo --list"),
        ));
    }

    /// A lesson's head.
    pub(super) fn lesson(&mut self, number: usize, title: &str, about: &str) {
        self.scene.step = format!("lesson {number} ({title})");
        self.say(&self.bold(&format!("Lesson {number}: {title}")));
        self.say(&folded(about));
        if self.scene.screen.asks() {
            self.note("Enter runs the command at the end of the screen.");
        }
        self.say("");
    }

    /// A lesson's end.
    pub(super) fn seen(&self, text: &str) {
        self.say(&format!(
            "\n{}\n{}",
            self.bold("What was seen"),
            folded(text)
        ));
    }

    /// What is in a file of the folder.
    pub(super) fn file(&self, files: &[(&str, &str)], wanted: &str) {
        for (name, content) in files.iter().filter(|(name, _)| *name == wanted) {
            self.say(&format!("        {}", self.bold(name)));
            for line in content.lines() {
                self.say(&format!("        │ {line}"));
            }
        }
    }

    pub(super) fn note(&self, text: &str) {
        let text = format!("        {text}");
        self.say(&self.scene.screen.paint(&text, Color::BrightBlack));
    }

    pub(super) fn hub(&mut self) -> &mut Terminal {
        &mut self.hub
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
        self.offer(lines, arguments)?;
        let mut process = self.start("", arguments)?;
        for line in lines {
            process.send(line)?;
        }
        process.close_stdin();
        let mut written = Vec::new();
        while let Some(line) = process.next_line()? {
            written.push(line);
        }
        process.ends()?;
        self.scene.pause()?;
        Ok(written)
    }

    /// Runs a command to its end, shows what comes of it, and holds it to that.
    pub(super) fn hold(&self, arguments: &[&str], held: &Held<'_>) -> Result<(), Failure> {
        self.offer(held.stdin, arguments)?;
        let scene = &self.scene;
        let url = Some(&*self.url);
        let mut command = scene.command(url, arguments, Stdio::piped(), Stdio::piped());
        let mut process = Terminal::start("", &mut command, scene)?;
        for line in held.stdin {
            process.send(line)?;
        }
        process.close_stdin();
        let mut written = Vec::new();
        while let Some(line) = process.next_line()? {
            written.push(line);
        }
        let mut frames = held.frames.iter();
        let mut frame = frames.next();
        let mut error = held.error;
        while let Some(line) = process.next_error()? {
            match (process::frame_of(&line), frame, error) {
                (Some((shown, meaning)), Some(wanted), _) if fits(wanted, shown) => {
                    scene.show_frame("", shown, meaning);
                    frame = frames.next();
                }
                (None, _, Some(wanted)) if fits(wanted, &line) => {
                    self.say(&format!("        {}", term::visible(&line)));
                    error = None;
                }
                (Some(_), ..) => {}
                (None, ..) if held.status != 0 => self.note(&term::visible(&line)),
                (None, ..) => return Err(self.failure(&format!("a command said {line:?}"))),
            }
        }
        if let Some(missing) = frame.or(error.as_ref()) {
            return Err(self.failure(&format!("there was no {missing:?}")));
        }
        self.compare(held.stdout, &written)?;
        let status = process.status()?;
        if status.code() != Some(held.status) {
            return Err(self.failure(&format!("a command ended with {status}")));
        }
        if held.status != 0 {
            self.note(&format!("(exit code {})", held.status));
        }
        scene.pause()
    }

    fn compare(&self, wanted: &[&str], written: &[String]) -> Result<(), Failure> {
        for line in written {
            let line = format!("        {}", term::visible(line));
            self.say(line.trim_end());
        }
        let same = wanted.len() == written.len();
        match same
            && wanted
                .iter()
                .zip(written)
                .all(|(wanted, line)| fits(wanted, line))
        {
            true => Ok(()),
            false => Err(self.failure(&format!(
                "a command should write {wanted:?}, and wrote {written:?}"
            ))),
        }
    }

    fn offer(&self, lines: &[&str], arguments: &[&str]) -> Result<(), Failure> {
        let input = match lines {
            [] => String::new(),
            lines => format!("printf '%s\\n' {} | ", quoted(lines)),
        };
        let command = self.bold(&format!("{input}roomcat {}", quoted(arguments)));
        self.scene.offer(&format!("      $ {command}"))
    }

    /// Starts someone who listens.
    pub(super) fn listen(
        &self,
        name: &'static str,
        arguments: &[&str],
    ) -> Result<Terminal, Failure> {
        self.scene.offer(&format!(
            "{} $ {}",
            self.scene.screen.name(name),
            self.bold(&format!("roomcat {}", quoted(arguments)))
        ))?;
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

    /// Who is to show frames has its stderr listened to; what others say there, the user sees.
    fn start(&self, name: &'static str, arguments: &[&str]) -> Result<Terminal, Failure> {
        let stderr = if arguments.contains(&"--trace") {
            Stdio::piped()
        } else {
            Stdio::inherit()
        };
        let scene = &self.scene;
        let mut command = scene.command(Some(&self.url), arguments, Stdio::piped(), stderr);
        Terminal::start(name, &mut command, scene)
    }

    fn say(&self, line: &str) {
        self.scene.screen.say(line);
    }

    fn bold(&self, text: &str) -> String {
        self.scene.screen.bold(text)
    }
}

const HUB_FILE: &str = "hub.toml";

/// In lines of a usual terminal.
fn folded(text: &str) -> String {
    const COLUMNS: usize = 80;
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        match line.chars().count() + 1 + word.chars().count() {
            _ if line.is_empty() => line.push_str(word),
            fits if fits <= COLUMNS => line.extend([" ", word]),
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
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

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn prose_is_folded_at_spaces() {
        let text = "four ".repeat(40);
        let folded = folded(text.trim_end());
        assert_eq!(folded.replace('\n', " "), text.trim_end());
        assert!(folded.lines().all(|line| line.len() <= 80));
        assert_eq!(folded.lines().count(), 3);
    }
}
