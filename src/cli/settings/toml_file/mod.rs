//! A TOML file that somebody wrote by hand: read and checked whole, every mistake told with its line.
//!
//! Knows TOML, nothing of what may stand in the file.

pub mod diagnostics;
mod json;
mod syntax;
pub mod value;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use toml::de::DeTable;

use self::diagnostics::Mistakes;

#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error("{}", crate::client::error::io_error_text(.0))]
    Io(#[from] io::Error),
    #[error("it has more than {0} bytes")]
    TooLong(usize),
    #[error("line {line} is not text in UTF-8")]
    NotText { line: usize },
}

/// What is in a file, if it is a text of at most so many bytes.
pub fn content(path: &Path, most: usize) -> Result<String, ContentError> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        return Err(ContentError::TooLong(most));
    }
    String::from_utf8(bytes).map_err(|error| {
        let fine = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = memchr::memchr_iter(b'\n', fine).count() + 1;
        ContentError::NotText { line }
    })
}

/// Has the text read by `read`, which notes what is wrong in it. `path` is where the text is from.
pub fn parse<T>(
    path: &Path,
    text: &str,
    read: impl FnOnce(&DeTable<'_>, &mut Mistakes) -> T,
) -> Result<T, Mistakes> {
    let mut mistakes = Mistakes::new(path, text);
    let readable = syntax::readable(text, &mut mistakes);
    let (whole, _) = DeTable::parse_recoverable(&readable);
    let read = read(whole.get_ref(), &mut mistakes);
    if mistakes.is_empty() {
        Ok(read)
    } else {
        Err(mistakes)
    }
}
