//! What is wrong in a file, each with its line, column and key. No message repeats a value: it might be a secret.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::DeValue;

use crate::limits;

/// The mistakes of a file while they are collected.
#[derive(Debug)]
pub struct Diagnostics<'a> {
    path: &'a Path,
    text: &'a str,
    root: &'a DeValue<'a>,
    /// Each with the byte where it stands.
    found: Vec<(usize, String)>,
}

impl<'a> Diagnostics<'a> {
    /// `root` is the table that `text` was parsed into.
    pub fn new(path: &'a Path, text: &'a str, root: &'a DeValue<'a>) -> Self {
        Self {
            path,
            text,
            root,
            found: Vec::new(),
        }
    }

    /// The text is not TOML here.
    pub fn add_syntax(&mut self, at: usize, message: impl fmt::Display) {
        self.found.push((at, message.to_string()));
    }

    /// `at` is the first byte of a key, or of an item of an array.
    pub fn add(&mut self, at: usize, message: impl fmt::Display) {
        let key = key_at(self.root, at, "").map_or(String::new(), |key| format!("{key}: "));
        self.found.push((at, format!("{key}{message}")));
    }

    /// About a key that stands outside any table.
    pub fn add_at_key(&mut self, key: &str, message: impl fmt::Display) {
        let table = self.root.as_table();
        let entry = table.and_then(|table| table.get_key_value(key));
        self.add(entry.map_or(0, |(key, _)| key.span().start), message);
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// The line of a byte, counted from 1.
    pub fn line(&self, at: usize) -> usize {
        position(self.text, at).0
    }

    /// All of them in the order of the file.
    pub fn into_error(mut self) -> InvalidFile {
        self.found.sort();
        let shown = self.found.iter().take(limits::DIAGNOSTICS_REPORTED);
        let lines = shown.map(|(at, message)| {
            let (line, column) = position(self.text, *at);
            format!("{}:{line}:{column}: {message}", self.path.display())
        });
        InvalidFile {
            lines: lines.collect(),
            total: self.found.len(),
            path: self.path.to_owned(),
        }
    }
}

/// A file with mistakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFile {
    path: PathBuf,
    lines: Vec<String>,
    total: usize,
}

impl InvalidFile {
    /// A line for each mistake: `hub.toml:12:1: namespaces."/admin".rate: …`.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

impl fmt::Display for InvalidFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.path.display();
        match self.total {
            1 => write!(f, "{file} has a mistake"),
            more if more <= limits::DIAGNOSTICS_REPORTED => write!(f, "{file} has {more} mistakes"),
            _ => write!(
                f,
                "{file} has more than {} mistakes",
                limits::DIAGNOSTICS_REPORTED
            ),
        }
    }
}

/// Line and column of a byte, counted from 1, the column in characters. The end of the file counts as the end of its last
/// line that is not blank.
pub fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let before = if before.len() < text.trim_end().len() {
        before
    } else {
        text.trim_end()
    };
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// The dotted key whose name, or the array item whose value, begins at this byte.
fn key_at(value: &DeValue<'_>, at: usize, prefix: &str) -> Option<String> {
    match value {
        DeValue::Table(entries) => entries.iter().find_map(|(key, value)| {
            let dot = if prefix.is_empty() { "" } else { "." };
            let path = format!("{prefix}{dot}{}", as_written(key.get_ref()));
            if key.span().start == at {
                return Some(path);
            }
            key_at(value.get_ref(), at, &path)
        }),
        DeValue::Array(items) => (0..).zip(items.iter()).find_map(|(index, item)| {
            let path = format!("{prefix}[{index}]");
            if item.span().start == at {
                return Some(path);
            }
            key_at(item.get_ref(), at, &path)
        }),
        _ => None,
    }
}

/// Characters of a key that is too long to be a name.
const SHOWN_BYTES: usize = 40;

/// A key as TOML writes it. A key that is longer than any name is cut.
pub fn as_written(key: &str) -> String {
    if key.len() > limits::NAME_BYTES {
        let start = &key[..key.floor_char_boundary(SHOWN_BYTES)];
        return format!("{:?}", format!("{start}…"));
    }
    let is_bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if !key.is_empty() && key.bytes().all(is_bare) {
        key.to_owned()
    } else {
        format!("{key:?}")
    }
}
