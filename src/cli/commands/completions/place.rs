//! What stands where a value is typed, as the help names it.

use clap::Arg;

/// What a value is, as its name in the help says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Room,
    Namespace,
    Member,
    /// A name or a sid of who is there.
    Person,
    /// A hub of the settings file.
    Hub,
    File,
    /// A value of another kind, or the name of a file that has it.
    FileBehindAt,
    Folder,
}

impl Place {
    pub(super) fn of(arg: &Arg) -> Option<Self> {
        let name = arg.get_value_names()?.first()?.as_str();
        match name {
            "ROOM" => Some(Self::Room),
            "NS" => Some(Self::Namespace),
            "NAME" if arg.is_positional() || arg.get_id() == "as" => Some(Self::Member),
            "NAME" if arg.get_id() == "hub" => Some(Self::Hub),
            "SID|NAME" => Some(Self::Person),
            "FILE" => Some(Self::File),
            "PATH" if arg.get_id() == "db" => Some(Self::File),
            "JSON|@FILE" | "ARG" => Some(Self::FileBehindAt),
            "DIR" => Some(Self::Folder),
            _ => None,
        }
    }
}
