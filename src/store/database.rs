//! Where a store keeps its messages: how that is named, and the one place that opens it. A new kind of store gets its variant
//! here.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::error::StoreError;
use super::memory::MemoryStore;
use super::retention::Retention;
use super::sqlite::SqliteStore;
use super::traits::Store;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// Messages are gone when the process ends.
    Memory,
    /// An SQLite file, created if it does not exist.
    File(PathBuf),
}

impl Database {
    pub fn open(&self, retention: Retention) -> Result<Box<dyn Store>, StoreError> {
        match self {
            Self::Memory => Ok(Box::new(MemoryStore::new(retention))),
            Self::File(path) => Ok(Box::new(SqliteStore::open(path, retention)?)),
        }
    }

    /// Its file, which nobody else may read or serve.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::File(path) => Some(path),
        }
    }

    /// The same, with a relative path completed by `folder`.
    pub fn within(self, folder: &Path) -> Self {
        match self {
            Self::Memory => Self::Memory,
            Self::File(path) => Self::File(folder.join(path)),
        }
    }
}

/// As `--db` names it: `:memory:`, or a path.
impl FromStr for Database {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            ":memory:" => Self::Memory,
            path => Self::File(path.into()),
        })
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str(":memory:"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_named_as_it_is_shown() {
        for (text, database) in [
            (":memory:", Database::Memory),
            ("a/rooms.db", Database::File("a/rooms.db".into())),
        ] {
            assert_eq!(text.parse(), Ok(database.clone()));
            assert_eq!(database.to_string(), text);
        }
    }
}
