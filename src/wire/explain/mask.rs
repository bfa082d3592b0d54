//! Masks the secrets in a JSON text. The caller says which members are secret.
//!
//! Works on invalid JSON too: it masks everything that looks like a value, and a truncated text shows no more than a
//! complete one.

use crate::limits;

/// How many characters of a secret are shown, so that two secrets can be told apart. Of a short secret, none.
pub(super) const SHOWN: usize = 4;
/// A secret with fewer characters is masked completely.
const SHORT: usize = 16;
/// A string with fewer bytes, quotes included, may occur elsewhere with another meaning.
const RECOGNIZABLE: usize = 10;

/// Which scalars are secret. `AllBut` and `Only` name keys of the outermost object.
#[derive(Debug, Clone, Copy)]
pub(super) enum Secrets {
    AllBut(&'static [&'static str]),
    Only(&'static [&'static str]),
    /// Values below a key that names a secret, at any depth.
    ByKeyName,
}

/// A key that contains one of these names a secret, in any case and with anything around it: `accessToken`, `API_KEY`,
/// `user-password`. [`WHOLE_KEYS`] must be the whole key.
const KEY_PARTS: [&str; 7] = [
    "token",
    "passw",
    "secret",
    "authorization",
    "cookie",
    "apikey",
    "credential",
];
const WHOLE_KEYS: [&str; 2] = ["pass", "pwd"];

pub(super) fn mask(json: &str, secrets: Secrets) -> String {
    Masking::of(json, secrets).out
}

/// The secret strings that are long enough to be recognized elsewhere, with their quotes.
pub(super) fn secrets_in(json: &str, secrets: Secrets) -> Vec<String> {
    Masking::of(json, secrets).found
}

/// Masks these secrets anywhere in a text; None if it contains none of them.
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
    /// The key of the next value; only of the outermost object, except with [`Secrets::ByKeyName`].
    key: Option<&'a str>,
    /// The depth of a secret key whose value is still open.
    secret_depth: Option<usize>,
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
            secret_depth: None,
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
                if self.secret_depth.is_none() && self.has_secret_key() {
                    self.secret_depth = Some(self.depth);
                }
                self.depth += 1;
                self.key = None;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.secret_depth = self.secret_depth.filter(|depth| *depth < self.depth);
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
        // An escape at the end may point beyond the text; a backslash is one byte.
        let inside = self.json.get(start..end).unwrap_or_default();
        self.at = end + usize::from(closed);
        let following = self.json.get(self.at..).unwrap_or_default();
        if self.depth > 0 && following.trim_start().starts_with(':') {
            if self.depth == 1 || matches!(self.secrets, Secrets::ByKeyName) {
                self.key = Some(inside);
            }
            self.push_quoted(inside);
        } else if self.is_secret() {
            if inside.len() + 2 >= RECOGNIZABLE && self.found.len() < limits::TRACED_SECRETS {
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
            // An escaped key may be any key.
            Secrets::Only(keys) => {
                self.depth == 1 && (named(keys) || self.key.is_some_and(|key| key.contains('\\')))
            }
            Secrets::ByKeyName => self.secret_depth.is_some() || self.has_secret_key(),
        }
    }

    fn has_secret_key(&self) -> bool {
        matches!(self.secrets, Secrets::ByKeyName) && self.key.is_some_and(names_a_secret)
    }

    fn push_quoted(&mut self, inside: &str) {
        self.out.push('"');
        self.out.push_str(inside);
        self.out.push('"');
    }
}

/// Whether a key names a secret. An escaped key may be any key.
fn names_a_secret(key: &str) -> bool {
    let plain = key.replace(['-', '_', ' '], "").to_ascii_lowercase();
    key.contains('\\')
        || WHOLE_KEYS.contains(&plain.as_str())
        || KEY_PARTS.iter().any(|part| plain.contains(part))
}

fn masked(secret: &str) -> String {
    let start: String = secret.chars().take(SHOWN).collect();
    match secret.chars().nth(SHORT - 1) {
        Some(_) if !start.contains('\\') => format!("{start}…"),
        _ => "…".to_owned(),
    }
}
