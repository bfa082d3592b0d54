//! Parses a bash command line up to the cursor into words. Bash itself passes pieces of words, cut at its word breaks and
//! with their quotes, and replaces only the last piece.
//!
//! Pure: a line in, words out.

use std::iter::Peekable;
use std::str::Chars;

/// The words of a line, without their quotes. The last one may be incomplete.
#[derive(Debug, PartialEq, Eq)]
pub struct BashLine {
    pub words: Vec<String>,
    /// The part of the last word that bash keeps, in bytes without quotes. Bash replaces the rest.
    kept: usize,
    quote: Quote,
    /// Whether the last word is the file of a redirection. Completed redirections are not in `words`.
    pub is_redirected: bool,
}

/// The quote that is open at the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Quote {
    #[default]
    None,
    Single,
    Double,
}

impl BashLine {
    /// `breaks` are the characters of COMP_WORDBREAKS.
    pub fn parse(text: &str, breaks: &str) -> Self {
        let mut words = Vec::new();
        let mut rest = text.chars().peekable();
        let mut is_redirected = false;
        loop {
            let mut scanner = WordScanner {
                breaks,
                ..WordScanner::default()
            };
            let end = scanner.scan(&mut rest);
            if end == WordEnd::Line {
                let kept = match scanner.quote {
                    Quote::None => scanner.broken_at,
                    Quote::Single | Quote::Double => scanner.opened_at,
                };
                words.push(scanner.word);
                let quote = scanner.quote;
                return Self {
                    words,
                    kept,
                    quote,
                    is_redirected,
                };
            }
            let is_file = std::mem::replace(&mut is_redirected, end == WordEnd::Redirection);
            // A number or & right before the sign is a part of it, as in 2> and &>.
            let is_number = scanner.word.chars().all(|c| c.is_ascii_digit() || c == '&');
            if !(is_file || is_redirected && is_number) {
                words.push(scanner.word);
            }
        }
    }

    /// The quoted text that turns the last word into `candidate`, in place of the part that bash replaces. None if `candidate`
    /// does not begin with the part that bash keeps.
    pub fn replacement(&self, candidate: &str) -> Option<String> {
        let word = self.words.last()?;
        let rest = candidate.strip_prefix(&word[..self.kept])?;
        Some(match self.quote {
            Quote::None => escaped(rest),
            Quote::Single => rest.replace('\'', r"'\''"),
            Quote::Double => with_backslashes(rest, &SPECIAL_IN_DOUBLE_QUOTES),
        })
    }
}

/// Characters that are special outside of quotes.
const SPECIAL_UNQUOTED: [char; 23] = [
    ' ', '\\', '\'', '"', '`', '$', '&', ';', '|', '<', '>', '(', ')', '*', '?', '[', ']', '{',
    '}', '!', '^', ',', '\u{a0}',
];
/// Characters that are special at the start of a word.
const SPECIAL_AT_START: [char; 2] = ['~', '#'];
const SPECIAL_IN_DOUBLE_QUOTES: [char; 5] = ['\\', '"', '`', '$', '!'];

fn escaped(text: &str) -> String {
    let mut escaped = with_backslashes(text, &SPECIAL_UNQUOTED);
    if text.starts_with(SPECIAL_AT_START) {
        escaped.insert(0, '\\');
    }
    escaped
}

