//! Reads files that hold a secret.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::limits;

/// The first line of a file, trimmed. `Err` holds the reason.
pub fn read_secret(path: &Path) -> Result<String, String> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| {
            file.take(limits::TOKEN_BYTES as u64 + 1)
                .read_to_end(&mut start)
        })
        .map_err(|error| crate::client::error::io_error_text(&error))?;
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or(&start);
    let line = std::str::from_utf8(line).map_err(|_| "it is not text".to_owned())?;
    match line.trim() {
        "" => Err("its first line is empty".to_owned()),
        long if long.len() > limits::TOKEN_BYTES => Err(format!(
            "its first line has more than {} bytes",
            limits::TOKEN_BYTES
        )),
        token => Ok(token.to_owned()),
    }
}
