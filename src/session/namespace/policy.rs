//! What a namespace is like: who may enter it, what they may do there, and what becomes of an application's events.
//!
//! hub.toml's tables, checked, as sessions ask them. Pure data: reads no file and runs nothing.

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
    /// None: none is declared, and each is made as it is asked for.
    declared: Option<Vec<(NamespacePattern, Arc<NamespaceRules>)>>,
    /// What holds where nothing is declared.
    open: Arc<NamespaceRules>,
}

impl Namespaces {
    /// Only these exist.
    pub fn declared(mut namespaces: Vec<(NamespacePattern, Arc<NamespaceRules>)>) -> Self {
        namespaces.sort_by_key(|(pattern, _)| pattern.rank());
        Self {
            declared: Some(namespaces),
            open: Arc::default(),
        }
    }

    /// What is declared, the most particular first; nothing when each is made as it is asked for.
    pub fn tables(&self) -> &[(NamespacePattern, Arc<NamespaceRules>)] {
        self.declared.as_deref().unwrap_or_default()
    }

    /// Whether nobody comes in anywhere without a token of the namespace.
    pub fn all_ask(&self) -> bool {
        let asks = |(_, rules): &(NamespacePattern, Arc<NamespaceRules>)| !rules.grants.is_empty();
        self.declared
            .as_ref()
            .is_some_and(|all| all.iter().all(asks))
    }

    /// The rules of a namespace; None when there is none of this name ("Invalid namespace").
    pub fn rules(&self, namespace: &Namespace) -> Option<&Arc<NamespaceRules>> {
        let Some(declared) = &self.declared else {
            return Some(&self.open);
        };
        declared
            .iter()
            .find(|(pattern, _)| pattern.matches(namespace))
            .map(|(_, rules)| rules)
    }
}

/// A namespace's name, in which each `*` stands for any characters but `/`, at least one: `/tenant-*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamespacePattern(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a namespace begins with '/'; each * in it stands for a part of its name")]
pub struct InvalidPattern;

impl NamespacePattern {
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        // A name that is legal with something for each star is legal as a pattern.
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

    /// The namespace that it names, when it names just one.
    pub fn fixed(&self) -> Option<Namespace> {
        let fixed = !self.0.contains('*');
        fixed.then(|| Namespace::parse(&self.0).ok()).flatten()
    }

    pub fn matches(&self, namespace: &Namespace) -> bool {
        matches(self.0.as_bytes(), namespace.as_str().as_bytes())
    }

    /// The most particular first: fixed names, then by what is not left open.
    fn rank(&self) -> (usize, std::cmp::Reverse<usize>) {
        let stars = self.0.matches('*').count();
        (stars.min(1), std::cmp::Reverse(self.0.len() - stars))
    }
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on when what was taken for the last star was too little.
    let (mut p, mut n, mut again) = (0, 0, None);
    loop {
        if p < pattern.len() && pattern[p] == b'*' && n < name.len() && name[n] != b'/' {
            again = Some((p, n + 1));
            (p, n) = (p + 1, n + 1);
        } else if p < pattern.len() && n < name.len() && pattern[p] != b'*' && pattern[p] == name[n]
        {
            (p, n) = (p + 1, n + 1);
        } else if p == pattern.len() && n == name.len() {
            return true;
        } else {
            match again {
                Some((star, taken)) if taken < name.len() && name[taken] != b'/' => {
                    again = Some((star, taken + 1));
                    (p, n) = (star + 1, taken + 1);
                }
                _ => return false,
            }
        }
    }
}

/// The rules of one namespace, or of all that one pattern stands for.
#[derive(Debug, Default)]
pub struct NamespaceRules {
    /// Any of these tokens lets in. Empty: the hub's own token does, or nothing is asked.
    pub grants: Vec<TokenGrant>,
    /// Messages a second that one connection may send; more are taken later, not refused.
    pub rate: Option<NonZeroU32>,
    /// What is declared for events, `connect` and `disconnect` among them.
    pub on: BTreeMap<String, Reaction>,
    /// The namespace's program.
    pub handler: Option<HandlerCommand>,
}

