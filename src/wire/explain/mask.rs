//! JSON with its secrets left out. Knows which members may be shown only by being told.
//!
//! Works on texts that are no JSON as well: whatever it takes for a value is masked then, and a text that was cut off
//! shows no more than a whole one.

use crate::limits;

/// Characters of a secret that are shown, so that two of them can be told apart. Of a short one none is.
pub(super) const SHOWN: usize = 4;
/// A secret with fewer characters is not shown in part.
const SHORT: usize = 16;
/// A string with fewer bytes, quotes included, may stand elsewhere and mean something else.
const TELLING: usize = 10;

/// Which scalars are secret. The keys of the first two are those of the outermost object.
#[derive(Debug, Clone, Copy)]
pub(super) enum Secrets {
    AllBut(&'static [&'static str]),
    Only(&'static [&'static str]),
    /// What stands under a key that speaks of a secret, however deep.
    Telltale,
}

/// What the keys of secrets hold, in whatever case and with whatever around it: `accessToken`, `API_KEY`, `user-password`.
/// What is all of a key stands in [`WHOLE`].
const WITHIN: [&str; 7] = [
    "token",
    "passw",
    "secret",
    "authorization",
    "cookie",
    "apikey",
    "credential",
];
const WHOLE: [&str; 2] = ["pass", "pwd"];

pub(super) fn mask(json: &str, secrets: Secrets) -> String {
    Masking::of(json, secrets).out
}

/// The secret strings in it that are long enough to be known again elsewhere, with their quotes.
pub(super) fn secrets_in(json: &str, secrets: Secrets) -> Vec<String> {
    Masking::of(json, secrets).found
}

/// A text without these secrets, wherever they stand in it.
pub(super) fn without(text: &str, secrets: &[String]) -> Option<String> {
    let mut found = secrets
        .iter()
        .filter(|secret| text.contains(secret.as_str()))
        .peekable();
    found.peek()?;
    Some(found.fold(text.to_owned(), |text, secret| {
        let masked = masked(secret.trim_matches('"'));
        text.replace(secret.as_str(), &format!("\"{masked}\""))
    }))
}

struct Masking<'a> {
    json: &'a str,
    at: usize,
    depth: usize,
    /// The key whose value comes; of the outermost object only, unless keys are telltale.
    key: Option<&'a str>,
    /// The depth around a telltale key whose value is not over.
    under: Option<usize>,
    secrets: Secrets,
    out: String,
    found: Vec<String>,
}

impl<'a> Masking<'a> {
    fn of(json: &'a str, secrets: Secrets) -> Self {
        let mut masking = Self {
            json,
            at: 0,
            depth: 0,
            key: None,
            under: None,
            secrets,
            out: String::with_capacity(json.len()),
            found: Vec::new(),
        };
        while let Some(&byte) = json.as_bytes().get(masking.at) {
            masking.token(byte);
        }
        masking
    }

    fn token(&mut self, byte: u8) {
        match byte {
            b'{' | b'[' => {
                if self.under.is_none() && self.is_telltale() {
                    self.under = Some(self.depth);
                }
                self.depth += 1;
                self.key = None;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.under = self.under.filter(|depth| *depth < self.depth);
            }
            b',' => self.key = None,
            b':' | b' ' | b'\t' | b'\n' | b'\r' => {}
            b'"' => return self.string(),
            _ => return self.scalar(),
        }
        self.out.push(char::from(byte));
        self.at += 1;
    }

    fn string(&mut self) {
        let start = self.at + 1;
        let mut end = start;
        let bytes = self.json.as_bytes();
        let closed = loop {
            match bytes.get(end) {
                None => break false,
                Some(b'"') => break true,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
            }
        };
        let end = end.min(bytes.len());
        // An escape at the very end may point behind the text; what it begins with is a character of one byte.
        let inside = self.json.get(start..end).unwrap_or_default();
        self.at = end + usize::from(closed);
        let behind = self.json.get(self.at..).unwrap_or_default();
        if self.depth > 0 && behind.trim_start().starts_with(':') {
            if self.depth == 1 || matches!(self.secrets, Secrets::Telltale) {
                self.key = Some(inside);
            }
            self.push_quoted(inside);
        } else if self.is_secret() {
            if inside.len() + 2 >= TELLING && self.found.len() < limits::TRACED_SECRETS {
                self.found.push(format!("\"{inside}\""));
            }
            let masked = masked(inside);
            self.push_quoted(&masked);
        } else {
            self.push_quoted(inside);
        }
    }

    fn scalar(&mut self) {
        let rest = self.json.get(self.at..).unwrap_or_default();
        let ends =
            |c: char| matches!(c, ',' | ':' | '{' | '}' | '[' | ']' | '"') || c.is_whitespace();
        let length = rest.find(ends).unwrap_or(rest.len()).max(1);
        let text = rest.get(..length).unwrap_or(rest);
        if matches!(text, "true" | "false" | "null") || !self.is_secret() {
            self.out.push_str(text)
        } else {
            self.out.push('…')
        }
        self.at += text.len();
    }

    fn is_secret(&self) -> bool {
        let named = |keys: &[&str]| self.key.is_some_and(|key| keys.contains(&key));
        match self.secrets {
            Secrets::AllBut(keys) => self.depth != 1 || !named(keys),
            // An escaped key may be any.
            Secrets::Only(keys) => {
                self.depth == 1 && (named(keys) || self.key.is_some_and(|key| key.contains('\\')))
            }
            Secrets::Telltale => self.under.is_some() || self.is_telltale(),
        }
    }

    fn is_telltale(&self) -> bool {
        matches!(self.secrets, Secrets::Telltale) && self.key.is_some_and(tells)
    }

    fn push_quoted(&mut self, inside: &str) {
        self.out.push('"');
        self.out.push_str(inside);
        self.out.push('"');
    }
}

/// An escaped key may be any.
fn tells(key: &str) -> bool {
    let plain = key.replace(['-', '_', ' '], "").to_ascii_lowercase();
    key.contains('\\')
        || WHOLE.contains(&plain.as_str())
        || WITHIN.iter().any(|part| plain.contains(part))
}

fn masked(secret: &str) -> String {
    let start: String = secret.chars().take(SHOWN).collect();
    match secret.chars().nth(SHORT - 1) {
        Some(_) if !start.contains('\\') => format!("{start}…"),
        _ => "…".to_owned(),
    }
}
