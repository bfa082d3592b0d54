//! The `queue` verb: pending messages per member and room.

use serde::{Deserialize, Serialize};

use crate::address::{ClientName, Namespace, RoomName};
use crate::cli::commands::listing::room_address;
use crate::cli::failure::Failure;
use crate::cli::remote::ask::ask;
use crate::client::{ClientError, Target};
use crate::wire::error_code::ErrorCode;

/// The answer to `queue`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct QueueList {
    pub(super) queues: Vec<QueueSummary>,
    /// How many queues the answer left out.
    #[serde(default)]
    pub(super) more: u64,
}

/// What waits for one member in one room.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct QueueSummary {
    pub(super) name: ClientName,
    pub(super) room: RoomName,
    pub(super) pending: u64,
    /// Milliseconds since 1970 (UTC).
    pub(super) oldest: Option<u64>,
    pub(super) bytes: u64,
    /// How many sockets share the queue; None if it is not shared.
    pub(super) sharers: Option<u64>,
    pub(super) leased: Option<u64>,
}

pub(super) async fn list_queues(
    target: &Target,
    name: Option<&ClientName>,
) -> Result<QueueList, Failure> {
    #[derive(Serialize)]
    struct QueueQuery<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a ClientName>,
    }
    let query = serde_json::to_string(&QueueQuery { name }).expect("a name is JSON");
    ask(target, "queue", &query).await
}

/// Adds the member and the room to a refusal of `peek` or `purge`.
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
        (failure, _) => failure.about(Some(name)),
    }
}
