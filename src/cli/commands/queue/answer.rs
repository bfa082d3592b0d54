//! What is refused to who asks about queues.

use crate::address::{ClientName, Namespace, RoomName};
use crate::cli::commands::rooms::address;
use crate::cli::failure::Failure;
use crate::client::ClientError;
use crate::wire::error_code::ErrorCode;

/// The same of what was asked of a member, in one room or in all that it joined.
pub(super) fn about(
    failure: Failure,
    name: &ClientName,
    namespace: &Namespace,
    room: Option<&RoomName>,
) -> Failure {
    match (failure, room) {
        (Failure::Client(ClientError::Refused(refusal)), Some(room))
            if refusal.code == Some(ErrorCode::NoRooms) =>
        {
            Failure::Other {
                what: format!("{name} has not joined {}", address(namespace, room)),
                hint: Some(format!(
                    "\"roomcat queue {name}\" lists the rooms that it joined"
                )),
            }
        }
        (failure, _) => failure.about(Some(name)),
    }
}
