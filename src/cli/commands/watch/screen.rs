//! Draws pages on stdout, each over the one before. Text above the page stays.

use std::io::{self, IsTerminal as _, Write as _};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::echo_guard::EchoGuard;
use crate::cli::io::signals::TerminalChange;
use crate::cli::io::stdout;
use crate::cli::screen::table::{self, LineKind, TableLine};
use crate::cli::screen::term::{self, Paint, TerminalSize};
use crate::limits;

#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) lines: Vec<TableLine>,
    /// A last line, shown only where the page can be redrawn without it.
    pub(super) status: Option<TableLine>,
}

/// Stdout, for one page after the other.
pub(super) struct WatchScreen {
    surface: Surface,
    paint: Paint,
}

enum Surface {
    Terminal(InPlace),
    /// Each page is appended as a block. True once a block is written.
    Appended(Mutex<bool>),
}

/// Two locks, because `drawn` is held during writes, and a terminal may block them forever.
struct InPlace {
    drawn: Mutex<DrawnPage>,
    /// Another process had the terminal since the last write, so the last page is not where the cursor is.
    was_suspended: AtomicBool,
    echo: Arc<Mutex<EchoGuard>>,
}

impl WatchScreen {
    pub(super) fn of_stdout() -> Self {
        let surface = if io::stdout().is_terminal() && term::is_capable() {
            let echo = Arc::new(Mutex::new(EchoGuard::on_stdin()));
            restore_on_panic(&echo);
            Surface::Terminal(InPlace {
                drawn: Mutex::default(),
                was_suspended: AtomicBool::new(false),
                echo,
            })
        } else {
            Surface::Appended(Mutex::new(false))
        };
        Self {
            surface,
            paint: term::stdout_paint(),
        }
    }

    pub(super) fn draws_in_place(&self) -> bool {
        matches!(self.surface, Surface::Terminal(_))
    }

    /// Blocks while stdout takes nothing.
    pub(super) fn draw(&self, page: &Page) -> io::Result<()> {
        match &self.surface {
            Surface::Terminal(terminal) => {
                let size = term::size(io::stdout());
                let mut drawn = terminal.drawn();
                let up = drawn.move_up(size);
                drawn.lines = page.lines_for(size);
                stdout::print(&(up + &drawn.text(self.paint)))
            }
            Surface::Appended(has_written) => {
                let mut has_written = locked(has_written);
                let separator = if *has_written { "\n" } else { "" };
                *has_written = true;
                stdout::print(&format!(
                    "{separator}{}",
                    table::text(&page.lines, self.paint)
                ))
            }
        }
    }

    /// Writes a text for stderr above the page.
    pub(super) fn write_above(&self, text: &str) {
        let Surface::Terminal(terminal) = &self.surface else {
            return;
        };
        let mut drawn = terminal.drawn();
        let up = drawn.move_up(term::size(io::stdout()));
        // The next page reports a terminal that is gone.
        let _ = stdout::print(&up);
        let _ = io::stderr().write_all(text.replace('\n', "\x1b[K\n").as_bytes());
        let _ = stdout::print(&drawn.text(self.paint));
        // The text is now between those lines and the page.
        drawn.scrolled_off.clear();
    }

    pub(super) fn handle_change(&self, change: TerminalChange) {
        match (change, &self.surface) {
            (TerminalChange::Continued, Surface::Terminal(terminal)) => {
                terminal.was_suspended.store(true, Ordering::Relaxed);
                locked(&terminal.echo).renew();
            }
            (TerminalChange::Continued | TerminalChange::Resized, _) => {}
        }
    }

    /// Leaves the last page on the terminal, clears the screen below it, and turns the echo on.
    pub(super) async fn end(self: &Arc<Self>) {
        let Surface::Terminal(terminal) = &self.surface else {
            return;
        };
        locked(&terminal.echo).restore();
        let (done, cleared) = oneshot::channel();
        let screen = Arc::clone(self);
        let clear = move || {
            if let Surface::Terminal(terminal) = &screen.surface {
                let _drawn = terminal.drawn();
                let _ = stdout::print("\r\x1b[J");
            }
            let _ = done.send(());
        };
        let thread = thread::Builder::new().name("screen".to_owned());
        if thread.spawn(clear).is_ok() {
            // A stopped terminal takes nothing, so the wait is bounded.
            let _ = timeout(limits::WATCH_CLEANUP_TIMEOUT, cleared).await;
        }
    }
}

impl InPlace {
    fn drawn(&self) -> MutexGuard<'_, DrawnPage> {
        let mut drawn = locked(&self.drawn);
        if self.was_suspended.swap(false, Ordering::Relaxed) {
            *drawn = DrawnPage::default();
        }
        drawn
    }
}

/// With `panic = "abort"` nothing is dropped, so a hook restores the echo.
fn restore_on_panic(echo: &Arc<Mutex<EchoGuard>>) {
    let echo = Arc::clone(echo);
    let previous_hook = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if let Ok(mut echo) = echo.try_lock() {
            echo.restore();
        }
        previous_hook(panic);
    }));
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Page {
    /// The lines that fit the terminal, whose last row is the cursor's.
    fn lines_for(&self, size: TerminalSize) -> Vec<TableLine> {
        let (columns, rows) = (usize::from(size.columns), usize::from(size.rows));
        let status_rows = usize::from(self.status.is_some());
        let available = rows.saturating_sub(1 + status_rows).max(1);
        let mut lines = self.lines.clone();
        if lines.len() > available {
            let hidden = lines.split_off(available - 1);
            let hidden = hidden.iter().filter(|line| is_data_row(line)).count();
            lines.push(TableLine::note(
                &format!("… and {hidden} more"),
                Some(columns),
            ));
        }
        lines.extend(self.status.clone());
        lines.truncate(rows.saturating_sub(1).max(1));
        lines
    }
}

