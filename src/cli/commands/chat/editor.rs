//! The line being typed, and the text shown above it meanwhile. One thread edits, another shows.
//!
//! A message is acknowledged once it is shown, so [`LinePrinter::print`] returns only when the text is on the screen. Knows
//! nothing of rooms or messages.

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

use crate::cli::screen::term::Paint;
use crate::limits;

/// How the editing of a line ended.
#[derive(Debug)]
pub enum EditorEvent {
    Line(String),
    /// Ctrl-C with text in the line. The text is dropped, as in a shell.
    Discarded,
    /// Ctrl-D.
    EndOfInput,
    /// Ctrl-C in an empty line.
    Interrupted,
    Failed(io::Error),
}

/// The text before the line, without and with colours.
pub type Prompt = (String, String);

/// Reads lines from the terminal. Dropping it restores the terminal.
pub struct LineEditor {
    events: mpsc::Receiver<EditorEvent>,
    prompts: Sender<Prompt>,
    printer: Arc<LinePrinter>,
    saved: Termios,
}

type Rustyline = rustyline::Editor<TextWatcher, DefaultHistory>;

/// Knows whether the line has text: rustyline passes each changed line to its hinter, and this one hints at nothing.
#[derive(Default)]
struct TextWatcher {
    has_text: Cell<bool>,
}

impl Hinter for TextWatcher {
    type Hint = String;

    fn hint(&self, line: &str, _: usize, _: &Context<'_>) -> Option<String> {
        self.has_text.set(!line.is_empty());
        None
    }
}

impl Completer for TextWatcher {
    type Candidate = String;
}

impl Highlighter for TextWatcher {}
impl Validator for TextWatcher {}
impl Helper for TextWatcher {}

impl LineEditor {
    /// Starts to edit the first line.
    pub fn start(prompt: Prompt, paint: Paint) -> io::Result<(Self, Arc<LinePrinter>)> {
        let saved = tcgetattr(io::stdin())?;
        let mut editor = configure(paint).map_err(into_io_error)?;
        let external = editor.create_external_printer().map_err(into_io_error)?;
        let printer = Arc::new(LinePrinter {
            external: Mutex::new(Box::new(external)),
            phase: Mutex::new(EditorPhase::BetweenLines),
            phase_changed: Condvar::new(),
            lines_begun: AtomicU64::new(0),
        });
        let (sender, events) = mpsc::channel(limits::INPUT_BLOCKS);
        let (prompts, next_prompts) = channel();
        let shared = Arc::clone(&printer);
        std::thread::Builder::new()
            .name("editor".to_owned())
            .spawn(move || edit_lines(editor, &shared, prompt, &sender, &next_prompts))?;
        let editor = Self {
            events,
            prompts,
            printer: Arc::clone(&printer),
            saved,
        };
        Ok((editor, printer))
    }

    /// The next event. After [`EditorEvent::Line`] and [`EditorEvent::Discarded`] there is none until
    /// [`Self::begin_line`]. Cancel-safe.
    pub async fn next_event(&mut self) -> Option<EditorEvent> {
        self.events.recv().await
    }

    /// Restores the terminal while `stop` runs. The line is drawn again with the next text that is shown.
    pub fn suspend(&self, stop: impl FnOnce()) {
        // Under this lock no line begins or ends.
        let phase = self.printer.phase();
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.saved);
        let _ = io::stdout().write_all(BRACKETED_PASTE_OFF);
        stop();
        if let EditorPhase::Editing(_) = *phase {
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &raw_mode(&self.saved));
            let _ = io::stdout().write_all(BRACKETED_PASTE_ON);
        }
        let _ = io::stdout().flush();
    }

    pub fn begin_line(&self, prompt: Prompt) {
        // If the editing thread has ended, its last event tells why.
        let _ = self.prompts.send(prompt);
    }
}

impl Drop for LineEditor {
    fn drop(&mut self) {
        let before = self.printer.end();
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.saved);
        if before != EditorPhase::Ended {
            // Further output begins on a line of its own.
            let _ = io::stdout().write_all(&[BRACKETED_PASTE_OFF, b"\r\n"].concat());
        }
    }
}

/// With bracketed paste, the terminal marks pasted text.
const BRACKETED_PASTE_ON: &[u8] = b"\x1b[?2004h";
const BRACKETED_PASTE_OFF: &[u8] = b"\x1b[?2004l";

/// The terminal settings for editing: each key arrives unchanged, at once and without echo (termios(3)).
fn raw_mode(usual: &Termios) -> Termios {
    use rustix::termios::{InputModes, LocalModes, SpecialCodeIndex};
    let mut raw = usual.clone();
    raw.input_modes -= InputModes::BRKINT
        | InputModes::ICRNL
        | InputModes::INPCK
        | InputModes::ISTRIP
        | InputModes::IXON;
    raw.local_modes -=
        LocalModes::ECHO | LocalModes::ICANON | LocalModes::IEXTEN | LocalModes::ISIG;
    raw.special_codes[SpecialCodeIndex::VMIN] = 1;
    raw.special_codes[SpecialCodeIndex::VTIME] = 0;
    raw
}

