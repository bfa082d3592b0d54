//! The opening handshake of WebSocket (RFC 6455, section 4.2), and the hand-over of the upgraded connection.

use hyper::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::OnUpgrade;
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::server::polling::session::UpgradeProbe;
use crate::server::response::{HttpResponse, header_text};
use crate::server::response_body::ResponseBody;
use crate::session::engine::params::EngineMode;

/// The purpose of a connection once it is upgraded.
pub enum UpgradePurpose {
    NewSession(EngineMode),
    /// It may replace the polling of a session.
    Probe(UpgradeProbe),
    /// Its session has a WebSocket already. The connection is closed, which its client understands.
    Close,
}

/// Where a request leaves the upgrade of its connection. A connection is upgraded once at most.
#[derive(Clone)]
pub struct UpgradeSlot(mpsc::Sender<(OnUpgrade, UpgradePurpose)>);

impl UpgradeSlot {
    pub fn new() -> (Self, mpsc::Receiver<(OnUpgrade, UpgradePurpose)>) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), receiver)
    }

    pub fn put(&self, upgrade: OnUpgrade, purpose: UpgradePurpose) {
        // There is room: nothing was put before.
        let _ = self.0.try_send((upgrade, purpose));
    }
}

/// The response with status 101, or `None` if the headers are not those of a WebSocket handshake.
pub fn switching_protocols(headers: &HeaderMap) -> Option<HttpResponse> {
    let upgrade = header_text(headers, UPGRADE)?;
    let version = header_text(headers, SEC_WEBSOCKET_VERSION)?;
    if !upgrade.eq_ignore_ascii_case("websocket") || version != "13" {
        return None;
    }
    let accept = derive_accept_key(headers.get(SEC_WEBSOCKET_KEY)?.as_bytes());
    let accept = HeaderValue::from_str(&accept).ok()?;
    let mut response = Response::new(ResponseBody::Empty);
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    Some(response)
}
