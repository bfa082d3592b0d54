//! What a server may need besides its URL: another path, a query, headers, and further members of CONNECT's auth
//! object.
//!
//! The command line parses these options. Every parsed value can be sent. Values may be secrets: nothing here prints
//! them.

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderName, HeaderValue};

/// The characters that `encodeURIComponent` escapes.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Options of the WebSocket upgrade request.
#[derive(Debug, Clone, Default)]
pub struct DialOptions {
    pub path: EnginePath,
    pub query: Vec<QueryParameter>,
    pub headers: Vec<HttpHeader>,
}

impl DialOptions {
    /// The path and query of the WebSocket upgrade (Engine.IO protocol v4, "WebSocket").
    pub(super) fn resource(&self) -> String {
        let mut resource = format!("{}?EIO=4&transport=websocket", self.path.0);
        for QueryParameter { name, value } in &self.query {
            resource.push('&');
            resource.extend(utf8_percent_encode(name, ESCAPED));
            resource.push('=');
            resource.extend(utf8_percent_encode(value, ESCAPED));
        }
        resource
    }

    /// Replaces headers that are there already (Host, say). Several options of one name add up.
    pub(super) fn put_headers(&self, headers: &mut HeaderMap) {
        for header in &self.headers {
            headers.remove(&header.name);
        }
        for HttpHeader { name, value } in &self.headers {
            headers.append(name, value.clone());
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    #[error("a path begins with /, as in /socket.io/")]
    NoSlash,
    #[error("a path cannot contain {0:?}")]
    InPath(char),
    #[error("a query parameter is NAME=VALUE")]
    NoValue,
    #[error("EIO, transport and sid are set by Engine.IO itself")]
    OwnParameter,
    #[error("a header is 'Name: value'")]
    NoColon,
    #[error("this is not a header name")]
    HeaderName,
    #[error("a header's value cannot contain control characters")]
    HeaderValue,
    #[error("the WebSocket handshake sets this header itself")]
    OwnHeader,
    #[error("auth is a JSON object, as in {{\"token\": \"x\"}}, or @FILE with one in it")]
    Auth,
}

/// The path of Engine.IO. Begins and ends with a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnginePath(String);

impl EnginePath {
    pub fn parse(text: &str) -> Result<Self, OptionError> {
        if !text.starts_with('/') {
            return Err(OptionError::NoSlash);
        }
        // The characters of a path (RFC 3986, "Path"); a percent sign is taken for the start of an escape.
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:@".contains(c);
        if let Some(bad) = text.chars().find(|c| !is_allowed(*c)) {
            return Err(OptionError::InPath(bad));
        }
        Ok(Self(format!("{}/", text.trim_end_matches('/'))))
    }
}

impl fmt::Display for EnginePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Default for EnginePath {
    fn default() -> Self {
        Self("/socket.io/".to_owned())
    }
}

/// A query parameter, not yet percent-encoded.
#[derive(Clone, PartialEq, Eq)]
pub struct QueryParameter {
    name: String,
    value: String,
}

impl QueryParameter {
    pub fn parse(text: &str) -> Result<Self, OptionError> {
        let (name, value) = text.split_once('=').ok_or(OptionError::NoValue)?;
        match name {
            "" => Err(OptionError::NoValue),
            "EIO" | "transport" | "sid" => Err(OptionError::OwnParameter),
            _ => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for QueryParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=…", self.name)
    }
}

/// A header of the upgrade request.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpHeader {
    name: HeaderName,
    value: HeaderValue,
}

impl HttpHeader {
    pub fn parse(text: &str) -> Result<Self, OptionError> {
        let (name, value) = text.split_once(':').ok_or(OptionError::NoColon)?;
        let name: HeaderName = name.trim().parse().map_err(|_| OptionError::HeaderName)?;
        let is_own = name.as_str().starts_with("sec-websocket-");
        if is_own || matches!(name.as_str(), "connection" | "upgrade") {
            return Err(OptionError::OwnHeader);
        }
        // This constructor accepts non-ASCII text, as HTTP does.
        let value = HeaderValue::from_bytes(value.trim().as_bytes());
        let mut value = value.map_err(|_| OptionError::HeaderValue)?;
        value.set_sensitive(true);
        Ok(Self { name, value })
    }

    /// In lower case.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }
}

impl fmt::Debug for HttpHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: …", self.name)
    }
}

