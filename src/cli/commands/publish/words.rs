//! Words of the command line as one message.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::cli::io::stdin::{InputBlock, InputError, InputOptions, Payload, words};
use crate::wire::batch::{Framing, push_bytes_message};

/// Joins the words with spaces, as `echo` does. They need not be UTF-8.
pub fn join_words(message: &[OsString], input: InputOptions) -> Result<InputBlock, InputError> {
    let joined = message.join(OsStr::new(" "));
    single_message(joined.as_bytes(), input)
}

/// Errors: the message is too long or, with `Payload::Json`, is not JSON.
pub fn single_message(bytes: &[u8], input: InputOptions) -> Result<InputBlock, InputError> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return words(text, input);
    }
    if input.payload == Payload::Json {
        let reason = "it is not UTF-8".to_owned();
        return Err(InputError::NotJson { number: 1, reason });
    }
    if bytes.len() > input.max_message {
        return Err(InputError::TooLong {
            number: 1,
            length: bytes.len(),
            limit: input.max_message,
        });
    }
    let mut body = Vec::new();
    push_bytes_message(&mut body, bytes);
    Ok(InputBlock {
        framing: Framing::Bytes,
        json: false,
        count: 1,
        body: body.into(),
    })
}
