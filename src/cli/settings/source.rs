//! Where a value comes from: a flag, a variable, a line of the settings file, or the default.

use std::ffi::OsString;
use std::fmt;

use super::error::SettingsError;

/// A setting of every client command, by its two names.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub flag: &'static str,
    pub variable: &'static str,
}

impl Key {
    pub const fn new(flag: &'static str, variable: &'static str) -> Self {
        Self { flag, variable }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Default,
    /// A line of the settings file.
    File(usize),
    Environment(&'static str),
    Flag(&'static str),
}

impl Source {
    /// The source with the higher rank wins.
    pub fn rank(self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File(_) => 1,
            Self::Environment(_) => 2,
            Self::Flag(_) => 3,
        }
    }
}

/// A value with its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    pub value: T,
    pub source: Source,
}

impl<T> Sourced<T> {
    pub fn new(value: T, source: Source) -> Self {
        Self { value, source }
    }

    pub fn default(value: T) -> Self {
        Self::new(value, Source::Default)
    }
}

/// The environment of the process, or of a test. An empty variable counts as unset.
pub struct Environment<'a>(pub &'a dyn Fn(&str) -> Option<OsString>);

impl Environment<'_> {
    pub fn get(&self, name: &str) -> Option<OsString> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// The value of the flag, else of the variable. The variable is not read if the flag is given.
    pub fn or_variable<T: Clone, E: fmt::Display>(
        &self,
        typed: Option<&T>,
        key: Key,
        parse: impl FnOnce(OsString) -> Result<T, E>,
    ) -> Result<Option<Sourced<T>>, SettingsError> {
        if let Some(value) = typed {
            return Ok(Some(Sourced::new(value.clone(), Source::Flag(key.flag))));
        }
        let name = key.variable;
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match parse(value) {
            Ok(value) => Ok(Some(Sourced::new(value, Source::Environment(name)))),
            Err(error) => {
                let reason = error.to_string();
                Err(SettingsError::Variable { name, reason })
            }
        }
    }
}

/// A parser of text as a parser of a variable, which need not be text.
pub fn from_text<T, E: fmt::Display>(
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> impl FnOnce(OsString) -> Result<T, String> {
    |value| match value.to_str() {
        Some(text) => parse(text).map_err(|error| error.to_string()),
        None => Err("this is not text in UTF-8".to_owned()),
    }
}
