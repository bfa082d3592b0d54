//! The `namespaces` of hub.toml: who may enter each, how fast, what becomes of its events, and its program.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::address::{ClientName, EventName, Namespace};
use crate::cli::io::secret::read_secret;
use crate::cli::settings::toml_file::diagnostics::Mistakes;
use crate::cli::settings::toml_file::value::{Table, Value};
use crate::limits;
use crate::server::{
    AckPayload, EmitAction, EmitTo, HandlerCommand, NamespacePattern, NamespaceRules, Namespaces,
    Reaction, Relay, Rights, Token, TokenGrant,
};

const NAMESPACE: &[&str] = &["tokens", "rate", "on", "handler"];
const TOKEN: &[&str] = &["token", "token-file", "as", "may"];
const REACTION: &[&str] = &["relay", "reply", "ack", "emit"];
const EMIT: &[&str] = &["event", "args", "to"];
/// The keys of every kind of table here.
#[cfg(test)]
pub(super) const KEYS: [&[&str]; 4] = [NAMESPACE, TOKEN, REACTION, EMIT];

/// Relative paths begin in `folder`; `hub` is the hub's own token as far as the file says it.
pub fn read(
    value: &Value<'_>,
    folder: &Path,
    hub: Option<&Token>,
    mistakes: &mut Mistakes,
) -> Namespaces {
    let Some(table) = value.table(mistakes) else {
        return Namespaces::default();
    };
    let mut declared = Vec::new();
    for (name, value) in table.entries() {
        let pattern = pattern(name).map_err(|error| value.wrong(error, mistakes));
        if let Some(table) = value.table(mistakes) {
            let rules = rules(&table, folder, hub, mistakes);
            declared.extend(pattern.map(|pattern| (pattern, Arc::new(rules))));
        }
    }
    if table.is_empty() {
        let what = "this would let nobody in anywhere: declare one, as in [namespaces.\"/\"], or leave it out";
        value.lacks(what, mistakes);
    }
    Namespaces::declared(declared)
}

fn pattern(name: &str) -> Result<NamespacePattern, String> {
    if !name.contains('*') {
        Namespace::parse(name).map_err(|error| error.to_string())?;
    }
    NamespacePattern::parse(name).map_err(|error| error.to_string())
}

fn rules(
    table: &Table<'_>,
    folder: &Path,
    hub: Option<&Token>,
    mistakes: &mut Mistakes,
) -> NamespaceRules {
    table.knows(NAMESPACE, mistakes);
    let get = |name: &str| table.get(name);
    NamespaceRules {
        grants: get("tokens").map_or_else(Vec::new, |it| grants(&it, folder, hub, mistakes)),
        rate: get("rate").and_then(|value| value.quantity(rate, mistakes)),
        on: get("on").map_or_else(BTreeMap::new, |it| reactions(&it, mistakes)),
        handler: get("handler").and_then(|value| {
            let command = value.parsed(command, mistakes)?;
            Some(HandlerCommand::new(command, folder.to_owned()))
        }),
    }
}

fn rate(text: &str) -> Result<NonZeroU32, &'static str> {
    let what = "a rate is a whole number of messages a second, at least 1";
    text.parse().map_err(|_| what)
}

fn command(text: &str) -> Result<String, &'static str> {
    match text {
        text if text.trim().is_empty() => Err("a command cannot be empty"),
        text if text.contains('\0') => Err("a command cannot contain NUL"),
        text => Ok(text.to_owned()),
    }
}

