//! What a hub.toml means once each value by itself is right: paths are completed, tokens read and compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;

use crate::cli::args::scalars::DeclaredEvent;
use crate::cli::args::serve::ServeArgs;
use crate::cli::args::serve::namespaces::{NamespaceTable, NamespaceTables, TokenTable};
use crate::cli::args::serve::reactions::ReactionTable;
use crate::cli::io::secret::read_secret;
use crate::cli::toml_file::diagnostics::Diagnostics;
use crate::server::accept::listener::ListenAddress;
use crate::server::{
    HandlerCommand, NamespaceRules, Namespaces, Reaction, Right, Rights, Token, TokenGrant,
};

pub struct HubFileChecker<'a, 'd> {
    /// Relative paths begin here.
    folder: &'a Path,
    diagnostics: &'a mut Diagnostics<'d>,
    secrets: Vec<PathBuf>,
}

impl<'a, 'd> HubFileChecker<'a, 'd> {
    pub fn new(folder: &'a Path, diagnostics: &'a mut Diagnostics<'d>) -> Self {
        let secrets = Vec::new();
        Self {
            folder,
            diagnostics,
            secrets,
        }
    }

    /// The files that hold tokens.
    pub fn into_secrets(self) -> Vec<PathBuf> {
        self.secrets
    }

    /// The same with complete paths, and the tables of namespaces by themselves.
    pub fn settings(&mut self, mut settings: ServeArgs) -> (ServeArgs, Option<NamespaceTables>) {
        for address in &mut settings.listen {
            if let ListenAddress::Unix(path) = address {
                *path = self.folder.join(&*path);
            }
        }
        settings.db = settings.db.map(|database| database.within(self.folder));
        for path in [&mut settings.static_dir, &mut settings.token_file] {
            *path = path.take().map(|path| self.folder.join(path));
        }
        if let Some(folder) = settings.static_dir.as_ref().filter(|path| !path.is_dir()) {
            let message = format!("{} is not a folder", folder.display());
            self.diagnostics.add_at_key("static", message);
        }
        let tables = settings.namespaces.take();
        (settings, tables)
    }

    /// The token that opens every namespace.
    pub fn hub_token(&mut self, path: Option<&Path>) -> Option<Token> {
        match self.secret_in(path?) {
            Ok(secret) => Token::new(&secret),
            Err(message) => {
                self.diagnostics.add_at_key("token-file", message);
                None
            }
        }
    }

    pub fn namespaces(
        &mut self,
        tables: Option<NamespaceTables>,
        hub: Option<&Token>,
    ) -> Namespaces {
        let Some(tables) = tables else {
            return Namespaces::default();
        };
        if tables.is_empty() {
            let message = "this would let nobody in anywhere: declare one, as in [namespaces.\"/\"], or leave it out";
            self.diagnostics.add_at_key("namespaces", message);
        }
        let declared = tables.into_iter().map(|(pattern, table)| {
            let rules = self.rules(table, hub);
            (pattern, Arc::new(rules))
        });
        Namespaces::declared(declared.collect())
    }

    fn rules(&mut self, table: NamespaceTable, hub: Option<&Token>) -> NamespaceRules {
        NamespaceRules {
            grants: table
                .tokens
                .map_or_else(Vec::new, |tokens| self.grants(tokens, hub)),
            rate: table.rate,
            reactions: self.reactions(table.on),
            handler: table
                .handler
                .map(|command| HandlerCommand::new(command.0, self.folder.to_owned())),
        }
    }

    fn reactions(
        &mut self,
        tables: BTreeMap<DeclaredEvent, ReactionTable>,
    ) -> BTreeMap<String, Reaction> {
        let reactions = tables.into_iter().map(|(DeclaredEvent(name), table)| {
            let reaction = table.check(&name, self.diagnostics);
            (name, reaction)
        });
        reactions.collect()
    }

    fn grants(
        &mut self,
        tokens: Spanned<Vec<Spanned<TokenTable>>>,
        hub: Option<&Token>,
    ) -> Vec<TokenGrant> {
        if tokens.get_ref().is_empty() {
            let message = "there is none in it: name one, or leave it out to admit everyone whom the hub admits";
            self.diagnostics.add(tokens.span().start, message);
        }
        let mut grants: Vec<(usize, TokenGrant)> = Vec::new();
        for table in tokens.into_inner() {
            let at = table.span().start;
            let Some((secret, grant)) = self.grant(table.into_inner(), at) else {
                continue;
            };
            let is_same = |(_, earlier): &&(usize, TokenGrant)| earlier.token.matches(&secret);
            if let Some((first, _)) = grants.iter().find(is_same) {
                let line = self.diagnostics.line(*first);
                let message = format!("this is the token of line {line} once more");
                self.diagnostics.add(at, message);
            } else if hub.is_some_and(|hub| hub.matches(&secret)) {
                let message =
                    "this is the hub's own token, whose holder may do everything everywhere";
                self.diagnostics.add(at, message);
            }
            grants.push((at, grant));
        }
        grants.into_iter().map(|(_, grant)| grant).collect()
    }

    /// With its secret, to be compared with others.
    fn grant(&mut self, table: TokenTable, at: usize) -> Option<(String, TokenGrant)> {
        let rights = match table.may {
            None => Rights::default(),
            Some(may) => self.rights(&may)?,
        };
        let secret = match (table.token, table.token_file) {
            (Some(token), None) => token.0,
            (None, Some(file)) => match self.secret_in(Path::new(file.get_ref())) {
                Ok(secret) => secret,
                Err(message) => {
                    self.diagnostics.add(file.span().start, message);
                    return None;
                }
            },
            (Some(_), Some(file)) => {
                let message = "there is a \"token\" beside it: keep one of the two";
                self.diagnostics.add(file.span().start, message);
                return None;
            }
            (None, None) => {
                let message = "it has neither \"token\" nor \"token-file\"";
                self.diagnostics.add(at, message);
                return None;
            }
        };
        let grant = TokenGrant {
            token: Token::new(&secret)?,
            name: table.name,
            rights,
        };
        Some((secret, grant))
    }

    fn rights(&mut self, may: &Spanned<Vec<Right>>) -> Option<Rights> {
        let has = |right| may.get_ref().contains(&right);
        match (has(Right::Pub), has(Right::Sub)) {
            (true, true) => Some(Rights::PubAndSub),
            (true, false) => Some(Rights::Pub),
            (false, true) => Some(Rights::Sub),
            (false, false) => {
                let message = "a token that allows nothing is of no use: \"pub\", \"sub\" or both";
                self.diagnostics.add(may.span().start, message);
                None
            }
        }
    }

    /// The token in a file, or why there is none.
    fn secret_in(&mut self, path: &Path) -> Result<String, String> {
        let path = self.folder.join(path);
        let secret = read_secret(&path)
            .map_err(|reason| format!("cannot read {}: {reason}", path.display()));
        self.secrets.push(path);
        secret
    }
}
