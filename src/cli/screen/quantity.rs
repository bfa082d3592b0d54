//! A count and its noun.

/// `1 message`, `2 messages`.
pub fn quantity(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
