//! The verbs: what a client may ask of the hub, from the arguments of an event to an op for the store.
//!
//! Pure: checks and translates; the session sends.

pub mod bounded_list;
pub mod delay;
pub mod names;
mod publish;
pub mod queue;
pub mod who;

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

pub use self::publish::{Publish, Sender, Storage, batch, relay, single};
use crate::address::{ClientName, EventName, RoomName, Seq};
use crate::hub::request::{Culprit, Presence, Since, Stretch, Whom};
use crate::limits;
use crate::session::namespace::policy::Right;
use crate::store::names::{NameKind, NameQuery};
use crate::wire::batch::{self, BatchError};

/// What a client may ask of the hub. Every other event is the application's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Batch,
    Pub,
    Join,
    Leave,
    Sub,
    Ack,
    Rooms,
    Queue,
    Peek,
    Purge,
    Who,
    Kick,
}

impl Verb {
    pub fn parse(event: &EventName) -> Option<Self> {
        Some(match event.as_str() {
            batch::EVENT => Self::Batch,
            "pub" => Self::Pub,
            "join" => Self::Join,
            "leave" => Self::Leave,
            "sub" => Self::Sub,
            "ack" => Self::Ack,
            "rooms" => Self::Rooms,
            "queue" => Self::Queue,
            "peek" => Self::Peek,
            "purge" => Self::Purge,
            "who" => Self::Who,
            "kick" => Self::Kick,
            _ => return None,
        })
    }

    /// What it takes to be answered. Leaving, confirming and looking around is everyone's.
    pub fn takes(self) -> Option<Right> {
        match self {
            Self::Batch | Self::Pub => Some(Right::Pub),
            Self::Join | Self::Sub | Self::Who | Self::Queue | Self::Peek | Self::Purge => {
                Some(Right::Sub)
            }
            // Whom kicking is for, the standing says.
            Self::Leave | Self::Ack | Self::Rooms | Self::Kick => None,
        }
    }
}

/// Why a verb was answered with an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerbError {
    #[error("{0}")]
    BadRequest(String),
    #[error("{0}")]
    TooLarge(String),
    #[error("{}", match .0 {
        Right::Pub => "this token does not let its holder publish here",
        Right::Sub => "this token does not let its holder subscribe here",
    })]
    Forbidden(Right),
    #[error("this token is {0}'s, and opens no other queue")]
    NotYours(ClientName),
    #[error(
        "this token does not let its holder kick: that takes one that may publish and subscribe, under any name"
    )]
    MayNotKick,
}

impl VerbError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::TooLarge(_) => "too_large",
            Self::Forbidden(_) | Self::NotYours(_) | Self::MayNotKick => "forbidden",
        }
    }
}

impl From<BatchError> for VerbError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::TooLong { .. } => Self::TooLarge(error.to_string()),
            _ => Self::BadRequest(error.to_string()),
        }
    }
}

/// `["join", room | [rooms]]` and `leave`.
pub fn rooms(args: &[&RawValue]) -> Result<Vec<RoomName>, VerbError> {
    let [arg] = args else {
        return Err(bad("name a room, or an array of rooms"));
    };
    let rooms = distinct(one_or_many(Some(arg))?)?;
    if rooms.is_empty() {
        Err(bad("name a room, or an array of rooms"))
    } else {
        Ok(rooms)
    }
}

/// `["sub", {rooms, since?, last?, log?, within?, keep?, presence?}]`. With `log` and `since` a client resumes; `keep` is then
/// what it kept by its last `ack`. With `"presence": true` the socket is told who comes to these
/// rooms and who goes: `["presence", {what: "join" | "leave", room, as?, sid, at}]`, of others than itself. Who is there
/// already, `who` says.
pub fn sub(args: &[&RawValue]) -> Result<(Vec<RoomName>, Stretch), VerbError> {
    #[derive(Deserialize)]
    struct Sub<'a> {
        #[serde(borrow)]
        rooms: Option<&'a RawValue>,
        #[serde(borrow)]
        since: Option<&'a RawValue>,
        last: Option<u64>,
        log: Option<String>,
        within: Option<BTreeSet<RoomName>>,
        #[serde(default)]
        presence: bool,
        keep: Option<Seq>,
    }
    let [arg] = args else {
        return Err(bad("sub takes one object"));
    };
    let Sub {
        rooms,
        since,
        last,
        log,
        within,
        presence,
        keep,
    } = parse(arg)?;
    let since = match since {
        None => None,
        Some(raw) if raw.get().starts_with('"') => Some(Since::Seq(parse(raw)?)),
        Some(raw) => Some(Since::Time(parse(raw)?)),
    };
    let stretch = Stretch {
        since,
        last,
        log,
        within,
        presence: if presence {
            Presence::Seen
        } else {
            Presence::Unseen
        },
        keep,
    };
    Ok((distinct(one_or_many(rooms)?)?, stretch))
}

