//! Names on a screen.

/// Stands for a sender without a client name.
pub const SOMEONE: &str = "someone";
