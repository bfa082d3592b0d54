//! Where a store keeps its messages, and the one place that opens it. A new kind of store gets its variant here.

use std::fmt;
use std::path::PathBuf;

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
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str(":memory:"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}
