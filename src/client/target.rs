//! The server to connect to, and the identity to use.

use std::sync::Arc;

use super::dial_options::{AuthFields, DialOptions};
use super::url::HubUrl;
use crate::address::{ClientName, Namespace};
use crate::wire::explain::TraceSink;

#[derive(Clone)]
pub struct Target {
    pub url: HubUrl,
    pub namespace: Namespace,
    pub name: Option<ClientName>,
    /// Sent to the hub; never printed.
    pub token: Option<String>,
    pub dial: DialOptions,
    /// Further members of CONNECT's auth object.
    pub auth: AuthFields,
    /// Receives every frame.
    pub trace: Option<Arc<dyn TraceSink>>,
}

impl Target {
    /// The auth object for a roomcat hub.
    pub(super) fn hub_auth(&self) -> String {
        let fields = [("roomcat", "1".to_owned())];
        self.auth_object(&fields).unwrap_or_default()
    }

    /// The auth object for any server; None when it would be empty. A member of `recovery` that the user also set is
    /// left out, as in Socket.IO's client.
    pub(super) fn plain_auth(&self, recovery: &[(&'static str, String)]) -> Option<String> {
        let recovery = recovery.iter().filter(|(key, _)| !self.auth.contains(key));
        self.auth_object(&recovery.cloned().collect::<Vec<_>>())
    }

    fn auth_object(&self, more: &[(&'static str, String)]) -> Option<String> {
        let quote = |text: &str| serde_json::to_string(text).expect("a string is JSON");
        let name = self.name.as_ref().map(|name| quote(name.as_str()));
        let named = [("as", name), ("token", self.token.as_deref().map(quote))];
        let named = named
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        self.auth
            .object(&named.chain(more.iter().cloned()).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_take_precedence_over_auth() {
        let auth = r#"{"token":"theirs","n":1e400,"roomcat":7}"#;
        let target = |name: Option<&str>, token: Option<&str>, auth: &str| Target {
            url: HubUrl::parse("ws://h").unwrap(),
            namespace: Namespace::root(),
            name: name.map(|name| ClientName::parse(name).unwrap()),
            token: token.map(str::to_owned),
            dial: DialOptions::default(),
            auth: AuthFields::parse(auth).unwrap(),
            trace: None,
        };
        assert_eq!(
            target(Some("alice"), Some("ours"), auth).hub_auth(),
            r#"{"as":"alice","token":"ours","roomcat":1,"n":1e400}"#
        );
        let nobody = target(None, None, auth);
        assert_eq!(
            nobody.plain_auth(&[]).unwrap(),
            r#"{"n":1e400,"roomcat":7,"token":"theirs"}"#
        );
        let recovery = [("pid", "1".to_owned()), ("n", "2".to_owned())];
        assert_eq!(
            nobody.plain_auth(&recovery).unwrap(),
            r#"{"pid":1,"n":1e400,"roomcat":7,"token":"theirs"}"#
        );
        assert_eq!(target(None, None, "{}").plain_auth(&[]), None);
        assert_eq!(target(None, None, "{}").hub_auth(), r#"{"roomcat":1}"#);
    }
}
