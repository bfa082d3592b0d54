//! What a hub says in JSON, as types: its greeting, the answers to verbs, the events of a subscription, refusals.
//!
//! Pure: texts in, types out.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::ErrorResponse;
use super::subscription::Gap;
use crate::address::{ClientName, RoomName, Seq};
use crate::limits;
use crate::wire::batch::DeliveryHeader;
use crate::wire::error_code::ErrorCode;

/// The answer to a verb: its JSON object, or why the hub refused.
pub type VerbResult = Result<Box<RawValue>, ErrorResponse>;

/// What is wrong with something the hub said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct InvalidMessage {
    pub what: &'static str,
    pub reason: String,
}

/// The reply to CONNECT. A Socket.IO server that is no hub says only `sid`.
#[derive(Debug, Deserialize)]
pub struct ConnectReply {
    pub roomcat: Option<u32>,
    #[serde(default)]
    pub sid: String,
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub log: String,
    #[serde(default)]
    pub limits: HubLimits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HubLimits {
    pub message: usize,
    pub batch: usize,
    pub credit: usize,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self {
            message: limits::MESSAGE_BYTES,
            batch: limits::MESSAGE_BYTES,
            credit: limits::CREDIT_BYTES,
        }
    }
}

/// The answer to `batch`. `delivered` and `queued` count recipients.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PublishResponse {
    #[serde(default)]
    pub delivered: u64,
    #[serde(default)]
    pub queued: u64,
    #[serde(default)]
    pub duplicate: bool,
    /// It waits in the hub until then, milliseconds since 1970.
    pub due: Option<u64>,
}

/// The answer to `sub`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SubscribeResponse {
    #[serde(default)]
    pub pending: u64,
    #[serde(default)]
    pub rooms: Vec<RoomName>,
}

/// The answer to `rooms`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RoomsResponse {
    pub rooms: Vec<RoomSummary>,
    /// How many are there beside.
    #[serde(default)]
    pub more: u64,
    /// Messages that went because members did not come for them in time.
    #[serde(default)]
    pub expired: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RoomSummary {
    pub room: RoomName,
    pub sockets: u64,
    pub messages: u64,
    /// Milliseconds since 1970 (UTC).
    pub last: Option<u64>,
    #[serde(default)]
    pub members: Vec<RoomMember>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RoomMember {
    pub name: ClientName,
    pub pending: u64,
    #[serde(default)]
    pub here: bool,
}

/// The answer to `who`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WhoResponse {
    pub sockets: Vec<SocketInfo>,
    /// How many are there beside.
    #[serde(default)]
    pub more: u64,
}

/// One socket.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SocketInfo {
    pub sid: String,
    #[serde(rename = "as")]
    pub name: Option<ClientName>,
    pub address: String,
    pub uid: Option<u32>,
    pub pid: Option<i32>,
    pub transport: String,
    pub rooms: Vec<RoomName>,
    /// Messages that it still has to get or to confirm.
    pub lag: u64,
    #[serde(default, rename = "lag_is_least")]
    pub lag_precision: LagPrecision,
    /// Milliseconds since 1970 (UTC).
    pub since: u64,
    /// Who asks.
    #[serde(default)]
    pub you: bool,
}

/// Whether a lag is more than the hub counts; on the wire a bool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "bool")]
pub enum LagPrecision {
    #[default]
    Exact,
    AtLeast,
}

impl From<bool> for LagPrecision {
    fn from(least: bool) -> Self {
        if least { Self::AtLeast } else { Self::Exact }
    }
}

/// Somebody came to a room or went.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PresenceEvent {
    pub what: PresenceChange,
    pub room: RoomName,
    #[serde(rename = "as")]
    pub name: Option<ClientName>,
    #[serde(default)]
    pub sid: String,
    /// Milliseconds since 1970 (UTC).
    #[serde(default)]
    pub at: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceChange {
    Join,
    Leave,
}

/// The arguments of an ACK packet.
pub fn answer(args: &[&RawValue]) -> Result<VerbResult, InvalidMessage> {
    #[derive(Deserialize)]
    struct Outcome {
        ok: bool,
        error: Option<Refused>,
    }
    let what = "an answer";
    let text = first(what, args)?;
    let outcome: Outcome = parse(what, text)?;
    match (outcome.ok, outcome.error) {
        (true, _) => Ok(Ok(text.to_owned())),
        (false, Some(error)) => Ok(Err(error.into())),
        (false, None) => Err(InvalidMessage {
            what,
            reason: "neither ok nor an error".to_owned(),
        }),
    }
}

/// The header of a `batch` event, its first argument.
pub fn header(args: &[&RawValue]) -> Result<DeliveryHeader, InvalidMessage> {
    let what = "a batch";
    DeliveryHeader::decode(first(what, args)?.get()).map_err(|error| InvalidMessage {
        what,
        reason: error.to_string(),
    })
}

/// The arguments of a `gap` event.
pub fn gap(args: &[&RawValue]) -> Result<Gap, InvalidMessage> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said {
        Log { log: String },
        Pruned { from: Seq, to: Seq },
    }
    let what = "a gap";
    Ok(match parse(what, first(what, args)?)? {
        Said::Log { log } => Gap::OtherLog { log },
        Said::Pruned { from, to } => Gap::Pruned { from, to },
    })
}

