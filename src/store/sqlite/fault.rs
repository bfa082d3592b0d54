//! Classifies SQLite's errors: those that mean that there is no space, and those after which the store cannot be used
//! any more.

use std::path::Path;

use rusqlite::{Error, ErrorCode, ffi};

use crate::store::error::StoreError;

/// Why a transaction failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// There is no space, or another program writes. Nothing was changed, and a later try may succeed.
    NoSpace(String),
    /// The store cannot be used any more.
    Fatal(StoreError),
}

impl Fault {
    pub(super) fn of(path: &Path, error: Error) -> Self {
        match no_space(&error) {
            Some(reason) => Self::NoSpace(reason),
            None => Self::Fatal(fatal(path, error)),
        }
    }
}

fn no_space(error: &Error) -> Option<String> {
    let code = error.sqlite_error()?;
    let reason = match (code.code, code.extended_code) {
        (ErrorCode::DiskFull, _) => "no space left",
        // A file-size limit (EFBIG) shows as a failed write. Nothing was made durable, so nothing is lost.
        (_, ffi::SQLITE_IOERR_WRITE) => "a write failed; a file-size limit or the disk",
        (_, ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_TRUNCATE) => {
            "the files beside the database cannot grow"
        }
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => {
            "another program keeps the database locked"
        }
        _ => return None,
    };
    Some(reason.to_owned())
}

/// Every other error ends the use of the handle.
pub(super) fn fatal(path: &Path, error: Error) -> StoreError {
    let path = path.to_owned();
    let reason = error.to_string();
    let Some(code) = error.sqlite_error() else {
        // A value that does not decode: another program changed the rows.
        return StoreError::Damaged { path, reason };
    };
    match (code.code, code.extended_code) {
        (_, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC) => {
            StoreError::Sync { path, reason }
        }
        (ErrorCode::DatabaseCorrupt, _) => StoreError::Damaged { path, reason },
        (ErrorCode::NotADatabase, _) => StoreError::Foreign { path, reason },
        (ErrorCode::ReadOnly, _) => StoreError::ReadOnly { path, reason },
        _ => StoreError::Io { path, reason },
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::{Error, ffi};

    use super::*;

    fn of(code: i32) -> Fault {
        Fault::of(
            Path::new("x"),
            Error::SqliteFailure(ffi::Error::new(code), None),
        )
    }

    #[test]
    fn a_lost_write_is_fatal_and_a_full_disk_is_not() {
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_BUSY] {
            assert!(matches!(of(code), Fault::NoSpace(_)), "{code}");
        }
        for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC] {
            assert!(
                matches!(of(code), Fault::Fatal(StoreError::Sync { .. })),
                "{code}"
            );
        }
        assert!(matches!(
            of(ffi::SQLITE_CORRUPT),
            Fault::Fatal(StoreError::Damaged { .. })
        ));
        assert!(matches!(
            of(ffi::SQLITE_NOTADB),
            Fault::Fatal(StoreError::Foreign { .. })
        ));
        assert!(matches!(
            of(ffi::SQLITE_IOERR_READ),
            Fault::Fatal(StoreError::Io { .. })
        ));
    }
}
