//! The check of Host and Origin: a page of another site must not reach a hub on loopback.
//!
//! The Origin header keeps out pages of other sites. The Host header keeps out pages whose own host name was made to
//! resolve to this machine (DNS rebinding).

use std::net::IpAddr;

/// The host names and origins that are accepted. IP addresses and `localhost` are accepted always: rebinding needs a name.
#[derive(Debug, Clone, Default)]
pub struct OriginPolicy {
    names: Vec<String>,
    /// Origins of other sites whose pages are accepted. `*` is any origin.
    origins: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    #[error(
        "this hub does not answer to the host name {0:?}; to add a name, start it with --host NAME"
    )]
    Host(String),
    #[error(
        "pages from {0:?} may not use this hub; to allow them, add that origin to cors in hub.toml"
    )]
    Origin(String),
}

/// Where an accepted request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOrigin {
    /// A page of this hub, or a client that is no page.
    Same,
    /// A page of another site whose origin is listed. Its browser needs CORS headers to read the response.
    Cross,
}

impl OriginPolicy {
    pub fn new(names: Vec<String>, origins: Vec<String>) -> Self {
        Self { names, origins }
    }

    /// Every browser sends Host, and every page of another site sends Origin. A request without them (HTTP/1.0, some
    /// clients on Unix sockets) is not a browser's.
    pub fn check(
        &self,
        host: Option<&str>,
        origin: Option<&str>,
    ) -> Result<RequestOrigin, OriginError> {
        if let Some(host) = host
            && !self.is_known_host(without_port(host))
        {
            return Err(OriginError::Host(host.to_owned()));
        }
        let Some(origin) = origin else {
            return Ok(RequestOrigin::Same);
        };
        let page_host = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        match (page_host, host) {
            (Some(page), Some(host)) if page.eq_ignore_ascii_case(host) => Ok(RequestOrigin::Same),
            _ if self.allows_origin(origin) => Ok(RequestOrigin::Cross),
            _ => Err(OriginError::Origin(origin.to_owned())),
        }
    }

    fn allows_origin(&self, origin: &str) -> bool {
        self.origins
            .iter()
            .any(|known| known == "*" || known.eq_ignore_ascii_case(origin))
    }

    fn is_known_host(&self, name: &str) -> bool {
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
    fn only_our_own_pages_are_accepted() {
        let policy = OriginPolicy::new(vec!["hub.school.example".to_owned()], Vec::new());
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
            let accepted = policy.check(host, origin);
            assert_eq!(accepted, Ok(RequestOrigin::Same), "{host:?} {origin:?}");
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
            assert!(policy.check(host, origin).is_err(), "{host:?} {origin:?}");
        }
    }

    #[test]
    fn pages_of_listed_origins_are_accepted() {
        let policy = |origins: &[&str]| {
            let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
            OriginPolicy::new(Vec::new(), origins)
        };
        let of = |origins, origin| policy(origins).check(Some("127.0.0.1:7666"), Some(origin));
        let listed: &[&str] = &["https://app.example", "http://localhost:8000"];
        assert_eq!(of(listed, "https://app.example"), Ok(RequestOrigin::Cross));
        assert_eq!(
            of(listed, "http://localhost:8000"),
            Ok(RequestOrigin::Cross)
        );
        assert!(of(listed, "http://app.example").is_err());
        assert!(of(listed, "null").is_err());
        assert_eq!(of(&["*"], "null"), Ok(RequestOrigin::Cross));
        // A listed origin adds no host name.
        let elsewhere = policy(&["*"]).check(Some("evil.example"), Some("http://a.example"));
        assert!(matches!(elsewhere, Err(OriginError::Host(_))));
    }
}
