//! What a `sub` says of sharing.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::leases::Terms;
use crate::limits;
use crate::session::verbs::error::VerbError;

/// None: it does not share.
pub fn terms(args: &[&RawValue]) -> Result<Option<Terms>, VerbError> {
    #[derive(Deserialize)]
    struct Share<'a> {
        #[serde(default)]
        share: bool,
        ack_timeout: Option<u64>,
        window: Option<u32>,
        #[serde(borrow)]
        since: Option<&'a RawValue>,
        #[serde(borrow)]
        last: Option<&'a RawValue>,
    }
    // What is wrong with it is for `sub` to say.
    let share = args.first().map(|arg| serde_json::from_str(arg.get()));
    let Some(Ok(Share {
        share: true,
        ack_timeout,
        window,
        since,
        last,
    })) = share
    else {
        return Ok(None);
    };
    if since.is_some() || last.is_some() {
        let why = "a shared queue begins where it is: no since, no last";
        return Err(VerbError::BadRequest(why.to_owned()));
    }
    let ack_timeout = ack_timeout.map_or(limits::ACK_TIMEOUT, Duration::from_millis);
    Ok(Some(Terms {
        window: window
            .unwrap_or(limits::SHARE_WINDOW)
            .clamp(1, limits::SHARE_WINDOW_MAX),
        ack_timeout: ack_timeout.clamp(Duration::from_millis(1), limits::ACK_TIMEOUT_MAX),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_bounded() {
        let terms = |text: &str| {
            let raw: Box<RawValue> = serde_json::from_str(text).unwrap();
            terms(&[&raw])
        };
        let some = |window, millis| {
            Some(Terms {
                window,
                ack_timeout: Duration::from_millis(millis),
            })
        };
        for (text, expected) in [
            (r#"{"rooms":["a"]}"#, None),
            (r#"{"share":false}"#, None),
            ("7", None),
            (r#"{"share":true}"#, some(limits::SHARE_WINDOW, 30_000)),
            (r#"{"share":true,"window":0,"ack_timeout":0}"#, some(1, 1)),
            (
                r#"{"share":true,"window":4000000000,"ack_timeout":18446744073709551615}"#,
                some(limits::SHARE_WINDOW_MAX, 86_400_000),
            ),
        ] {
            assert_eq!(terms(text).unwrap(), expected, "{text}");
        }
        assert!(terms(r#"{"share":true,"last":3}"#).is_err());
    }
}
