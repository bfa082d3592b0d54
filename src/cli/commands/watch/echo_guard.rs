//! Turns the terminal's echo off: an echoed Enter would move the page that is drawn in place.

use std::io::{self, IsTerminal as _};

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// Dropping it restores the terminal.
pub(super) struct EchoGuard(Option<Termios>);

impl EchoGuard {
    pub(super) fn on_stdin() -> Self {
        let mut guard = Self(None);
        guard.renew();
        guard
    }

    /// Turns the echo off again after another process had the terminal.
    pub(super) fn renew(&mut self) {
        self.restore();
        let stdin = io::stdin();
        if !is_in_foreground() {
            return;
        }
        let Ok(saved) = tcgetattr(&stdin) else { return };
        let mut silent = saved.clone();
        silent.local_modes -= LocalModes::ECHO;
        if tcsetattr(&stdin, OptionalActions::Now, &silent).is_ok() {
            self.0 = Some(saved);
        }
    }

    pub(super) fn restore(&mut self) {
        if let Some(saved) = self.0.take()
            && is_in_foreground()
        {
            // This fails only if the terminal is gone.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &saved);
        }
    }
}

/// Only the foreground job may change the terminal: the kernel stops any other that tries.
fn is_in_foreground() -> bool {
    let stdin = io::stdin();
    stdin.is_terminal() && tcgetpgrp(&stdin) == Ok(getpgrp())
}

impl Drop for EchoGuard {
    fn drop(&mut self) {
        self.restore();
    }
}
