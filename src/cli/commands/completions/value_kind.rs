//! The kinds of values that can be completed.

use clap::Arg;

/// The kind of a value, according to its name in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueKind {
    Room,
    Namespace,
    Member,
    /// The name or sid of a connected client.
    Socket,
    /// A hub of the settings file.
    Hub,
    File,
    /// A value, or `@` and the file that contains it.
    AtFile,
    Folder,
}

impl ValueKind {
    pub(super) fn of(arg: &Arg) -> Option<Self> {
        let name = arg.get_value_names()?.first()?.as_str();
        match name {
            "ROOM" => Some(Self::Room),
            "NS" => Some(Self::Namespace),
            "NAME" if arg.is_positional() || arg.get_id() == "as" => Some(Self::Member),
            "NAME" if arg.get_id() == "hub" => Some(Self::Hub),
            "SID|NAME" => Some(Self::Socket),
            "FILE" => Some(Self::File),
            "PATH" if arg.get_id() == "db" => Some(Self::File),
            "JSON|@FILE" | "ARG" => Some(Self::AtFile),
            "DIR" => Some(Self::Folder),
            _ => None,
        }
    }
}
