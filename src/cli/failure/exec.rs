//! Why `--exec` cannot run its command.

use std::io;

#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    #[error("cannot start sh: {}", crate::client::error::io_error_text(.0))]
    Start(io::Error),
    #[error("{0:?} ended with 127 (command not found); nothing is acknowledged")]
    NotFound(String),
    #[error("{0:?} ended with 126 (command cannot be run); nothing is acknowledged")]
    NotRunnable(String),
}
