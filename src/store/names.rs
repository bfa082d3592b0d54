//! Queries for bare names, which shell completion needs while the user types. The answer has no counts, so it is cheap.

use serde::Deserialize;

use crate::address::RoomName;
use crate::limits;

/// Names of one kind with a given prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameQuery {
    pub kind: NameKind,
    pub prefix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NameKind {
    Namespaces,
    /// Rooms of the requester's namespace.
    Rooms,
    /// Client names with a membership, or a socket, in the requester's namespace.
    Members,
}

impl NameQuery {
    /// Whether a name is an answer. There may be many rooms for replies, so a prefix of theirs is needed to list them.
    pub fn matches(&self, name: &str) -> bool {
        let is_hidden = self.kind == NameKind::Rooms
            && name.starts_with(RoomName::REPLY_PREFIX)
            && !self.prefix.starts_with(RoomName::REPLY_PREFIX);
        name.starts_with(&self.prefix) && !is_hidden
    }

    /// The names that match, sorted, at most `limits::NAMES_LISTED`.
    pub fn select<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut matching: Vec<&str> = names
            .into_iter()
            .filter(|name| self.matches(name))
            .collect();
        matching.sort_unstable();
        matching.dedup();
        let listed = matching.into_iter().take(limits::NAMES_LISTED);
        listed.map(str::to_owned).collect()
    }
}
