//! Engine.IO protocol v4 payloads ("HTTP long-polling"): several packets in one text, as polling clients post and get them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use bytes::Bytes;

/// Separates packets. JSON escapes it, so no Socket.IO packet contains it.
const SEPARATOR: u8 = 0x1e;
/// The prefix of a binary packet; base64 follows.
const BINARY: u8 = b'b';

/// With or without padding, like the decoders of engine.io-parser.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One packet of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadPacket<'a> {
    /// As in a WebSocket text frame.
    Text(&'a str),
    Binary(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    #[error("an empty packet in a payload")]
    Empty,
    #[error("a payload that is not UTF-8")]
    NotText,
    #[error("a binary packet that is not base64")]
    NotBase64,
}

/// Decodes a payload one packet at a time, so that a payload of many packets takes no more memory than its bytes.
#[derive(Debug)]
pub struct PayloadDecoder {
    body: Bytes,
    /// Where the next packet begins; None at the end.
    at: Option<usize>,
}

impl PayloadDecoder {
    pub fn new(body: Bytes) -> Self {
        Self { body, at: Some(0) }
    }

    /// None at the end and after an error.
    pub fn next_packet(&mut self) -> Option<Result<PayloadPacket<'_>, PayloadError>> {
        let begin = self.at.take()?;
        let rest = &self.body[begin..];
        let packet = match memchr::memchr(SEPARATOR, rest) {
            Some(end) => {
                self.at = Some(begin + end + 1);
                &rest[..end]
            }
            None => rest,
        };
        let part = decode(packet);
        if part.is_err() {
            self.at = None;
        }
        Some(part)
    }
}

fn decode(packet: &[u8]) -> Result<PayloadPacket<'_>, PayloadError> {
    match packet.split_first() {
        None => Err(PayloadError::Empty),
        Some((&BINARY, base64)) => match BASE64.decode(base64) {
            Ok(bytes) => Ok(PayloadPacket::Binary(bytes)),
            Err(_) => Err(PayloadError::NotBase64),
        },
        Some(_) => match simdutf8::basic::from_utf8(packet) {
            Ok(text) => Ok(PayloadPacket::Text(text)),
            Err(_) => Err(PayloadError::NotText),
        },
    }
}

/// Encodes packets into a payload.
#[derive(Debug, Default)]
pub struct PayloadEncoder {
    payload: String,
}

impl PayloadEncoder {
    pub fn text(&mut self, packet: &str) {
        self.separate();
        self.payload.push_str(packet);
    }

    pub fn binary(&mut self, bytes: &[u8]) {
        self.separate();
        self.payload.push(char::from(BINARY));
        STANDARD.encode_string(bytes, &mut self.payload);
    }

    pub fn finish(self) -> String {
        self.payload
    }

    fn separate(&mut self) {
        if !self.payload.is_empty() {
            self.payload.push(char::from(SEPARATOR));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any};
    use proptest::{collection, prop_assert, prop_assert_eq, prop_oneof, proptest};

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq)]
    enum Owned {
        Text(String),
        Binary(Vec<u8>),
    }

    fn decode_all(body: impl Into<Bytes>) -> (Vec<Owned>, Option<PayloadError>) {
        let mut decoder = PayloadDecoder::new(body.into());
        let mut parts = Vec::new();
        while let Some(part) = decoder.next_packet() {
            match part {
                Ok(PayloadPacket::Text(text)) => parts.push(Owned::Text(text.to_owned())),
                Ok(PayloadPacket::Binary(bytes)) => parts.push(Owned::Binary(bytes)),
                Err(error) => {
                    assert!(decoder.next_packet().is_none(), "an error is the end");
                    return (parts, Some(error));
                }
            }
        }
        (parts, None)
    }

    fn encode_all(parts: &[Owned]) -> String {
        let mut encoder = PayloadEncoder::default();
        for part in parts {
            match part {
                Owned::Text(text) => encoder.text(text),
                Owned::Binary(bytes) => encoder.binary(bytes),
            }
        }
        encoder.finish()
    }

    fn text(text: &str) -> Owned {
        Owned::Text(text.to_owned())
    }

    #[test]
    fn packets_are_separated() {
        let binary = |bytes: &[u8]| Owned::Binary(bytes.to_vec());
        let table = [
            ("4hello", vec![text("4hello")]),
            ("3", vec![text("3")]),
            ("4a\x1e4b\x1e4c", vec![text("4a"), text("4b"), text("4c")]),
            ("4hällo\0\n€", vec![text("4hällo\0\n€")]),
            (
                "4hello\x1ebAQIDBA==",
                vec![text("4hello"), binary(&[1, 2, 3, 4])],
            ),
            ("b\x1e2", vec![binary(&[]), text("2")]),
            ("b+/8=", vec![binary(&[0xfb, 0xff])]),
        ];
        for (payload, parts) in table {
            assert_eq!(decode_all(payload), (parts.clone(), None), "{payload:?}");
            assert_eq!(encode_all(&parts), payload);
        }
        let unpadded = (vec![binary(&[1, 2, 3, 4])], None);
        assert_eq!(decode_all("bAQIDBA"), unpadded);
    }

    #[test]
    fn packets_before_an_invalid_one_are_decoded() {
        use PayloadError::{Empty, NotBase64, NotText};
        let table: [(&[u8], &[&str], PayloadError); 9] = [
            (b"", &[], Empty),
            (b"\x1e4a", &[], Empty),
            (b"4a\x1e", &["4a"], Empty),
            (b"4a\x1e\x1e4b", &["4a"], Empty),
            (b"4a\xff", &[], NotText),
            (b"4a\x1e4\xc3\x1e4\xa4", &["4a"], NotText),
            (b"b!", &[], NotBase64),
            (b"bAQID-_==", &[], NotBase64),
            (b"4a\x1ebA", &["4a"], NotBase64),
        ];
        for (payload, before, error) in table {
            let before: Vec<Owned> = before.iter().map(|packet| text(packet)).collect();
            let decoded = decode_all(payload);
            assert_eq!(decoded, (before, Some(error)), "{payload:?}");
        }
    }

    fn parts() -> impl Strategy<Value = Vec<Owned>> {
        let part = prop_oneof![
            "[0-6][^\u{1e}]{0,20}".prop_map(Owned::Text),
            collection::vec(any::<u8>(), 0..40).prop_map(Owned::Binary),
        ];
        collection::vec(part, 1..20)
    }

    proptest! {
        #[test]
        fn a_payload_comes_back(parts in parts()) {
            prop_assert_eq!(decode_all(encode_all(&parts)), (parts, None));
        }

        #[test]
        fn no_payload_panics(body in collection::vec(any::<u8>(), 0..200)) {
            let separators = body.iter().filter(|byte| **byte == SEPARATOR).count();
            let (parts, error) = decode_all(body);
            prop_assert!(parts.len() + usize::from(error.is_some()) <= separators + 1);
        }
    }
}
