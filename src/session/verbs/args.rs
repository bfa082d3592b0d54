//! The arguments of verbs.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::error::VerbError;
use crate::address::RoomName;
use crate::limits;
use crate::wire::verb::Verb;

/// The one object that a verb takes.
pub fn object<'a, T: Deserialize<'a>>(verb: Verb, args: &[&'a RawValue]) -> Result<T, VerbError> {
    match args {
        [arg] => parse(arg),
        _ => Err(bad(&format!("{} takes one object", verb.as_str()))),
    }
}

/// The object of a verb that also works without arguments.
pub fn optional_object<'a, T: Deserialize<'a> + Default>(
    verb: Verb,
    args: &[&'a RawValue],
) -> Result<T, VerbError> {
    if args.is_empty() {
        Ok(T::default())
    } else {
        object(verb, args)
    }
}

/// A room, or an array of rooms. An untagged enum would hide the error in the name.
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

/// Deserializes a field that is there, `null` included: `null` is data.
pub fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

pub fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, VerbError> {
    serde_json::from_str(raw.get()).map_err(|error| bad(&json_error(&error)))
}

/// The message of a JSON error without its line and column: they count from the start of a piece of a packet, which the
/// client never saw.
pub fn json_error(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    let suffix = format!(" at line {} column {}", error.line(), error.column());
    if text.ends_with(&suffix) {
        text.truncate(text.len() - suffix.len());
    }
    text
}

pub fn bad(reason: &str) -> VerbError {
    VerbError::BadRequest(reason.to_owned())
}
