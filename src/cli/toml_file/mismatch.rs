//! Why a value does not fit, in our words. serde names the kind of mistake, this file words the message.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::cli::nearest::nearest;

/// A value that does not fit.
#[derive(Debug, Default)]
pub struct Mismatch {
    /// The byte of its key, or of itself in an array. None until the place is known.
    pub at: Option<usize>,
    /// Empty if it follows from a mistake that is already reported.
    pub message: String,
    /// The key that is missing, if one is.
    pub missing: Option<&'static str>,
    /// The keys that the table may have, if it has another.
    pub known: &'static [&'static str],
    /// The message names the kind of value that belongs here, and not yet the kind that is here.
    lacks_kind: bool,
}

impl Mismatch {
    /// `wanted` with its article: "a table".
    pub fn kind(wanted: impl fmt::Display) -> Self {
        Self {
            message: format!("{wanted} belongs here"),
            lacks_kind: true,
            ..Self::default()
        }
    }

    /// Places it here, unless a more exact place is known. `found` is the kind of value that is here.
    pub fn or_at(mut self, at: usize, found: &str) -> Self {
        if self.at.is_none() {
            self.at = Some(at);
            if self.lacks_kind {
                self.message.push_str(", not ");
                self.message.push_str(found);
            }
        }
        self
    }
}

impl de::Error for Mismatch {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            message: message.to_string(),
            ..Self::default()
        }
    }

    fn invalid_type(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::kind(wanted)
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        let hint = match nearest(&name.to_lowercase().replace('_', "-"), known) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("there are {}", known.join(", ")),
        };
        Self {
            message: format!("there is no such key; {hint}"),
            known,
            ..Self::default()
        }
    }

    fn missing_field(name: &'static str) -> Self {
        Self {
            message: format!("it has no {name:?}"),
            missing: Some(name),
            ..Self::default()
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mismatch {}
