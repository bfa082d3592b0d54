//! The dead letter of a message whose command failed: the object of `sub --json` with the reason and the number of attempts.
//! `pub --envelope` accepts it, so a dead letter can be sent to its room again. No IO.

use bytes::Bytes;
use serde_json::json;

use crate::cli::io::stdin::{InputBlock, message};
use crate::cli::io::stdout::{OutputBatch, OutputFormat, Terminator, rendered};
use crate::wire::batch::{Framing, push_bytes_message};

/// JSON needs up to six bytes to escape one.
const ESCAPED_BYTES: usize = 6;

/// One line of JSON, of `max_message` bytes at most. If the message does not fit, only its beginning is included, and
/// `truncated` says how many bytes it had.
pub fn dead_letter(
    batch: &OutputBatch,
    reason: &str,
    attempts: u32,
    max_message: usize,
) -> InputBlock {
    let extra = format!(",\"reason\":{},\"attempts\":{attempts}", json!(reason));
    let whole = object(batch, &extra);
    if whole.len() <= max_message {
        return block(whole);
    }
    let data = rendered(&OutputFormat::Data(Terminator::Raw), batch);
    let extra = format!("{extra},\"truncated\":{}", data.len());
    let around = object(&with_data(batch, &[]), &extra).len();
    let max_data = max_message.saturating_sub(around) / ESCAPED_BYTES;
    let fits = &data[..max_data.min(data.len())];
    // UTF-8 stays UTF-8: a character is not cut in half.
    let fits = match std::str::from_utf8(fits) {
        Err(error) if std::str::from_utf8(&data).is_ok() => &fits[..error.valid_up_to()],
        _ => fits,
    };
    block(object(&with_data(batch, fits), &extra))
}

/// The same message with other data.
fn with_data(batch: &OutputBatch, data: &[u8]) -> OutputBatch {
    let mut copy = batch.clone();
    copy.header.framing = Framing::Bytes;
    copy.header.json = false;
    let mut body = Vec::new();
    push_bytes_message(&mut body, data);
    copy.body = Bytes::from(body);
    copy
}

/// The object of `sub --json`, with `extra` added before its end.
fn object(batch: &OutputBatch, extra: &str) -> String {
    let object = rendered(&OutputFormat::Json, batch);
    let object = String::from_utf8_lossy(&object);
    let open = object.trim_end().strip_suffix('}').unwrap_or(&object);
    format!("{open}{extra}}}")
}

fn block(object: String) -> InputBlock {
    InputBlock {
        json: true,
        ..message(object.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::address::{ClientName, EventName, Namespace, RoomName, Seq};
    use crate::wire::batch::DeliveryHeader;

    fn batch(data: &[u8]) -> OutputBatch {
        let mut body = Vec::new();
        push_bytes_message(&mut body, data);
        OutputBatch {
            header: DeliveryHeader {
                rooms: vec![RoomName::parse("jobs").unwrap()],
                first: Some(Seq::new(41, 7)),
                from: ClientName::parse("alice").ok(),
                reply: RoomName::parse("answers").ok(),
                at: 1_700_000_000_123,
                ..DeliveryHeader::new(EventName::message(), Framing::Bytes)
            },
            body: body.into(),
            namespace: Namespace::root(),
        }
    }

    fn read(block: &InputBlock) -> Value {
        assert_eq!(
            (block.framing, block.json, block.count),
            (Framing::Lines, true, 1)
        );
        serde_json::from_slice(&block.body).unwrap()
    }

    #[test]
    fn it_has_the_message_the_reason_and_the_attempts() {
        let letter = dead_letter(&batch(b"a\n\"b\""), "exit status 1", 4, 10_000);
        assert_eq!(
            read(&letter),
            json!({
                "namespace": "/", "rooms": ["jobs"], "event": "message", "seq": "41.7", "from": "alice",
                "reply": "answers", "time": "2023-11-14T22:13:20.123Z", "data": "a\n\"b\"",
                "reason": "exit status 1", "attempts": 4
            })
        );
        let binary = dead_letter(&batch(b"\xff"), "r", 1, 10_000);
        assert_eq!(read(&binary)["base64"], "/w==");
    }

    #[test]
    fn it_fits_the_limit_of_the_hub() {
        for data in ["x".repeat(2_000), "\u{1}".repeat(2_000), "ü".repeat(1_000)] {
            for limit in [400, 401, 402, 1_999, 2_100, 2_301] {
                let letter = dead_letter(&batch(data.as_bytes()), "exit status 1", 4, limit);
                assert!(letter.body.len() <= limit + 1, "{limit}");
                let object = read(&letter);
                if let Some(length) = object.get("truncated") {
                    assert_eq!(*length, 2_000);
                    assert!(data.starts_with(object["data"].as_str().unwrap()));
                } else {
                    assert_eq!(object["data"], data);
                }
            }
        }
        let letter = dead_letter(&batch(&[0xff; 2_000]), "r", 1, 1_000);
        assert!(letter.body.len() <= 1_001);
        assert!(read(&letter)["base64"].as_str().unwrap().len() > 100);
    }
}
