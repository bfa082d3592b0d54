//! The namespaces of a hub.toml in one line, for `--check-config`.

use crate::server::{NamespaceRules, Namespaces};

/// How many names of namespaces are listed.
const NAMES_SHOWN: usize = 8;

/// "3 namespaces (/, /admin, /tenant-*), 2 tokens, no event handlers, 1 program".
pub fn summary(namespaces: &Namespaces) -> String {
    let tables = namespaces.tables();
    if tables.is_empty() {
        return "no namespace is declared, so each is made on its first use".to_owned();
    }
    let names = tables.iter().map(|(pattern, _)| pattern.as_str());
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.truncate(NAMES_SHOWN);
    let more = if names.len() < tables.len() {
        ", …"
    } else {
        ""
    };
    let sum = |of: fn(&NamespaceRules) -> usize| tables.iter().map(|(_, rules)| of(rules)).sum();
    [
        format!(
            "{} ({}{more})",
            count(tables.len(), "namespace"),
            names.join(", ")
        ),
        count(sum(|rules| rules.grants.len()), "token"),
        count(sum(|rules| rules.reactions.len()), "event handler"),
        count(sum(|rules| usize::from(rules.handler.is_some())), "program"),
    ]
    .join(", ")
}

fn count(number: usize, noun: &str) -> String {
    match number {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        more => format!("{more} {noun}s"),
    }
}
