//! The events that a hub sends besides `batch`: `gap`, `caught-up`, `presence` and `closed`. JSON in,
//! types out.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error_response::ErrorResponse;
use super::invalid_message::{InvalidMessage, first_argument, parse};
use crate::address::{ClientName, RoomName, Seq};

/// Messages that will not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// The hub no longer keeps the messages from `from` up to, but not including, `to`.
    Pruned { from: Seq, to: Seq },
    /// The hub has another log than the one this subscription was reading.
    OtherLog { log: String },
}

/// A socket joined or left a room.
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

/// The arguments of `gap`.
pub(super) fn gap(args: &[&RawValue]) -> Result<Gap, InvalidMessage> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum GapArgument {
        Log { log: String },
        Pruned { from: Seq, to: Seq },
    }
    let what = "a gap";
    Ok(match parse(what, first_argument(what, args)?)? {
        GapArgument::Log { log } => Gap::OtherLog { log },
        GapArgument::Pruned { from, to } => Gap::Pruned { from, to },
    })
}

/// The arguments of `caught-up`: the last record of the log at that moment.
pub(super) fn caught_up(args: &[&RawValue]) -> Result<Seq, InvalidMessage> {
    #[derive(Deserialize)]
    struct CaughtUp {
        head: Seq,
    }
    let what = "caught-up";
    parse(what, first_argument(what, args)?).map(|CaughtUp { head }| head)
}

/// The arguments of `presence`.
pub(super) fn presence(args: &[&RawValue]) -> Result<PresenceEvent, InvalidMessage> {
    let what = "presence";
    parse(what, first_argument(what, args)?)
}

/// The arguments of `closed`.
pub(super) fn closed(args: &[&RawValue]) -> Result<ErrorResponse, InvalidMessage> {
    let what = "closed";
    parse(what, first_argument(what, args)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::error_code::ErrorCode;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn the_events_of_a_subscription_are_parsed() {
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
}
