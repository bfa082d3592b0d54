//! A line of bash, up to the cursor: its words, and what of the last one bash replaces. Bash hands over pieces of words, cut
//! at its word breaks and with their quotes; so the line is read anew.
//!
//! Pure: a line in, words out.

use std::iter::Peekable;
use std::str::Chars;

/// The words of a line, without their quotes, the last of them begun.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    pub words: Vec<String>,
    /// So much of the last word (bytes, without quotes) stands before what bash replaces.
    kept: usize,
    quote: Quote,
    /// Whether it is the file of a redirection; the words have none of these.
    pub is_redirected: bool,
}

/// The quote in which the cursor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Quote {
    #[default]
    None,
    Single,
    Double,
}

impl Line {
    /// `breaks` are the characters of COMP_WORDBREAKS.
    pub fn read(text: &str, breaks: &str) -> Self {
        let mut words = Vec::new();
        let mut rest = text.chars().peekable();
        let mut is_redirected = false;
        loop {
            let mut reader = Reader {
                breaks,
                ..Reader::default()
            };
            let ended = reader.read(&mut rest);
            if let Ended::Line = ended {
                let kept = match reader.quote {
                    Quote::None => reader.broken_at,
                    Quote::Single | Quote::Double => reader.opened_at,
                };
                words.push(reader.word);
                let quote = reader.quote;
                return Self {
                    words,
                    kept,
                    quote,
                    is_redirected,
                };
            }
            let is_file = std::mem::replace(&mut is_redirected, ended == Ended::Redirection);
            // What stands right before the sign may be a part of it, as in 2> and &>.
            let is_number = reader.word.chars().all(|c| c.is_ascii_digit() || c == '&');
            if !(is_file || is_redirected && is_number) {
                words.push(reader.word);
            }
        }
    }

    /// What bash has to put in the place of what it replaces, so that the last word is `candidate`.
    pub fn rest_of(&self, candidate: &str) -> Option<String> {
        let word = self.words.last()?;
        let rest = candidate.strip_prefix(&word[..self.kept])?;
        Some(match self.quote {
            Quote::None => escaped(rest),
            Quote::Single => rest.replace('\'', r"'\''"),
            Quote::Double => behind_backslashes(rest, &WITHIN_DOUBLE),
        })
    }
}

/// What is special outside of quotes, wherever it stands in a word.
const SPECIAL: [char; 23] = [
    ' ', '\\', '\'', '"', '`', '$', '&', ';', '|', '<', '>', '(', ')', '*', '?', '[', ']', '{',
    '}', '!', '^', ',', '\u{a0}',
];
/// What is, at its start.
const FIRST: [char; 2] = ['~', '#'];
const WITHIN_DOUBLE: [char; 5] = ['\\', '"', '`', '$', '!'];

fn escaped(text: &str) -> String {
    let mut escaped = behind_backslashes(text, &SPECIAL);
    if text.starts_with(FIRST) {
        escaped.insert(0, '\\');
    }
    escaped
}

fn behind_backslashes(text: &str, special: &[char]) -> String {
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
struct Reader<'a> {
    breaks: &'a str,
    word: String,
    quote: Quote,
    /// Where the quote that is open was opened, in `word`.
    opened_at: usize,
    /// Behind the last character of `word` that breaks words.
    broken_at: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Word,
    Line,
    /// A file is next.
    Redirection,
}

impl Reader<'_> {
    fn read(&mut self, rest: &mut Peekable<Chars<'_>>) -> Ended {
        while rest.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        while let Some(character) = rest.next() {
            match (self.quote, character) {
                (Quote::None, '\'') => self.open(Quote::Single),
                (Quote::None, '"') => self.open(Quote::Double),
                (Quote::Single, '\'') | (Quote::Double, '"') => self.quote = Quote::None,
                (Quote::None, '\\') => self.word.extend(rest.next()),
                (Quote::Double, '\\') => match rest.next_if(|c| WITHIN_DOUBLE.contains(c)) {
                    Some(escaped) => self.word.push(escaped),
                    None => self.word.push('\\'),
                },
                (Quote::None, space) if space.is_ascii_whitespace() => return Ended::Word,
                (Quote::None, '<' | '>') => {
                    while rest.next_if(|c| "<>&|".contains(*c)).is_some() {}
                    return Ended::Redirection;
                }
                (Quote::None, breaks) if self.breaks.contains(breaks) => {
                    self.word.push(breaks);
                    self.broken_at = self.word.len();
                }
                (_, other) => self.word.push(other),
            }
        }
        Ended::Line
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
            assert_eq!(Line::read(text, BREAKS).words, words, "{text}");
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
            let line = Line::read(text, BREAKS);
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
            let line = Line::read(text, BREAKS);
            assert_eq!(line.rest_of(candidate).as_deref(), rest, "{text}");
        }
    }
}