fn grants(
    value: &Value<'_>,
    folder: &Path,
    hub: Option<&Token>,
    mistakes: &mut Mistakes,
) -> Vec<TokenGrant> {
    let Some(values) = value.list(mistakes) else {
        return Vec::new();
    };
    if values.is_empty() {
        let what =
            "there is none in it: name one, or leave it out to let anyone in whom the hub lets in";
        value.lacks(what, mistakes);
    }
    let mut grants: Vec<(usize, TokenGrant)> = Vec::new();
    for value in &values {
        let Some((secret, grant)) = grant(value, folder, mistakes) else {
            continue;
        };
        let earlier = grants
            .iter()
            .find(|(_, earlier)| earlier.token.matches(&secret));
        if let Some((at, _)) = earlier {
            let line = mistakes.line(*at);
            let what = format!("this is the token of line {line} once more");
            value.wrong(what, mistakes);
        } else if hub.is_some_and(|hub| hub.matches(&secret)) {
            let what = "this is the hub's own token, whose holder may do everything everywhere";
            value.wrong(what, mistakes);
        }
        grants.push((value.at, grant));
    }
    grants.into_iter().map(|(_, grant)| grant).collect()
}

/// With its secret, to be compared with others.
fn grant(
    value: &Value<'_>,
    folder: &Path,
    mistakes: &mut Mistakes,
) -> Option<(String, TokenGrant)> {
    let table = value.table(mistakes)?;
    table.knows(TOKEN, mistakes);
    let secret = match (table.get("token"), table.get("token-file")) {
        (Some(token), None) => token.parsed(secret, mistakes),
        (None, Some(file)) => file.parsed(|path| secret_in(&folder.join(path)), mistakes),
        (Some(_), Some(file)) => {
            file.wrong("there is a \"token\" beside it: one of the two", mistakes);
            None
        }
        (None, None) => {
            value.lacks("it has neither \"token\" nor \"token-file\"", mistakes);
            None
        }
    };
    let name = table.get("as");
    let name = name.map(|value| value.parsed(ClientName::parse, mistakes));
    let may = table.get("may");
    let may = may.map_or(Some(Rights::default()), |value| rights(&value, mistakes));
    let secret = secret?;
    let grant = TokenGrant {
        token: Token::new(&secret)?,
        name: name.flatten(),
        may: may?,
    };
    Some((secret, grant))
}

fn secret(text: &str) -> Result<String, String> {
    match text {
        "" => Err("an empty token keeps nobody out".to_owned()),
        long if long.len() > limits::TOKEN_BYTES => {
            Err(format!("a token has at most {} bytes", limits::TOKEN_BYTES))
        }
        text => Ok(text.to_owned()),
    }
}

/// The token in a file, or why there is none.
pub(super) fn secret_in(path: &Path) -> Result<String, String> {
    read_secret(path).map_err(|reason| format!("cannot read {}: {reason}", path.display()))
}

fn rights(value: &Value<'_>, mistakes: &mut Mistakes) -> Option<Rights> {
    let values = value.list(mistakes)?;
    let right = |text: &str| match text {
        "pub" => Ok(Rights::Pub),
        "sub" => Ok(Rights::Sub),
        _ => Err("\"pub\" or \"sub\" belongs here"),
    };
    let mut found = Vec::new();
    for value in &values {
        found.push(value.parsed(right, mistakes)?);
    }
    match (found.contains(&Rights::Pub), found.contains(&Rights::Sub)) {
        (true, true) => Some(Rights::PubAndSub),
        (true, false) => Some(Rights::Pub),
        (false, true) => Some(Rights::Sub),
        (false, false) => {
            let what = "a token that allows nothing is of no use: \"pub\", \"sub\" or both";
            value.wrong(what, mistakes);
            None
        }
    }
}

/// What is declared for: some things make no sense where a socket comes or goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Connect,
    Disconnect,
    Event,
}

fn reactions(value: &Value<'_>, mistakes: &mut Mistakes) -> BTreeMap<String, Reaction> {
    let mut reactions = BTreeMap::new();
    let Some(table) = value.table(mistakes) else {
        return reactions;
    };
    for (name, value) in table.entries() {
        let on = match name {
            "connect" => On::Connect,
            "disconnect" => On::Disconnect,
            _ => On::Event,
        };
        if on == On::Event
            && let Err(error) = EventName::parse(name)
        {
            value.wrong(error, mistakes);
        }
        if let Some(table) = value.table(mistakes) {
            reactions.insert(name.to_owned(), reaction(on, &table, mistakes));
        }
    }
    reactions
}

