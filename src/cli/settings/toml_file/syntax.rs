//! TOML that is wrongly written: what is told of it, and how much of the file can be read all the same.
//!
//! A parser that goes on after a mistake may take a whole table for something else. So nothing is read that was not surely
//! meant: a line that is wrong by itself is left out, and behind one that is not the reading ends.

use std::borrow::Cow;
use std::ops::Range;

use toml::de::DeTable;

use super::diagnostics::Mistakes;

/// The part of the text that can be trusted, each line where it was.
pub fn readable<'t>(text: &'t str, mistakes: &mut Mistakes) -> Cow<'t, str> {
    let (twice, mut errors): (Vec<_>, Vec<_>) =
        errors(text).into_iter().partition(Error::is_harmless);
    errors.sort_by_key(|error| error.span.start);
    let Some(first) = errors.first() else {
        tell(&twice, text, mistakes);
        return Cow::Borrowed(text);
    };
    let alone = without_lines(text, &errors);
    let alone = alone.filter(|rest| self::errors(rest).iter().all(Error::is_harmless));
    match alone {
        Some(rest) => {
            tell(&twice, text, mistakes);
            tell(&errors, text, mistakes);
            Cow::Owned(rest)
        }
        None => {
            let end = line_of(text, first).start;
            tell(&errors[..1], text, mistakes);
            let sure = |error: &&Error| error.span.start < end;
            let twice: Vec<Error> = twice.iter().filter(sure).cloned().collect();
            tell(&twice, text, mistakes);
            Cow::Borrowed(text.get(..end).unwrap_or_default())
        }
    }
}

#[derive(Debug, Clone)]
struct Error {
    span: Range<usize>,
    message: String,
}

impl Error {
    /// Two of one name leave everything around them as it was meant.
    fn is_harmless(&self) -> bool {
        self.message == TWICE
    }
}

/// As the parser says it. Were it to say it otherwise, less of such a file would be read.
const TWICE: &str = "duplicate key";

fn errors(text: &str) -> Vec<Error> {
    let (_, errors) = DeTable::parse_recoverable(text);
    let errors = errors.iter().map(|error| Error {
        span: error.span().unwrap_or_default(),
        message: error.message().to_owned(),
    });
    errors.collect()
}

fn tell(errors: &[Error], text: &str, mistakes: &mut Mistakes) {
    for error in errors {
        let name = text.get(error.span.clone()).unwrap_or_default();
        if error.is_harmless() && !name.is_empty() {
            mistakes.add_syntax(error.span.start, format!("{name} is here a second time"))
        } else {
            mistakes.add_syntax(error.span.start, &error.message)
        }
    }
}

/// The text with blanks for the lines of these errors; None when what follows such a line belongs to it.
fn without_lines(text: &str, errors: &[Error]) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    for error in errors {
        let line = line_of(text, error);
        let is_header = text.get(line.clone())?.trim_start().starts_with('[');
        if is_header || error.span.end > line.end + 1 {
            return None;
        }
        bytes.get_mut(line)?.fill(b' ');
    }
    String::from_utf8(bytes).ok()
}

/// Without its end.
fn line_of(text: &str, error: &Error) -> Range<usize> {
    // At the end of the file it is the last line's.
    let last = text.trim_end_matches('\n').len();
    let at = error.span.start.min(last);
    let bytes = text.as_bytes();
    let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |end| end + 1);
    let end = memchr::memchr(b'\n', &bytes[at..]).map_or(text.len(), |length| at + length);
    start..end
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A text, the mistakes by their lines, and what is read.
    type Case<'a> = (&'a str, &'a [(usize, &'a str)], &'a str);

    fn read(text: &str) -> (Vec<String>, String) {
        let mut mistakes = Mistakes::new(Path::new("f"), text);
        let readable = readable(text, &mut mistakes).into_owned();
        (mistakes.told(), readable)
    }

    #[test]
    fn only_what_was_surely_meant_is_read() {
        let unquoted = "string values must be quoted, expected literal string";
        let cases: &[Case] = &[
            ("a = 1\n", &[], "a = 1\n"),
            // Wrong by themselves.
            (
                "a = 25s\nb = 1\nc = yes",
                &[(1, unquoted), (3, unquoted)],
                "       \nb = 1\n       ",
            ),
            (
                "a: 1\nb = 1\n",
                &[(
                    1,
                    "invalid unquoted key, expected letters, numbers, `-`, `_`",
                )],
                "    \nb = 1\n",
            ),
            (
                "a = \"ü\nb = 1\n",
                &[(1, "invalid basic string, expected `\"`")],
                "       \nb = 1\n",
            ),
            // What follows a header belongs to it, and what follows an open bracket may.
            (
                "a = 1\n[b\nc = 1\n",
                &[(2, "unclosed table, expected `]`")],
                "a = 1\n",
            ),
            (
                "a = 1\nb = [\n 1,\nc = 1\nd = 2\n",
                &[(4, unquoted)],
                "a = 1\nb = [\n 1,\n",
            ),
            (
                "a = [\n\n",
                &[(1, "unclosed array, expected `]`")],
                "     \n\n",
            ),
            (
                "a = \"\"\"\nb = 1\n",
                &[(2, "invalid multi-line basic string, expected `\"`")],
                "a = \"\"\"\n",
            ),
            // Two of a name.
            (
                "a = 1\na = 2\n",
                &[(2, "a is here a second time")],
                "a = 1\na = 2\n",
            ),
            (
                "[\"/a\"]\n[\"/a\"]\nb = x\n",
                &[(2, "\"/a\" is here a second time"), (3, unquoted)],
                "[\"/a\"]\n[\"/a\"]\n     \n",
            ),
            (
                "a = 1\na = 2\n[b\na = 1\na = 1\n",
                &[
                    (2, "a is here a second time"),
                    (3, "unclosed table, expected `]`"),
                ],
                "a = 1\na = 2\n",
            ),
        ];
        for (text, expected, rest) in cases {
            let (told, readable) = read(text);
            let expected = expected
                .iter()
                .map(|(line, what)| format!("f:{line}: {what}"));
            assert_eq!(told, expected.collect::<Vec<_>>(), "{text}");
            assert_eq!(readable, *rest, "{text}");
        }
    }
}
