//! Which Host and Origin a browser may come with: a page elsewhere must not reach a hub on loopback.
//!
//! A page of another origin is kept out by its Origin; one that had its own name resolved to this machine (DNS
//! rebinding) by its Host.

use std::net::IpAddr;

/// The names under which this hub may be reached. IP addresses and `localhost` always are: rebinding needs a name.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    names: Vec<String>,
    /// Origins of pages that may come from elsewhere; `*` is any.
    origins: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(
        "this hub is not known as {0:?}; start it with --host NAME to have it reached under that name"
    )]
    Host(String),
    #[error(
        "pages from {0:?} may not reach this hub; list that origin under cors in hub.toml to let them"
    )]
    Origin(String),
}

/// How somebody comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// No page, or one of our own.
    AtHome,
    /// A page from elsewhere whose origin is listed: its browser must be told that it may read the answer.
    Invited,
}

impl Hosts {
    pub fn new(names: Vec<String>, origins: Vec<String>) -> Self {
        Self { names, origins }
    }

    /// Without a Host (HTTP/1.0, some Unix-socket clients) there is no browser; without an Origin no page.
    pub fn admit(&self, host: Option<&str>, origin: Option<&str>) -> Result<Admitted, Refused> {
        if let Some(host) = host
            && !self.knows(without_port(host))
        {
            return Err(Refused::Host(host.to_owned()));
        }
        let Some(origin) = origin else {
            return Ok(Admitted::AtHome);
        };
        let of_page = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        match (of_page, host) {
            (Some(page), Some(host)) if page.eq_ignore_ascii_case(host) => Ok(Admitted::AtHome),
            _ if self.invites(origin) => Ok(Admitted::Invited),
            _ => Err(Refused::Origin(origin.to_owned())),
        }
    }

    fn invites(&self, origin: &str) -> bool {
        self.origins
            .iter()
            .any(|known| known == "*" || known.eq_ignore_ascii_case(origin))
    }

    fn knows(&self, name: &str) -> bool {
        let bare = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .unwrap_or(name);
        bare.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self
                .names
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit())
                && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_come_in() {
        let hosts = Hosts::new(vec!["hub.school.example".to_owned()], Vec::new());
        let admitted = [
            (None, None),
            (Some("127.0.0.1:7666"), None),
            (Some("[::1]:7666"), None),
            (Some("localhost"), Some("http://localhost")),
            (Some("LOCALHOST:7666"), Some("http://localhost:7666")),
            (
                Some("hub.school.example"),
                Some("https://hub.school.example"),
            ),
        ];
        for (host, origin) in admitted {
            let admitted = hosts.admit(host, origin);
            assert_eq!(admitted, Ok(Admitted::AtHome), "{host:?} {origin:?}");
        }
        let refused = [
            (Some("evil.example:7666"), None),
            (Some("evil.example:7666"), Some("http://evil.example:7666")),
            (Some("127.0.0.1.evil.example"), None),
            (Some("localhost:7666"), Some("http://evil.example")),
            (Some("localhost:7666"), Some("http://localhost:8000")),
            (Some("localhost:7666"), Some("null")),
            (Some("localhost:7666"), Some("file://")),
            (None, Some("http://localhost")),
            (Some(""), None),
        ];
        for (host, origin) in refused {
            assert!(hosts.admit(host, origin).is_err(), "{host:?} {origin:?}");
        }
    }
    #[test]
    fn pages_that_are_listed_come_from_elsewhere() {
        let hosts = |origins: &[&str]| {
            let origins = origins.iter().map(|it| (*it).to_owned()).collect();
            Hosts::new(Vec::new(), origins)
        };
        let of = |origins, origin| hosts(origins).admit(Some("127.0.0.1:7666"), Some(origin));
        let listed: &[&str] = &["https://app.example", "http://localhost:8000"];
        assert_eq!(of(listed, "https://app.example"), Ok(Admitted::Invited));
        assert_eq!(of(listed, "http://localhost:8000"), Ok(Admitted::Invited));
        assert!(of(listed, "http://app.example").is_err());
        assert!(of(listed, "null").is_err());
        assert_eq!(of(&["*"], "null"), Ok(Admitted::Invited));
        // A listed page does not make the hub known under another name.
        let elsewhere = hosts(&["*"]).admit(Some("evil.example"), Some("http://a.example"));
        assert!(matches!(elsewhere, Err(Refused::Host(_))));
    }
}
