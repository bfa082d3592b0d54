//! Delayed publishing: the fields `due` and `delay` of the verbs `pub` and `batch`, and their answer.
//!
//! `"due"` is a time in milliseconds since 1970, `"delay"` a number of milliseconds from when the hub takes the message.
//! The hub's clock decides about both; a client whose clock is wrong sends `"delay"`. The hub stores such a message and
//! answers `{"ok":true,"due":…}` (a batch also gets its `count`) instead of a receipt; its `id` is used up. When the message
//! is due it gets its seq and goes out like any other: messages in the order of their due times, and those with the same
//! due time in the order in which the hub took them. Its `at` is the real time of delivery: a hub that was down delivers
//! late. A due time in the past means now, with an ordinary receipt. `bad_request` refuses both fields at once, one of them
//! with `"volatile"`, and a time further ahead than `limits::DELAY_MAX`.

use serde_json::{Value, json};

use super::args::bad;
use super::error::VerbError;
use crate::hub::request::PublishVerb;
use crate::limits;

/// Where the hub keeps a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageMode {
    Log,
    /// Volatile: sent to the sockets that are there, never stored.
    None,
    /// In the store until it is due.
    Delayed(DueTime),
}

/// When a message is due, as its publisher gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueTime {
    /// Milliseconds since 1970.
    At(u64),
    /// Milliseconds from now.
    After(u64),
}

impl DueTime {
    /// In milliseconds since 1970, as `now_ms`.
    pub fn resolve(self, now_ms: u64) -> Result<u64, VerbError> {
        let due = match self {
            Self::At(due) => due,
            Self::After(delay) => now_ms.saturating_add(delay),
        };
        let most = u64::try_from(limits::DELAY_MAX.as_millis()).unwrap_or(u64::MAX);
        if due.saturating_sub(now_ms) > most {
            let days = limits::DELAY_MAX.as_secs() / (24 * 3600);
            return Err(bad(&format!("at most {days} days ahead")));
        }
        Ok(due)
    }
}

/// The storage mode that these fields of a message ask for.
pub fn storage_mode(
    volatile: bool,
    due: Option<u64>,
    delay: Option<u64>,
) -> Result<StorageMode, VerbError> {
    Ok(match (volatile, due, delay) {
        (false, None, None) => StorageMode::Log,
        (true, None, None) => StorageMode::None,
        (false, Some(due), None) => StorageMode::Delayed(DueTime::At(due)),
        (false, None, Some(delay)) => StorageMode::Delayed(DueTime::After(delay)),
        (_, Some(_), Some(_)) => {
            return Err(bad("give \"due\" or \"delay\", not both"));
        }
        (true, ..) => return Err(bad("a volatile message cannot be delayed")),
    })
}

pub fn receipt(publisher: PublishVerb, due_ms: u64, count: u32) -> Value {
    match publisher {
        PublishVerb::Single => json!({"ok": true, "due": due_ms}),
        PublishVerb::Batch => json!({"ok": true, "due": due_ms, "count": count}),
    }
}
