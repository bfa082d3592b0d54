//! The hub's URL as typed: where to connect, and the namespace in its path. Does not resolve names.

use std::fmt;
use std::path::{Path, PathBuf};

use super::dial_options::DialOptions;
use crate::address::{NameError, Namespace};

/// `ws://host:port/namespace`, the same with `wss`, `http` or `https`, or `unix:/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubUrl {
    endpoint: Endpoint,
    /// The URL as typed, without the path. Messages to people show the hub by it.
    shown: String,
    namespace: Option<Namespace>,
}

/// Where to connect.
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
    #[error("the URL has no host")]
    NoHost,
    #[error("a host name cannot contain {0:?}")]
    Host(char),
    #[error("write an IPv6 address in brackets, as in ws://[::1]:7666")]
    Ipv6,
    #[error("{0:?} is not a port")]
    Port(String),
    #[error("a hub's URL cannot contain a user or password; give a token with --token-file")]
    Credentials,
    #[error("a hub's URL ends with its path; {0:?} cannot be in it")]
    AfterPath(char),
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
            return Err(UrlError::AfterPath(found));
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
            // A trailing slash does not change the namespace.
            namespace: match path.trim_end_matches('/') {
                "" => None,
                path => Some(Namespace::parse(path)?),
            },
        })
    }

    fn unix(text: &str, path: &str) -> Result<Self, UrlError> {
        // Other programs write `unix:///path`.
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
    pub fn upgrade_uri(&self, options: &DialOptions) -> String {
        let resource = options.resource();
        match &self.endpoint {
            Endpoint::Unix(_) => format!("ws://localhost{resource}"),
            Endpoint::Tcp {
                host,
                port,
                security,
            } => {
                let (scheme, default_port) = match security {
                    Security::Plain => ("ws", 80),
                    Security::Tls => ("wss", 443),
                };
                let host = if host.contains(':') {
                    format!("[{host}]")
                } else {
                    host.clone()
                };
                // Like a browser, leave the scheme's default port out of the Host header: the hub compares it with the Origin.
                if *port == default_port {
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
        let (host, rest) = inside.split_once(']').ok_or(UrlError::Ipv6)?;
        host.parse::<std::net::Ipv6Addr>()
            .map_err(|_| UrlError::Ipv6)?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
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
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    if let Some(bad) = host.chars().find(|c| !is_allowed(*c)) {
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
    fn a_url_has_an_endpoint_and_a_namespace() {
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
    fn an_invalid_url_is_refused_with_its_reason() {
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
            ("ws://h/?x=1", UrlError::AfterPath('?')),
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
    fn a_url_is_shown_as_it_was_typed() {
        assert_eq!(
            HubUrl::parse("ws://h:1/ns").unwrap().to_string(),
            "ws://h:1"
        );
    }
}
