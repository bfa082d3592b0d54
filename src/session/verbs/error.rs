//! The errors that answer a verb.

use crate::address::ClientName;
use crate::session::namespace::policy::Right;
use crate::wire::batch::BatchError;
use crate::wire::error_code::ErrorCode;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerbError {
    #[error("{0}")]
    BadRequest(String),
    #[error("{0}")]
    TooLarge(String),
    #[error("{}", match .0 {
        Right::Pub => "this token does not let its holder publish here",
        Right::Sub => "this token does not let its holder subscribe here",
    })]
    Forbidden(Right),
    #[error("this token belongs to {0} and opens no other queue")]
    NotYours(ClientName),
    #[error(
        "this token does not let its holder kick: that takes a token that allows publishing, subscribing and any name"
    )]
    MayNotKick,
}

impl VerbError {
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::BadRequest(_) => ErrorCode::BadRequest,
            Self::TooLarge(_) => ErrorCode::TooLarge,
            Self::Forbidden(_) | Self::NotYours(_) | Self::MayNotKick => ErrorCode::Forbidden,
        }
    }
}

impl From<BatchError> for VerbError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::TooLong { .. } => Self::TooLarge(error.to_string()),
            _ => Self::BadRequest(error.to_string()),
        }
    }
}
