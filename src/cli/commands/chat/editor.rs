//! The line that is typed, and what is shown above it while it is typed. Two threads: one edits, one shows.
//!
//! What was shown is acknowledged, so [`Board::show`] comes back only when the text is on the screen. Knows nothing of
//! rooms or messages.

use std::cell::Cell;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{ColorMode, Config, Context, ExternalPrinter, Helper};
use tokio::sync::mpsc;

use super::style::Colours;
use crate::limits;

/// What came of a line.
#[derive(Debug)]
pub enum Line {
    Typed(String),
    /// Ctrl-C with something typed: it is dropped, as in a shell.
    Dropped,
    /// Ctrl-D.
    End,
    /// Ctrl-C with nothing typed.
    Interrupted,
    Failed(io::Error),
}

/// What stands before a line, bare and with colours.
pub type Prompt = (String, String);

/// Reads lines from the terminal until it is dropped, which leaves the terminal as it was.
pub struct Editor {
    lines: mpsc::Receiver<Line>,
    prompts: Sender<Prompt>,
    board: Arc<Board>,
    saved: Termios,
}

type Rustyline = rustyline::Editor<Watcher, DefaultHistory>;

/// Hints at nothing: it is shown the line whenever that changes, and so knows whether anything is typed.
#[derive(Default)]
struct Watcher {
    typed: Cell<bool>,
}

impl Hinter for Watcher {
    type Hint = String;

    fn hint(&self, line: &str, _: usize, _: &Context<'_>) -> Option<String> {
        self.typed.set(!line.is_empty());
        None
    }
}

impl Completer for Watcher {
    type Candidate = String;
}

impl Highlighter for Watcher {}
impl Validator for Watcher {}
impl Helper for Watcher {}

impl Editor {
    pub fn start(prompt: Prompt, colours: Colours) -> io::Result<(Self, Arc<Board>)> {
        let saved = tcgetattr(io::stdin())?;
        let mut editor = configured(colours).map_err(plain)?;
        let printer = editor.create_external_printer().map_err(plain)?;
        let board = Arc::new(Board {
            printer: Mutex::new(Box::new(printer)),
            phase: Mutex::new(Phase::Between),
            changed: Condvar::new(),
            edited: AtomicU64::new(0),
        });
        let (typed, lines) = mpsc::channel(limits::INPUT_BLOCKS);
        let (prompts, next_prompts) = channel();
        let shared = Arc::clone(&board);
        std::thread::Builder::new()
            .name("editor".to_owned())
            .spawn(move || edit(editor, &shared, prompt, &typed, &next_prompts))?;
        let editor = Self {
            lines,
            prompts,
            board: Arc::clone(&board),
            saved,
        };
        Ok((editor, board))
    }

    /// The next line. Behind [`Line::Typed`] and [`Line::Dropped`] comes none until [`Self::go_on`]. Cancel-safe.
    pub async fn line(&mut self) -> Option<Line> {
        self.lines.recv().await
    }

    /// Leaves the terminal to others for as long as `stop` takes. Whoever shows something next redraws the line.
    pub fn suspend(&self, stop: impl FnOnce()) {
        // No line begins or ends meanwhile.
        let phase = self.board.phase();
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.saved);
        let _ = io::stdout().write_all(NO_BRACKETS);
        stop();
        if let Phase::Editing(_) = *phase {
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &edited(&self.saved));
            let _ = io::stdout().write_all(BRACKETS);
        }
        let _ = io::stdout().flush();
    }

    pub fn go_on(&self, prompt: Prompt) {
        // A thread that ended has said so.
        let _ = self.prompts.send(prompt);
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let before = self.board.end();
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.saved);
        if before != Phase::Ended {
            // A line of its own for whoever comes next.
            let _ = io::stdout().write_all(&[NO_BRACKETS, b"\r\n"].concat());
        }
    }
}

/// Whether what is pasted is told from what is typed.
const BRACKETS: &[u8] = b"\x1b[?2004h";
const NO_BRACKETS: &[u8] = b"\x1b[?2004l";

/// The terminal as a line is edited on it: every key comes as it is, at once, and unseen (termios(3)).
fn edited(usual: &Termios) -> Termios {
    use rustix::termios::{InputModes, LocalModes, SpecialCodeIndex};
    let mut edited = usual.clone();
    edited.input_modes -= InputModes::BRKINT
        | InputModes::ICRNL
        | InputModes::INPCK
        | InputModes::ISTRIP
        | InputModes::IXON;
    edited.local_modes -=
        LocalModes::ECHO | LocalModes::ICANON | LocalModes::IEXTEN | LocalModes::ISIG;
    edited.special_codes[SpecialCodeIndex::VMIN] = 1;
    edited.special_codes[SpecialCodeIndex::VTIME] = 0;
    edited
}

