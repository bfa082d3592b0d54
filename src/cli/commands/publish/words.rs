//! Words of the command line as one message.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use crate::cli::io::stdin::{InputBlock, InputError, InputOptions, Payload, words};
use crate::wire::batch::{Framing, push_bytes_message};

/// The words of the command line as one message, as `echo` joins them. They need not be text.
pub fn joined(message: &[OsString], input: InputOptions) -> Result<InputBlock, InputError> {
    let joined = message.join(std::ffi::OsStr::new(" "));
    whole(joined.as_bytes(), input)
}

/// One message, checked.
pub fn whole(bytes: &[u8], input: InputOptions) -> Result<InputBlock, InputError> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return words(text, input);
    }
    if input.payload == Payload::Json {
        let reason = "it is not text".to_owned();
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
