//! Engine.IO requests (protocol v4, "HTTP long-polling" and "WebSocket"): handshakes, the GETs and POSTs of polling
//! sessions, and the upgrade to WebSocket.
//!
//! The caller has checked Host and Origin. The session handles the packets.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response};

use super::error::EngineRequestError;
use super::query::{EngineQuery, TransportName};
use super::request_body;
use crate::hub::peer::{Peer, PeerAddress};
use crate::server::app_state::{AppState, NewSession};
use crate::server::polling::session::PollingSession;
use crate::server::polling::transport::PollingTransport;
use crate::server::response::{HttpResponse, header_text};
use crate::server::response_body::ResponseBody;
use crate::server::websocket::handshake::{UpgradePurpose, UpgradeSlot, switching_protocols};
use crate::session::engine::params::{EngineMode, SessionParams};

/// Answers a request at an Engine.IO path.
pub async fn respond(
    state: &AppState,
    request: Request<Incoming>,
    mode: EngineMode,
    slot: &UpgradeSlot,
) -> Result<HttpResponse, EngineRequestError> {
    let query = EngineQuery(request.uri().query().unwrap_or_default());
    match query.parameter("sid").filter(|sid| !sid.is_empty()) {
        None => handshake(state, request, mode, slot).await,
        Some(sid) => {
            let transport = query.transport()?;
            let session = state.polling_sessions.find(sid);
            let session = session
                .filter(|session| session.mode == mode)
                .ok_or(EngineRequestError::UnknownSession)?;
            exchange(state, request, transport, session, slot).await
        }
    }
}

/// A request without a sid opens a session.
async fn handshake(
    state: &AppState,
    mut request: Request<Incoming>,
    mode: EngineMode,
    slot: &UpgradeSlot,
) -> Result<HttpResponse, EngineRequestError> {
    let query = EngineQuery(request.uri().query().unwrap_or_default());
    if query.parameter("EIO") != Some("4") {
        return Err(EngineRequestError::Version);
    }
    let transport = query.transport()?;
    if request.method() != Method::GET {
        return Err(EngineRequestError::HandshakeMethod);
    }
    if transport == TransportName::WebSocket {
        return upgrade(&mut request, slot, || Ok(UpgradePurpose::NewSession(mode)));
    }
    let address = request.extensions().get::<PeerAddress>();
    let peer = Arc::new(Peer::polling(address.copied().unwrap_or_default()));
    let (sid, session, transport) = PollingTransport::open(&state.polling_sessions, mode, &peer);
    // The handshake is the session's first GET.
    let get = session.get()?;
    let new_session = NewSession {
        transport: Box::new(transport),
        params: SessionParams {
            sid: (*sid).to_owned(),
            upgrades: &["websocket"],
            mode,
            peer,
        },
    };
    // Both fail if the hub is shutting down or has as many sessions as it takes.
    let sent = state.new_sessions.send(new_session).await;
    sent.map_err(|_| EngineRequestError::Full)?;
    let payload = get.response().await.map_err(|_| EngineRequestError::Full)?;
    Ok(payload_response(payload))
}

/// A request of an open session.
async fn exchange(
    state: &AppState,
    mut request: Request<Incoming>,
    transport: TransportName,
    session: Arc<PollingSession>,
    slot: &UpgradeSlot,
) -> Result<HttpResponse, EngineRequestError> {
    match (transport, request.method()) {
        (TransportName::WebSocket, _) => upgrade(&mut request, slot, || {
            let probe = session.probe()?;
            Ok(probe.map_or(UpgradePurpose::Close, UpgradePurpose::Probe))
        }),
        (TransportName::Polling, &Method::GET) => {
            Ok(payload_response(session.get()?.response().await?))
        }
        (TransportName::Polling, &Method::POST) => {
            // In this protocol version binary data travels as base64, in text.
            if header_text(request.headers(), CONTENT_TYPE) == Some("application/octet-stream") {
                session.abort("a binary POST");
                return Err(EngineRequestError::BadRequest);
            }
            let mut post = session.post()?;
            let max_payload = state.services.settings.max_payload;
            match request_body::receive(request.into_body(), max_payload, &mut post).await {
                Ok(body) => post.submit(body).await?,
                Err(error) => {
                    if matches!(error, EngineRequestError::TooLarge { .. }) {
                        post.discard();
                    }
                    return Err(error);
                }
            }
            // As the reference answers: some browsers offer text/plain as a download.
            Ok(text_response("text/html", "ok".to_owned()))
        }
        (TransportName::Polling, _) => Err(EngineRequestError::BadRequest),
    }
}

fn upgrade(
    request: &mut Request<Incoming>,
    slot: &UpgradeSlot,
    purpose: impl FnOnce() -> Result<UpgradePurpose, EngineRequestError>,
) -> Result<HttpResponse, EngineRequestError> {
    let response = switching_protocols(request.headers()).ok_or(EngineRequestError::BadRequest)?;
    let purpose = purpose()?;
    slot.put(hyper::upgrade::on(request), purpose);
    Ok(response)
}

fn payload_response(payload: String) -> HttpResponse {
    text_response("text/plain; charset=UTF-8", payload)
}

fn text_response(content_type: &'static str, text: String) -> HttpResponse {
    let mut response = Response::new(ResponseBody::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
