//! A question for bare names: what a shell completes while somebody types. Nothing is counted for the answer.

use serde::Deserialize;

use crate::address::RoomName;
use crate::limits;

/// Names of one kind that begin with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameQuery {
    pub kind: NameKind,
    pub prefix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NameKind {
    Namespaces,
    /// Of the asker's namespace.
    Rooms,
    /// Client names with a membership, or a socket, in the asker's namespace.
    Members,
}

impl NameQuery {
    /// Rooms for answers, of which there may be many, only where their names are begun.
    pub fn fits(&self, name: &str) -> bool {
        let hidden = self.kind == NameKind::Rooms
            && name.starts_with(RoomName::REPLY_PREFIX)
            && !self.prefix.starts_with(RoomName::REPLY_PREFIX);
        name.starts_with(&self.prefix) && !hidden
    }

    /// Those of `names` that fit: in their order, no more than one answer holds.
    pub fn select<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut fitting: Vec<&str> = names.into_iter().filter(|name| self.fits(name)).collect();
        fitting.sort_unstable();
        fitting.dedup();
        let kept = fitting.into_iter().take(limits::NAMES_LISTED);
        kept.map(str::to_owned).collect()
    }
}
