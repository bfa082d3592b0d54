//! The hub's URL as it is typed: what to dial, and the namespace that its path names.
//!
//! Does not resolve names and does not dial.

use std::fmt;
use std::path::{Path, PathBuf};

use super::dial_options::DialOptions;
use crate::address::{NameError, Namespace};

/// `ws://host:port/namespace`, the same with `wss`, `http` or `https`, or `unix:/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubUrl {
    endpoint: Endpoint,
    /// As typed, without the path: what messages call the hub.
    shown: String,
    namespace: Option<Namespace>,
}

/// Where the bytes go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    Tcp {
        /// A name or an address, IPv6 without its brackets.
        host: String,
        port: u16,
        security: Security,
    },
    Unix(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    Plain,
    Tls,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error(
        "a hub's URL begins with ws://, wss://, http://, https:// or unix:, as in ws://127.0.0.1:7666"
    )]
    Scheme,
    #[error("this URL names no host")]
    NoHost,
    #[error("a host name cannot contain {0:?}")]
    Host(char),
    #[error("an IPv6 address stands in brackets, as in ws://[::1]:7666")]
    Ipv6,
    #[error("{0:?} is not a port")]
    Port(String),
    #[error("a hub's URL holds no user or password; give a token with --token-file")]
    Credentials,
    #[error("a hub's URL ends with its path; {0:?} is not part of one")]
    Behind(char),
    #[error("unix: is followed by the path of a socket, as in unix:/run/roomcat.sock")]
    NoPath,
    #[error("the path of a hub's URL is a namespace: {0}")]
    Namespace(#[from] NameError),
}

impl HubUrl {
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Self::unix(text, path);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let security = match scheme.to_ascii_lowercase().as_str() {
            "ws" | "http" => Security::Plain,
            "wss" | "https" => Security::Tls,
            _ => return Err(UrlError::Scheme),
        };
        let (authority, path) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if let Some(found) = path.chars().find(|c| matches!(c, '?' | '#')) {
            return Err(UrlError::Behind(found));
        }
        let (host, port) = host_and_port(authority)?;
        let default = match security {
            Security::Plain => 80,
            Security::Tls => 443,
        };
        Ok(Self {
            endpoint: Endpoint::Tcp {
                host: host.to_owned(),
                port: port.unwrap_or(default),
                security,
            },
            shown: format!("{scheme}://{authority}"),
            // A slash at the end of a URL is no other place.
            namespace: match path.trim_end_matches('/') {
                "" => None,
                path => Some(Namespace::parse(path)?),
            },
        })
    }

    fn unix(text: &str, path: &str) -> Result<Self, UrlError> {
        // `unix:///path` is how other programs write it.
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() {
            return Err(UrlError::NoPath);
        }
        Ok(Self {
            endpoint: Endpoint::Unix(Path::new(path).to_owned()),
            shown: text.to_owned(),
            namespace: None,
        })
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The namespace that the path names, as in `io("http://host/admin")`.
    pub fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// The URI of the WebSocket upgrade (Engine.IO protocol v4, "WebSocket").
    pub fn upgrade_uri(&self, dialing: &DialOptions) -> String {
        let resource = dialing.resource();
        match &self.endpoint {
            Endpoint::Unix(_) => format!("ws://localhost{resource}"),
            Endpoint::Tcp {
                host,
                port,
                security,
            } => {
                let (scheme, usual) = match security {
                    Security::Plain => ("ws", 80),
                    Security::Tls => ("wss", 443),
                };
                let host = if host.contains(':') {
                    format!("[{host}]")
                } else {
                    host.clone()
                };
                // A browser's Host header leaves the scheme's own port out, and so do we: the hub compares it.
                if *port == usual {
                    format!("{scheme}://{host}{resource}")
                } else {
                    format!("{scheme}://{host}:{port}{resource}")
                }
            }
        }
    }
}

