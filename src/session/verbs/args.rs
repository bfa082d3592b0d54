//! The arguments of verbs.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::error::VerbError;
use crate::address::RoomName;
use crate::limits;

/// A room, or an array of rooms. Told apart by hand so that the error is that of the name.
pub fn one_or_many(raw: Option<&RawValue>) -> Result<Vec<RoomName>, VerbError> {
    match raw {
        None => Ok(Vec::new()),
        Some(raw) if raw.get().starts_with('"') => Ok(vec![parse(raw)?]),
        Some(raw) => parse(raw),
    }
}

pub fn distinct(rooms: Vec<RoomName>) -> Result<Vec<RoomName>, VerbError> {
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
pub fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

pub fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, VerbError> {
    serde_json::from_str(raw.get()).map_err(|error| bad(&reason(&error)))
}

/// What is wrong with a peer's JSON, without a place in it: what was read is a piece of a packet, which nobody has seen.
pub fn reason(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    if text.ends_with(&place) {
        text.truncate(text.len() - place.len());
    }
    text
}

pub fn bad(reason: &str) -> VerbError {
    VerbError::BadRequest(reason.to_owned())
}
