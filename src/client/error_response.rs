//! Errors as a server sends them: `{"code","message"}` from a hub, a CONNECT_ERROR from any Socket.IO server.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::wire::error_code::ErrorCode;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ErrorResponse {
    /// None: a code of a newer hub, or none at all from another server.
    #[serde(deserialize_with = "known_code")]
    pub code: Option<ErrorCode>,
    pub message: String,
}

fn known_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ErrorCode>, D::Error> {
    let code = String::deserialize(deserializer)?;
    Ok(ErrorCode::parse(&code))
}

impl ErrorResponse {
    /// An error without a code.
    pub fn without_code(message: impl Into<String>) -> Self {
        Self {
            code: None,
            message: message.into(),
        }
    }

    /// The data of a CONNECT_ERROR packet: `{"message","data":{"code"}}` from a hub, anything from another server.
    pub fn from_connect_error(data: &RawValue) -> Self {
        #[derive(Deserialize)]
        struct ConnectError {
            message: String,
            data: Option<Box<RawValue>>,
        }
        #[derive(Deserialize)]
        struct Data {
            code: String,
        }
        let Ok(error) = serde_json::from_str::<ConnectError>(data.get()) else {
            return Self::without_code(data.get());
        };
        let data = error.data;
        let data = data.and_then(|data| serde_json::from_str::<Data>(data.get()).ok());
        Self {
            code: data.and_then(|data| ErrorCode::parse(&data.code)),
            message: error.message,
        }
    }

    /// Whether the namespace does not exist. Every Socket.IO server uses the same text for this, and no code.
    pub fn is_invalid_namespace(&self) -> bool {
        self.code.is_none() && self.message == "Invalid namespace"
    }

    /// Whether the hub may accept the same publish later.
    pub fn is_temporary(&self) -> bool {
        self.code.is_some_and(ErrorCode::is_temporary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_hub_or_disk_is_temporary() {
        for (code, is_temporary) in [
            ("full", true),
            ("disk", true),
            ("too_large", false),
            ("out_of_order", false),
            ("token", false),
            ("brand_new", false),
        ] {
            let json = format!(r#"{{"code":"{code}","message":"m"}}"#);
            let error: ErrorResponse = serde_json::from_str(&json).unwrap();
            assert_eq!(error.is_temporary(), is_temporary, "{code}");
        }
    }

    #[test]
    fn a_connect_error_of_any_server_is_shown() {
        for (json, code, message) in [
            (
                r#"{"message":"bad token","data":{"code":"token"}}"#,
                Some(ErrorCode::Token),
                "bad token",
            ),
            (r#"{"message":"no","data":[1]}"#, None, "no"),
            (r#""plain""#, None, "\"plain\""),
        ] {
            let data = RawValue::from_string(json.to_owned()).unwrap();
            let error = ErrorResponse::from_connect_error(&data);
            assert_eq!((error.code, &*error.message), (code, message), "{json}");
        }
    }
}
