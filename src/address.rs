//! Validated names: namespaces, rooms, client names, events, seqs and addresses.
//!
//! Text is parsed into one of these types once, where it enters (the command line, a packet); holding one proves that it was
//! checked. Each `parse` returns a [`NameError`] for text that is not valid and panics on none.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits;

/// Why a text is not valid. The message says what is wrong and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("a {what} cannot be empty")]
    Empty { what: &'static str },
    #[error("this {what} has {length} bytes; at most {limit} are allowed")]
    TooLong {
        what: &'static str,
        length: usize,
        limit: usize,
    },
    #[error("a {what} cannot contain control characters (found U+{code:04X})")]
    Control { what: &'static str, code: u32 },
    #[error("a namespace starts with \"/\", as in \"/admin\"")]
    NoSlash,
    #[error("a namespace cannot contain {found:?}")]
    NamespaceCharacter { found: char },
    #[error("a {what} cannot start or end with white space")]
    Padded { what: &'static str },
    #[error("\"{0}\" is reserved by Socket.IO; give the event another name")]
    Reserved(String),
    #[error(
        "a seq is a record number, optionally followed by a dot and an index, as in 41 or 41.7"
    )]
    NotASeq,
}

fn check_length(what: &'static str, text: &str) -> Result<(), NameError> {
    let limit = limits::NAME_BYTES;
    if text.len() > limit {
        return Err(NameError::TooLong {
            what,
            length: text.len(),
            limit,
        });
    }
    Ok(())
}

/// Checks the length and refuses control characters.
fn check_name(what: &'static str, text: &str) -> Result<(), NameError> {
    check_length(what, text)?;
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(NameError::Control {
            what,
            code: c as u32,
        }),
        None => Ok(()),
    }
}

/// Implements the traits that the four kinds of names share: access as text, and deserializing through `parse`. Clones
/// are cheap.
macro_rules! name_type {
    ($name:ident) => {
        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(D::Error::custom)
            }
        }
    };
}

/// A namespace: `/`, `/admin`. At most [`limits::NAME_BYTES`] bytes without control characters. Starts with `/`; has no `,` (it
/// ends the namespace in a packet), `#` (it separates the room in an address) or `?` (earlier protocols put a query there).
/// Socket.IO protocol v5, "Packet encoding".
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(Arc<str>);
name_type!(Namespace);

impl Namespace {
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if !text.starts_with('/') {
            return Err(NameError::NoSlash);
        }
        check_name("namespace", text)?;
        match text.chars().find(|c| matches!(c, ',' | '#' | '?')) {
            Some(found) => Err(NameError::NamespaceCharacter { found }),
            None => Ok(Self(text.into())),
        }
    }

    /// The main namespace, `/`.
    pub fn root() -> Self {
        Self("/".into())
    }

    pub fn is_root(&self) -> bool {
        &*self.0 == "/"
    }
}

/// A room's name inside a namespace: at most [`limits::NAME_BYTES`] bytes without control characters. The empty name is the
/// whole namespace, which `io.emit` reaches.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomName(Arc<str>);
name_type!(RoomName);

impl RoomName {
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_name("room name", text)?;
        Ok(Self(text.into()))
    }

    /// The prefix of reply rooms. A reply room is created for the replies to one message.
    pub const REPLY_PREFIX: &str = "reply/";

    /// Whether this is a reply room. Nobody looks for one by name, so lists omit it.
    pub fn is_reply_room(&self) -> bool {
        self.0.starts_with(Self::REPLY_PREFIX)
    }

    /// The empty room: the whole namespace.
    pub fn whole_namespace() -> Self {
        Self("".into())
    }

    pub fn is_whole_namespace(&self) -> bool {
        self.0.is_empty()
    }
}

/// A durable identity (`--as alice`, `auth.as`) that outlives its sockets. Scoped to a namespace. 1 to
/// [`limits::NAME_BYTES`] bytes without control characters and without white space at the ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientName(Arc<str>);
name_type!(ClientName);

impl ClientName {
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let what = "client name";
        if text.is_empty() {
            return Err(NameError::Empty { what });
        }
        check_name(what, text)?;
        if text.trim() != text {
            return Err(NameError::Padded { what });
        }
        Ok(Self(text.into()))
    }
}

/// The name of an event; `message` by default. At most [`limits::NAME_BYTES`] bytes of any characters, as in Socket.IO. Its six
/// reserved names are refused: a stock client that receives `connect` as an event disconnects. (Socket.IO "Emit cheatsheet",
/// reserved events.)
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventName(Arc<str>);
name_type!(EventName);

const RESERVED_EVENTS: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

