//! What is wrong in a file, each with its line: collected while it is read, told all at once.
//!
//! Knows lines and texts, nothing of hubs. What is told never repeats a value: it might be a secret.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::limits;

/// The mistakes of one file, in the order of its lines once they are read with [`Mistakes::told`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    file: PathBuf,
    /// Where each line but the first begins.
    lines: Vec<usize>,
    found: Vec<Mistake>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Mistake {
    line: usize,
    /// Dotted, as in `namespaces."/admin".rate`; empty for the file's syntax.
    key: String,
    what: String,
}

impl Mistakes {
    pub fn new(file: &Path, text: &str) -> Self {
        let ends = memchr::memchr_iter(b'\n', text.as_bytes());
        Self {
            file: file.to_owned(),
            lines: ends.map(|end| end + 1).collect(),
            found: Vec::new(),
        }
    }

    /// Something at this byte of the file is wrong.
    pub fn add(&mut self, at: usize, key: &str, what: impl fmt::Display) {
        let mistake = Mistake {
            line: self.line(at),
            key: key.to_owned(),
            what: what.to_string(),
        };
        // One thing said twice of a line helps nobody.
        if !self.found.contains(&mistake) && self.found.len() <= limits::MISTAKES_TOLD {
            self.found.push(mistake);
        }
    }

    /// The line of a byte, counted from 1.
    pub fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at) + 1
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Each as `hub.toml:12: namespaces."/admin".rate: …`, in the order of the file.
    pub fn told(&self) -> Vec<String> {
        let mut found: Vec<&Mistake> = self.found.iter().collect();
        found.sort();
        let file = self.file.display();
        let told = found.iter().take(limits::MISTAKES_TOLD).map(|mistake| {
            let Mistake { line, key, what } = mistake;
            match &key[..] {
                "" => format!("{file}:{line}: {what}"),
                key => format!("{file}:{line}: {key}: {what}"),
            }
        });
        told.collect()
    }
}

/// What there is to say of all of them.
impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.found.len() {
            1 => write!(f, "{file} has a mistake"),
            more if more <= limits::MISTAKES_TOLD => write!(f, "{file} has {more} mistakes"),
            _ => write!(f, "{file} has more than {} mistakes", limits::MISTAKES_TOLD),
        }
    }
}
