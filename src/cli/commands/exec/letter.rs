//! What is published of a message that no command managed: the object of `sub --json`, the reason and the attempts.
//! `pub --envelope` takes it, so a dead letter can be sent to where it was. No IO.

use bytes::Bytes;
use serde_json::json;

use crate::cli::io::stdin::{InputBlock, message};
use crate::cli::io::stdout::{OutputBatch, OutputFormat, rendered};
use crate::wire::batch::Framing;

/// JSON escapes a byte with up to six.
const ESCAPED: usize = 6;

/// One line of JSON, of `max_message` bytes at most. Where the message and what is said of it do not fit, its beginning does,
/// and `truncated` tells how many bytes it had.
pub fn letter(chunk: &OutputBatch, reason: &str, attempts: u32, max_message: usize) -> InputBlock {
    let said = format!(",\"reason\":{},\"attempts\":{attempts}", json!(reason));
    let whole = object(chunk, &said);
    if whole.len() <= max_message {
        return block(whole);
    }
    let data = rendered(
        &OutputFormat::Data(crate::cli::io::stdout::Terminator::Raw),
        chunk,
    );
    let said = format!("{said},\"truncated\":{}", data.len());
    let around = object(&cut(chunk, &[]), &said).len();
    let room = max_message.saturating_sub(around) / ESCAPED;
    // Text stays text: not in the middle of a character.
    let fits = &data[..room.min(data.len())];
    let fits = match std::str::from_utf8(fits) {
        Err(error) if std::str::from_utf8(&data).is_ok() => &fits[..error.valid_up_to()],
        _ => fits,
    };
    block(object(&cut(chunk, fits), &said))
}

/// The same message with other data.
fn cut(chunk: &OutputBatch, data: &[u8]) -> OutputBatch {
    let mut cut = chunk.clone();
    cut.header.framing = Framing::Bytes;
    cut.header.json = false;
    let mut body = Vec::new();
    crate::wire::batch::push_bytes_message(&mut body, data);
    cut.body = Bytes::from(body);
    cut
}

fn object(chunk: &OutputBatch, said: &str) -> String {
    let object = rendered(&OutputFormat::Json, chunk);
    let object = String::from_utf8_lossy(&object);
    let open = object.trim_end().strip_suffix('}').unwrap_or(&object);
    format!("{open}{said}}}")
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
    use crate::wire::batch::{DeliveryHeader, push_bytes_message};

    fn chunk(data: &[u8]) -> OutputBatch {
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
    fn it_says_what_the_message_was_and_why_it_is_dead() {
        let letter = letter(&chunk(b"a\n\"b\""), "exit status 1", 4, 10_000);
        assert_eq!(
            read(&letter),
            json!({
                "namespace": "/", "rooms": ["jobs"], "event": "message", "seq": "41.7", "from": "alice",
                "reply": "answers", "time": "2023-11-14T22:13:20.123Z", "data": "a\n\"b\"",
                "reason": "exit status 1", "attempts": 4
            })
        );
        let binary = super::letter(&chunk(b"\xff"), "r", 1, 10_000);
        assert_eq!(read(&binary)["base64"], "/w==");
    }

    #[test]
    fn it_fits_the_hub_whatever_the_message_was() {
        for data in ["x".repeat(2_000), "\u{1}".repeat(2_000), "ü".repeat(1_000)] {
            for limit in [400, 401, 402, 1_999, 2_100, 2_301] {
                let letter = letter(&chunk(data.as_bytes()), "exit status 1", 4, limit);
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
        let letter = letter(&chunk(&[0xff; 2_000]), "r", 1, 1_000);
        assert!(letter.body.len() <= 1_001);
        assert!(read(&letter)["base64"].as_str().unwrap().len() > 100);
    }
}
