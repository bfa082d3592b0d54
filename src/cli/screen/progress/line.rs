//! The terminal's last line, as indicatif draws on it. The text is narrower than the terminal, and buffered so that it appears
//! at once.

use std::io::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::TermLike;

use crate::cli::screen::term;
use crate::limits;

#[derive(Debug, Default)]
pub(super) struct LastLine(Mutex<LineState>);

#[derive(Debug, Default)]
struct LineState {
    /// Text that is not written yet.
    buffer: String,
    /// The columns of the buffer, and those on the screen.
    columns: usize,
    drawn: usize,
}

impl LastLine {
    fn state(&self) -> MutexGuard<'_, LineState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, sequence: &str) -> io::Result<()> {
        self.state().buffer.push_str(sequence);
        Ok(())
    }
}

impl TermLike for LastLine {
    fn width(&self) -> u16 {
        width()
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)?;
        self.push("\n")
    }

    /// Trailing spaces are dropped: they would wrap when the terminal becomes narrower.
    fn write_str(&self, text: &str) -> io::Result<()> {
        let text = text.trim_end_matches(' ');
        let mut state = self.state();
        if !text.starts_with('\r') {
            state.columns += text.chars().count();
        }
        state.buffer.push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        let mut state = self.state();
        state.columns = 0;
        state.buffer.push_str("\r\x1b[K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut state = self.state();
        // The old text was wrapped into several rows if the terminal has become narrower.
        let rows = state.drawn.div_ceil(usize::from(columns()).max(1));
        let sequence = match rows {
            0 | 1 => std::mem::take(&mut state.buffer),
            rows => format!(
                "\r\x1b[{}A\x1b[J{}",
                rows - 1,
                std::mem::take(&mut state.buffer)
            ),
        };
        state.drawn = std::mem::take(&mut state.columns);
        io::stderr().write_all(sequence.as_bytes())
    }
}

impl LastLine {
    fn move_cursor(&self, n: usize, direction: char) -> io::Result<()> {
        match n {
            0 => Ok(()),
            n => self.push(&format!("\x1b[{n}{direction}")),
        }
    }
}

/// Writes lines above the last one. Ignores a closed stderr.
pub(super) fn write(lines: &str) {
    let _ = io::stderr().write_all(lines.as_bytes());
}

/// The width that may be drawn.
pub(super) fn width() -> u16 {
    columns()
        .saturating_sub(limits::PROGRESS_FREE_COLUMNS)
        .max(1)
}

fn columns() -> u16 {
    term::size(io::stderr()).columns
}
