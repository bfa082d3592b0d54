//! How to connect to a server, beside its URL: flags added to the settings file.

use super::source::{Source, Sourced};
use crate::cli::args::remote::Remote;
use crate::cli::args::values::AuthText;
use crate::client::DialOptions;
use crate::client::dial_options::{EnginePath, HttpHeader, QueryParameter};

#[derive(Debug, Clone, Default)]
pub struct ConnectSettings {
    pub path: Option<Sourced<EnginePath>>,
    pub query: Vec<Sourced<QueryParameter>>,
    pub headers: Vec<Sourced<HttpHeader>>,
    pub auth: Option<Sourced<AuthText>>,
}

impl ConnectSettings {
    /// The same with flags on top. A header or parameter on the command line replaces those of its name and keeps the
    /// others, such as the header that a proxy needs.
    pub fn with_flags(&self, flags: &Remote) -> Self {
        Self {
            path: from_flag(flags.path.as_ref(), "--path").or_else(|| self.path.clone()),
            query: replaced(&self.query, &flags.query, "--query", QueryParameter::name),
            headers: replaced(&self.headers, &flags.header, "--header", HttpHeader::name),
            auth: from_flag(flags.auth.as_ref(), "--auth").or_else(|| self.auth.clone()),
        }
    }

    pub fn auth(&self) -> Option<&AuthText> {
        self.auth.as_ref().map(|auth| &auth.value)
    }

    pub fn into_dial_options(self) -> DialOptions {
        DialOptions {
            path: self.path.map(|it| it.value).unwrap_or_default(),
            query: self.query.into_iter().map(|it| it.value).collect(),
            headers: self.headers.into_iter().map(|it| it.value).collect(),
        }
    }
}

fn from_flag<T: Clone>(value: Option<&T>, flag: &'static str) -> Option<Sourced<T>> {
    value.map(|value| Sourced::new(value.clone(), Source::Flag(flag)))
}

fn replaced<T: Clone>(
    from_file: &[Sourced<T>],
    typed: &[T],
    flag: &'static str,
    name: impl Fn(&T) -> &str,
) -> Vec<Sourced<T>> {
    let is_typed = |one: &&Sourced<T>| typed.iter().any(|it| name(it) == name(&one.value));
    let kept = from_file.iter().filter(|one| !is_typed(one)).cloned();
    let typed = typed
        .iter()
        .filter_map(|value| from_flag(Some(value), flag));
    kept.chain(typed).collect()
}