/// Members of CONNECT's auth object besides those that roomcat has flags for.
#[derive(Clone, Default)]
pub struct AuthFields {
    members: BTreeMap<String, Box<RawValue>>,
}

impl AuthFields {
    pub fn parse(json: &str) -> Result<Self, OptionError> {
        match serde_json::from_str(json) {
            Ok(members) => Ok(Self { members }),
            Err(_) => Err(OptionError::Auth),
        }
    }

    /// Asks to publish under the client name without holding it: another socket may hold the name, and no cursor moves.
    pub fn without_identity(mut self) -> Self {
        let value = RawValue::from_string("true".to_owned()).expect("true is JSON");
        self.members.insert("guest".to_owned(), value);
        self
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.members.contains_key(key)
    }

    /// A JSON object of `fields` (their values are JSON) and, after them, the members with other keys. None when it
    /// would be empty.
    pub(super) fn object(&self, fields: &[(&str, String)]) -> Option<String> {
        let set = |key: &str| fields.iter().any(|(field, _)| *field == key);
        let fields = fields
            .iter()
            .map(|(key, value)| format!("\"{key}\":{value}"));
        let others = self.members.iter().filter(|(key, _)| !set(key));
        let others = others.map(|(key, value)| {
            let key = serde_json::to_string(key).expect("a string is JSON");
            format!("{key}:{}", value.get())
        });
        let members: Vec<String> = fields.chain(others).collect();
        (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
    }
}

impl fmt::Debug for AuthFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.members.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_parameters_are_encoded_after_those_of_engine_io() {
        let options = DialOptions {
            path: EnginePath::parse("/chat/engine").unwrap(),
            query: ["a=b c&d", "ü==", "empty="]
                .map(|text| QueryParameter::parse(text).unwrap())
                .to_vec(),
            headers: Vec::new(),
        };
        assert_eq!(
            options.resource(),
            "/chat/engine/?EIO=4&transport=websocket&a=b%20c%26d&%C3%BC=%3D&empty="
        );
        assert_eq!(
            DialOptions::default().resource(),
            "/socket.io/?EIO=4&transport=websocket"
        );
    }

    #[test]
    fn invalid_options_are_refused() {
        for (text, error) in [
            ("socket.io", OptionError::NoSlash),
            ("/a b", OptionError::InPath(' ')),
            ("/a?b", OptionError::InPath('?')),
        ] {
            assert_eq!(EnginePath::parse(text), Err(error), "{text}");
        }
        for (text, error) in [
            ("novalue", OptionError::NoValue),
            ("=x", OptionError::NoValue),
            ("EIO=3", OptionError::OwnParameter),
            ("sid=x", OptionError::OwnParameter),
        ] {
            assert_eq!(QueryParameter::parse(text), Err(error), "{text}");
        }
        for (text, error) in [
            ("novalue", OptionError::NoColon),
            ("a b: c", OptionError::HeaderName),
            ("a: b\r\nc: d", OptionError::HeaderValue),
            ("Upgrade: h2c", OptionError::OwnHeader),
            ("Sec-WebSocket-Key: x", OptionError::OwnHeader),
        ] {
            assert_eq!(HttpHeader::parse(text), Err(error), "{text}");
        }
        for text in ["", "[]", "\"x\"", "{\"a\":}", "1"] {
            assert!(AuthFields::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_here_prints_a_secret() {
        let options = DialOptions {
            path: EnginePath::default(),
            query: vec![QueryParameter::parse("key=secret").unwrap()],
            headers: vec![HttpHeader::parse("Authorization: Bearer secret").unwrap()],
        };
        let auth = AuthFields::parse(r#"{"password":"secret"}"#).unwrap();
        assert!(!format!("{options:?} {auth:?}").contains("secret"));
    }

    #[test]
    fn headers_replace_those_of_the_handshake_and_add_up() {
        let header = |text| HttpHeader::parse(text).unwrap();
        let options = DialOptions {
            headers: vec![header("host: example"), header("X-A: 1"), header("x-a: 2")],
            ..DialOptions::default()
        };
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("127.0.0.1"));
        options.put_headers(&mut headers);
        assert_eq!(headers.get_all("host").iter().count(), 1);
        assert_eq!(headers["host"], "example");
        assert_eq!(headers.get_all("x-a").iter().count(), 2);
    }
}
