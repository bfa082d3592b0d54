//! JSON for the codec: writes a string without a way to fail, and reads an array as the unchanged texts of its elements.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::limits;

/// The elements of an array: validated, never converted. `json` must begin with `[`, because the reference implementation's
/// parser takes white space before it for an ack id.
pub(super) fn elements(json: &str) -> Result<Vec<&RawValue>, String> {
    // Checked first, because serde's error about another type would quote the whole text.
    if json.starts_with('[') {
        let Elements(elements) = serde_json::from_str(json).map_err(|e| e.to_string())?;
        Ok(elements)
    } else {
        Err("not an array".to_owned())
    }
}

struct Elements<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ElementsVisitor)
    }
}

struct ElementsVisitor;

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Elements<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Elements<'de>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element::<&RawValue>()? {
            // One more than the arguments: an event's name comes before them.
            if elements.len() > limits::ARGUMENTS {
                return Err(A::Error::custom("too many arguments"));
            }
            elements.push(element);
        }
        Ok(Elements(elements))
    }
}

/// Why JSON was refused, as a clause for an error text.
pub fn error_text(error: &serde_json::Error) -> String {
    let column = error.column();
    let text = error.to_string();
    let (reason, _) = text.rsplit_once(" at line ").unwrap_or((&text, ""));
    match error.classify() {
        Category::Eof => "it ends too early".to_owned(),
        Category::Syntax | Category::Io => format!("the syntax is wrong at column {column}"),
        Category::Data if reason.starts_with("invalid ") => {
            format!("a value has the wrong type at column {column}")
        }
        // A missing, unknown or doubled key, or the error of a name.
        Category::Data => reason.to_owned(),
    }
}

/// Appends `text` as a JSON string, escaped like `JSON.stringify` does.
pub(super) fn push_string(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut clean = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        // Both ends are at ASCII bytes, so the slice holds whole characters.
        out.push_str(text.get(clean..at).unwrap_or_default());
        clean = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => out.push_str(&format!("\\u{control:04x}")),
        }
    }
    out.push_str(text.get(clean..).unwrap_or_default());
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::{prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn errors_have_our_own_wording() {
        #[derive(Debug, serde::Deserialize)]
        struct Point {
            #[expect(dead_code, reason = "only parsed")]
            x: u32,
        }
        for (json, text) in [
            ("{\"x\":", "it ends too early"),
            ("{x:1}", "the syntax is wrong at column 2"),
            ("{\"x\":\"1\"}", "a value has the wrong type at column 8"),
            ("{}", "missing field `x`"),
        ] {
            let error = serde_json::from_str::<Point>(json).unwrap_err();
            assert_eq!(error_text(&error), text, "{json}");
        }
    }

    #[test]
    fn every_control_character_is_escaped() {
        for code in 0..0x80u32 {
            let text = char::from_u32(code).unwrap().to_string();
            let mut out = String::new();
            push_string(&mut out, &text);
            assert_eq!(out, serde_json::to_string(&text).unwrap(), "{code:#x}");
        }
    }

    #[test]
    fn the_number_of_elements_is_bounded() {
        let array = |n: usize| format!("[{}0]", "0,".repeat(n - 1));
        let most = limits::ARGUMENTS + 1;
        assert_eq!(elements(&array(most)).unwrap().len(), most);
        assert!(elements(&array(most + 1)).is_err());
    }

    #[test]
    fn an_error_does_not_quote_the_text() {
        let long = format!("\"{}\"", "x".repeat(100_000));
        assert!(elements(&long).unwrap_err().len() < 100);
    }

    proptest! {
        #[test]
        fn a_string_is_written_as_serde_json_writes_it(text in any::<String>()) {
            let mut out = String::new();
            push_string(&mut out, &text);
            prop_assert_eq!(out, serde_json::to_string(&text).unwrap());
        }
    }
}
