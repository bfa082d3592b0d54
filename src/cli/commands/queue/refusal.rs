//! Refusals of `queue peek` and `queue purge`.

use crate::address::{ClientName, Namespace, RoomName};
use crate::cli::commands::listing::room_address;
use crate::cli::failure::Failure;
use crate::client::ClientError;
use crate::wire::error_code::ErrorCode;

/// Adds the member and the room to a refusal.
pub(super) fn name_member(
    failure: Failure,
    name: &ClientName,
    namespace: &Namespace,
    room: Option<&RoomName>,
) -> Failure {
    match (failure, room) {
        (Failure::Client(ClientError::Refused(refusal)), Some(room))
            if refusal.code == Some(ErrorCode::NoRooms) =>
        {
            let room = room_address(namespace, room);
            Failure::Other {
                what: format!("{name} has not joined {room}"),
                hint: Some(format!(
                    "\"roomcat queue {name}\" lists the rooms of {name}"
                )),
            }
        }
        (failure, _) => failure.with_name(Some(name)),
    }
}