fn configure(paint: Paint) -> rustyline::Result<Rustyline> {
    let config = Config::builder()
        .max_history_size(limits::CHAT_HISTORY)?
        .color_mode(match paint {
            Paint::Colours => ColorMode::Forced,
            Paint::Plain => ColorMode::Disabled,
        })
        .auto_add_history(true)
        .build();
    let mut editor = Rustyline::with_config(config)?;
    // Without a helper, rustyline does not colour the prompt.
    editor.set_helper(Some(TextWatcher::default()));
    Ok(editor)
}

/// The editing thread.
fn edit_lines(
    mut editor: Rustyline,
    printer: &LinePrinter,
    mut prompt: Prompt,
    events: &mpsc::Sender<EditorEvent>,
    prompts: &Receiver<Prompt>,
) {
    let last = loop {
        printer.begin_line();
        let line = editor.readline(&prompt);
        printer.end_line();
        let event = match line {
            Ok(line) => EditorEvent::Line(line),
            Err(ReadlineError::Interrupted) if has_text(&editor) => EditorEvent::Discarded,
            Err(ReadlineError::Interrupted) => break EditorEvent::Interrupted,
            Err(ReadlineError::Eof) => break EditorEvent::EndOfInput,
            // The terminal was resized.
            Err(ReadlineError::Signal(_)) => continue,
            Err(error) => break EditorEvent::Failed(into_io_error(error)),
        };
        match (events.blocking_send(event), prompts.recv()) {
            (Ok(()), Ok(next)) => prompt = next,
            _ => return,
        }
    };
    printer.end();
    // A text that waits to be shown by the editor is then written directly.
    drop(editor);
    let _ = events.blocking_send(last);
}

fn has_text(editor: &Rustyline) -> bool {
    editor
        .helper()
        .is_some_and(|watcher| watcher.has_text.get())
}

fn into_io_error(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        error => io::Error::other(error),
    }
}

/// Shows text above the line being typed.
pub struct LinePrinter {
    external: Mutex<Box<dyn ExternalPrinter + Send>>,
    phase: Mutex<EditorPhase>,
    phase_changed: Condvar,
    lines_begun: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EditorPhase {
    /// The line with this number is being edited. The editor shows the text that it gets.
    Editing(u64),
    /// A line has ended, and the next has not begun.
    BetweenLines,
    Ended,
}

/// Goes up a line and down again: the editor redraws its line, and nothing new is seen.
pub const REDRAW: &str = "\x1b[A\n";

impl LinePrinter {
    fn phase(&self) -> MutexGuard<'_, EditorPhase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_line(&self) {
        let number = self.lines_begun.fetch_add(1, Ordering::Relaxed);
        self.set_phase(EditorPhase::Editing(number));
    }

    fn end_line(&self) {
        self.set_phase(EditorPhase::BetweenLines);
    }

    /// Returns the phase before.
    fn end(&self) -> EditorPhase {
        self.set_phase(EditorPhase::Ended)
    }

    /// The end is final. Returns the phase before.
    fn set_phase(&self, next: EditorPhase) -> EditorPhase {
        let mut phase = self.phase();
        let before = *phase;
        if before != EditorPhase::Ended {
            *phase = next;
        }
        self.phase_changed.notify_all();
        before
    }

    /// Waits until a line is edited or the editor has ended.
    fn wait_for_line(&self) -> EditorPhase {
        let phase = self
            .phase_changed
            .wait_while(self.phase(), |phase| *phase == EditorPhase::BetweenLines);
        *phase.unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows lines, each with its `\n`, and returns when they are on the screen.
    pub fn print(&self, lines: &str) -> io::Result<()> {
        let mut sent = false;
        loop {
            let editing = self.wait_for_line();
            if editing == EditorPhase::Ended {
                // The editor may have shown the lines just before it ended. Twice is better than never.
                return io::stdout().write_all(lines.as_bytes());
            }
            let text = if sent { REDRAW } else { lines };
            sent |= self.send(text);
            // The editor takes texts one by one, and its queue holds one more. So once it accepts a third text, the first is on
            // the screen, unless the line ended meanwhile: then the editor of the next line is asked in the same way.
            if self.send(REDRAW) && self.send(REDRAW) && sent && *self.phase() == editing {
                return Ok(());
            }
        }
    }

    /// Returns false if the editor has ended.
    fn send(&self, text: &str) -> bool {
        let mut external = self.external.lock().unwrap_or_else(PoisonError::into_inner);
        external.print(text.to_owned()).is_ok()
    }
}
