//! Why a store cannot be opened or used any more.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path} is not a roomcat database: {reason}")]
    Foreign { path: PathBuf, reason: String },
    #[error("{path} is damaged: {reason}")]
    Damaged { path: PathBuf, reason: String },
    #[error("{path} was written by a newer roomcat (schema {found}; this one knows {known})")]
    Newer {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    #[error("{path} is in use by another hub")]
    Locked { path: PathBuf },
    #[error("{path} cannot be written: {reason}")]
    ReadOnly { path: PathBuf, reason: String },
    /// Ops without an outcome may be on disk or not. The store cannot be used any more.
    #[error("the disk failed to make {path} durable: {reason}")]
    Sync { path: PathBuf, reason: String },
    #[error("{path}: {reason}")]
    Io { path: PathBuf, reason: String },
}
