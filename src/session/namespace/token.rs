//! An access token.

use std::sync::Arc;

use subtle::ConstantTimeEq as _;

/// The secret of `--token-file` or of a namespace. Never printed, and compared in constant time.
#[derive(Clone)]
pub struct Token(Arc<str>);

impl Token {
    /// `None` for an empty text: an empty secret keeps nobody out.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    pub fn matches(&self, offered: &str) -> bool {
        self.0.as_bytes().ct_eq(offered.as_bytes()).into()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_matches_only_itself() {
        let token = Token::new("secret").unwrap();
        assert!(token.matches("secret"));
        for wrong in ["", "secre", "secrets", "Secret"] {
            assert!(!token.matches(wrong), "{wrong}");
        }
        assert!(Token::new("").is_none());
        assert_eq!(format!("{token:?}"), "Token(…)");
    }
}
