//! hub.toml: the settings of `serve` and the namespaces of its hub, read and checked whole.
//!
//! The keys are declared with the flags, in [`ServeArgs`]. Flags and defaults are added elsewhere.

mod check;
pub mod summary;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use self::check::HubFileChecker;
use crate::cli::args::serve::ServeArgs;
use crate::cli::args::serve::namespaces::{NamespaceTable, TokenTable};
use crate::cli::args::serve::reactions::{EmitTable, ReactionTable};
use crate::cli::toml_file::content::{self, ContentError};
use crate::cli::toml_file::diagnostics::InvalidFile;
use crate::cli::toml_file::{self, keys};
use crate::limits;
use crate::server::{Namespaces, Token};

#[derive(Debug, thiserror::Error)]
pub enum HubFileError {
    #[error("cannot read {path}: {reason}")]
    Unreadable { path: PathBuf, reason: ContentError },
    #[error("{0}")]
    Invalid(InvalidFile),
}

/// The file, checked. Paths in it are complete.
#[derive(Debug, Default)]
pub struct HubFile {
    /// What is not in the file is None or empty.
    pub settings: ServeArgs,
    pub token: Option<Token>,
    pub namespaces: Namespaces,
    /// Files with tokens, and the file itself if it was read from one: never to be shown to anyone.
    pub secrets: Vec<PathBuf>,
}

impl HubFile {
    pub fn read(path: &Path) -> Result<Self, HubFileError> {
        let text = content::read(path, limits::HUB_FILE_BYTES);
        let text = text.map_err(|reason| HubFileError::Unreadable {
            path: path.to_owned(),
            reason,
        })?;
        let mut file = Self::parse(path, &text).map_err(HubFileError::Invalid)?;
        file.secrets.push(path.to_owned());
        Ok(file)
    }

    /// `path` is where the text comes from: messages name it, and relative paths in the file begin in its folder.
    pub fn parse(path: &Path, text: &str) -> Result<Self, InvalidFile> {
        let folder = path.parent().unwrap_or(Path::new(""));
        toml_file::parse(path, text, |settings: ServeArgs, diagnostics| {
            let mut checker = HubFileChecker::new(folder, diagnostics);
            let (settings, tables) = checker.settings(settings);
            let token = checker.hub_token(settings.token_file.as_deref());
            let namespaces = checker.namespaces(tables, token.as_ref());
            Self {
                settings,
                token,
                namespaces,
                secrets: checker.into_secrets(),
            }
        })
    }
}

/// Every key that the file may have, table by table.
pub fn all_keys() -> [&'static [&'static str]; 5] {
    [
        keys::<ServeArgs>(),
        keys::<NamespaceTable>(),
        keys::<TokenTable>(),
        keys::<ReactionTable>(),
        keys::<EmitTable>(),
    ]
}
