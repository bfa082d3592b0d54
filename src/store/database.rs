//! Where a store keeps its messages, and the one place that opens it.

use std::fmt;
use std::path::PathBuf;

use super::memory::MemoryStore;
use super::sqlite::SqliteStore;
use super::{Retention, Store, StoreError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// In memory: nothing outlives the process.
    Memory,
    /// An SQLite file, made when it is absent.
    File(PathBuf),
}

impl Database {
    /// Opens the store.
    pub fn open(&self, keep: Retention) -> Result<Box<dyn Store>, StoreError> {
        match self {
            Self::Memory => Ok(Box::new(MemoryStore::new(keep))),
            Self::File(path) => Ok(Box::new(SqliteStore::open(path, keep)?)),
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
