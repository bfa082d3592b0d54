//! The terminal: when to use colours, how to make control characters visible, and the notes on stderr.
//!
//! Knows nothing of hubs or messages. The settings are set once, before the command runs.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write as _};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use colored::Colorize;
use rustix::termios::tcgetwinsize;

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set. FORCE_COLOR turns colours on everywhere.
    #[default]
    Auto,
    Always,
    Never,
}

/// How many notes go to stderr beside errors: `-q`, the default, `-v`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    Quiet,
    #[default]
    Normal,
    Verbose,
}

/// Whether to print colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Colours,
}

static COLOUR: AtomicU8 = AtomicU8::new(ColorChoice::Auto as u8);
static VERBOSITY: AtomicU8 = AtomicU8::new(Verbosity::Normal as u8);

pub fn init_colour(when: ColorChoice) {
    COLOUR.store(when as u8, Ordering::Relaxed);
    // `colored` has one switch for the process, but stdout and stderr differ. Each caller decides for its stream.
    colored::control::set_override(true);
}

pub fn init_verbosity(verbosity: Verbosity) {
    VERBOSITY.store(verbosity as u8, Ordering::Relaxed);
}

pub fn stdout_colour() -> bool {
    wants_colour(color_choice(), io::stdout().is_terminal(), variable_is_set)
}

pub fn stdout_paint() -> Paint {
    if stdout_colour() {
        Paint::Colours
    } else {
        Paint::Plain
    }
}

pub fn stderr_colour() -> bool {
    wants_colour(color_choice(), io::stderr().is_terminal(), variable_is_set)
}

fn color_choice() -> ColorChoice {
    match COLOUR.load(Ordering::Relaxed) {
        n if n == ColorChoice::Always as u8 => ColorChoice::Always,
        n if n == ColorChoice::Never as u8 => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

/// Set and not empty, whatever the value (no-color.org).
fn variable_is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn wants_colour(when: ColorChoice, terminal: bool, is_set: impl Fn(&str) -> bool) -> bool {
    match when {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        // NO_COLOR wins over FORCE_COLOR.
        ColorChoice::Auto if is_set("NO_COLOR") => false,
        ColorChoice::Auto => terminal || is_set("FORCE_COLOR"),
    }
}

/// Replaces control characters with visible pictures, so that the terminal obeys nothing that a peer chose. For text of one
/// line: `\n` and `\t` are replaced too.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        push_visible(&mut shown, character);
    }
    Cow::Owned(shown)
}

/// [`visible`] for the data of a message: keeps `\n` and `\t`, and shows bytes that are not UTF-8 as `\xff`.
pub fn visible_data(data: &[u8], shown: &mut Vec<u8>) {
    // Nearly all data is printable ASCII.
    if data
        .iter()
        .all(|b| matches!(b, b' '..=b'~' | b'\n' | b'\t'))
    {
        shown.extend_from_slice(data);
        return;
    }
    let mut text = String::with_capacity(data.len() + 8);
    for chunk in data.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' | '\t' => text.push(character),
                _ => push_visible(&mut text, character),
            }
        }
        for byte in chunk.invalid() {
            push_byte(&mut text, u32::from(*byte));
        }
    }
    shown.extend_from_slice(text.as_bytes());
}

/// Control characters, and the bidirectional controls, which reorder the text around them.
pub fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn push_visible(shown: &mut String, character: char) {
    match u32::from(character) {
        // U+2400 and following are pictures of the C0 controls.
        code @ 0..0x20 => shown.extend(char::from_u32(0x2400 + code)),
        code @ 0x7f..0xa0 => push_byte(shown, code),
        _ if is_control(character) => shown.extend(character.escape_unicode()),
        _ => shown.push(character),
    }
}

fn push_byte(shown: &mut String, byte: u32) {
    write!(shown, "\\x{byte:02x}").expect("writing to a String cannot fail");
}

/// Writes `roomcat: …` to stderr, unless `-q`. Control characters are made visible.
pub fn note(text: impl fmt::Display) {
    write_note(Verbosity::Normal, &text, |line| line.dimmed());
}

/// A note in the colour of warnings, unless `-q`.
pub fn warn(text: impl fmt::Display) {
    write_note(Verbosity::Normal, &text, |line| line.yellow());
}

/// A note that is written even with `-q`.
pub fn note_always(text: impl fmt::Display) {
    write_note(Verbosity::Quiet, &text, |line| line.dimmed());
}

/// A note with `-v` only.
pub fn detail(text: impl fmt::Display) {
    write_note(Verbosity::Verbose, &text, |line| line.dimmed());
}

fn write_note(
    least: Verbosity,
    text: &dyn fmt::Display,
    paint: impl Fn(&str) -> colored::ColoredString,
) {
    if VERBOSITY.load(Ordering::Relaxed) < least as u8 {
        return;
    }
    let text = text.to_string();
    let line = format!("roomcat: {}", visible(&text));
    let line = if stderr_colour() {
        paint(&line).to_string()
    } else {
        line
    };
    write_stderr(&format!("{line}\n"));
}

