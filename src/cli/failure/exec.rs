//! Why a command cannot be run at all.

use std::io;

/// Why no message can be worked on.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    #[error("cannot start sh: {}", crate::client::error::io_error_text(.0))]
    Start(io::Error),
    #[error("{0:?} ended with 127, as when a command is not found; nothing is acknowledged")]
    NotFound(String),
    #[error("{0:?} ended with 126, as when a command cannot be run; nothing is acknowledged")]
    NotRunnable(String),
}
