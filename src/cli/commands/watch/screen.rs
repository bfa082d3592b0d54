//! Lines on stdout that take the place of the lines before them. What was on the terminal above stays there.

use std::io::{self, IsTerminal as _, Write as _};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::echo::NoEcho;
use crate::cli::io::signals::TerminalChange;
use crate::cli::io::stdout;
use crate::cli::screen::table::{self, LineKind, TableLine};
use crate::cli::screen::term::{self, Paint, TerminalSize};
use crate::limits;

/// What is to be shown.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) lines: Vec<TableLine>,
    /// Only where it can be taken away again.
    pub(super) trouble: Option<TableLine>,
}

/// Stdout, for one page after the other.
pub(super) struct Screen {
    surface: Surface,
    paint: Paint,
}

enum Surface {
    Terminal(InPlace),
    /// Where nothing can be taken back; whether something was written.
    Blocks(Mutex<bool>),
}

/// Two locks: the block is held while the terminal takes what is written, and that may be for ever.
struct InPlace {
    block: Mutex<Block>,
    /// Since then the terminal was another's: what stands there is not ours.
    covered: AtomicBool,
    echo: Arc<Mutex<NoEcho>>,
}

impl Screen {
    pub(super) fn of_stdout() -> Self {
        let surface = match io::stdout().is_terminal() && term::is_capable() {
            true => {
                let echo = Arc::new(Mutex::new(NoEcho::on_stdin()));
                restore_in_a_panic(&echo);
                Surface::Terminal(InPlace {
                    block: Mutex::default(),
                    covered: AtomicBool::new(false),
                    echo,
                })
            }
            false => Surface::Blocks(Mutex::new(false)),
        };
        Self {
            surface,
            paint: term::stdout_paint(),
        }
    }

    pub(super) fn draws_in_place(&self) -> bool {
        matches!(self.surface, Surface::Terminal(_))
    }

    /// Blocks while stdout does.
    pub(super) fn draw(&self, page: &Page) -> io::Result<()> {
        match &self.surface {
            Surface::Terminal(place) => {
                let size = term::size(io::stdout());
                let mut block = place.block();
                let up = block.up(size);
                block.lines = page.fitting(size);
                stdout::print(&(up + &block.text(self.paint)))
            }
            Surface::Blocks(behind) => {
                let mut behind = locked(behind);
                let between = if *behind { "\n" } else { "" };
                *behind = true;
                stdout::print(&format!(
                    "{between}{}",
                    table::text(&page.lines, self.paint)
                ))
            }
        }
    }

    /// What is meant for stderr goes above the page, and the page below it.
    pub(super) fn write_above(&self, text: &str) {
        let Surface::Terminal(place) = &self.surface else {
            return;
        };
        let mut block = place.block();
        let up = block.up(term::size(io::stdout()));
        // A closed terminal is found out by the next page.
        let _ = stdout::print(&up);
        let _ = io::stderr().write_all(text.replace('\n', "\x1b[K\n").as_bytes());
        let _ = stdout::print(&block.text(self.paint));
        // They are further above now.
        block.lost.clear();
    }

    pub(super) fn changed(&self, change: TerminalChange) {
        let place = match &self.surface {
            Surface::Terminal(place) => Some(place),
            Surface::Blocks(_) => None,
        };
        match change {
            TerminalChange::Resized => {}
            TerminalChange::Continued => {
                if let Some(place) = place {
                    place.covered.store(true, Ordering::Relaxed);
                    locked(&place.echo).renew();
                }
            }
        }
    }

    /// The last page stays, and nothing below it.
    pub(super) async fn end(self: &Arc<Self>) {
        let Surface::Terminal(place) = &self.surface else {
            return;
        };
        locked(&place.echo).end();
        let (tell, told) = oneshot::channel();
        let screen = Arc::clone(self);
        let clear = move || {
            if let Surface::Terminal(place) = &screen.surface {
                let _block = place.block();
                let _ = stdout::print("\r\x1b[J");
            }
            let _ = tell.send(());
        };
        let thread = thread::Builder::new().name("screen".to_owned());
        if thread.spawn(clear).is_ok() {
            // A terminal that takes nothing is not waited for.
            let _ = timeout(limits::WATCH_CLEANUP_TIMEOUT, told).await;
        }
    }
}

impl InPlace {
    fn block(&self) -> MutexGuard<'_, Block> {
        let mut block = locked(&self.block);
        if self.covered.swap(false, Ordering::Relaxed) {
            *block = Block::default();
        }
        block
    }
}

