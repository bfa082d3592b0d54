//! The state that every process of the demo shares: the program, the folder, the screen and the stop flag.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use colored::Color;

use super::screen::{DemoScreen, POLL_INTERVAL};
use super::stop_flag::StopFlag;
use crate::cli::failure::Failure;
use crate::cli::screen::term;
use crate::cli::settings;

#[derive(Clone)]
pub(super) struct DemoContext {
    pub(super) program: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) stop: StopFlag,
    pub(super) screen: DemoScreen,
    /// The number and title of the current step, for error texts.
    pub(super) step: String,
}

impl DemoContext {
    /// A roomcat command that knows no settings but the hub's URL.
    pub(super) fn command(&self, url: Option<&str>, arguments: &[&str], stderr: Stdio) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(stderr);
        for variable in settings::VARIABLES {
            command.env_remove(variable);
        }
        // The folder has no config.toml, so the user's is not read.
        command.env("XDG_CONFIG_HOME", &self.folder);
        // The demo reads this output and colours it itself.
        command.env_remove("FORCE_COLOR");
        if let Some(url) = url {
            command.env("ROOMCAT_URL", url);
        }
        command
    }

    /// Prints a command that is about to run. In a lesson at a terminal, waits for Enter.
    pub(super) fn prompt(&self, line: &str) -> Result<(), Failure> {
        self.screen.prompt(line, || self.check())
    }

    pub(super) fn show_frame(&self, name: &str, frame: &str, meaning: &str) {
        let screen = &self.screen;
        let frame = screen.paint(&term::visible(frame), Color::Blue);
        screen.print(&format!("{} {frame}", screen.name(name)));
        let meaning = screen.paint(&term::visible(meaning), Color::BrightBlack);
        screen.print(&format!("          {meaning}"));
    }

    /// Prints a line of a command's output.
    pub(super) fn show_output(&self, line: &str) {
        let line = format!("        {}", term::visible(line));
        self.screen.print(line.trim_end());
    }

    /// Prints a remark, dimmed.
    pub(super) fn show_note(&self, text: &str) {
        let text = format!("        {text}");
        self.screen
            .print(&self.screen.paint(&text, Color::BrightBlack));
    }

    /// Gives people time to read.
    pub(super) fn pause(&self) -> Result<(), Failure> {
        self.check()?;
        let until = Instant::now() + self.screen.pause;
        while Instant::now() < until {
            self.check()?;
            thread::park_timeout(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Fails if the demo was interrupted or stdout cannot be written.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.stop.is_set() {
            return Err(self.failure("it was interrupted"));
        }
        match self.screen.failure() {
            Some(error) => Err(Failure::Output(error)),
            None => Ok(()),
        }
    }

    pub(super) fn failure(&self, reason: &str) -> Failure {
        Failure::other(format!("the demo failed in {}: {reason}", self.step))
    }
}

pub(super) fn cannot(action: &str, error: &io::Error) -> Failure {
    Failure::other(format!("cannot {action}: {error}"))
}
