//! The rules of namespaces: admission, rights, and the reactions to declared events. Built from the tables of hub.toml.
//! Pure data: reads no file and runs nothing.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::token::Token;
use crate::address::{ClientName, EventName, Namespace};
use crate::wire::error_code::ErrorCode;

/// The namespaces of a hub.
#[derive(Debug, Clone, Default)]
pub struct Namespaces {
    /// `None`: none is declared, and every namespace exists.
    declared: Option<Vec<(NamespacePattern, Arc<NamespaceRules>)>>,
    /// The rules when none is declared.
    undeclared: Arc<NamespaceRules>,
}

impl Namespaces {
    /// Only these exist.
    pub fn declared(mut namespaces: Vec<(NamespacePattern, Arc<NamespaceRules>)>) -> Self {
        namespaces.sort_by_key(|(pattern, _)| pattern.rank());
        Self {
            declared: Some(namespaces),
            undeclared: Arc::default(),
        }
    }

    /// The declared namespaces, most specific first. Empty when none is declared.
    pub fn tables(&self) -> &[(NamespacePattern, Arc<NamespaceRules>)] {
        self.declared.as_deref().unwrap_or_default()
    }

    /// Whether every namespace wants a token of its own.
    pub fn all_want_tokens(&self) -> bool {
        let wants_token =
            |(_, rules): &(NamespacePattern, Arc<NamespaceRules>)| !rules.grants.is_empty();
        self.declared
            .as_ref()
            .is_some_and(|all| all.iter().all(wants_token))
    }

    /// The rules of a namespace. `None`: it does not exist ("Invalid namespace").
    pub fn rules(&self, namespace: &Namespace) -> Option<&Arc<NamespaceRules>> {
        let Some(declared) = &self.declared else {
            return Some(&self.undeclared);
        };
        declared
            .iter()
            .find(|(pattern, _)| pattern.matches(namespace))
            .map(|(_, rules)| rules)
    }
}

/// A pattern for names of namespaces. Each `*` matches one or more characters other than `/`: `/tenant-*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamespacePattern(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a namespace begins with '/'; each * in it stands for a part of its name")]
pub struct InvalidPattern;

impl NamespacePattern {
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        // A pattern is valid if it is a valid name with a letter for each star.
        Namespace::parse(&text.replace('*', "x")).map_err(|_| InvalidPattern)?;
        if text.starts_with('/') && !text.contains("**") {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPattern)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The only namespace that it matches, if it has no star.
    pub fn fixed(&self) -> Option<Namespace> {
        let fixed = !self.0.contains('*');
        fixed.then(|| Namespace::parse(&self.0).ok()).flatten()
    }

    pub fn matches(&self, namespace: &Namespace) -> bool {
        matches(self.0.as_bytes(), namespace.as_str().as_bytes())
    }

    /// Sorts the most specific first: names without a star, then by the number of fixed characters.
    fn rank(&self) -> (usize, std::cmp::Reverse<usize>) {
        let stars = self.0.matches('*').count();
        (stars.min(1), std::cmp::Reverse(self.0.len() - stars))
    }
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // Where to retry when the last star matched too little.
    let (mut p, mut n, mut retry) = (0, 0, None);
    loop {
        if p < pattern.len() && pattern[p] == b'*' && n < name.len() && name[n] != b'/' {
            retry = Some((p, n + 1));
            (p, n) = (p + 1, n + 1);
        } else if p < pattern.len() && n < name.len() && pattern[p] != b'*' && pattern[p] == name[n]
        {
            (p, n) = (p + 1, n + 1);
        } else if p == pattern.len() && n == name.len() {
            return true;
        } else {
            match retry {
                Some((star, taken)) if taken < name.len() && name[taken] != b'/' => {
                    retry = Some((star, taken + 1));
                    (p, n) = (star + 1, taken + 1);
                }
                _ => return false,
            }
        }
    }
}

/// The rules of the namespaces that one pattern matches.
#[derive(Debug, Default)]
pub struct NamespaceRules {
    /// Any of these tokens admits. Empty: the hub's own token admits, or no token is needed.
    pub grants: Vec<TokenGrant>,
    /// Messages a second that one connection may send. The hub reads more later; it does not refuse them.
    pub rate: Option<NonZeroU32>,
    /// The reactions to events, `connect` and `disconnect` included.
    pub reactions: BTreeMap<String, Reaction>,
    /// The program of the namespaces.
    pub handler: Option<HandlerCommand>,
}

