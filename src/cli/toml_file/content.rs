//! The text of a settings file, or why it cannot be read.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error("{}", crate::client::error::io_error_text(.0))]
    Io(#[from] io::Error),
    #[error("it has more than {0} bytes")]
    TooLong(usize),
    #[error("line {line} is not text in UTF-8")]
    NotText { line: usize },
}

/// The content of a file of at most `max_bytes`.
pub fn read(path: &Path, max_bytes: usize) -> Result<String, ContentError> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(max_bytes as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > max_bytes {
        return Err(ContentError::TooLong(max_bytes));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = memchr::memchr_iter(b'\n', valid).count() + 1;
        ContentError::NotText { line }
    })
}
