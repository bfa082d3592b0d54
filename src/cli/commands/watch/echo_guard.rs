//! A terminal that does not show what is typed: an Enter would move what is drawn in place.

use std::io::{self, IsTerminal as _};

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// Until it is dropped; then the terminal is as it was.
pub(super) struct NoEcho(Option<Termios>);

impl NoEcho {
    pub(super) fn on_stdin() -> Self {
        let mut echo = Self(None);
        echo.renew();
        echo
    }

    /// After another had the terminal.
    pub(super) fn renew(&mut self) {
        self.end();
        let stdin = io::stdin();
        if !is_ours() {
            return;
        }
        let Ok(saved) = tcgetattr(&stdin) else { return };
        let mut silent = saved.clone();
        silent.local_modes -= LocalModes::ECHO;
        if tcsetattr(&stdin, OptionalActions::Now, &silent).is_ok() {
            self.0 = Some(saved);
        }
    }

    pub(super) fn end(&mut self) {
        if let Some(saved) = self.0.take()
            && is_ours()
        {
            // A terminal that is gone needs nothing back.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &saved);
        }
    }
}

/// A terminal that another job has now is that one's to change; who tries is stopped.
fn is_ours() -> bool {
    let stdin = io::stdin();
    stdin.is_terminal() && tcgetpgrp(&stdin) == Ok(getpgrp())
}

impl Drop for NoEcho {
    fn drop(&mut self) {
        self.end();
    }
}
