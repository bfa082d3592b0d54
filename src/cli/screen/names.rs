//! How people are named on a screen.

/// What somebody without a name is called.
pub const SOMEONE: &str = "someone";