/// The arguments of a `caught-up` event: the last record of the log at that moment.
pub fn caught_up(args: &[&RawValue]) -> Result<Seq, InvalidMessage> {
    #[derive(Deserialize)]
    struct CaughtUp {
        head: Seq,
    }
    let what = "caught-up";
    parse(what, first(what, args)?).map(|said: CaughtUp| said.head)
}

/// The arguments of a `presence` event.
pub fn presence(args: &[&RawValue]) -> Result<PresenceEvent, InvalidMessage> {
    let what = "presence";
    parse(what, first(what, args)?)
}

/// The arguments of a `closed` event.
pub fn closed(args: &[&RawValue]) -> Result<ErrorResponse, InvalidMessage> {
    let what = "closed";
    parse(what, first(what, args)?).map(|said: Refused| said.into())
}

/// The data of a CONNECT_ERROR packet: `{"message","data":{"code"}}`; any server may send its own.
pub fn connect_error(data: &RawValue) -> ErrorResponse {
    #[derive(Deserialize)]
    struct ConnectError {
        message: String,
        data: Option<Box<RawValue>>,
    }
    #[derive(Deserialize)]
    struct Data {
        code: String,
    }
    match serde_json::from_str::<ConnectError>(data.get()) {
        Ok(error) => ErrorResponse {
            code: error
                .data
                .and_then(|data| serde_json::from_str::<Data>(data.get()).ok())
                .and_then(|data| ErrorCode::parse(&data.code)),
            message: error.message,
        },
        Err(_) => ErrorResponse {
            code: None,
            message: data.get().to_owned(),
        },
    }
}

pub fn parse<'a, T: Deserialize<'a>>(
    what: &'static str,
    text: &'a RawValue,
) -> Result<T, InvalidMessage> {
    serde_json::from_str(text.get()).map_err(|error| InvalidMessage {
        what,
        reason: error.to_string(),
    })
}

#[derive(Deserialize)]
struct Refused {
    code: String,
    message: String,
}

impl From<Refused> for ErrorResponse {
    fn from(said: Refused) -> Self {
        Self {
            code: ErrorCode::parse(&said.code),
            message: said.message,
        }
    }
}

fn first<'a>(what: &'static str, args: &[&'a RawValue]) -> Result<&'a RawValue, InvalidMessage> {
    args.first().copied().ok_or(InvalidMessage {
        what,
        reason: "no argument".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn answers_are_taken_or_refused() {
        let taken = raw(r#"{"ok":true,"first":"41","count":3,"delivered":2,"queued":1}"#);
        let text = answer(&[&taken]).unwrap().unwrap();
        let receipt: PublishResponse = parse("a receipt", &text).unwrap();
        assert_eq!(
            (receipt.delivered, receipt.queued, receipt.duplicate),
            (2, 1, false)
        );

        let refused = raw(r#"{"ok":false,"error":{"code":"full","message":"no room"}}"#);
        let refusal = answer(&[&refused]).unwrap().unwrap_err();
        assert_eq!(
            (refusal.code, refusal.message.as_str()),
            (Some(ErrorCode::Full), "no room")
        );

        for bad in ["{}", r#"{"ok":false}"#, "7", r#"{"ok":"yes"}"#] {
            assert!(answer(&[&raw(bad)]).is_err(), "{bad}");
        }
        assert!(answer(&[]).is_err());
    }

    #[test]
    fn the_events_of_a_subscription_are_understood() {
        assert_eq!(
            gap(&[&raw(r#"{"from":"12","to":"50.3"}"#)]),
            Ok(Gap::Pruned {
                from: Seq::new(12, 0),
                to: Seq::new(50, 3)
            })
        );
        assert_eq!(
            gap(&[&raw(r#"{"log":"abc"}"#)]),
            Ok(Gap::OtherLog { log: "abc".into() })
        );
        assert_eq!(caught_up(&[&raw(r#"{"head":"41"}"#)]), Ok(Seq::new(41, 0)));
        let left = r#"{"what":"leave","room":"r","as":"alice","sid":"x","at":7}"#;
        let left = presence(&[&raw(left)]).unwrap();
        assert_eq!(left.what, PresenceChange::Leave);
        assert_eq!(left.name.unwrap().as_str(), "alice");
        assert!(presence(&[&raw(r#"{"what":"hover","room":"r"}"#)]).is_err());
        let closed = closed(&[&raw(r#"{"code":"name_taken","message":"m"}"#)]).unwrap();
        assert_eq!(closed.code, Some(ErrorCode::NameTaken));
    }

    #[test]
    fn a_connect_error_of_any_server_is_shown() {
        for (text, code, message) in [
            (
                r#"{"message":"bad token","data":{"code":"token"}}"#,
                Some(ErrorCode::Token),
                "bad token",
            ),
            (r#"{"message":"no","data":[1]}"#, None, "no"),
            (r#""plain""#, None, "\"plain\""),
        ] {
            let refusal = connect_error(&raw(text));
            assert_eq!(
                (refusal.code, refusal.message.as_str()),
                (code, message),
                "{text}"
            );
        }
    }
}