/// What `ack` confirms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Ack {
    /// Everything handed up to here is dealt with, and its credit free.
    pub seq: Seq,
    /// Cursors stay before this one nevertheless, until an ack says otherwise: what begins here is not done with.
    pub keep: Option<Seq>,
}

/// `["ack", {seq, keep?}]`.
pub fn ack(args: &[&RawValue]) -> Result<Ack, VerbError> {
    let [arg] = args else {
        return Err(bad("ack takes one object"));
    };
    parse(arg)
}

/// What `rooms` was asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Listed {
    /// All of them, or one with its members.
    Rooms(Option<RoomName>),
    Names(NameQuery),
}

/// `["rooms", {room?}]`, `["rooms", {names, prefix?}]`, or without arguments.
pub fn list(args: &[&RawValue]) -> Result<Listed, VerbError> {
    #[derive(Deserialize)]
    struct List {
        room: Option<RoomName>,
        names: Option<NameKind>,
        #[serde(default)]
        prefix: String,
    }
    let list = match args {
        [] => return Ok(Listed::Rooms(None)),
        [arg] => parse::<List>(arg)?,
        _ => return Err(bad("rooms takes one object")),
    };
    Ok(match list {
        List {
            names: Some(kind),
            prefix,
            ..
        } => Listed::Names(NameQuery { kind, prefix }),
        List { room, .. } => Listed::Rooms(room),
    })
}

/// `["who", {room?, sid?}]`, or without arguments.
pub fn who(args: &[&RawValue]) -> Result<Whom, VerbError> {
    #[derive(Deserialize)]
    struct Who {
        room: Option<RoomName>,
        sid: Option<String>,
    }
    match args {
        [] => Ok(Whom::default()),
        [arg] => {
            let Who { room, sid } = parse(arg)?;
            Ok(Whom { room, sid })
        }
        _ => Err(bad("who takes one object")),
    }
}

/// `["kick", {sid? | as?}]`.
pub fn kick(args: &[&RawValue]) -> Result<Culprit, VerbError> {
    #[derive(Deserialize)]
    struct Kick {
        sid: Option<String>,
        #[serde(rename = "as")]
        name: Option<ClientName>,
    }
    let [arg] = args else {
        return Err(bad("kick takes one object"));
    };
    match parse(arg)? {
        Kick {
            sid: Some(sid),
            name: None,
        } => Ok(Culprit::Sid(sid)),
        Kick {
            sid: None,
            name: Some(name),
        } => Ok(Culprit::Name(name)),
        _ => Err(bad("kick takes a sid, or a client name as \"as\"")),
    }
}

/// A room, or an array of rooms. Told apart by hand so that the error is that of the name.
fn one_or_many(raw: Option<&RawValue>) -> Result<Vec<RoomName>, VerbError> {
    match raw {
        None => Ok(Vec::new()),
        Some(raw) if raw.get().starts_with('"') => Ok(vec![parse(raw)?]),
        Some(raw) => parse(raw),
    }
}

fn distinct(rooms: Vec<RoomName>) -> Result<Vec<RoomName>, VerbError> {
    if rooms.len() > limits::ROOMS_PER_MESSAGE {
        let limit = limits::ROOMS_PER_MESSAGE;
        return Err(bad(&format!(
            "{} rooms; at most {limit} at once",
            rooms.len()
        )));
    }
    let mut kept = Vec::with_capacity(rooms.len());
    for room in rooms {
        if !kept.contains(&room) {
            kept.push(room);
        }
    }
    Ok(kept)
}

/// A field that is there, `null` included: `null` is data like any other.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, VerbError> {
    serde_json::from_str(raw.get()).map_err(|error| bad(&reason(&error)))
}

/// What is wrong with a peer's JSON, without a place in it: what was read is a piece of a packet, which nobody has seen.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    if text.ends_with(&place) {
        text.truncate(text.len() - place.len());
    }
    text
}

pub(super) fn bad(reason: &str) -> VerbError {
    VerbError::BadRequest(reason.to_owned())
}
