//! The terminal: when to colour, how control characters are shown, and what `roomcat` says on stderr.
//!
//! Knows nothing of hubs or messages. What is set here is set once, before the first command runs.

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
    /// On a terminal, unless NO_COLOR is set; FORCE_COLOR colours anyway.
    #[default]
    Auto,
    Always,
    Never,
}

/// How much is said on stderr beside errors: `-q`, nothing, `-v`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    Quiet,
    #[default]
    Normal,
    Verbose,
}

/// Whether what is printed has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Colours,
}

static COLOUR: AtomicU8 = AtomicU8::new(ColorChoice::Auto as u8);
static VERBOSITY: AtomicU8 = AtomicU8::new(Verbosity::Normal as u8);

pub fn init_colour(when: ColorChoice) {
    COLOUR.store(when as u8, Ordering::Relaxed);
    // `colored` has one switch for the process; the streams differ, so each caller asks for its own.
    colored::control::set_override(true);
}

pub fn init_verbosity(verbosity: Verbosity) {
    VERBOSITY.store(verbosity as u8, Ordering::Relaxed);
}

pub fn stdout_colour() -> bool {
    wants_colour(chosen(), io::stdout().is_terminal(), variable_is_set)
}

pub fn stdout_paint() -> Paint {
    if stdout_colour() {
        Paint::Colours
    } else {
        Paint::Plain
    }
}

pub fn stderr_colour() -> bool {
    wants_colour(chosen(), io::stderr().is_terminal(), variable_is_set)
}

fn chosen() -> ColorChoice {
    match COLOUR.load(Ordering::Relaxed) {
        n if n == ColorChoice::Always as u8 => ColorChoice::Always,
        n if n == ColorChoice::Never as u8 => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

/// no-color.org: set and not empty, whatever the value.
fn variable_is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn wants_colour(when: ColorChoice, terminal: bool, is_set: impl Fn(&str) -> bool) -> bool {
    match when {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        // The one that asks for less wins where both are set.
        ColorChoice::Auto if is_set("NO_COLOR") => false,
        ColorChoice::Auto => terminal || is_set("FORCE_COLOR"),
    }
}

/// Control characters become pictures of themselves, so that nothing a peer chose is obeyed by the terminal; for names
/// and whatever else stands in one line, so `\n` and `\t` are shown as well.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        push_visible(&mut shown, character);
    }
    Cow::Owned(shown)
}

/// [`visible`] for a message's data: `\n` and `\t` stay, and bytes that are not UTF-8 are shown as `\xff`.
pub fn visible_data(data: &[u8], shown: &mut Vec<u8>) {
    // Printable ASCII is what nearly everything is.
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

/// What a terminal obeys, and the bidirectional controls, which reorder the text around them.
pub fn is_obeyed(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn push_visible(shown: &mut String, character: char) {
    match u32::from(character) {
        // U+2400: the pictures of the C0 controls, in their order.
        code @ 0..0x20 => shown.extend(char::from_u32(0x2400 + code)),
        code @ 0x7f..0xa0 => push_byte(shown, code),
        _ if is_obeyed(character) => shown.extend(character.escape_unicode()),
        _ => shown.push(character),
    }
}

fn push_byte(shown: &mut String, byte: u32) {
    write!(shown, "\\x{byte:02x}").expect("a String takes what is written");
}

/// `roomcat: …` on stderr, unless `-q`. The text is made visible.
pub fn note(text: impl fmt::Display) {
    say(Verbosity::Normal, &text, |line| line.dimmed());
}

/// Something that the user should know, unless `-q`.
pub fn warn(text: impl fmt::Display) {
    say(Verbosity::Normal, &text, |line| line.yellow());
}

/// Also with `-q`.
pub fn insist(text: impl fmt::Display) {
    say(Verbosity::Quiet, &text, |line| line.dimmed());
}

/// Only with `-v`.
pub fn detail(text: impl fmt::Display) {
    say(Verbosity::Verbose, &text, |line| line.dimmed());
}

fn say(from: Verbosity, text: &dyn fmt::Display, paint: impl Fn(&str) -> colored::ColoredString) {
    if VERBOSITY.load(Ordering::Relaxed) < from as u8 {
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

/// One write, so that lines of several processes do not mix. A closed stderr is nobody's failure.
pub fn write_stderr(lines: &str) {
    let aside = ASIDE.lock().unwrap_or_else(PoisonError::into_inner);
    match &*aside {
        Some(aside) => aside(lines),
        None => {
            let _ = io::stderr().write_all(lines.as_bytes());
        }
    }
}

type Aside = Box<dyn Fn(&str) + Send>;

/// What has the terminal's last line to itself takes the lines for stderr as well, and shows them above it.
static ASIDE: Mutex<Option<Aside>> = Mutex::new(None);

/// Until this is dropped, lines for stderr go elsewhere.
#[must_use]
pub struct Diversion(());

/// What is meant for a file or a pipe still goes there.
pub fn divert(aside: impl Fn(&str) + Send + 'static) -> Diversion {
    if io::stderr().is_terminal() {
        *ASIDE.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(aside));
    }
    Diversion(())
}

impl Drop for Diversion {
    fn drop(&mut self) {
        let aside = ASIDE.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Outside the lock: what it held may have something to say at its end.
        drop(aside);
    }
}

/// Whether something may be drawn on stderr and drawn over again: a terminal that obeys, and nobody asked for silence.
pub fn draws_on_stderr() -> bool {
    io::stderr().is_terminal()
        && VERBOSITY.load(Ordering::Relaxed) > Verbosity::Quiet as u8
        && is_capable()
}

/// A terminal in its columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub columns: u16,
    pub rows: u16,
}

/// What a terminal that does not tell has.
const USUAL_SIZE: Size = Size {
    columns: 80,
    rows: 24,
};

/// Of the terminal that `stream` is.
pub fn size(stream: impl AsFd) -> Size {
    let (columns, rows) = tcgetwinsize(stream).map_or((0, 0), |size| (size.ws_col, size.ws_row));
    let or = |told: u16, usual: u16| if told == 0 { usual } else { told };
    Size {
        columns: or(columns, USUAL_SIZE.columns),
        rows: or(rows, USUAL_SIZE.rows),
    }
}

/// How wide a line on stdout may be: as wide as the terminal, where it is one.
pub fn stdout_columns() -> Option<usize> {
    let stdout = io::stdout();
    stdout
        .is_terminal()
        .then(|| usize::from(size(stdout).columns))
}

/// A dumb terminal prints what others obey.
pub fn is_capable() -> bool {
    std::env::var_os("TERM").is_some_and(|kind| !kind.is_empty() && kind != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
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
