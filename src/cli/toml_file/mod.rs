//! A TOML file that a person wrote: read whole, with every mistake reported at its line and column.
//!
//! Knows TOML, nothing of what belongs in the file.

pub mod content;
pub mod diagnostics;
mod mismatch;
mod node;
mod syntax;
pub mod text;

use std::collections::BTreeSet;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use self::diagnostics::{Diagnostics, InvalidFile};
use self::node::Node;
use crate::limits;

/// Reads `text` as a `T` and has `check` turn that into what the program uses. `check` runs only if each value by itself is
/// right; it adds what is wrong between them. `path` is where the text comes from.
pub fn parse<T: DeserializeOwned, U>(
    path: &Path,
    text: &str,
    check: impl FnOnce(T, &mut Diagnostics<'_>) -> U,
) -> Result<U, InvalidFile> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let root = DeValue::Table(table.into_inner());
    let mut diagnostics = Diagnostics::new(path, text, &root);
    let mut checked = None;
    if syntax::report(&errors, text, &mut diagnostics)
        && let Some(read) = read(&root, &mut diagnostics)
    {
        checked = Some(check(read, &mut diagnostics));
    }
    match checked {
        Some(checked) if diagnostics.is_empty() => Ok(checked),
        _ => Err(diagnostics.into_error()),
    }
}

/// serde stops at the first value that does not fit. That value is then left out and the rest is read again, so that all
/// mistakes are reported at once. Some only if there is none.
fn read<T: DeserializeOwned>(root: &DeValue<'_>, diagnostics: &mut Diagnostics<'_>) -> Option<T> {
    let mut skipped = BTreeSet::new();
    loop {
        let mismatch = match T::deserialize(Node::root(root, &skipped)) {
            Ok(read) => return diagnostics.is_empty().then_some(read),
            Err(mismatch) => mismatch,
        };
        let at = mismatch.at.unwrap_or_default();
        if !mismatch.message.is_empty() {
            diagnostics.add(at, mismatch.message);
        }
        if !skipped.insert(at) || diagnostics.len() > limits::DIAGNOSTICS_REPORTED {
            return None;
        }
    }
}

/// The keys that a table read as `T` may have.
pub fn keys<T: DeserializeOwned>() -> &'static [&'static str] {
    let (unknown, _) = DeTable::parse_recoverable("'' = 0");
    let root = DeValue::Table(unknown.into_inner());
    let mismatch = T::deserialize(Node::root(&root, &BTreeSet::new())).err();
    mismatch.map_or(&[], |mismatch| mismatch.known)
}
