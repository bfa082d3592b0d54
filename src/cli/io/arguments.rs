//! The arguments of `emit`: words of the command line become JSON, text or binary data.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::address::{EventName, Namespace};
use crate::client::error::io_error_text;
use crate::client::plain_connection::EventArgs;
use crate::limits;
use crate::wire::socket::{self, PacketError};

#[derive(Debug, thiserror::Error)]
pub enum ArgumentError {
    #[error("argument {number} is not text")]
    NotText { number: usize },
    #[error("cannot read {path}: {}", io_error_text(.source))]
    File { path: PathBuf, source: io::Error },
    #[error("{path} has more than {} bytes", limits::MESSAGE_BYTES_MAX)]
    TooLarge { path: PathBuf },
    #[error("an event has at most {} arguments", limits::ARGUMENTS)]
    TooMany,
    #[error("an event carries at most {} files", limits::ATTACHMENTS)]
    Attachments,
    #[error("these arguments cannot be sent: {0}")]
    Packet(PacketError),
}

/// How a word is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordMode {
    /// As JSON if it parses, as a file if it is `@FILE`, else as text.
    Auto,
    Text,
}

/// Parses the arguments of an event. Blocks while it reads files.
pub fn arguments(
    event: &EventName,
    words: &[OsString],
    mode: WordMode,
) -> Result<EventArgs, ArgumentError> {
    if words.len() > limits::ARGUMENTS {
        return Err(ArgumentError::TooMany);
    }
    let mut json = Vec::with_capacity(words.len());
    let mut attachments: Vec<Bytes> = Vec::new();
    for (number, word) in (1..).zip(words) {
        let text = word.to_str().ok_or(ArgumentError::NotText { number })?;
        match (mode, text.strip_prefix('@')) {
            (WordMode::Auto, Some(path)) => {
                if attachments.len() == limits::ATTACHMENTS {
                    return Err(ArgumentError::Attachments);
                }
                let number = attachments.len();
                json.push(format!("{{\"_placeholder\":true,\"num\":{number}}}"));
                attachments.push(read(Path::new(path))?);
            }
            (WordMode::Auto, None) => json.push(json_or_text(text)),
            (WordMode::Text, _) => json.push(quoted(text)),
        }
    }
    let args = EventArgs {
        json: json.join(","),
        attachments,
    };
    check(event, &args)?;
    Ok(args)
}

fn json_or_text(text: &str) -> String {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(value) => value.get().to_owned(),
        Err(_) => quoted(text),
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string is JSON")
}

/// Reads a whole file. `-` is stdin, as with other programs that take `@FILE`.
fn read(path: &Path) -> Result<Bytes, ArgumentError> {
    let mut bytes = Vec::new();
    let limit = limits::MESSAGE_BYTES_MAX as u64 + 1;
    let done = match path.to_str() {
        Some("-") => io::stdin().lock().take(limit).read_to_end(&mut bytes),
        _ => File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)),
    };
    done.map_err(|source| ArgumentError::File {
        path: path.to_owned(),
        source,
    })?;
    if bytes.len() > limits::MESSAGE_BYTES_MAX {
        return Err(ArgumentError::TooLarge {
            path: path.to_owned(),
        });
    }
    Ok(bytes.into())
}

/// A server closes the connection over an invalid packet, for example one with a typed placeholder beside a file.
fn check(event: &EventName, args: &EventArgs) -> Result<(), ArgumentError> {
    let count = args.attachments.len();
    let text = socket::encode_event(&Namespace::root(), None, event.as_str(), &args.json, count);
    let packet = text.get(1..).unwrap_or_default();
    socket::decode(packet)
        .map(drop)
        .map_err(ArgumentError::Packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_words(words: &[&str], mode: WordMode) -> Result<EventArgs, ArgumentError> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        arguments(&EventName::message(), &words, mode)
    }

    #[test]
    fn a_word_is_json_when_it_parses_and_text_otherwise() {
        let cases = [
            ("hi", r#""hi""#),
            ("7", "7"),
            ("-0.5e3", "-0.5e3"),
            ("1e400", "1e400"),
            ("true", "true"),
            ("null", "null"),
            ("True", r#""True""#),
            ("", r#""""#),
            (r#"{"a": [1]}"#, r#"{"a": [1]}"#),
            (r#"{"a""#, r#""{\"a\"""#),
            (r#""7""#, r#""7""#),
            (r#""@alice""#, r#""@alice""#),
            (" 7 ", "7"),
            ("7 8", r#""7 8""#),
            ("line\nbreak", r#""line\nbreak""#),
        ];
        for (word, json) in cases {
            assert_eq!(read_words(&[word], WordMode::Auto).unwrap().json, json);
        }
        let text = read_words(&["7", "@alice", "{}"], WordMode::Text).unwrap();
        assert_eq!(text.json, r#""7","@alice","{}""#);
        assert!(text.attachments.is_empty());
        assert_eq!(read_words(&[], WordMode::Auto).unwrap().json, "");
    }

    #[test]
    fn files_are_attachments() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, [0, 255]).unwrap();
        let word = format!("@{}", path.display());
        let args = read_words(&["a", &word, "1", &word], WordMode::Auto).unwrap();
        assert_eq!(
            args.json,
            r#""a",{"_placeholder":true,"num":0},1,{"_placeholder":true,"num":1}"#
        );
        assert_eq!(args.attachments, [&[0, 255][..], &[0, 255]]);
        let eleven = vec![&*word; limits::ATTACHMENTS + 1];
        let refused = read_words(&eleven, WordMode::Auto);
        assert!(matches!(refused, Err(ArgumentError::Attachments)));
        let typed = r#"{"_placeholder":true,"num":5}"#;
        let refused = read_words(&[&word, typed], WordMode::Auto);
        assert!(matches!(refused, Err(ArgumentError::Packet(_))));
        assert_eq!(read_words(&[typed], WordMode::Auto).unwrap().json, typed);
        let missing = read_words(&["@/no/such/file"], WordMode::Auto).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "cannot read /no/such/file: no such file or directory"
        );
    }
}
