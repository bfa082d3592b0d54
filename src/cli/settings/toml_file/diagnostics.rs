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
    /// The end of what is in it.
    end: usize,
    found: Vec<Mistake>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Mistake {
    line: usize,
    /// Dotted, as in `namespaces."/admin".rate`; empty for the file's syntax.
    key: String,
    what: String,
}

impl Mistake {
    fn is_syntax(&self) -> bool {
        self.key.is_empty()
    }
}

impl Mistakes {
    pub fn new(file: &Path, text: &str) -> Self {
        let ends = memchr::memchr_iter(b'\n', text.as_bytes());
        Self {
            file: file.to_owned(),
            lines: ends.map(|end| end + 1).collect(),
            end: text.trim_end().len(),
            found: Vec::new(),
        }
    }

    /// This is not how the file is written. To be said before anything else of it is; of a line the first counts.
    pub fn add_syntax(&mut self, at: usize, what: impl fmt::Display) {
        self.add(at, "", what);
    }

    /// What is at this byte of the file is wrong.
    pub fn add(&mut self, at: usize, key: &str, what: impl fmt::Display) {
        let line = self.line(at);
        // What was made of a line that is wrongly written is not what was meant.
        let is_misread = |mistake: &Mistake| mistake.line == line && mistake.is_syntax();
        let mistake = Mistake {
            line,
            key: key.to_owned(),
            what: what.to_string(),
        };
        if !self.found.iter().any(is_misread)
            && !self.found.contains(&mistake)
            && self.found.len() <= limits::MISTAKES_TOLD
        {
            self.found.push(mistake);
        }
    }

    /// Something is not there. In a file that is wrongly written it may only not have been read.
    pub fn add_missing(&mut self, at: usize, key: &str, what: impl fmt::Display) {
        if !self.found.iter().any(Mistake::is_syntax) {
            self.add(at, key, what);
        }
    }

    /// The line of a byte, counted from 1; for the end of the file its last line that is not blank.
    pub fn line(&self, at: usize) -> usize {
        let at = at.min(self.end);
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
