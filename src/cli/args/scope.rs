//! What of the settings is meant for a command.

/// What of all this is meant for a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Client,
    /// A command that runs a hub of its own: the settings file and the variables are about others' hubs. Only the token is its
    /// own as well.
    Hub,
}