/// A namespace's program, as it is started: by the shell, in a folder.
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
    /// What a token opens. Each one that there is gets compared, whatever became of the others: the time that this takes
    /// says nothing.
    pub fn pass(
        &self,
        hub: Option<&Token>,
        offered: Option<&str>,
    ) -> Result<AuthOutcome, AuthError> {
        if self.grants.is_empty() && hub.is_none() {
            return Ok(AuthOutcome::default());
        }
        let offered = offered.ok_or(AuthError::NoToken)?;
        let mut pass = None;
        for grant in &self.grants {
            if grant.token.matches(offered) && pass.is_none() {
                pass = Some(AuthOutcome {
                    name: grant.name.clone(),
                    may: grant.may,
                });
            }
        }
        // The hub's own opens everything, with every right.
        if hub.is_some_and(|token| token.matches(offered)) {
            pass = Some(AuthOutcome::default());
        }
        pass.ok_or(AuthError::WrongToken)
    }
}

/// What the token that came with a CONNECT allows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AuthOutcome {
    name: Option<ClientName>,
    pub may: Rights,
}

impl AuthOutcome {
    /// The client whose token it is, when it is for one alone.
    pub fn own_name(&self) -> Option<&ClientName> {
        self.name.as_ref()
    }

    /// Whether its holder may have any name.
    pub fn is_anyones(&self) -> bool {
        self.name.is_none()
    }

    /// The client's name, given the one that it asked for.
    pub fn name(&self, asked: Option<ClientName>) -> Result<Option<ClientName>, AuthError> {
        match (&self.name, asked) {
            (Some(own), Some(asked)) if *own != asked => Err(AuthError::OtherName(asked)),
            (Some(own), _) => Ok(Some(own.clone())),
            (None, asked) => Ok(asked),
        }
    }
}

/// Why a CONNECT with or without a token is refused.
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

/// What a token is good for.
#[derive(Debug)]
pub struct TokenGrant {
    pub token: Token,
    /// Its holder is this client and no other.
    pub name: Option<ClientName>,
    pub may: Rights,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rights {
    #[default]
    PubAndSub,
    Pub,
    Sub,
}

impl Rights {
    pub fn allow(self, right: Right) -> bool {
        match self {
            Self::PubAndSub => true,
            Self::Pub => right == Right::Pub,
            Self::Sub => right == Right::Sub,
        }
    }
}

/// What one thing that a socket asks for takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    Pub,
    Sub,
}

/// What a declared event does. Nothing of it happens to others unless it says so.
#[derive(Debug, Default)]
pub struct Reaction {
    /// To whom the event itself goes on. Off for a declared event that does not say.
    pub relay: Relay,
    /// An event to the sender with the same arguments.
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

/// What an acknowledgement answers.
#[derive(Debug)]
pub enum AckPayload {
    /// The event's own arguments.
    Args,
    Fixed(Vec<Box<RawValue>>),
}

/// One more event. Its arguments are those of the event that caused it (for `connect` the auth object, `{}` without one;
/// for `disconnect` the reason) unless it brings its own.
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
    fn a_star_is_a_part_of_a_name() {
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
    fn a_token_opens_what_it_is_for() {
        let token = |text| Token::new(text).unwrap();
        let name = |text| ClientName::parse(text).unwrap();
        let grant = |text, name, may| TokenGrant {
            token: token(text),
            name,
            may,
        };
        let rules = NamespaceRules {
            grants: vec![
                grant("one", Some(name("teacher")), Rights::PubAndSub),
                grant("two", None, Rights::Sub),
            ],
            ..NamespaceRules::default()
        };
        let hub = token("hub");
        let pass = |name, may| Ok(AuthOutcome { name, may });
        for (offered, outcome) in [
            (None, Err(AuthError::NoToken)),
            (Some(""), Err(AuthError::WrongToken)),
            (Some("tw"), Err(AuthError::WrongToken)),
            (Some("one"), pass(Some(name("teacher")), Rights::PubAndSub)),
            (Some("two"), pass(None, Rights::Sub)),
            (Some("hub"), pass(None, Rights::PubAndSub)),
        ] {
            assert_eq!(rules.pass(Some(&hub), offered), outcome, "{offered:?}");
        }
        assert_eq!(rules.pass(None, Some("hub")), Err(AuthError::WrongToken));
        let open = NamespaceRules::default();
        assert_eq!(
            open.pass(None, Some("whatever")),
            Ok(AuthOutcome::default())
        );
        assert_eq!(open.pass(Some(&hub), None), Err(AuthError::NoToken));
        assert_eq!(
            open.pass(Some(&hub), Some("hub")),
            Ok(AuthOutcome::default())
        );
    }

    #[test]
    fn a_token_with_a_name_makes_its_holder_that_client() {
        let name = |text| ClientName::parse(text).unwrap();
        let teacher = AuthOutcome {
            name: Some(name("teacher")),
            may: Rights::PubAndSub,
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
    fn the_most_particular_rules_hold() {
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