fn reaction(on: On, table: &Table<'_>, mistakes: &mut Mistakes) -> Reaction {
    table.knows(REACTION, mistakes);
    let mut reaction = Reaction::default();
    if let Some(value) = table.get("relay") {
        match on {
            On::Event => reaction.relay = value.parsed(relay, mistakes).unwrap_or_default(),
            On::Connect | On::Disconnect => {
                let what = "this name is reserved by Socket.IO and cannot be sent on; \"emit\" can tell others under another";
                value.wrong(what, mistakes);
            }
        }
    }
    if let Some(value) = table.get("reply") {
        match on {
            On::Disconnect => value.wrong(GONE, mistakes),
            On::Connect | On::Event => reaction.reply = value.parsed(EventName::parse, mistakes),
        }
    }
    if let Some(value) = table.get("ack") {
        match on {
            On::Event => reaction.ack = ack(&value, mistakes),
            On::Connect | On::Disconnect => {
                value.wrong("nobody waits for an answer here", mistakes)
            }
        }
    }
    if let Some(value) = table.get("emit") {
        reaction.emit = emit(&value, mistakes);
        let to = reaction.emit.as_ref().map(|emit| emit.to);
        if on == On::Disconnect && to == Some(EmitTo::Sender) {
            value.wrong(GONE, mistakes);
        }
    }
    reaction
}

const GONE: &str = "who disconnected cannot be sent anything; emit = { event = \"…\", to = \"all\" } reaches those who are there";

fn relay(text: &str) -> Result<Relay, &'static str> {
    match text {
        "all" => Ok(Relay::All),
        "others" => Ok(Relay::Others),
        "off" => Ok(Relay::Off),
        _ => Err("\"all\", \"others\" or \"off\" belongs here"),
    }
}

fn ack(value: &Value<'_>, mistakes: &mut Mistakes) -> Option<AckPayload> {
    if value.is_list() {
        return args(value, mistakes).map(AckPayload::Fixed);
    }
    let args = |text: &str| match text {
        "args" => Ok(AckPayload::Args),
        _ => Err("\"args\" or an array, such as [\"ok\"], belongs here"),
    };
    value.parsed(args, mistakes)
}

/// An event's name, or a table that says more.
fn emit(value: &Value<'_>, mistakes: &mut Mistakes) -> Option<EmitAction> {
    if value.is_text() {
        return Some(EmitAction {
            event: value.parsed(EventName::parse, mistakes)?,
            args: None,
            to: EmitTo::default(),
        });
    }
    let table = value.table(mistakes)?;
    table.knows(EMIT, mistakes);
    let event = match table.get("event") {
        Some(event) => event.parsed(EventName::parse, mistakes),
        None => {
            value.lacks("it has no \"event\"", mistakes);
            None
        }
    };
    let given = table.get("args");
    let given = given.map(|value| args(&value, mistakes));
    let to = table.get("to");
    let to = to.map_or(Some(EmitTo::default()), |value| {
        value.parsed(emit_to, mistakes)
    });
    Some(EmitAction {
        event: event?,
        args: given.flatten(),
        to: to?,
    })
}

fn emit_to(text: &str) -> Result<EmitTo, &'static str> {
    match text {
        "sender" => Ok(EmitTo::Sender),
        "all" => Ok(EmitTo::All),
        "others" => Ok(EmitTo::Others),
        _ => Err("\"sender\", \"all\" or \"others\" belongs here"),
    }
}

fn args(value: &Value<'_>, mistakes: &mut Mistakes) -> Option<Vec<Box<RawValue>>> {
    let values = value.list(mistakes)?;
    if values.len() > limits::ARGUMENTS {
        let what = format!("at most {} arguments", limits::ARGUMENTS);
        value.wrong(what, mistakes);
        return None;
    }
    let args = values.iter().map(|value| value.json(mistakes));
    args.collect()
}