impl fmt::Display for HubUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl std::str::FromStr for HubUrl {
    type Err = UrlError;
    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), UrlError> {
    if authority.contains('@') {
        return Err(UrlError::Credentials);
    }
    let (host, port) = if let Some(inside) = authority.strip_prefix('[') {
        let (host, behind) = inside.split_once(']').ok_or(UrlError::Ipv6)?;
        host.parse::<std::net::Ipv6Addr>()
            .map_err(|_| UrlError::Ipv6)?;
        match behind.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if behind.is_empty() => (host, None),
            None => return Err(UrlError::Ipv6),
        }
    } else {
        match authority.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err(UrlError::Ipv6),
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    if host.is_empty() {
        return Err(UrlError::NoHost);
    }
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    if let Some(bad) = host.chars().find(|c| !fine(*c)) {
        return Err(UrlError::Host(bad));
    }
    let port = match port {
        None => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(
            digits
                .parse()
                .map_err(|_| UrlError::Port(digits.to_owned()))?,
        ),
        Some(other) => return Err(UrlError::Port(other.to_owned())),
    };
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_which_namespace() {
        let cases = [
            (
                "ws://127.0.0.1:7666",
                "127.0.0.1",
                7666,
                Security::Plain,
                None,
            ),
            ("http://localhost", "localhost", 80, Security::Plain, None),
            (
                "https://hub.example/",
                "hub.example",
                443,
                Security::Tls,
                None,
            ),
            ("wss://h:1/admin", "h", 1, Security::Tls, Some("/admin")),
            ("wss://h:1/admin/", "h", 1, Security::Tls, Some("/admin")),
            ("WS://[::1]:9/a/b", "::1", 9, Security::Plain, Some("/a/b")),
        ];
        for (text, host, port, security, namespace) in cases {
            let url = HubUrl::parse(text).unwrap();
            let expected = Endpoint::Tcp {
                host: host.to_owned(),
                port,
                security,
            };
            assert_eq!(url.endpoint(), &expected, "{text}");
            assert_eq!(url.namespace().map(Namespace::as_str), namespace, "{text}");
        }
        for (text, path) in [
            ("unix:/run/hub.sock", "/run/hub.sock"),
            ("unix:///run/hub.sock", "/run/hub.sock"),
            ("unix:hub.sock", "hub.sock"),
        ] {
            let url = HubUrl::parse(text).unwrap();
            assert_eq!(url.endpoint(), &Endpoint::Unix(path.into()), "{text}");
        }
    }

    #[test]
    fn the_upgrade_goes_to_socket_io() {
        for (text, uri) in [
            (
                "http://h:80/ns",
                "ws://h/socket.io/?EIO=4&transport=websocket",
            ),
            (
                "wss://h:80",
                "wss://h:80/socket.io/?EIO=4&transport=websocket",
            ),
            (
                "ws://[::1]:7",
                "ws://[::1]:7/socket.io/?EIO=4&transport=websocket",
            ),
            (
                "unix:/x",
                "ws://localhost/socket.io/?EIO=4&transport=websocket",
            ),
        ] {
            let url = HubUrl::parse(text).unwrap();
            assert_eq!(url.upgrade_uri(&DialOptions::default()), uri, "{text}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused_with_its_reason() {
        for (text, error) in [
            ("127.0.0.1:7666", UrlError::Scheme),
            ("ftp://h", UrlError::Scheme),
            ("ws://", UrlError::NoHost),
            ("ws://:1", UrlError::NoHost),
            ("ws://h:x", UrlError::Port("x".into())),
            ("ws://h:", UrlError::Port(String::new())),
            ("ws://h:+1", UrlError::Port("+1".into())),
            ("ws://h:65536", UrlError::Port("65536".into())),
            ("ws://u:p@h", UrlError::Credentials),
            ("ws://h/?x=1", UrlError::Behind('?')),
            ("ws://::1:7", UrlError::Ipv6),
            ("ws://[::1", UrlError::Ipv6),
            ("ws://[::1]x", UrlError::Ipv6),
            ("ws://a b", UrlError::Host(' ')),
            ("unix:", UrlError::NoPath),
        ] {
            assert_eq!(HubUrl::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn messages_call_the_hub_as_it_was_typed() {
        assert_eq!(
            HubUrl::parse("ws://h:1/ns").unwrap().to_string(),
            "ws://h:1"
        );
    }
}