/// The lines at the bottom of a terminal, with the cursor below them.
#[derive(Debug, Default)]
struct DrawnPage {
    lines: Vec<TableLine>,
    /// Lines of earlier pages that a shrinking terminal moved above its screen. Most of them return when it grows.
    scrolled_off: Vec<TableLine>,
    /// The terminal's rows at the last write.
    rows: u16,
}

impl DrawnPage {
    /// Overwrites line by line and clears only the rest: a terminal that clears its whole screen may keep the old one in its
    /// scrollback.
    fn text(&self, paint: Paint) -> String {
        let lines = self.lines.iter().map(|line| line.painted(paint));
        let lines: String = lines.map(|line| format!("\x1b[2K{line}\n")).collect();
        lines + "\x1b[J"
    }

    /// Moves the cursor to the first of the lines. It stops at the top of the screen, so lines above the screen may be counted
    /// too: they matter only if they have returned.
    fn move_up(&mut self, size: TerminalSize) -> String {
        let columns = usize::from(size.columns).max(1);
        let rows_of = |line: &TableLine| line.width().div_ceil(columns).max(1);
        let page_rows: usize = self.lines.iter().map(rows_of).sum();
        let up = page_rows + self.scrolled_off.iter().map(rows_of).sum::<usize>();
        let mut grown = usize::from(size.rows.saturating_sub(self.rows));
        while grown > 0
            && let Some(line) = self.scrolled_off.pop()
        {
            grown = grown.saturating_sub(rows_of(&line));
        }
        let mut excess = (page_rows + 1).saturating_sub(usize::from(size.rows));
        for line in &self.lines {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(rows_of(line));
            self.scrolled_off.push(line.clone());
        }
        self.rows = size.rows;
        match up {
            0 => String::new(),
            up => format!("\r\x1b[{up}A"),
        }
    }
}

fn is_data_row(line: &TableLine) -> bool {
    line.kind() == LineKind::Row && !line.text().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::table::{Column, Table};

    fn lines(rows: usize) -> Vec<TableLine> {
        let mut table = Table::new([Column::name("ROOM")]);
        for row in 0..rows {
            table.push([format!("room-{row:04}")]);
        }
        table.lines(None)
    }

    const fn size(columns: u16, rows: u16) -> TerminalSize {
        TerminalSize { columns, rows }
    }

    fn page_lines(rows: usize, status: Option<&str>, size: TerminalSize) -> Vec<String> {
        let page = Page {
            lines: lines(rows),
            status: status.map(|text| TableLine::note(text, None)),
        };
        let lines = page.lines_for(size);
        lines.iter().map(|line| line.text().to_owned()).collect()
    }

    #[test]
    fn a_page_counts_the_rows_that_do_not_fit() {
        assert_eq!(
            page_lines(2, None, size(80, 4)),
            ["ROOM", "room-0000", "room-0001"]
        );
        assert_eq!(
            page_lines(3, None, size(80, 4)),
            ["ROOM", "room-0000", "… and 2 more"]
        );
        assert_eq!(
            page_lines(2, Some("gone"), size(80, 4)),
            ["ROOM", "… and 2 more", "gone"]
        );
        assert_eq!(
            page_lines(2, Some("gone"), size(80, 3)),
            ["… and 2 more", "gone"]
        );
        assert_eq!(page_lines(3, None, size(8, 4))[2], "… and 2…");
    }

    #[test]
    fn a_page_leaves_a_row_for_the_cursor_in_every_terminal() {
        for (rows, height) in (0..30).flat_map(|rows| (1..12).map(move |height| (rows, height))) {
            for status in [None, Some("gone")] {
                let lines = page_lines(rows, status, size(80, height)).len();
                assert!(
                    lines <= usize::from(height - 1).max(1),
                    "{rows} in {height}"
                );
            }
        }
    }

    #[test]
    fn a_drawn_page_knows_how_many_rows_its_lines_take_after_a_resize() {
        let mut drawn = DrawnPage::default();
        assert_eq!(drawn.move_up(size(80, 24)), "");
        drawn.lines = lines(3);
        assert_eq!(drawn.move_up(size(80, 24)), "\r\x1b[4A");
        // In four columns each nine-column line takes three rows, and the head takes one.
        assert_eq!(drawn.move_up(size(4, 24)), "\r\x1b[10A");
        // Lines that scrolled off a low terminal return in a high one.
        assert_eq!(drawn.move_up(size(80, 3)), "\r\x1b[4A");
        drawn.lines = lines(1);
        assert_eq!(drawn.move_up(size(80, 3)), "\r\x1b[4A");
        assert_eq!(drawn.move_up(size(80, 24)), "\r\x1b[4A");
        assert_eq!(drawn.move_up(size(80, 24)), "\r\x1b[2A");
    }
}
