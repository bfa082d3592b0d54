//! Why a hub cannot start, or has ended.

use std::io;

use super::accept::listener::ListenAddress;
use super::site::static_folder::StaticFolderError;
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("cannot listen on {address}: {}", describe(source))]
    Bind {
        address: ListenAddress,
        source: io::Error,
    },
    #[error(transparent)]
    StaticFolder(#[from] StaticFolderError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The error without the system's error number.
fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::Other => error.to_string(),
        kind => kind.to_string(),
    }
}