/// Writes with one call, so that the lines of several processes do not mix. Ignores a closed stderr.
pub fn write_stderr(lines: &str) {
    let diverted_to = DIVERTED_TO.lock().unwrap_or_else(PoisonError::into_inner);
    match &*diverted_to {
        Some(sink) => sink(lines),
        None => {
            let _ = io::stderr().write_all(lines.as_bytes());
        }
    }
}

type LineSink = Box<dyn Fn(&str) + Send>;

/// Whatever draws on the terminal's last line takes the lines for stderr, and shows them above it.
static DIVERTED_TO: Mutex<Option<LineSink>> = Mutex::new(None);

/// Lines for stderr are diverted until this is dropped.
#[must_use]
pub struct Diversion(());

/// Diverts the lines for stderr to `sink`. Has no effect when stderr is a file or a pipe.
pub fn divert(sink: impl Fn(&str) + Send + 'static) -> Diversion {
    if io::stderr().is_terminal() {
        *DIVERTED_TO.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(sink));
    }
    Diversion(())
}

impl Drop for Diversion {
    fn drop(&mut self) {
        let sink = DIVERTED_TO
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Dropped outside the lock, because its owner may write a line at its end.
        drop(sink);
    }
}

/// Whether progress may be drawn on stderr: a capable terminal, without `-q`.
pub fn can_draw_on_stderr() -> bool {
    io::stderr().is_terminal()
        && VERBOSITY.load(Ordering::Relaxed) > Verbosity::Quiet as u8
        && is_capable()
}

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    pub columns: u16,
    pub rows: u16,
}

/// The size of a terminal that does not report one.
const DEFAULT_SIZE: TerminalSize = TerminalSize {
    columns: 80,
    rows: 24,
};

/// The size of the terminal behind `stream`.
pub fn size(stream: impl AsFd) -> TerminalSize {
    let (columns, rows) = tcgetwinsize(stream).map_or((0, 0), |size| (size.ws_col, size.ws_row));
    let or = |reported: u16, default: u16| if reported == 0 { default } else { reported };
    TerminalSize {
        columns: or(columns, DEFAULT_SIZE.columns),
        rows: or(rows, DEFAULT_SIZE.rows),
    }
}

/// The width of a line on stdout, if stdout is a terminal.
pub fn stdout_columns() -> Option<usize> {
    let stdout = io::stdout();
    stdout
        .is_terminal()
        .then(|| usize::from(size(stdout).columns))
}

/// Whether the terminal obeys control sequences; a dumb one prints them.
pub fn is_capable() -> bool {
    std::env::var_os("TERM").is_some_and(|kind| !kind.is_empty() && kind != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_made_visible() {
        let cases = [
            ("plain ü€😀", "plain ü€😀"),
            ("\u{1b}[2J", "␛[2J"),
            ("a\nb\tc\r\0", "a␊b␉c␍␀"),
            ("\u{7f}\u{9b}31m", "\\x7f\\x9b31m"),
            ("\u{202e}txt", "\\u{202e}txt"),
        ];
        for (text, shown) in cases {
            assert_eq!(visible(text), shown);
        }
        assert!(matches!(visible("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn data_keeps_its_lines_and_shows_broken_text() {
        let cases: [(&[u8], &str); 5] = [
            (b"plain\n\t", "plain\n\t"),
            (b"\x1b]0;owned\x07", "␛]0;owned␇"),
            (b"a\xffb\xc3", "a\\xffb\\xc3"),
            ("ü\u{9b}\n".as_bytes(), "ü\\x9b\n"),
            (b"\r\n", "␍\n"),
        ];
        for (data, wanted) in cases {
            let mut shown = Vec::new();
            visible_data(data, &mut shown);
            assert_eq!(String::from_utf8(shown).unwrap(), wanted);
        }
    }

    #[test]
    fn colour_is_for_terminals_unless_told_otherwise() {
        use ColorChoice::{Always, Auto, Never};
        let cases: [(ColorChoice, bool, &[&str], bool); 8] = [
            (Auto, true, &[], true),
            (Auto, false, &[], false),
            (Auto, true, &["NO_COLOR"], false),
            (Auto, false, &["FORCE_COLOR"], true),
            (Auto, false, &["FORCE_COLOR", "NO_COLOR"], false),
            (Always, false, &["NO_COLOR"], true),
            (Never, true, &["FORCE_COLOR"], false),
            (Never, true, &[], false),
        ];
        for (when, terminal, set, wanted) in cases {
            let found = wants_colour(when, terminal, |name| set.contains(&name));
            assert_eq!(found, wanted, "{when:?} {terminal} {set:?}");
        }
    }
}
