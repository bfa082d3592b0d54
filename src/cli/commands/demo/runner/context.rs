//! What every process of the demo needs: the program, the folder, the screen, and whether to go on.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use colored::Color;

use super::screen::{GLANCE, Screen};
use crate::cli::failure::Failure;
use crate::cli::screen::term;
use crate::cli::settings;

/// Asks the demo to end early.
#[derive(Clone, Default)]
pub(in crate::cli::commands::demo) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(in crate::cli::commands::demo) fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What every process of the demo needs.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) roomcat: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) stop: Stop,
    pub(super) screen: Screen,
    /// Number and title of the step that is shown.
    pub(super) step: String,
}

impl Scene {
    pub(super) fn command(
        &self,
        url: Option<&str>,
        arguments: &[&str],
        stdout: Stdio,
        stderr: Stdio,
    ) -> Command {
        let mut command = Command::new(&self.roomcat);
        command.args(arguments).current_dir(&self.folder);
        command.stdin(Stdio::piped()).stdout(stdout).stderr(stderr);
        for variable in settings::VARIABLES {
            command.env_remove(variable);
        }
        // No settings are the demo's but its own.
        command.env("XDG_CONFIG_HOME", &self.folder);
        // What is read here has no colours; the screen has its own.
        command.env_remove("FORCE_COLOR");
        if let Some(url) = url {
            command.env("ROOMCAT_URL", url);
        }
        command
    }

    /// A line that something follows, on Enter if that is asked for.
    pub(super) fn offer(&self, line: &str) -> Result<(), Failure> {
        self.screen.offer(line, || self.check())
    }

    pub(super) fn show_frame(&self, name: &str, frame: &str, meaning: &str) {
        let screen = &self.screen;
        let frame = screen.paint(&term::visible(frame), Color::Blue);
        screen.say(&format!("{} {frame}", screen.name(name)));
        let meaning = screen.paint(&term::visible(meaning), Color::BrightBlack);
        screen.say(&format!("          {meaning}"));
    }

    /// A moment for whoever looks on.
    pub(super) fn pause(&self) -> Result<(), Failure> {
        self.check()?;
        let until = Instant::now() + self.screen.pace;
        while Instant::now() < until {
            self.check()?;
            thread::park_timeout(GLANCE);
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        match (self.stop.is_asked(), self.screen.failure()) {
            (true, _) => Err(self.failure("it was interrupted")),
            (false, Some(error)) => Err(Failure::Output(error)),
            (false, None) => Ok(()),
        }
    }

    pub(super) fn failure(&self, what: &str) -> Failure {
        Failure::other(format!("the demo failed in {}: {what}", self.step))
    }
}

/// Whether a line is as wanted, in which `…` stands for anything.
pub(super) fn fits(wanted: &str, line: &str) -> bool {
    let mut parts = wanted.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

pub(super) fn cannot(what: &str, error: &io::Error) -> Failure {
    Failure::other(format!("cannot {what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn what_is_shown_fits_only_what_is_wanted() {
        for (wanted, line) in [
            ("a", "a"),
            ("a…", "abc"),
            ("a…c", "abc"),
            ("…b…", "abc"),
            ("…", ""),
        ] {
            assert!(fits(wanted, line), "{wanted} {line}");
        }
        for (wanted, line) in [
            ("a", "ab"),
            ("a…c", "ab"),
            ("a…b…c", "acb"),
            ("b…", "ab"),
            ("", "a"),
        ] {
            assert!(!fits(wanted, line), "{wanted} {line}");
        }
    }
}
