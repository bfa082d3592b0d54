//! The verbs: what a client may ask of the hub, from the arguments of an event to an op for the store.
//!
//! Pure: checks and translates; the session sends.

pub mod args;
pub mod bounded_list;
pub mod delay;
pub mod error;
pub mod names;
mod publish;
pub mod queue;
pub mod who;

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use self::args::{bad, distinct, one_or_many, parse};
use self::error::VerbError;
pub use self::publish::{PublishRequest, Sender, batch, relay, single};
use crate::address::{ClientName, RoomName, Seq};
use crate::hub::request::{KickTarget, PresenceMode, ReplayRange, ReplayStart, SocketFilter};
use crate::session::namespace::policy::Right;
use crate::store::names::{NameKind, NameQuery};
use crate::wire::verb::Verb;

/// What it takes to be answered. Leaving, confirming and looking around is everyone's.
pub fn takes(verb: Verb) -> Option<Right> {
    match verb {
        Verb::Batch | Verb::Pub => Some(Right::Pub),
        Verb::Join | Verb::Sub | Verb::Who | Verb::Queue | Verb::Peek | Verb::Purge => {
            Some(Right::Sub)
        }
        // SocketFilter kicking is for, the standing says.
        Verb::Leave | Verb::Ack | Verb::Rooms | Verb::Kick => None,
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
pub fn sub(args: &[&RawValue]) -> Result<(Vec<RoomName>, ReplayRange), VerbError> {
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
        Some(raw) if raw.get().starts_with('"') => Some(ReplayStart::Seq(parse(raw)?)),
        Some(raw) => Some(ReplayStart::Time(parse(raw)?)),
    };
    let stretch = ReplayRange {
        since,
        last,
        log,
        within,
        presence: if presence {
            PresenceMode::On
        } else {
            PresenceMode::Off
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
pub fn who(args: &[&RawValue]) -> Result<SocketFilter, VerbError> {
    #[derive(Deserialize)]
    struct Who {
        room: Option<RoomName>,
        sid: Option<String>,
    }
    match args {
        [] => Ok(SocketFilter::default()),
        [arg] => {
            let Who { room, sid } = parse(arg)?;
            Ok(SocketFilter { room, sid })
        }
        _ => Err(bad("who takes one object")),
    }
}

/// `["kick", {sid? | as?}]`.
pub fn kick(args: &[&RawValue]) -> Result<KickTarget, VerbError> {
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
        } => Ok(KickTarget::Sid(sid)),
        Kick {
            sid: None,
            name: Some(name),
        } => Ok(KickTarget::Name(name)),
        _ => Err(bad("kick takes a sid, or a client name as \"as\"")),
    }
}
