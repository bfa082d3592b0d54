//! Durations as they are typed.

use std::time::Duration;

/// A duration as it is typed.
pub fn spoken(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    if milliseconds.is_multiple_of(1_000) {
        format!("{}s", milliseconds / 1_000)
    } else {
        format!("{milliseconds}ms")
    }
}
