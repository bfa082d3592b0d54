//! Where a value comes from.

use std::ffi::OsString;
use std::fmt;

use super::error::SettingsError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Default,
    /// A line of the settings file.
    File(usize),
    Environment(&'static str),
    Flag(&'static str),
}

impl Source {
    /// The higher wins.
    pub fn rank(self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File(_) => 1,
            Self::Environment(_) => 2,
            Self::Flag(_) => 3,
        }
    }
}

/// A value, and where it comes from.
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

/// The process's environment, or a test's. A variable that is set to nothing is not set.
pub struct Variables<'a>(pub &'a dyn Fn(&str) -> Option<OsString>);

impl Variables<'_> {
    pub fn get(&self, name: &str) -> Option<OsString> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    pub fn parsed<T, E: fmt::Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<Sourced<T>>, SettingsError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let parsed = match value.to_str() {
            Some(text) => parse(text).map_err(|error| error.to_string()),
            None => Err("this is not text in UTF-8".to_owned()),
        };
        match parsed {
            Ok(value) => Ok(Some(Sourced::new(value, Source::Environment(name)))),
            Err(reason) => Err(SettingsError::Variable { name, reason }),
        }
    }
}
