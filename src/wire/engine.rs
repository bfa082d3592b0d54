//! Engine.IO protocol v4 packets in WebSocket text frames. A binary frame is a binary message and needs no codec.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::json;
use crate::limits;

/// One Engine.IO packet (protocol v4, "Packet encoding"). The type is the first character of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnginePacket<'a> {
    Open(&'a str),
    Close,
    Ping(&'a str),
    Pong(&'a str),
    Message(&'a str),
    Upgrade,
    Noop,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    #[error("an empty Engine.IO packet")]
    Empty,
    #[error("{0:?} is not an Engine.IO packet type")]
    UnknownType(char),
    #[error("the Engine.IO handshake is malformed: {0}")]
    Handshake(String),
}

/// Reads a text frame. Data after a packet type that has none is ignored, as in the reference implementation.
pub fn decode(frame: &str) -> Result<EnginePacket<'_>, EngineError> {
    let mut rest = frame.chars();
    let packet_type = rest.next().ok_or(EngineError::Empty)?;
    let data = rest.as_str();
    Ok(match packet_type {
        '0' => EnginePacket::Open(data),
        '1' => EnginePacket::Close,
        '2' => EnginePacket::Ping(data),
        '3' => EnginePacket::Pong(data),
        '4' => EnginePacket::Message(data),
        '5' => EnginePacket::Upgrade,
        '6' => EnginePacket::Noop,
        other => return Err(EngineError::UnknownType(other)),
    })
}

/// The prefix of a message packet; the text of a `socket::Packet` follows it.
pub const MESSAGE: char = '4';
pub const CLOSE: &str = "1";
pub const PING: &str = "2";
pub const PONG: &str = "3";
pub const UPGRADE: &str = "5";
/// Answers a poll when there are no packets for it.
pub const NOOP: &str = "6";
/// A client sends it over a new transport before switching to it (protocol v4, "Upgrade").
pub const PROBE: &str = "2probe";
pub const PROBED: &str = "3probe";

/// The handshake that the server sends in its open packet (protocol v4, "Handshake"). Times are milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handshake {
    pub sid: String,
    #[serde(default)]
    pub upgrades: Vec<String>,
    pub ping_interval: u64,
    pub ping_timeout: u64,
    /// Servers before Engine.IO 6.1 do not send it; they use the reference implementation's default.
    #[serde(default = "default_payload")]
    pub max_payload: u64,
}

/// The reference implementation's `maxHttpBufferSize`.
fn default_payload() -> u64 {
    1_000_000
}

impl Handshake {
    /// The whole open packet, `0{…}`.
    pub fn encode(&self) -> String {
        let mut out = String::from("0{\"sid\":");
        json::push_string(&mut out, &self.sid);
        out.push_str(",\"upgrades\":[");
        for (index, upgrade) in self.upgrades.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            json::push_string(&mut out, upgrade);
        }
        out.push_str(&format!(
            "],\"pingInterval\":{},\"pingTimeout\":{},\"maxPayload\":{}}}",
            self.ping_interval, self.ping_timeout, self.max_payload
        ));
        out
    }

    /// Reads the data of [`EnginePacket::Open`]. Sid and times are bounded, so that a client can use them in a URL and a timer.
    pub fn decode(json: &str) -> Result<Self, EngineError> {
        let refuse = |why: &str| Err(EngineError::Handshake(why.to_owned()));
        if !json.starts_with('{') {
            return refuse("it is not an object");
        }
        // serde's message could quote the whole text.
        let handshake: Self = match serde_json::from_str(json) {
            Ok(handshake) => handshake,
            Err(e) if e.is_data() => return refuse("a field is missing or of another type"),
            Err(_) => return refuse("it is not JSON"),
        };
        let too_long = |ms: u64| Duration::from_millis(ms) > limits::HANDSHAKE_TIME;
        if handshake.sid.is_empty() || handshake.sid.len() > limits::NAME_BYTES {
            refuse("the sid is empty or too long")
        } else if handshake.ping_interval == 0 {
            refuse("the ping interval is zero")
        } else if too_long(handshake.ping_interval) || too_long(handshake.ping_timeout) {
            refuse("the ping interval or timeout is out of range")
        } else {
            Ok(handshake)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::{prop_assert_eq, proptest};

    use super::*;

    fn handshake() -> Handshake {
        Handshake {
            sid: "lv_VI97HAXpY6yYWAAAC".to_owned(),
            upgrades: vec!["websocket".to_owned()],
            ping_interval: 25_000,
            ping_timeout: 20_000,
            max_payload: 1_000_000,
        }
    }

    #[test]
    fn each_type_is_its_digit() {
        let table = [
            ("0{}", EnginePacket::Open("{}")),
            ("1", EnginePacket::Close),
            ("1ignored", EnginePacket::Close),
            ("2", EnginePacket::Ping("")),
            ("2probe", EnginePacket::Ping("probe")),
            ("3probe", EnginePacket::Pong("probe")),
            ("4", EnginePacket::Message("")),
            ("4hällo\0\n", EnginePacket::Message("hällo\0\n")),
            ("5", EnginePacket::Upgrade),
            ("6", EnginePacket::Noop),
        ];
        for (frame, packet) in table {
            assert_eq!(decode(frame), Ok(packet), "{frame:?}");
        }
    }

    #[test]
    fn other_first_characters_are_refused() {
        assert_eq!(decode(""), Err(EngineError::Empty));
        for frame in ["é1234", "\0", "7", "b64", "٤hello", " 4", "{}"] {
            let first = frame.chars().next().unwrap();
            assert_eq!(decode(frame), Err(EngineError::UnknownType(first)));
        }
    }

    #[test]
    fn a_handshake_from_an_older_server_has_the_defaults() {
        let json = r#"{"sid":"a","pingInterval":25000,"pingTimeout":5000,"more":[{}]}"#;
        let decoded = Handshake::decode(json).unwrap();
        assert_eq!(decoded.max_payload, 1_000_000);
        assert!(decoded.upgrades.is_empty());
    }

    #[test]
    fn a_handshake_out_of_bounds_is_refused() {
        let with = |change: fn(&mut Handshake)| {
            let mut bad = handshake();
            change(&mut bad);
            Handshake::decode(&bad.encode()[1..])
        };
        assert!(with(|_| ()).is_ok());
        assert!(with(|h| h.sid.clear()).is_err());
        assert!(with(|h| h.sid = "x".repeat(limits::NAME_BYTES + 1)).is_err());
        assert!(with(|h| h.ping_interval = 0).is_err());
        assert!(with(|h| h.ping_interval = u64::MAX).is_err());
        assert!(with(|h| h.ping_timeout = i32::MAX as u64 + 1).is_err());
        for bad in ["", "[]", "\"sid\"", "{}", "{\"sid\":\"a\"}", "null"] {
            assert!(Handshake::decode(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_frame_panics(frame in any::<String>()) {
            let _ = decode(&frame);
            let _ = Handshake::decode(&frame);
        }

        #[test]
        fn a_handshake_comes_back(
            sid in "[^\u{0}]{1,60}",
            upgrades in proptest::collection::vec(any::<String>(), 0..3),
            ping_interval in 1..=i32::MAX as u64,
            ping_timeout in 0..=i32::MAX as u64,
            max_payload in any::<u64>(),
        ) {
            let sent = Handshake { sid, upgrades, ping_interval, ping_timeout, max_payload };
            prop_assert_eq!(&Handshake::decode(&sent.encode()[1..]).unwrap(), &sent);
            prop_assert_eq!(sent.encode()[1..].to_owned(), serde_json::to_string(&sent).unwrap());
        }
    }
}
