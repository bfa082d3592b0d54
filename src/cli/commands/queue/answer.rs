//! The answer to `queue`, and what is refused to who asks.

use serde::{Deserialize, Serialize};

use crate::address::{ClientName, Namespace, RoomName};
use crate::cli::commands::rooms::address;
use crate::cli::failure::Failure;
use crate::cli::remote::ask::ask;
use crate::client::answers::parse;
use crate::client::{ClientError, Target};
use crate::wire::error_code::ErrorCode;

/// The answer to `queue`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Queues {
    pub(super) queues: Vec<Queue>,
    /// How many are there beside.
    #[serde(default)]
    pub(super) more: u64,
}

/// What waits for one member in one room.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Queue {
    pub(super) name: ClientName,
    pub(super) room: RoomName,
    pub(super) pending: u64,
    /// Milliseconds since 1970 (UTC).
    pub(super) oldest: Option<u64>,
    pub(super) bytes: u64,
    /// How many share it; None: nobody does.
    pub(super) sharers: Option<u64>,
    pub(super) leased: Option<u64>,
}

pub(super) async fn queues(target: &Target, name: Option<&ClientName>) -> Result<Queues, Failure> {
    #[derive(Serialize)]
    struct Question<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a ClientName>,
    }
    let question = serde_json::to_string(&Question { name }).expect("a name is JSON");
    let answer = ask(target, "queue", &question).await?;
    let answer = parse("the answer to queue", &answer);
    Ok(answer.map_err(|error| ClientError::Protocol(error.to_string()))?)
}

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
