//! The sharing options of a `sub`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::leases::LeaseTerms;
use crate::limits;
use crate::session::verbs::error::VerbError;

/// The lease terms that a `sub` asks for, within their bounds. `None` when it does not share.
pub fn lease_terms(args: &[&RawValue]) -> Result<Option<LeaseTerms>, VerbError> {
    #[derive(Deserialize)]
    struct ShareOptions<'a> {
        #[serde(default)]
        share: bool,
        ack_timeout: Option<u64>,
        window: Option<u32>,
        #[serde(borrow)]
        since: Option<&'a RawValue>,
        #[serde(borrow)]
        last: Option<&'a RawValue>,
    }
    // `sub` itself reports malformed arguments.
    let options = args.first().map(|arg| serde_json::from_str(arg.get()));
    let Some(Ok(ShareOptions {
        share: true,
        ack_timeout,
        window,
        since,
        last,
    })) = options
    else {
        return Ok(None);
    };
    if since.is_some() || last.is_some() {
        let why = "a shared queue starts at its cursor; omit since and last";
        return Err(VerbError::BadRequest(why.to_owned()));
    }
    let ack_timeout = ack_timeout.map_or(limits::ACK_TIMEOUT, Duration::from_millis);
    Ok(Some(LeaseTerms {
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
    fn the_options_are_bounded() {
        let parse = |text: &str| {
            let raw: Box<RawValue> = serde_json::from_str(text).unwrap();
            lease_terms(&[&raw])
        };
        let some = |window, millis| {
            Some(LeaseTerms {
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
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
        assert!(parse(r#"{"share":true,"last":3}"#).is_err());
    }
}