impl EventName {
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_length("event name", text)?;
        if RESERVED_EVENTS.contains(&text) {
            return Err(NameError::Reserved(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// The default event, `message`.
    pub fn message() -> Self {
        Self("message".into())
    }
}

/// The position of a message in the log: record number and index in the record. Written `41` for the first message of record
/// 41 and `41.7` for its eighth; on the wire a JSON string of that text. Ordered; gaps are legal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seq {
    pub record: u64,
    pub index: u32,
}

impl Seq {
    /// Before everything: record numbers start at 1.
    pub const START: Seq = Seq {
        record: 0,
        index: 0,
    };

    pub const fn new(record: u64, index: u32) -> Self {
        Self { record, index }
    }

    /// The first message of the record after `record`.
    pub const fn after_record(record: u64) -> Self {
        Self {
            record: record.saturating_add(1),
            index: 0,
        }
    }

    /// The next position in the same record. Gaps are legal, so there may be no message.
    pub const fn next(self) -> Self {
        match self.index.checked_add(1) {
            Some(index) => Self {
                record: self.record,
                index,
            },
            None => Self::after_record(self.record),
        }
    }

    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (record, index) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(record) || !digits(index) {
            return Err(NameError::NotASeq);
        }
        let record: u64 = record.parse().map_err(|_| NameError::NotASeq)?;
        let index = index.parse().map_err(|_| NameError::NotASeq)?;
        // SQLite integers are signed, so a record number has 63 bits.
        if record >= i64::MAX as u64 {
            Err(NameError::NotASeq)
        } else {
            Ok(Self { record, index })
        }
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            0 => write!(f, "{}", self.record),
            index => write!(f, "{}.{index}", self.record),
        }
    }
}

impl Serialize for Seq {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Seq {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

/// An address on the command line: `lobby`, `/admin#ops`, or `/admin` for the whole namespace. A bare room has no namespace of
/// its own; `/#/odd` reaches a room whose name starts with a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub namespace: Option<Namespace>,
    pub room: RoomName,
}

impl Address {
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty { what: "room" });
        }
        if !text.starts_with('/') {
            return Ok(Self {
                namespace: None,
                room: RoomName::parse(text)?,
            });
        }
        let (namespace, room) = text.split_once('#').unwrap_or((text, ""));
        Ok(Self {
            namespace: Some(Namespace::parse(namespace)?),
            room: RoomName::parse(room)?,
        })
    }
}

impl std::str::FromStr for Address {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_with_their_reason() {
        let long = "x".repeat(limits::NAME_BYTES + 1);
        assert!(matches!(
            RoomName::parse(&long),
            Err(NameError::TooLong { .. })
        ));
        assert!(matches!(
            EventName::parse(&long),
            Err(NameError::TooLong { .. })
        ));
        assert!(matches!(
            RoomName::parse("a\u{1b}[2J"),
            Err(NameError::Control { code: 0x1b, .. })
        ));
        assert!(matches!(
            ClientName::parse(""),
            Err(NameError::Empty { .. })
        ));
        assert!(matches!(
            ClientName::parse(" alice"),
            Err(NameError::Padded { .. })
        ));
        assert!(matches!(Namespace::parse("admin"), Err(NameError::NoSlash)));
        for bad in ["/a,b", "/a#b", "/a?b"] {
            assert!(
                matches!(
                    Namespace::parse(bad),
                    Err(NameError::NamespaceCharacter { .. })
                ),
                "{bad}"
            );
        }
        for reserved in RESERVED_EVENTS {
            assert!(
                matches!(EventName::parse(reserved), Err(NameError::Reserved(_))),
                "{reserved}"
            );
        }
    }

    #[test]
    fn addresses_have_a_namespace_and_a_room() {
        let cases = [
            ("lobby", None, "lobby"),
            ("/admin#ops", Some("/admin"), "ops"),
            ("/admin", Some("/admin"), ""),
            ("/", Some("/"), ""),
            ("/#/odd", Some("/"), "/odd"),
            ("a#b", None, "a#b"),
            ("/a#b#c", Some("/a"), "b#c"),
        ];
        for (text, namespace, room) in cases {
            let address = Address::parse(text).unwrap();
            assert_eq!(
                address.namespace.as_ref().map(Namespace::as_str),
                namespace,
                "{text}"
            );
            assert_eq!(address.room.as_str(), room, "{text}");
        }
    }

    #[test]
    fn seqs_are_ordered_and_round_trip() {
        for text in ["41", "41.7", "0", "9223372036854775806.4294967295"] {
            assert_eq!(Seq::parse(text).unwrap().to_string(), text);
        }
        for bad in [
            "",
            ".",
            "1.",
            ".1",
            "-1",
            "+1",
            "1.2.3",
            "x",
            "1.4294967296",
            "9223372036854775807",
        ] {
            assert_eq!(Seq::parse(bad), Err(NameError::NotASeq), "{bad}");
        }
        assert!(Seq::new(41, 7) < Seq::new(41, 8) && Seq::new(41, 8) < Seq::new(42, 0));
        assert_eq!(Seq::new(1, u32::MAX).next(), Seq::new(2, 0));
    }
}
