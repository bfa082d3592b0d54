//! One frame of either transport, ready to be sent.

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// A text frame, which begins with its Engine.IO packet type, or a binary frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireFrame {
    Text(Utf8Bytes),
    Binary(Bytes),
}

impl WireFrame {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into().into())
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}
