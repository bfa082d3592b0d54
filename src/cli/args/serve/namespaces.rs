//! The tables of a namespace as hub.toml writes them.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::Deserialize;
use toml::Spanned;

use super::reactions::ReactionTable;
use crate::address::ClientName;
use crate::cli::args::scalars::{self, DeclaredEvent, Secret, ShellCommand};
use crate::server::{NamespacePattern, Right};

/// `[namespaces]`.
pub type NamespaceTables = BTreeMap<NamespacePattern, NamespaceTable>;

/// `[namespaces."/admin"]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NamespaceTable {
    pub tokens: Option<Spanned<Vec<Spanned<TokenTable>>>>,
    #[serde(deserialize_with = "scalars::rate")]
    pub rate: Option<NonZeroU32>,
    pub on: BTreeMap<DeclaredEvent, ReactionTable>,
    pub handler: Option<ShellCommand>,
}

/// One of the `tokens`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct TokenTable {
    pub token: Option<Secret>,
    pub token_file: Option<Spanned<String>>,
    #[serde(rename = "as")]
    pub name: Option<ClientName>,
    pub may: Option<Spanned<Vec<Right>>>,
}