/// A shell command that runs a namespace's program in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerCommand {
    pub command: String,
    pub folder: PathBuf,
}

impl HandlerCommand {
    pub fn new(command: String, folder: PathBuf) -> Self {
        Self { command, folder }
    }
}

impl NamespaceRules {
    /// Checks a token. It is compared with every token there is, so that the time reveals nothing.
    pub fn authenticate(
        &self,
        hub: Option<&Token>,
        offered: Option<&str>,
    ) -> Result<AuthOutcome, AuthError> {
        if self.grants.is_empty() && hub.is_none() {
            return Ok(AuthOutcome::default());
        }
        let offered = offered.ok_or(AuthError::NoToken)?;
        let mut outcome = None;
        for grant in &self.grants {
            if grant.token.matches(offered) && outcome.is_none() {
                outcome = Some(AuthOutcome {
                    name: grant.name.clone(),
                    rights: grant.rights,
                });
            }
        }
        // The hub's own token gives every right in every namespace.
        if hub.is_some_and(|token| token.matches(offered)) {
            outcome = Some(AuthOutcome::default());
        }
        outcome.ok_or(AuthError::WrongToken)
    }
}

/// What the token of a CONNECT allows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AuthOutcome {
    name: Option<ClientName>,
    pub rights: Rights,
}

impl AuthOutcome {
    /// The only name that the token allows.
    pub fn own_name(&self) -> Option<&ClientName> {
        self.name.as_ref()
    }

    /// Whether the client may choose its name.
    pub fn allows_any_name(&self) -> bool {
        self.name.is_none()
    }

    /// The client's name, given the one that it asks for.
    pub fn name(&self, requested: Option<ClientName>) -> Result<Option<ClientName>, AuthError> {
        match (&self.name, requested) {
            (Some(own), Some(other)) if *own != other => Err(AuthError::OtherName(other)),
            (Some(own), _) => Ok(Some(own.clone())),
            (None, requested) => Ok(requested),
        }
    }
}

/// Why a CONNECT is refused for its token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    #[error("this hub wants a token")]
    NoToken,
    #[error("the token is wrong")]
    WrongToken,
    #[error("this token is not {0}'s")]
    OtherName(ClientName),
}

impl AuthError {
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NoToken | Self::WrongToken => ErrorCode::Token,
            Self::OtherName(_) => ErrorCode::Forbidden,
        }
    }
}

/// A token and its rights.
#[derive(Debug)]
pub struct TokenGrant {
    pub token: Token,
    /// The only name that it allows.
    pub name: Option<ClientName>,
    pub rights: Rights,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rights {
    #[default]
    PubAndSub,
    Pub,
    Sub,
}

impl Rights {
    pub fn include(self, right: Right) -> bool {
        match self {
            Self::PubAndSub => true,
            Self::Pub => right == Right::Pub,
            Self::Sub => right == Right::Sub,
        }
    }
}

/// The right that one request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    Pub,
    Sub,
}

