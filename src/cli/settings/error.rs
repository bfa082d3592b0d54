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

/// The hubs in the settings file.
#[derive(Debug)]
pub enum KnownHubs {
    /// There is no home in which to look for the file.
    NoPath,
    NoFile(PathBuf),
    Names(PathBuf, Vec<String>),
}

impl fmt::Display for KnownHubs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPath => {
                f.write_str("without XDG_CONFIG_HOME or HOME there is no settings file")
            }
            Self::NoFile(path) => write!(f, "{} does not exist", path.display()),
            Self::Names(path, names) if names.is_empty() => {
                write!(f, "{} has none", path.display())
            }
            Self::Names(path, names) => write!(f, "{} has {}", path.display(), names.join(", ")),
        }
    }
}
