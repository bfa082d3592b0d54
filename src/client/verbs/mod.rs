//! The verbs as a client sends them: a file for each, with its request and its response.
//!
//! To add a verb, add its file here and its line in [`Verb`].

pub mod kick;
pub mod membership;
pub mod publish;
pub mod purge;
pub mod queue;
pub mod rooms;
pub mod sub;
pub mod who;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error_response::ErrorResponse;
use super::invalid_message::{InvalidMessage, first_argument, parse};
use crate::wire::verb::Verb;

/// The raw response to a verb: its JSON object, or the hub's error.
pub type VerbResult = Result<Box<RawValue>, ErrorResponse>;

/// A verb with its one argument, the JSON of `Self`.
pub trait VerbRequest: Serialize {
    const VERB: Verb;
    type Response: DeserializeOwned;

    /// The inside of a JSON array.
    fn args(&self) -> String {
        serde_json::to_string(self).expect("names and numbers are JSON")
    }

    fn parse_response(json: &RawValue) -> Result<Self::Response, InvalidMessage> {
        parse(&format!("the answer to {}", Self::VERB.as_str()), json)
    }
}

/// Reads the arguments of an ACK packet: `{"ok":true,…}` or `{"ok":false,"error":{"code","message"}}`.
pub(super) fn result(args: &[&RawValue]) -> Result<VerbResult, InvalidMessage> {
    #[derive(Deserialize)]
    struct Status {
        ok: bool,
        error: Option<ErrorResponse>,
    }
    let what = "an answer";
    let json = first_argument(what, args)?;
    match parse(what, json)? {
        Status { ok: true, .. } => Ok(Ok(json.to_owned())),
        Status {
            error: Some(error), ..
        } => Ok(Err(error)),
        Status { error: None, .. } => Err(InvalidMessage::new(what, "neither ok nor an error")),
    }
}

#[cfg(test)]
mod tests {
    use super::publish::PublishResponse;
    use super::*;
    use crate::wire::error_code::ErrorCode;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_response_is_an_object_or_an_error() {
        let taken = raw(r#"{"ok":true,"first":"41","count":3,"delivered":2,"queued":1}"#);
        let json = result(&[&taken]).unwrap().unwrap();
        let receipt = PublishResponse::parse(&json).unwrap();
        assert_eq!(
            (receipt.delivered, receipt.queued, receipt.duplicate),
            (2, 1, false)
        );

        let refused = raw(r#"{"ok":false,"error":{"code":"full","message":"no room"}}"#);
        let error = result(&[&refused]).unwrap().unwrap_err();
        assert_eq!(
            (error.code, error.message.as_str()),
            (Some(ErrorCode::Full), "no room")
        );

        for bad in ["{}", r#"{"ok":false}"#, "7", r#"{"ok":"yes"}"#] {
            assert!(result(&[&raw(bad)]).is_err(), "{bad}");
        }
        assert!(result(&[]).is_err());
    }
}