fn configured(colours: Colours) -> rustyline::Result<Rustyline> {
    let config = Config::builder()
        .max_history_size(limits::CHAT_HISTORY)?
        .color_mode(match colours {
            Colours::Some => ColorMode::Forced,
            Colours::None => ColorMode::Disabled,
        })
        .auto_add_history(true)
        .build();
    let mut editor = Rustyline::with_config(config)?;
    // Without one the prompt stays bare.
    editor.set_helper(Some(Watcher::default()));
    Ok(editor)
}

/// The thread that edits.
fn edit(
    mut editor: Rustyline,
    board: &Board,
    mut prompt: Prompt,
    typed: &mpsc::Sender<Line>,
    prompts: &Receiver<Prompt>,
) {
    let last = loop {
        board.begin();
        let line = editor.readline(&prompt);
        board.pause();
        let line = match line {
            Ok(line) => Line::Typed(line),
            Err(ReadlineError::Interrupted) if has_typed(&editor) => Line::Dropped,
            Err(ReadlineError::Interrupted) => break Line::Interrupted,
            Err(ReadlineError::Eof) => break Line::End,
            // The terminal has another size.
            Err(ReadlineError::Signal(_)) => continue,
            Err(error) => break Line::Failed(plain(error)),
        };
        match (typed.blocking_send(line), prompts.recv()) {
            (Ok(()), Ok(next)) => prompt = next,
            _ => return,
        }
    };
    board.end();
    // Whoever waits to have something shown by the editor shows it alone.
    drop(editor);
    let _ = typed.blocking_send(last);
}

fn has_typed(editor: &Rustyline) -> bool {
    editor.helper().is_some_and(|watcher| watcher.typed.get())
}

fn plain(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        error => io::Error::other(error),
    }
}

/// Where lines are shown above the one that is typed.
pub struct Board {
    printer: Mutex<Box<dyn ExternalPrinter + Send>>,
    phase: Mutex<Phase>,
    changed: Condvar,
    /// Lines so far.
    edited: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The line with this number is edited, and the editor shows what it is given.
    Editing(u64),
    /// A line was typed, and the next has not begun.
    Between,
    Ended,
}

/// Goes up a line and down again: nothing is seen of it.
pub const NOTHING: &str = "\x1b[A\n";

impl Board {
    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) {
        let number = self.edited.fetch_add(1, Ordering::Relaxed);
        self.change(|phase| match phase {
            Phase::Ended => Phase::Ended,
            _ => Phase::Editing(number),
        });
    }

    fn pause(&self) {
        self.change(|phase| match phase {
            Phase::Ended => Phase::Ended,
            _ => Phase::Between,
        });
    }

    /// What it was before.
    fn end(&self) -> Phase {
        self.change(|_| Phase::Ended)
    }

    fn change(&self, to: impl FnOnce(Phase) -> Phase) -> Phase {
        let mut phase = self.phase();
        let before = *phase;
        *phase = to(before);
        self.changed.notify_all();
        before
    }

    /// Waits out the time between two lines.
    fn settled(&self) -> Phase {
        let phase = self
            .changed
            .wait_while(self.phase(), |phase| *phase == Phase::Between);
        *phase.unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows lines, each with its `\n`, and comes back when they are on the screen.
    pub fn show(&self, lines: &str) -> io::Result<()> {
        let mut handed = false;
        loop {
            let editing = self.settled();
            if editing == Phase::Ended {
                // Handed over as the editor ended, it may have been shown: twice is better than never.
                return io::stdout().write_all(lines.as_bytes());
            }
            let text = if handed { NOTHING } else { lines };
            handed |= self.hand(text);
            // The editor takes what it is handed one by one, and has room for one that waits: when it takes a third, the
            // first is on the screen. Unless it stopped in between; then that is asked of the next line's.
            if self.hand(NOTHING) && self.hand(NOTHING) && handed && *self.phase() == editing {
                return Ok(());
            }
        }
    }

    /// False when the editor has ended.
    fn hand(&self, text: &str) -> bool {
        let mut printer = self.printer.lock().unwrap_or_else(PoisonError::into_inner);
        printer.print(text.to_owned()).is_ok()
    }
}
