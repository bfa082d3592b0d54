//! The terminal's last line as indicatif draws on it: never as wide as the terminal, and gathered so that it appears at
//! once.

use std::io::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::TermLike;

use crate::cli::screen::term;
use crate::limits;

#[derive(Debug, Default)]
pub(super) struct Line(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Not yet written.
    gathered: String,
    /// Columns that are gathered, and those that stand on the screen.
    columns: usize,
    drawn: usize,
}

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, sequence: &str) -> io::Result<()> {
        self.state().gathered.push_str(sequence);
        Ok(())
    }
}

impl TermLike for Line {
    fn width(&self) -> u16 {
        width()
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)?;
        self.push("\n")
    }

    /// Spaces up to the edge would be wrapped when the terminal becomes narrower.
    fn write_str(&self, text: &str) -> io::Result<()> {
        let text = text.trim_end_matches(' ');
        let mut state = self.state();
        if !text.starts_with('\r') {
            state.columns += text.chars().count();
        }
        state.gathered.push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        let mut state = self.state();
        state.columns = 0;
        state.gathered.push_str("\r\x1b[K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut state = self.state();
        // What stood there was broken into several lines when the terminal became narrower.
        let rows = state.drawn.div_ceil(usize::from(columns()).max(1));
        let sequence = match rows {
            0 | 1 => std::mem::take(&mut state.gathered),
            rows => format!(
                "\r\x1b[{}A\x1b[J{}",
                rows - 1,
                std::mem::take(&mut state.gathered)
            ),
        };
        state.drawn = std::mem::take(&mut state.columns);
        io::stderr().write_all(sequence.as_bytes())
    }
}

impl Line {
    fn moved(&self, n: usize, how: char) -> io::Result<()> {
        match n {
            0 => Ok(()),
            n => self.push(&format!("\x1b[{n}{how}")),
        }
    }
}

/// Lines above it. A closed stderr is nobody's failure.
pub(super) fn write(lines: &str) {
    let _ = io::stderr().write_all(lines.as_bytes());
}

/// Of what may be drawn.
pub(super) fn width() -> u16 {
    columns()
        .saturating_sub(limits::PROGRESS_FREE_COLUMNS)
        .max(1)
}

fn columns() -> u16 {
    term::size(io::stderr()).columns
}
