//! The group of settings that a command uses.

/// The group of settings that a command uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Client,
    /// A command that does not connect to a hub somewhere else: the settings file and the variables do not apply, except for
    /// the token file.
    Hub,
}