/// What a declared event does.
#[derive(Debug, Default)]
pub struct Reaction {
    /// The recipients of the event itself. Off unless declared.
    pub relay: Relay,
    /// An event back to the sender, with the same arguments.
    pub reply: Option<EventName>,
    pub ack: Option<AckPayload>,
    pub emit: Option<EmitAction>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Relay {
    All,
    Others,
    #[default]
    Off,
}

/// The arguments of an acknowledgement.
#[derive(Debug)]
pub enum AckPayload {
    /// The event's own arguments.
    Args,
    Fixed(Vec<Box<RawValue>>),
}

/// A further event. Without arguments of its own it has those of the event that caused it: for `connect` the auth
/// object, or `{}`; for `disconnect` the reason.
#[derive(Debug)]
pub struct EmitAction {
    pub event: EventName,
    pub args: Option<Vec<Box<RawValue>>>,
    pub to: EmitTo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmitTo {
    #[default]
    Sender,
    All,
    Others,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(text: &str) -> Namespace {
        Namespace::parse(text).unwrap()
    }

    #[test]
    fn a_star_matches_a_part_of_a_name() {
        for (pattern, name, fits) in [
            ("/", "/", true),
            ("/", "/a", false),
            ("/tenant-*", "/tenant-7", true),
            ("/tenant-*", "/tenant-", false),
            ("/tenant-*", "/tenant-7/x", false),
            ("/*/chat", "/a/chat", true),
            ("/*/chat", "/a/b/chat", false),
            ("/a*b*c", "/aXbbbYc", true),
            ("/a*b*c", "/abc", false),
            ("/*", "/", false),
            ("/*a", "/aaa", true),
            ("/*a", "/aab", false),
        ] {
            let found = NamespacePattern::parse(pattern)
                .unwrap()
                .matches(&namespace(name));
            assert_eq!(found, fits, "{pattern} {name}");
        }
        for bad in ["", "tenant", "*", "/a**"] {
            assert_eq!(NamespacePattern::parse(bad), Err(InvalidPattern), "{bad}");
        }
    }

    #[test]
    fn a_token_gives_its_own_rights() {
        let token = |text| Token::new(text).unwrap();
        let name = |text| ClientName::parse(text).unwrap();
        let grant = |text, name, rights| TokenGrant {
            token: token(text),
            name,
            rights,
        };
        let rules = NamespaceRules {
            grants: vec![
                grant("one", Some(name("teacher")), Rights::PubAndSub),
                grant("two", None, Rights::Sub),
            ],
            ..NamespaceRules::default()
        };
        let hub = token("hub");
        let allowed = |name, rights| Ok(AuthOutcome { name, rights });
        for (offered, outcome) in [
            (None, Err(AuthError::NoToken)),
            (Some(""), Err(AuthError::WrongToken)),
            (Some("tw"), Err(AuthError::WrongToken)),
            (
                Some("one"),
                allowed(Some(name("teacher")), Rights::PubAndSub),
            ),
            (Some("two"), allowed(None, Rights::Sub)),
            (Some("hub"), allowed(None, Rights::PubAndSub)),
        ] {
            assert_eq!(
                rules.authenticate(Some(&hub), offered),
                outcome,
                "{offered:?}"
            );
        }
        assert_eq!(
            rules.authenticate(None, Some("hub")),
            Err(AuthError::WrongToken)
        );
        let open = NamespaceRules::default();
        assert_eq!(
            open.authenticate(None, Some("whatever")),
            Ok(AuthOutcome::default())
        );
        assert_eq!(open.authenticate(Some(&hub), None), Err(AuthError::NoToken));
        assert_eq!(
            open.authenticate(Some(&hub), Some("hub")),
            Ok(AuthOutcome::default())
        );
    }

    #[test]
    fn a_token_with_a_name_allows_no_other() {
        let name = |text| ClientName::parse(text).unwrap();
        let teacher = AuthOutcome {
            name: Some(name("teacher")),
            rights: Rights::PubAndSub,
        };
        assert_eq!(teacher.name(None), Ok(Some(name("teacher"))));
        assert_eq!(
            teacher.name(Some(name("teacher"))),
            Ok(Some(name("teacher")))
        );
        let other = AuthError::OtherName(name("alice"));
        assert_eq!(teacher.name(Some(name("alice"))), Err(other));
        let any = AuthOutcome::default();
        assert_eq!(any.name(Some(name("alice"))), Ok(Some(name("alice"))));
        assert_eq!(any.name(None), Ok(None));
    }

    #[test]
    fn the_most_specific_pattern_wins() {
        let rated = |rate| {
            Arc::new(NamespaceRules {
                rate: NonZeroU32::new(rate),
                ..NamespaceRules::default()
            })
        };
        let namespaces = Namespaces::declared(vec![
            (NamespacePattern::parse("/*").unwrap(), rated(1)),
            (NamespacePattern::parse("/tenant-*").unwrap(), rated(2)),
            (NamespacePattern::parse("/tenant-7").unwrap(), rated(3)),
        ]);
        let rate = |name: &str| {
            let rules = namespaces.rules(&namespace(name))?;
            rules.rate.map(NonZeroU32::get)
        };
        assert_eq!(rate("/x"), Some(1));
        assert_eq!(rate("/tenant-8"), Some(2));
        assert_eq!(rate("/tenant-7"), Some(3));
        assert_eq!(rate("/"), None);
        assert!(namespaces.rules(&namespace("/")).is_none());
        assert!(Namespaces::default().rules(&namespace("/x")).is_some());
    }
}
