//! Text that is not TOML, in our words. The parser's own messages are not shown and nothing is decided by them.

use std::ops::Range;

use toml::de::Error;

use super::diagnostics::Diagnostics;

/// Reports the keys that stand twice and the first other mistake: what the parser finds behind that may be its own
/// confusion. Whether the file can be read all the same, as it can with keys that stand twice.
pub fn report(errors: &[Error], text: &str, diagnostics: &mut Diagnostics<'_>) -> bool {
    let spans = errors.iter().map(|error| error.span().unwrap_or_default());
    let mut spans: Vec<Range<usize>> = spans.collect();
    spans.sort_by_key(|span| span.start);
    for span in spans {
        let at = span.start;
        if let Some(key) = repeated_key(text, span) {
            diagnostics.add_syntax(at, format!("{key} is here a second time"));
        } else {
            diagnostics.add_syntax(at, description(text, at));
            return false;
        }
    }
    true
}

/// A whole key that stands where a key may stand, and stood before, is wrong only for that.
fn repeated_key(text: &str, span: Range<usize>) -> Option<&str> {
    let key = text.get(span.clone()).filter(|key| !key.is_empty())?;
    let (before, after) = (&text[..span.start], &text[span.end..]);
    let blank = [' ', '\t'];
    let opens = before.trim_end_matches(blank);
    let is_key = (opens.is_empty() || opens.ends_with(['\n', '[', '{', ',', '.']))
        && after.trim_start_matches(blank).starts_with(['=', '.', ']']);
    (is_key && before.contains(key)).then_some(key)
}

fn description(text: &str, at: usize) -> &'static str {
    // The end of the file belongs to its last line.
    let at = at.min(text.trim_end().len());
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let before = &text[start..at];
    let quote = if line.contains('"') { '"' } else { '\'' };
    if before.ends_with('\\') {
        "a backslash begins an escape, such as \\n; for itself write it twice, or use single quotes"
    } else if line.matches(quote).count() % 2 == 1 {
        "a string that begins with a quote ends with one on the same line"
    } else if before.contains('=') {
        "a value is a string in quotes (\"25s\"), a number, true, false, an array in [ ] or a table in { }"
    } else if line.trim_start().starts_with('[') {
        "a table begins with its name in brackets; a name such as \"/admin\" stands in quotes"
    } else {
        "a line is KEY = VALUE; a string is in quotes, and so is a key with a space or a slash"
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use toml::de::{DeTable, DeValue};

    use super::*;

    const QUOTE: &str = "a string that begins";
    const ESCAPE: &str = "a backslash";
    const VALUE: &str = "a value is";
    const TABLE: &str = "a table begins";
    const LINE: &str = "a line is";

    #[test]
    fn keys_that_stand_twice_and_the_first_other_mistake_are_reported() {
        /// Line, column, text.
        type Found = (usize, usize, &'static str);
        let cases: &[(&str, &[Found])] = &[
            ("a = 1\n", &[]),
            ("a = 25s\nb = 1\nc = yes", &[(1, 5, VALUE)]),
            ("a: 1\nb = 1\n", &[(1, 2, LINE)]),
            ("a = \"ü\nb = 1\n", &[(1, 7, QUOTE)]),
            ("a = 1\n[b\nc = 1\n", &[(2, 3, TABLE)]),
            ("a = 1\nb = [\n 1,\nc = 1\nd = 2\n", &[(4, 1, LINE)]),
            ("b = [\n 1.2.3,\n]", &[(2, 5, LINE)]),
            ("a = [\n\n", &[(1, 6, VALUE)]),
            ("a = 'b\nc = 1", &[(1, 7, QUOTE)]),
            ("a = \"C:\\q\"", &[(1, 9, ESCAPE)]),
            ("a = \"\"\"\nb = 1\n", &[(2, 6, VALUE)]),
            ("a = 1\na = 2\n", &[(2, 1, "a is here a second time")]),
            (
                "[\"/a\"]\n[\"/a\"]\nb = x\n",
                &[(2, 2, "\"/a\" is here a second time"), (3, 5, VALUE)],
            ),
            (
                "a = 1\na = 2\n[b\na = 1\na = 1\n",
                &[(2, 1, "a is here a second time"), (3, 3, TABLE)],
            ),
            (
                "a = { b = 1, b = 2 }",
                &[(1, 14, "b is here a second time")],
            ),
            ("a = [1, b = 2]", &[(1, 9, VALUE)]),
        ];
        for (text, expected) in cases {
            let (_, errors) = DeTable::parse_recoverable(text);
            let root = DeValue::Boolean(true);
            let mut diagnostics = Diagnostics::new(Path::new("f"), text, &root);
            let is_readable = report(&errors, text, &mut diagnostics);
            let invalid = diagnostics.into_error();
            let found = invalid.lines();
            assert_eq!(found.len(), expected.len(), "{text} {found:?}");
            for (found, (line, column, message)) in found.iter().zip(*expected) {
                let expected = format!("f:{line}:{column}: {message}");
                assert!(found.starts_with(&expected), "{text} {found}");
            }
            let only_twice = expected.iter().all(|it| it.2.ends_with("time"));
            assert_eq!(is_readable, only_twice, "{text}");
        }
    }
}