fn with_backslashes(text: &str, special: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if special.contains(&character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[derive(Default)]
struct WordScanner<'a> {
    breaks: &'a str,
    word: String,
    quote: Quote,
    /// Where the open quote begins in `word`.
    opened_at: usize,
    /// The end of the last word break in `word`.
    broken_at: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum WordEnd {
    Word,
    Line,
    /// A file comes next.
    Redirection,
}

impl WordScanner<'_> {
    fn scan(&mut self, rest: &mut Peekable<Chars<'_>>) -> WordEnd {
        while rest.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        while let Some(character) = rest.next() {
            match (self.quote, character) {
                (Quote::None, '\'') => self.open(Quote::Single),
                (Quote::None, '"') => self.open(Quote::Double),
                (Quote::Single, '\'') | (Quote::Double, '"') => self.quote = Quote::None,
                (Quote::None, '\\') => self.word.extend(rest.next()),
                (Quote::Double, '\\') => {
                    match rest.next_if(|c| SPECIAL_IN_DOUBLE_QUOTES.contains(c)) {
                        Some(escaped) => self.word.push(escaped),
                        None => self.word.push('\\'),
                    }
                }
                (Quote::None, space) if space.is_ascii_whitespace() => return WordEnd::Word,
                (Quote::None, '<' | '>') => {
                    while rest.next_if(|c| "<>&|".contains(*c)).is_some() {}
                    return WordEnd::Redirection;
                }
                (Quote::None, breaks) if self.breaks.contains(breaks) => {
                    self.word.push(breaks);
                    self.broken_at = self.word.len();
                }
                (_, other) => self.word.push(other),
            }
        }
        WordEnd::Line
    }

    fn open(&mut self, quote: Quote) {
        self.quote = quote;
        self.opened_at = self.word.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BREAKS: &str = " \t\n\"'><=;|&(:";

    #[test]
    fn words_are_what_the_shell_would_pass() {
        for (text, words) in [
            ("", &[""][..]),
            ("roomcat ", &["roomcat", ""]),
            ("roomcat  sub lo", &["roomcat", "sub", "lo"]),
            (
                "roomcat -u ws://h:1 sub ",
                &["roomcat", "-u", "ws://h:1", "sub", ""],
            ),
            (r"a b\ c", &["a", "b c"]),
            ("a 'b \"c", &["a", "b \"c"]),
            ("a \"b \\\" \\x", &["a", "b \" \\x"]),
            ("a 'b c' d", &["a", "b c", "d"]),
            ("a x'b c'y", &["a", "xb cy"]),
            ("a b\\", &["a", "b"]),
            ("a 'ü", &["a", "ü"]),
        ] {
            assert_eq!(BashLine::parse(text, BREAKS).words, words, "{text}");
        }
    }

    #[test]
    fn redirections_are_no_words_and_the_last_word_may_be_their_file() {
        for (text, words, is_redirected) in [
            ("a b > ", &["a", "b", ""][..], true),
            ("a b >lo", &["a", "b", "lo"], true),
            ("a b>>lo", &["a", "b", "lo"], true),
            ("a b 2> lo", &["a", "b", "lo"], true),
            ("a b &>lo", &["a", "b", "lo"], true),
            ("a b < 'l o", &["a", "b", "l o"], true),
            ("a b > out lo", &["a", "b", "lo"], false),
            ("a b 2>&1 lo", &["a", "b", "lo"], false),
            ("a b '>' lo", &["a", "b", ">", "lo"], false),
            (r"a b \> lo", &["a", "b", ">", "lo"], false),
        ] {
            let line = BashLine::parse(text, BREAKS);
            let found = (&line.words[..], line.is_redirected);
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(found, (&words[..], is_redirected), "{text}");
        }
    }

    #[test]
    fn what_bash_replaces_becomes_the_rest_of_the_name() {
        for (text, candidate, rest) in [
            ("sub lo", "lobby", Some("lobby")),
            ("sub my", "my room", Some(r"my\ room")),
            (r"sub my\ r", "my room", Some(r"my\ room")),
            ("sub 'my r", "my room", Some("my room")),
            ("sub 'it", "it's", Some(r"it'\''s")),
            ("sub \"a", "a$b \"c\"", Some(r#"a\$b \"c\""#)),
            ("sub my' r", "my room", Some(" room")),
            ("sub 'my r'", "my room", Some(r"my\ room")),
            ("sub a:b", "a:bc", Some("bc")),
            (r"sub a\:b", "a:bc", Some("a:bc")),
            ("sub 'a:b", "a:bc", Some("a:bc")),
            ("sub --as=al", "--as=alice", Some("alice")),
            ("sub ", "#general", Some(r"\#general")),
            ("sub a:b", "other", None),
        ] {
            let line = BashLine::parse(text, BREAKS);
            assert_eq!(line.replacement(candidate).as_deref(), rest, "{text}");
        }
    }
}
