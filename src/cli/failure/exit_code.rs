//! The exit codes of errors.

use crate::cli::io::arguments::ArgumentError;
use crate::client::{ClientError, DialError};
use crate::wire::error_code::ErrorCode;

/// 4 is for a client that the hub rejects. A request that the hub cannot carry out is 1.
pub(super) fn client_code(error: &ClientError) -> u8 {
    match error {
        ClientError::Unreachable {
            reason: DialError::Http { status: 403, .. },
            ..
        } => 4,
        ClientError::Unreachable { .. } | ClientError::Lost { .. } => 3,
        ClientError::Denied { .. } | ClientError::Kicked { .. } | ClientError::NotAHub { .. } => 4,
        ClientError::Refused(refusal) => match refusal.code {
            Some(ErrorCode::Forbidden | ErrorCode::Token | ErrorCode::NameTaken) => 4,
            _ => 1,
        },
        ClientError::Protocol(_) => 1,
    }
}

pub(super) fn argument_code(error: &ArgumentError) -> u8 {
    match error {
        ArgumentError::File { .. } | ArgumentError::TooLarge { .. } => 1,
        ArgumentError::NotText { .. }
        | ArgumentError::TooMany
        | ArgumentError::Attachments
        | ArgumentError::Packet(_) => 2,
    }
}
