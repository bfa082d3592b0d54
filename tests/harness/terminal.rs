//! A real terminal, for what `roomcat` does only at one: tmux runs a command in a pane of a given size, types into it,
//! and tells what stands on the screen.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::termios::tcgetwinsize;
use tempfile::TempDir;

use super::{Cmd, DEADLINE, wait_until};

/// Columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u16, pub u16);

/// A command that runs in a terminal of its own. Everything ends when it is dropped.
pub struct Terminal {
    folder: TempDir,
}

/// How a character is drawn: the numbers of SGR (`31` is red, `38;5;4` the fifth of 256 colours).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Style {
    pub colour: Option<String>,
    pub bold: bool,
    pub dim: bool,
}

impl Cmd {
    /// Starts it in a terminal: its stdin, stdout and stderr. What was expected of it is not looked at.
    pub fn in_terminal(self, size: Size) -> Terminal {
        let (wanted, shown) = self.into_command();
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("tmux.conf"), CONFIGURATION)
            .expect("a file can be written");
        let terminal = Terminal { folder };
        let Size(columns, rows) = size;
        let mut first = terminal.tmux();
        first.env_remove("TMUX").env("LC_ALL", "C.UTF-8");
        if let Some(directory) = wanted.get_current_dir() {
            first.current_dir(directory);
        }
        first.args(["new-session", "-d"]);
        first.args(["-x", &columns.to_string(), "-y", &rows.to_string()]);
        // Holds the pane until everything that it prints is written down.
        said(first.args(["--", "cat"]));
        let copy = format!("cat >> '{}'", terminal.copy().display());
        terminal.tell(&["pipe-pane".into(), copy.into()]);
        let mut respawn: Vec<OsString> = ["respawn-pane", "-k"].map(OsString::from).to_vec();
        if let Some(directory) = wanted.get_current_dir() {
            respawn.extend(["-c".into(), directory.into()]);
        }
        // tmux may not know how a command ended. Of several words none is read by a shell of its own.
        respawn.extend(["--", "sh", "-c", NOTING_STATUS, "sh"].map(OsString::from));
        respawn.extend([terminal.status().into(), "env".into()]);
        respawn.extend(environment(&wanted));
        respawn.push(wanted.get_program().to_owned());
        respawn.extend(wanted.get_args().map(OsStr::to_owned));
        terminal.tell(&respawn);
        eprintln!("in a terminal of {columns}×{rows}: roomcat{shown}");
        terminal
    }
}

/// Ctrl-C is for the command alone.
const NOTING_STATUS: &str =
    r#"trap : INT QUIT; to=$1; shift; "$@"; echo $? >"$to.part"; mv "$to.part" "$to""#;

/// What has ended stays on the screen; an Escape is one at once.
const CONFIGURATION: &str = "\
set -g default-terminal tmux-256color
set -g remain-on-exit on
set -g remain-on-exit-format ''
set -g history-limit 50000
set -g status off
set -sg escape-time 0
";

impl Terminal {
    /// Types text as it is.
    pub fn type_text(&self, text: &str) {
        self.tell(&["send-keys", "-l", "--", text].map(OsString::from));
    }

    /// Presses keys by tmux's names for them: `Enter`, `C-c`, `Up`, `BSpace`.
    pub fn press(&self, keys: &[&str]) {
        let mut words = vec![OsString::from("send-keys")];
        words.extend(keys.iter().map(OsString::from));
        self.tell(&words);
    }

    /// Types a line and Enter.
    pub fn enter(&self, line: &str) {
        self.type_text(line);
        self.press(&["Enter"]);
    }

    /// Pastes, bracketed where the command asked for that.
    pub fn paste(&self, text: &str) {
        self.tell(&["set-buffer", "--", text].map(OsString::from));
        self.tell(&["paste-buffer", "-p", "-r"].map(OsString::from));
    }

    /// The command knows of it when this is done: tmux tells it in its own time.
    pub fn resize(&self, size: Size) {
        let (columns, rows) = (size.0.to_string(), size.1.to_string());
        self.tell(&["resize-window", "-x", &columns, "-y", &rows].map(OsString::from));
        let path = self.told(&["display-message", "-p", "#{pane_tty}"]);
        let tty = File::open(path.trim()).expect("the pane's terminal");
        wait_until("the new size", || {
            tcgetwinsize(&tty).is_ok_and(|now| (now.ws_col, now.ws_row) == (size.0, size.1))
        });
    }

    /// What stands on the screen: its lines without the spaces at their ends, and without the empty ones below.
    pub fn screen(&self) -> String {
        trimmed(&self.told(&["capture-pane", "-p"]))
    }

    /// The screen and what was scrolled out of it; lines that were too long are whole.
    pub fn history(&self) -> String {
        trimmed(&self.told(&["capture-pane", "-p", "-J", "-S", "-"]))
    }

