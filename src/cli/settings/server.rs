//! How a server is reached and what it is told, beside its URL: what the settings file says under what the flags say.

use super::source::{Source, Sourced};
use crate::cli::args::remote::Remote;
use crate::cli::args::values::AuthText;
use crate::client::DialOptions;
use crate::client::dial_options::{EnginePath, HttpHeader, QueryParameter};

#[derive(Debug, Clone, Default)]
pub struct Server {
    pub path: Option<Sourced<EnginePath>>,
    pub query: Vec<Sourced<QueryParameter>>,
    pub headers: Vec<Sourced<HttpHeader>>,
    pub auth: Option<Sourced<AuthText>>,
}

impl Server {
    /// With these flags on top. A header or parameter that is given takes the place of those of its name, and leaves the
    /// others: who adds one for this time does not mean to do without a proxy's.
    pub fn under(&self, flags: &Remote) -> Self {
        let typed = |flag| move |value| Sourced::new(value, Source::Flag(flag));
        let path = flags.path.clone();
        let auth = flags.auth.clone();
        Self {
            path: path
                .map(|path| Sourced::new(path, Source::Flag("--path")))
                .or_else(|| self.path.clone()),
            query: replaced(
                &self.query,
                flags.query.iter().cloned().map(typed("--query")).collect(),
                QueryParameter::name,
            ),
            headers: replaced(
                &self.headers,
                flags
                    .header
                    .iter()
                    .cloned()
                    .map(|value| Sourced::new(value, Source::Flag("--header")))
                    .collect(),
                HttpHeader::name,
            ),
            auth: auth
                .map(|auth| Sourced::new(auth, Source::Flag("--auth")))
                .or_else(|| self.auth.clone()),
        }
    }

    pub fn auth(&self) -> Option<&AuthText> {
        self.auth.as_ref().map(|auth| &auth.value)
    }

    pub fn into_dialing(self) -> DialOptions {
        DialOptions {
            path: self.path.map(|it| it.value).unwrap_or_default(),
            query: self.query.into_iter().map(|it| it.value).collect(),
            headers: self.headers.into_iter().map(|it| it.value).collect(),
        }
    }
}

fn replaced<T: Clone>(
    filed: &[Sourced<T>],
    typed: Vec<Sourced<T>>,
    name: impl Fn(&T) -> &str,
) -> Vec<Sourced<T>> {
    let is_typed = |one: &Sourced<T>| typed.iter().any(|it| name(&it.value) == name(&one.value));
    let kept: Vec<Sourced<T>> = filed.iter().filter(|it| !is_typed(it)).cloned().collect();
    [kept, typed].concat()
}