/// Where a panic ends the process at once nothing is dropped.
fn restore_in_a_panic(echo: &Arc<Mutex<NoEcho>>) {
    let echo = Arc::clone(echo);
    let otherwise = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if let Ok(mut echo) = echo.try_lock() {
            echo.end();
        }
        otherwise(panic);
    }));
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Page {
    /// What has room in so many rows, of which the last is the cursor's.
    fn fitting(&self, size: TerminalSize) -> Vec<TableLine> {
        let (columns, rows) = (usize::from(size.columns), usize::from(size.rows));
        let trouble = usize::from(self.trouble.is_some());
        let room = rows.saturating_sub(1 + trouble).max(1);
        let mut lines = self.lines.clone();
        if lines.len() > room {
            let left = lines.split_off(room - 1);
            let left = left.iter().filter(|line| line.is_content()).count();
            lines.push(TableLine::note(
                &format!("… and {left} more"),
                Some(columns),
            ));
        }
        lines.extend(self.trouble.clone());
        lines.truncate(rows.saturating_sub(1).max(1));
        lines
    }
}

/// Lines at the end of what is on a terminal, the cursor below them.
#[derive(Debug, Default)]
struct Block {
    lines: Vec<TableLine>,
    /// Lines of earlier pages that a terminal which became smaller moved above its screen. Most of them come back when it
    /// becomes larger.
    lost: Vec<TableLine>,
    rows: u16,
}

impl Block {
    /// Each line in the place of what stood there. A terminal that is told to clear all of its screen may keep that as if
    /// it had scrolled, so no more is cleared than what is below.
    fn text(&self, paint: Paint) -> String {
        let lines = self.lines.iter().map(|line| line.painted(paint));
        let lines: String = lines.map(|line| format!("\x1b[2K{line}\n")).collect();
        lines + "\x1b[J"
    }

    /// Back to the first of the lines. A terminal's top is as far up as it goes, so the lost lines count nothing unless
    /// they have come back.
    fn up(&mut self, size: TerminalSize) -> String {
        let columns = usize::from(size.columns).max(1);
        let rows_of = |line: &TableLine| line.width().div_ceil(columns).max(1);
        let there: usize = self.lines.iter().map(rows_of).sum();
        let up = there + self.lost.iter().map(rows_of).sum::<usize>();
        let mut back = usize::from(size.rows.saturating_sub(self.rows));
        while back > 0
            && let Some(line) = self.lost.pop()
        {
            back = back.saturating_sub(rows_of(&line));
        }
        let mut over = (there + 1).saturating_sub(usize::from(size.rows));
        for line in &self.lines {
            if over == 0 {
                break;
            }
            over = over.saturating_sub(rows_of(line));
            self.lost.push(line.clone());
        }
        self.rows = size.rows;
        match up {
            0 => String::new(),
            up => format!("\r\x1b[{up}A"),
        }
    }
}

impl TableLine {
    fn is_content(&self) -> bool {
        self.kind() == LineKind::Row && !self.text().is_empty()
    }
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

    fn shown(rows: usize, trouble: Option<&str>, size: TerminalSize) -> Vec<String> {
        let page = Page {
            lines: lines(rows),
            trouble: trouble.map(|text| TableLine::note(text, None)),
        };
        let lines = page.fitting(size);
        lines.iter().map(|line| line.text().to_owned()).collect()
    }

    #[test]
    fn a_page_says_what_it_has_no_room_for() {
        assert_eq!(
            shown(2, None, size(80, 4)),
            ["ROOM", "room-0000", "room-0001"]
        );
        assert_eq!(
            shown(3, None, size(80, 4)),
            ["ROOM", "room-0000", "… and 2 more"]
        );
        assert_eq!(
            shown(2, Some("gone"), size(80, 4)),
            ["ROOM", "… and 2 more", "gone"]
        );
        assert_eq!(
            shown(2, Some("gone"), size(80, 3)),
            ["… and 2 more", "gone"]
        );
        assert_eq!(shown(3, None, size(8, 4))[2], "… and 2…");
    }

    #[test]
    fn a_page_leaves_a_row_for_the_cursor_in_every_terminal() {
        for (rows, height) in (0..30).flat_map(|rows| (1..12).map(move |height| (rows, height))) {
            for trouble in [None, Some("gone")] {
                let lines = shown(rows, trouble, size(80, height)).len();
                assert!(
                    lines <= usize::from(height - 1).max(1),
                    "{rows} in {height}"
                );
            }
        }
    }

    #[test]
    fn a_block_knows_the_rows_that_its_lines_take_by_now() {
        let mut block = Block::default();
        assert_eq!(block.up(size(80, 24)), "");
        block.lines = lines(3);
        assert_eq!(block.up(size(80, 24)), "\r\x1b[4A");
        // Each of the nine columns is broken in three, and the head stays as it is.
        assert_eq!(block.up(size(4, 24)), "\r\x1b[10A");
        // What a lower terminal moved away comes back in a higher one.
        assert_eq!(block.up(size(80, 3)), "\r\x1b[4A");
        block.lines = lines(1);
        assert_eq!(block.up(size(80, 3)), "\r\x1b[4A");
        assert_eq!(block.up(size(80, 24)), "\r\x1b[4A");
        assert_eq!(block.up(size(80, 24)), "\r\x1b[2A");
    }
}
