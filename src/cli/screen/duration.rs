//! Durations on a screen.

use std::time::Duration;

/// A duration in whole seconds, or else in milliseconds: `2s`, `1500ms`.
pub fn duration_text(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    if milliseconds.is_multiple_of(1_000) {
        format!("{}s", milliseconds / 1_000)
    } else {
        format!("{milliseconds}ms")
    }
}