    /// Every byte that came from the command so far, with what it did to the terminal.
    pub fn transcript(&self) -> String {
        let bytes = std::fs::read(self.copy()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Where the cursor is: column and row, from 0.
    pub fn cursor(&self) -> (u16, u16) {
        let text = self.told(&["display-message", "-p", "#{cursor_x} #{cursor_y}"]);
        let (x, y) = text.trim().split_once(' ').expect("two numbers");
        (x.parse().expect("a column"), y.parse().expect("a row"))
    }

    /// How the first character of `text`, where it stands first on the screen, is drawn.
    pub fn style_of(&self, text: &str) -> Style {
        let drawn = self.told(&["capture-pane", "-p", "-e"]);
        for line in drawn.lines() {
            let cells = cells(line);
            let plain: String = cells.iter().map(|(character, _)| character).collect();
            if let Some(at) = plain.find(text) {
                let before = plain[..at].chars().count();
                return cells[before].1.clone();
            }
        }
        panic!("{text:?} is not on the screen:\n{}", self.screen());
    }

    /// Waits until the screen is as wanted, and has it.
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            assert!(
                Instant::now() < deadline,
                "this was never on the screen: {what}; there is:\n{screen}"
            );
            // Each look starts a process.
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    pub fn wait_for_text(&self, text: &str) -> String {
        self.wait_for(text, |screen| screen.contains(text))
    }

    /// Waits for the command's end: its status, as a shell counts.
    pub fn wait(&self) -> i32 {
        wait_until("the command's end", || self.status().exists());
        let status = std::fs::read_to_string(self.status()).expect("a file that is there");
        // What it wrote last may be on its way to the screen.
        wait_until("the terminal's end", || {
            self.told(&["display-message", "-p", "#{pane_dead}"]).trim() == "1"
        });
        status.trim().parse().expect("a number")
    }

    fn status(&self) -> PathBuf {
        self.folder.path().join("status")
    }

    fn copy(&self) -> PathBuf {
        self.folder.path().join("transcript")
    }

    fn tmux(&self) -> Command {
        let mut tmux = Command::new("tmux");
        let folder = self.folder.path();
        tmux.arg("-u").arg("-S").arg(folder.join("socket"));
        tmux.arg("-f").arg(folder.join("tmux.conf"));
        tmux
    }

    fn tell(&self, words: &[OsString]) {
        said(self.tmux().args(words.iter().map(literal)));
    }

    fn told(&self, words: &[&str]) -> String {
        said(self.tmux().args(words))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the terminal showed:\n{}", self.transcript());
        }
        let _ = self.tmux().arg("kill-server").output();
    }
}

/// What `env` is told: tmux has ideas of its own about some variables.
fn environment(wanted: &Command) -> Vec<OsString> {
    let removed = wanted.get_envs().filter(|(_, value)| value.is_none());
    let mut words: Vec<OsString> = removed
        .flat_map(|(name, _)| ["-u".into(), name.to_owned()])
        .collect();
    for (name, value) in wanted.get_envs() {
        if let Some(value) = value {
            let mut word = name.to_owned();
            word.push("=");
            word.push(value);
            words.push(word);
        }
    }
    words
}

/// tmux takes a word's last `;` for the end of its command.
fn literal(word: &OsString) -> OsString {
    let bytes = word.as_encoded_bytes();
    match bytes.split_last() {
        Some((b';', _)) => {
            let mut escaped = word.to_string_lossy().into_owned();
            escaped.insert(escaped.len() - 1, '\\');
            escaped.into()
        }
        _ => word.clone(),
    }
}

/// Runs tmux to its end, which comes at once.
fn said(tmux: &mut Command) -> String {
    let output = match tmux.output() {
        Ok(output) => output,
        Err(error) => panic!("these tests want tmux (apt-get install tmux): {error}"),
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tmux:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn trimmed(screen: &str) -> String {
    let lines: Vec<&str> = screen.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned()
}

/// The characters of a line and how each is drawn.
fn cells(line: &str) -> Vec<(char, Style)> {
    let mut cells = Vec::new();
    let mut style = Style::default();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            cells.push((character, style.clone()));
            continue;
        }
        let sequence: String = characters.by_ref().take_while(|c| *c != 'm').collect();
        let codes: Vec<&str> = sequence.trim_start_matches('[').split(';').collect();
        style.apply(&codes);
    }
    cells
}

impl Style {
    fn apply(&mut self, codes: &[&str]) {
        let mut codes = codes.iter();
        while let Some(code) = codes.next() {
            match *code {
                "" | "0" => *self = Self::default(),
                "1" => self.bold = true,
                "2" => self.dim = true,
                "22" => (self.bold, self.dim) = (false, false),
                "38" => {
                    let rest: Vec<&str> = codes.by_ref().copied().collect();
                    self.colour = Some(format!("38;{}", rest.join(";")));
                }
                "39" => self.colour = None,
                colour if colour.len() == 2 && matches!(colour.as_bytes()[0], b'3' | b'9') => {
                    self.colour = Some(colour.to_owned());
                }
                _ => {}
            }
        }
    }
}

#[test]
fn a_terminal_shows_what_a_command_writes_and_takes_what_is_typed() {
    let script =
        r#"printf '\033[31mwho?\033[0m '; read name; echo "hällo $name;"; stty size; exit 7;"#;
    let terminal = Cmd::shell(script).in_terminal(Size(40, 8));
    terminal.wait_for_text("who?");
    assert_eq!(terminal.style_of("who?").colour.as_deref(), Some("31"));
    assert_eq!(terminal.cursor(), (5, 0));
    terminal.type_text("bo;");
    terminal.press(&["BSpace"]);
    terminal.resize(Size(30, 6));
    terminal.press(&["Enter"]);
    assert_eq!(terminal.wait(), 7);
    assert_eq!(terminal.screen(), "who? bo\nhällo bo;\n6 30");
    assert_eq!(terminal.style_of("hällo"), Style::default());
    assert!(terminal.transcript().contains("\u{1b}[31mwho?"));
}
