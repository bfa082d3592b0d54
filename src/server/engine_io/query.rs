//! The query parameters of an Engine.IO request.

use super::error::EngineRequestError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportName {
    Polling,
    WebSocket,
}

#[derive(Clone, Copy)]
pub struct EngineQuery<'a>(pub &'a str);

impl<'a> EngineQuery<'a> {
    /// Not percent-decoded: the values that we accept have no escapes.
    pub fn parameter(self, name: &str) -> Option<&'a str> {
        let mut pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    pub fn transport(self) -> Result<TransportName, EngineRequestError> {
        match self.parameter("transport") {
            Some("polling") => Ok(TransportName::Polling),
            Some("websocket") => Ok(TransportName::WebSocket),
            _ => Err(EngineRequestError::UnknownTransport),
        }
    }
}
