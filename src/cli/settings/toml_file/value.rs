//! Values of a TOML file with the key and the line where they stand; what is not as it should be becomes a mistake.
//!
//! Knows TOML, nothing of what a key means.

use std::fmt;

use serde_json::value::RawValue;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostics::Mistakes;
use super::json::json;
use crate::limits;

/// A value, and where it stands.
#[derive(Debug, Clone)]
pub struct Value<'a> {
    /// Dotted, as in `namespaces."/admin".rate`.
    pub key: String,
    /// The first byte of its key, or of itself in an array.
    pub at: usize,
    value: &'a DeValue<'a>,
}

/// A table, with the key that leads to it.
#[derive(Debug, Clone)]
pub struct Table<'a> {
    key: String,
    entries: &'a DeTable<'a>,
}

impl<'a> Table<'a> {
    pub fn whole_file(entries: &'a DeTable<'a>) -> Self {
        Self {
            key: String::new(),
            entries,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        let (key, value) = self.entries.get_key_value(name)?;
        Some(self.entry(key, value))
    }

    /// All of it, for a table whose keys are the user's own.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        let entries = self.entries.iter();
        entries.map(|(key, value)| (&**key.get_ref(), self.entry(key, value)))
    }

    /// Everything else in it is a mistake.
    pub fn knows(&self, known: &[&str], mistakes: &mut Mistakes) {
        for (name, value) in self.entries() {
            if !known.contains(&name) {
                let instead = match nearest(name, known) {
                    Some(near) => format!("there is no such key; did you mean {near:?}?"),
                    None => format!("there is no such key; there are {}", known.join(", ")),
                };
                mistakes.add(value.at, &value.key, instead);
            }
        }
    }

    fn entry(
        &self,
        name: &'a Spanned<std::borrow::Cow<'a, str>>,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Value<'a> {
        let dot = if self.key.is_empty() { "" } else { "." };
        Value {
            key: format!("{}{dot}{}", self.key, shown(name.get_ref())),
            at: name.span().start,
            value: value.get_ref(),
        }
    }
}

impl<'a> Value<'a> {
    pub fn text(&self, mistakes: &mut Mistakes) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) => Some(text),
            _ => self.not("a string", mistakes),
        }
    }

    /// A string that something is made of.
    pub fn parsed<T, E: fmt::Display>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, E>,
        mistakes: &mut Mistakes,
    ) -> Option<T> {
        let parsed = parse(self.text(mistakes)?);
        self.checked(parsed, mistakes)
    }

    /// The same, where a number may stand without quotes, as it may on the command line.
    pub fn quantity<T, E: fmt::Display>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, E>,
        mistakes: &mut Mistakes,
    ) -> Option<T> {
        let parsed = match self.value {
            DeValue::Integer(number) => parse(&number.to_string()),
            DeValue::String(text) => parse(text),
            _ => return self.not("a string or a whole number", mistakes),
        };
        self.checked(parsed, mistakes)
    }

    pub fn flag(&self, mistakes: &mut Mistakes) -> Option<bool> {
        match self.value {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.not("true or false", mistakes),
        }
    }

    pub fn list(&self, mistakes: &mut Mistakes) -> Option<Vec<Value<'a>>> {
        match self.value {
            DeValue::Array(items) => Some(self.items(items)),
            _ => self.not("an array", mistakes),
        }
    }

    /// An array, or one value that stands for an array of one.
    pub fn one_or_more(&self) -> Vec<Value<'a>> {
        match self.value {
            DeValue::Array(items) => self.items(items),
            _ => vec![self.clone()],
        }
    }

    pub fn table(&self, mistakes: &mut Mistakes) -> Option<Table<'a>> {
        match self.value {
            DeValue::Table(entries) => Some(Table {
                key: self.key.clone(),
                entries,
            }),
            _ => self.not("a table", mistakes),
        }
    }

    /// As an argument of an event.
    pub fn json(&self, mistakes: &mut Mistakes) -> Option<Box<RawValue>> {
        self.checked(json(self.value), mistakes)
    }

    pub fn is_text(&self) -> bool {
        self.value.is_str()
    }

    pub fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// A mistake here.
    pub fn wrong(&self, what: impl fmt::Display, mistakes: &mut Mistakes) {
        mistakes.add(self.at, &self.key, what);
    }

    /// Something that belongs here is not there.
    pub fn lacks(&self, what: impl fmt::Display, mistakes: &mut Mistakes) {
        mistakes.add_missing(self.at, &self.key, what);
    }

    fn checked<T, E: fmt::Display>(
        &self,
        parsed: Result<T, E>,
        mistakes: &mut Mistakes,
    ) -> Option<T> {
        parsed.map_err(|error| self.wrong(error, mistakes)).ok()
    }

    fn not<T>(&self, wanted: &str, mistakes: &mut Mistakes) -> Option<T> {
        let found = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or a time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.wrong(format!("{wanted} belongs here, not {found}"), mistakes);
        None
    }

    fn items(&self, items: &'a [Spanned<DeValue<'a>>]) -> Vec<Value<'a>> {
        let items = items.iter().enumerate().map(|(index, item)| Value {
            key: format!("{}[{index}]", self.key),
            at: item.span().start,
            value: item.get_ref(),
        });
        items.collect()
    }
}

const SHOWN_BYTES: usize = 40;

/// A key as it is written in TOML; of one that is longer than any name only the beginning.
pub fn shown(key: &str) -> String {
    if key.len() > limits::NAME_BYTES {
        let begin = &key[..key.floor_char_boundary(SHOWN_BYTES)];
        return format!("{:?}", format!("{begin}…"));
    }
    let bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if !key.is_empty() && key.bytes().all(bare) {
        key.to_owned()
    } else {
        format!("{key:?}")
    }
}

/// The known word that was probably meant.
pub fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    // Nothing that is much longer than any word is one of them mistyped.
    const LONGEST: usize = 32;
    if name.len() > LONGEST {
        return None;
    }
    let plain = name.to_lowercase().replace('_', "-");
    let distances = known.iter().map(|key| (distance(&plain, key), *key));
    let (distance, key) = distances.min()?;
    (distance <= 1 + key.len() / 4).then_some(key)
}

/// How many characters must be added, left out, changed, or swapped with their neighbour to come from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before = vec![0; to.len() + 1];
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for i in 0..from.len() {
        let mut row = vec![i + 1];
        for j in 0..to.len() {
            let changed = last[j] + usize::from(from[i] != to[j]);
            let mut fewest = changed.min(row[j] + 1).min(last[j + 1] + 1);
            if i > 0 && j > 0 && from[i] == to[j - 1] && from[i - 1] == to[j] {
                fewest = fewest.min(before[j - 1] + 1);
            }
            row.push(fewest);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}
