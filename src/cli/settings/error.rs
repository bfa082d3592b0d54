//! Why settings cannot be used.

use std::fmt;
use std::path::PathBuf;

use crate::cli::toml_file::content::ContentError;
use crate::cli::toml_file::diagnostics::InvalidFile;

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("cannot read {path}: {reason}")]
    Unreadable { path: PathBuf, reason: ContentError },
    #[error("{0}")]
    Invalid(InvalidFile),
    #[error("{name}: {reason}")]
    Variable { name: &'static str, reason: String },
    #[error("there is no hub {name:?}: {known}")]
    UnknownHub { name: String, known: KnownHubs },
}

/// Which hubs could have been named.
#[derive(Debug)]
pub enum KnownHubs {
    NoPlace,
    NoFile(PathBuf),
    Names(PathBuf, Vec<String>),
}

impl fmt::Display for KnownHubs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlace => {
                f.write_str("neither XDG_CONFIG_HOME nor HOME says where hubs are named")
            }
            Self::NoFile(path) => write!(f, "{} does not exist", path.display()),
            Self::Names(path, names) if names.is_empty() => {
                write!(f, "{} names none", path.display())
            }
            Self::Names(path, names) => write!(f, "{} has {}", path.display(), names.join(", ")),
        }
    }
}
