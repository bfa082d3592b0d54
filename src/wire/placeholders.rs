//! Finds the placeholders of attachments in a JSON text: `{"_placeholder":true,"num":0}`, anywhere in it.
//!
//! Recognizes every placeholder that Socket.IO's client recognizes, with escapes, duplicate keys and further keys. A
//! placeholder that only the client sees could name a missing attachment, and a stock client then drops its connection.
//! The text must be valid JSON; an invalid one gives wrong results, never a panic.

use std::borrow::Cow;
use std::ops::Range;

use crate::limits;

/// Replaces each placeholder with what `replace` writes for the number of its attachment. Only for packets with attachments:
/// elsewhere such an object is plain data. Returns a text that `check` refuses unchanged.
pub fn rewrite_placeholders(json: &str, mut replace: impl FnMut(usize, &mut String)) -> String {
    let found = scan(json).unwrap_or_default();
    let mut out = String::with_capacity(json.len());
    let mut copied = 0;
    for Placeholder { range, num } in found {
        out.push_str(json.get(copied..range.start).unwrap_or_default());
        replace(num, &mut out);
        copied = range.end;
    }
    out.push_str(json.get(copied..).unwrap_or_default());
    out
}

/// The number of the attachment, if this JSON text is exactly one placeholder.
pub fn placeholder(raw: &str) -> Option<usize> {
    let raw = raw.trim_matches([' ', '\t', '\n', '\r']);
    if !raw.starts_with('{') {
        return None;
    }
    match scan(raw).ok()?.as_slice() {
        [only] if only.range == (0..raw.len()) => Some(only.num),
        _ => None,
    }
}

/// Why a JSON text does not match its attachments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlaceholderError {
    TooDeep,
    Placeholder,
}

/// Checks that every placeholder names one of the `attachments`, and none twice: no encoder writes one twice, and a
/// sender could multiply one attachment a thousand times.
pub(super) fn check(json: &str, attachments: usize) -> Result<(), PlaceholderError> {
    let mut is_named = [false; limits::ATTACHMENTS];
    for Placeholder { num, .. } in scan(json)? {
        match is_named.get_mut(num) {
            Some(named) if num < attachments && !*named => *named = true,
            _ => return Err(PlaceholderError::Placeholder),
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Placeholder {
    range: Range<usize>,
    num: usize,
}

/// The outermost placeholders in order.
fn scan(json: &str) -> Result<Vec<Placeholder>, PlaceholderError> {
    let mut scan = Scan {
        json,
        at: 0,
        open: Vec::new(),
        found: Vec::new(),
    };
    while let Some(&byte) = json.as_bytes().get(scan.at) {
        scan.token(byte)?;
    }
    Ok(scan.found)
}

struct Scan<'a> {
    json: &'a str,
    at: usize,
    open: Vec<OpenValue>,
    found: Vec<Placeholder>,
}

enum OpenValue {
    Array,
    Object(OpenObject),
}

/// An object that is still open, with the values of the two keys that matter. The last of equal keys counts.
struct OpenObject {
    start: usize,
    next: ExpectedToken,
    is_marked: bool,
    num: Option<usize>,
}

enum ExpectedToken {
    Key,
    Marker,
    Num,
    OtherValue,
}

impl<'a> Scan<'a> {
    fn token(&mut self, byte: u8) -> Result<(), PlaceholderError> {
        let start = self.at;
        self.at += 1;
        match byte {
            b'{' => {
                self.value("");
                self.push(OpenValue::Object(OpenObject {
                    start,
                    next: ExpectedToken::Key,
                    is_marked: false,
                    num: None,
                }))?;
            }
            b'[' => {
                self.value("");
                self.push(OpenValue::Array)?;
            }
            b'}' | b']' => self.close()?,
            b',' => {
                if let Some(OpenValue::Object(object)) = self.open.last_mut() {
                    object.next = ExpectedToken::Key;
                }
            }
            b'"' => self.string(start),
            b' ' | b'\t' | b'\n' | b'\r' | b':' => {}
            _ => self.scalar(start),
        }
        Ok(())
    }

    fn push(&mut self, open: OpenValue) -> Result<(), PlaceholderError> {
        if self.open.len() >= limits::JSON_DEPTH {
            return Err(PlaceholderError::TooDeep);
        }
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self) -> Result<(), PlaceholderError> {
        if let Some(OpenValue::Object(OpenObject {
            start,
            is_marked: true,
            num,
            ..
        })) = self.open.pop()
        {
            let num = num.ok_or(PlaceholderError::Placeholder)?;
            // Placeholders inside it do not count: the whole object is replaced.
            while self.found.last().is_some_and(|p| p.range.start > start) {
                self.found.pop();
            }
            let range = start..self.at;
            self.found.push(Placeholder { range, num });
        }
        Ok(())
    }

    fn string(&mut self, start: usize) {
        loop {
            let rest = self.json.as_bytes().get(self.at..).unwrap_or_default();
            match memchr::memchr2(b'"', b'\\', rest) {
                Some(offset) if rest.get(offset) == Some(&b'\\') => self.at += offset + 2,
                Some(offset) => {
                    self.at += offset + 1;
                    break;
                }
                None => {
                    self.at = self.json.len();
                    break;
                }
            }
        }
        let text = self.json.get(start..self.at).unwrap_or_default();
        match self.open.last_mut() {
            Some(OpenValue::Object(object)) if matches!(object.next, ExpectedToken::Key) => {
                object.next = ExpectedToken::after_key(text);
            }
            _ => self.value(text),
        }
    }

    fn scalar(&mut self, start: usize) {
        let rest = self.json.as_bytes().get(start..).unwrap_or_default();
        let is_end = |b: &u8| matches!(b, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
        let length = rest.iter().position(is_end).unwrap_or(rest.len());
        self.at = start + length.max(1);
        self.value(self.json.get(start..self.at).unwrap_or_default());
    }

    /// `text` is empty for an object or array.
    fn value(&mut self, text: &str) {
        if let Some(OpenValue::Object(object)) = self.open.last_mut() {
            match object.next {
                ExpectedToken::Marker => object.is_marked = text == "true",
                ExpectedToken::Num => object.num = number(text),
                ExpectedToken::Key | ExpectedToken::OtherValue => {}
            }
        }
    }
}

impl ExpectedToken {
    /// `key` with its quotes.
    fn after_key(key: &str) -> Self {
        let key = if key.contains('\\') {
            // A key that is not Unicode (a lone surrogate) is neither of the two.
            serde_json::from_str(key).map_or(Cow::Borrowed(""), Cow::Owned)
        } else {
            Cow::Borrowed(key.trim_matches('"'))
        };
        match key.as_ref() {
            "_placeholder" => ExpectedToken::Marker,
            "num" => ExpectedToken::Num,
            _ => ExpectedToken::OtherValue,
        }
    }
}

/// Digits only, as every encoder writes it. JavaScript would also accept `0.0`, and find no attachment for `0.5`.
fn number(text: &str) -> Option<usize> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
