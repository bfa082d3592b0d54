//! Publishing for later: the fields `due` and `delay` of the verbs `pub` and `batch`, and how such a publish is answered.
//!
//! `"due"` is a time in milliseconds since 1970, and `"delay"` a number of milliseconds from when the hub takes the message;
//! the hub's clock decides about both, so a client whose clock is wrong says `"delay"`. With one of them the message is on
//! disk when it is answered, with `{"ok":true,"due":…}` (and the `count` of a batch) in place of a receipt, and its `id` is
//! used. When its time has come it gets its seq, and is handed out like any other: in the order of those times, and for equal
//! ones in the order in which they were taken. Its `at` is when that was in truth: a hub that was away delivers then what
//! became due meanwhile. A time that has passed already is now, and the answer an ordinary receipt. Both at once, one of them
//! with `"volatile"`, and a time further ahead than `limits::DELAY_MAX` are refused as `bad_request`.

use serde_json::{Value, json};

use super::args::bad;
use super::error::VerbError;
use crate::hub::request::PublishVerb;
use crate::limits;
use crate::store::delayed::DelayedQueueFull;

/// When a message is to be delivered, as its publisher said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueTime {
    /// Milliseconds since 1970.
    At(u64),
    /// Milliseconds from now.
    After(u64),
}

impl DueTime {
    /// By a clock: milliseconds since 1970.
    pub fn due(self, now_ms: u64) -> Result<u64, VerbError> {
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageMode {
    Log,
    /// Volatile: handed to whoever is there, never stored.
    Nowhere,
    /// It waits in the store until its time.
    Later(DueTime),
}

/// Where a message goes that says this of itself.
pub fn storage(
    volatile: bool,
    due: Option<u64>,
    delay: Option<u64>,
) -> Result<StorageMode, VerbError> {
    Ok(match (volatile, due, delay) {
        (false, None, None) => StorageMode::Log,
        (true, None, None) => StorageMode::Nowhere,
        (false, Some(due), None) => StorageMode::Later(DueTime::At(due)),
        (false, None, Some(delay)) => StorageMode::Later(DueTime::After(delay)),
        (_, Some(_), Some(_)) => {
            return Err(bad("\"due\" and \"delay\" are two words for one time"));
        }
        (true, ..) => return Err(bad("what is volatile is not kept until it is due")),
    })
}

pub(crate) fn receipt(publisher: PublishVerb, due_ms: u64, count: u32) -> Value {
    match publisher {
        PublishVerb::Single => json!({"ok": true, "due": due_ms}),
        PublishVerb::Batch => json!({"ok": true, "due": due_ms, "count": count}),
    }
}

/// What to do when no more may wait.
pub(crate) fn until(crowded: &DelayedQueueFull) -> String {
    if let DelayedQueueFull::Bytes { bytes: 0, .. } = crowded {
        return "; serve --keep-pending sets the bound".to_owned();
    }
    let next_due_ms = crowded.next_due_ms();
    let first = i64::try_from(next_due_ms).ok();
    let first = first.and_then(|first| jiff::Timestamp::from_millisecond(first).ok());
    let first = first.map_or_else(|| next_due_ms.to_string(), |first| format!("{first:.0}"));
    let besides = match crowded {
        DelayedQueueFull::Records { .. } | DelayedQueueFull::Bytes { .. } => {
            "what is published without a delay is taken"
        }
        DelayedQueueFull::Pending { .. } => "serve --keep-pending sets the bound",
    };
    format!("; the first of it goes at {first}, and {besides}")
}
