//! What a server may want beyond its URL: another path, a query, headers, and more in CONNECT's auth object.
//!
//! Parsed where it is typed; what parses can be sent. Values may be secrets: nothing here prints them.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderName, HeaderValue};

use super::Target;

/// How the connection is asked for.
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
            push_encoded(&mut resource, name);
            resource.push('=');
            push_encoded(&mut resource, value);
        }
        resource
    }

    /// A name that stands there already (Host, say) has its value replaced; otherwise headers of one name add up.
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
    #[error("a query is NAME=VALUE")]
    NoValue,
    #[error("EIO, transport and sid are Engine.IO's own")]
    OwnParameter,
    #[error("a header is 'Name: value'")]
    NoColon,
    #[error("this is no name of a header")]
    HeaderName,
    #[error("a header's value cannot contain control characters")]
    HeaderValue,
    #[error("this header is the WebSocket handshake's own")]
    OwnHeader,
    #[error("auth is a JSON object, as in {{\"token\": \"x\"}}, or @FILE with one in it")]
    Auth,
}

/// Where Engine.IO listens: begins and ends with a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnginePath(String);

impl EnginePath {
    pub fn parse(text: &str) -> Result<Self, OptionError> {
        if !text.starts_with('/') {
            return Err(OptionError::NoSlash);
        }
        // What a path may hold as it is (RFC 3986, "Path"); a percent sign is taken for the start of an escape.
        let fine = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:@".contains(c);
        if let Some(bad) = text.chars().find(|c| !fine(*c)) {
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

/// A parameter of the query, not yet encoded.
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
        let own = name.as_str().starts_with("sec-websocket-");
        if own || matches!(name.as_str(), "connection" | "upgrade") {
            return Err(OptionError::OwnHeader);
        }
        // The constructor takes text that is no ASCII too, as HTTP does.
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

/// Members of CONNECT's auth object, beside those that roomcat has flags for.
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

    /// The same for a connection that speaks under its name and holds nothing of it: it may listen while another listener
    /// holds the name, and no cursor moves.
    pub fn as_guest(mut self) -> Self {
        let yes = RawValue::from_string("true".to_owned()).expect("true is JSON");
        self.members.insert("guest".to_owned(), yes);
        self
    }

    /// What a roomcat hub is sent: who, the token, and that its protocol is spoken.
    pub(super) fn roomcat(&self, target: &Target) -> String {
        self.object(target, &[("roomcat", "1".to_owned())])
            .unwrap_or_default()
    }

    /// What any server is sent; None when there is nothing to say. Of the session to recover what the user did not give: as
    /// in the reference's client, that is what counts.
    pub(super) fn plain(&self, target: &Target, resume: &[(&str, String)]) -> Option<String> {
        let given = |key: &str| self.members.contains_key(key);
        let resume = resume.iter().filter(|(key, _)| !given(key)).cloned();
        self.object(target, &resume.collect::<Vec<_>>())
    }

    fn object(&self, target: &Target, more: &[(&str, String)]) -> Option<String> {
        let quoted = |text: &str| serde_json::to_string(text).expect("a string is JSON");
        let name = target.name.as_ref().map(|name| quoted(name.as_str()));
        let token = target.token.as_deref().map(quoted);
        let named = [("as", name), ("token", token)];
        let named = named
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        let set: Vec<(&str, String)> = named.chain(more.iter().cloned()).collect();
        let given = self.members.iter();
        let given = given.filter(|(key, _)| !set.iter().any(|(ours, _)| ours == key));
        let given = given.map(|(key, value)| format!("{}:{}", quoted(key), value.get()));
        let ours = set.iter().map(|(key, value)| format!("\"{key}\":{value}"));
        let members: Vec<String> = ours.chain(given).collect();
        (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
    }
}

impl fmt::Debug for AuthFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.members.keys()).finish()
    }
}

/// As `encodeURIComponent` does it.
fn push_encoded(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{ClientName, Namespace};
    use crate::client::HubUrl;

    #[test]
    fn a_query_is_encoded_behind_engine_io_s_own() {
        let dialing = DialOptions {
            path: EnginePath::parse("/chat/engine").unwrap(),
            query: ["a=b c&d", "ü==", "empty="]
                .map(|text| QueryParameter::parse(text).unwrap())
                .to_vec(),
            headers: Vec::new(),
        };
        assert_eq!(
            dialing.resource(),
            "/chat/engine/?EIO=4&transport=websocket&a=b%20c%26d&%C3%BC=%3D&empty="
        );
        assert_eq!(
            DialOptions::default().resource(),
            "/socket.io/?EIO=4&transport=websocket"
        );
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
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
        let dialing = DialOptions {
            path: EnginePath::default(),
            query: vec![QueryParameter::parse("key=secret").unwrap()],
            headers: vec![HttpHeader::parse("Authorization: Bearer secret").unwrap()],
        };
        let auth = AuthFields::parse(r#"{"password":"secret"}"#).unwrap();
        assert!(!format!("{dialing:?} {auth:?}").contains("secret"));
    }

    #[test]
    fn headers_replace_what_stands_there_and_add_up() {
        let header = |text| HttpHeader::parse(text).unwrap();
        let dialing = DialOptions {
            headers: vec![header("host: example"), header("X-A: 1"), header("x-a: 2")],
            ..DialOptions::default()
        };
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("127.0.0.1"));
        dialing.put_headers(&mut headers);
        assert_eq!(headers.get_all("host").iter().count(), 1);
        assert_eq!(headers["host"], "example");
        assert_eq!(headers.get_all("x-a").iter().count(), 2);
    }

    #[test]
    fn flags_come_before_what_auth_says() {
        let target = |name: Option<&str>, token: Option<&str>| Target {
            url: HubUrl::parse("ws://h").unwrap(),
            namespace: Namespace::root(),
            name: name.map(|name| ClientName::parse(name).unwrap()),
            token: token.map(str::to_owned),
            dial: DialOptions::default(),
            auth: AuthFields::default(),
            trace: None,
        };
        let auth = AuthFields::parse(r#"{"token":"theirs","n":1e400,"roomcat":7}"#).unwrap();
        assert_eq!(
            auth.roomcat(&target(Some("alice"), Some("ours"))),
            r#"{"as":"alice","token":"ours","roomcat":1,"n":1e400}"#
        );
        let nobody = target(None, None);
        assert_eq!(
            auth.plain(&nobody, &[]).unwrap(),
            r#"{"n":1e400,"roomcat":7,"token":"theirs"}"#
        );
        let resume = [("pid", "1".to_owned()), ("n", "2".to_owned())];
        assert_eq!(
            auth.plain(&nobody, &resume).unwrap(),
            r#"{"pid":1,"n":1e400,"roomcat":7,"token":"theirs"}"#
        );
        assert_eq!(AuthFields::default().plain(&nobody, &[]), None);
        assert_eq!(AuthFields::default().roomcat(&nobody), r#"{"roomcat":1}"#);
    }
}
