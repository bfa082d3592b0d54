//! Engine.IO's requests (protocol v4, "HTTP long-polling" and "WebSocket"): handshakes, GETs and POSTs of polling
//! sessions, and the upgrade to WebSocket.
//!
//! Who may come in at all was decided before. What the packets hold is the session's affair.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode};
use tokio_tungstenite::tungstenite::Bytes;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::http::{Answer, Site, Upgrades, plain};
use super::origin::Refused;
use super::polling::door::{Door, Posting, Probe, Rejected};
use super::site::body::Body;
use crate::hub::peer::{Peer, PeerAddress};
use crate::limits;
use crate::session::engine::params::{EngineMode, SessionParams};
use crate::session::engine::transport::Transport;
use crate::session::services;

/// A session that is to be run.
pub struct Newcomer {
    pub transport: Box<dyn Transport>,
    pub opening: SessionParams,
}

/// What a connection becomes when it is upgraded.
pub enum Purpose {
    Session(EngineMode),
    Probe(Probe),
    /// A session that has a WebSocket already: closed, which is what its client understands.
    Nothing,
}

/// Why a request is refused. Codes 0 to 5 are Engine.IO's ("Transport errors" of the reference server).
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    Forbidden(#[from] Refused),
    #[error("Transport unknown")]
    Transport,
    #[error("Session ID unknown")]
    Session,
    #[error("Bad handshake method")]
    Method,
    #[error("Bad request")]
    BadRequest,
    #[error(
        "Unsupported protocol version: this hub speaks EIO=4, which is socket.io-client 3 and 4"
    )]
    Version,
    #[error(
        "the body is longer than maxPayload, which is {max_payload} bytes here (binary data grows by a third as base64); \
         send it by WebSocket, or start the hub with a larger --max-payload"
    )]
    TooLarge { max_payload: usize },
    #[error("this hub has no room for another connection")]
    Full,
}

impl Refusal {
    pub fn into_answer(self) -> Answer {
        let bad = StatusCode::BAD_REQUEST;
        let (status, code) = match self {
            Self::Full => return plain(StatusCode::SERVICE_UNAVAILABLE, &self.to_string()),
            Self::Transport => (bad, 0),
            Self::Session => (bad, 1),
            Self::Method => (bad, 2),
            Self::BadRequest => (bad, 3),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, 4),
            Self::Version => (bad, 5),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, 3),
        };
        let mut body = serde_json::json!({"code": code, "message": self.to_string()});
        if let Self::TooLarge { max_payload } = self {
            body["maxPayload"] = max_payload.into();
        }
        let mut answer = plain(status, &body.to_string());
        answer
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer
    }
}

impl From<Rejected> for Refusal {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Unknown => Self::Session,
            Rejected::Misplaced => Self::BadRequest,
        }
    }
}

/// Answers a request at a path where Engine.IO is spoken.
pub async fn answer(
    site: &Site,
    request: Request<Incoming>,
    mode: EngineMode,
    upgrades: &Upgrades,
) -> Result<Answer, Refusal> {
    let query = Query(request.uri().query().unwrap_or_default());
    match query.parameter("sid").filter(|sid| !sid.is_empty()) {
        None => handshake(site, request, mode, upgrades).await,
        Some(sid) => {
            let transport = query.transport()?;
            let door = site.doors.find(sid).filter(|door| door.mode == mode);
            let door = door.ok_or(Refusal::Session)?;
            exchange(site, request, transport, door, upgrades).await
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TransportName {
    Polling,
    WebSocket,
}

#[derive(Clone, Copy)]
struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// None of those looked at has anything to decode.
    fn parameter(self, name: &str) -> Option<&'a str> {
        let mut pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    fn transport(self) -> Result<TransportName, Refusal> {
        match self.parameter("transport") {
            Some("polling") => Ok(TransportName::Polling),
            Some("websocket") => Ok(TransportName::WebSocket),
            _ => Err(Refusal::Transport),
        }
    }
}

/// A request without a sid begins a session.
async fn handshake(
    site: &Site,
    mut request: Request<Incoming>,
    mode: EngineMode,
    upgrades: &Upgrades,
) -> Result<Answer, Refusal> {
    let query = Query(request.uri().query().unwrap_or_default());
    if query.parameter("EIO") != Some("4") {
        return Err(Refusal::Version);
    }
    let transport = query.transport()?;
    if request.method() != Method::GET {
        return Err(Refusal::Method);
    }
    if transport == TransportName::WebSocket {
        let switching = switching(request.headers())?;
        upgrades.put(hyper::upgrade::on(&mut request), Purpose::Session(mode));
        return Ok(switching);
    }
    let address = request.extensions().get::<PeerAddress>();
    let peer = Arc::new(Peer::polling(address.copied().unwrap_or_default()));
    let (sid, door, transport) = site.doors.open(mode, &peer);
    // It is the first GET.
    let waiting = door.get()?;
    let opening = SessionParams {
        sid: (*sid).to_owned(),
        upgrades: &["websocket"],
        mode,
        peer,
    };
    let newcomer = Newcomer {
        transport: Box::new(transport),
        opening,
    };
    // The hub is ending, or has as many as it holds.
    let begun = site.newcomers.send(newcomer).await;
    begun.map_err(|_| Refusal::Full)?;
    match waiting.answer().await {
        Ok(payload) => Ok(polled(payload)),
        Err(_) => Err(Refusal::Full),
    }
}

/// A request of a session.
async fn exchange(
    site: &Site,
    mut request: Request<Incoming>,
    transport: TransportName,
    door: Arc<Door>,
    upgrades: &Upgrades,
) -> Result<Answer, Refusal> {
    match (transport, request.method()) {
        (TransportName::WebSocket, _) => {
            let switching = switching(request.headers())?;
            let purpose = door.probe()?.map_or(Purpose::Nothing, Purpose::Probe);
            upgrades.put(hyper::upgrade::on(&mut request), purpose);
            Ok(switching)
        }
        (TransportName::Polling, &Method::GET) => Ok(polled(door.get()?.answer().await?)),
        (TransportName::Polling, &Method::POST) => {
            // In this version binary data travels as base64, in text.
            if text(request.headers(), CONTENT_TYPE) == Some("application/octet-stream") {
                door.refuse("a binary POST");
                return Err(Refusal::BadRequest);
            }
            let mut posting = door.post()?;
            let max_payload = site.services.settings.max_payload;
            let body = match read(request.into_body(), max_payload, &mut posting).await {
                Ok(body) => body,
                Err(Refusal::TooLarge { max_payload }) => {
                    posting.withdraw();
                    return Err(Refusal::TooLarge { max_payload });
                }
                Err(refusal) => return Err(refusal),
            };
            posting.submit(body).await?;
            // The reference's answer: some browsers offer text/plain for download.
            Ok(text_answer("text/html", "ok".to_owned()))
        }
        (TransportName::Polling, _) => Err(Refusal::BadRequest),
    }
}

/// The body, for as long as its session lasts.
async fn read(
    mut body: Incoming,
    max_payload: usize,
    posting: &mut Posting,
) -> Result<Bytes, Refusal> {
    let announced = body.size_hint().lower();
    let mut too_large = announced > max_payload as u64;
    let mut whole = Vec::new();
    let mut dropped = 0;
    loop {
        // Cancel-safe: a frame that is ready is not lost.
        let frame = tokio::select! {
            frame = body.frame() => frame,
            rejected = posting.ended() => return Err(rejected.into()),
        };
        let Some(frame) = frame else { break };
        // A body that breaks off is a connection that does.
        let Ok(data) = frame
            .map_err(|_| ())
            .and_then(|frame| frame.into_data().map_err(|_| ()))
        else {
            return Err(Refusal::BadRequest);
        };
        too_large |= whole.len() + data.len() > max_payload;
        if too_large {
            whole = Vec::new();
            dropped += data.len();
            if dropped > limits::DROPPED_BYTES {
                break;
            }
        } else {
            whole.extend_from_slice(&data);
        }
    }
    if too_large {
        Err(Refusal::TooLarge { max_payload })
    } else {
        Ok(whole.into())
    }
}

fn polled(payload: String) -> Answer {
    text_answer("text/plain; charset=UTF-8", payload)
}

fn text_answer(content_type: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Body::from(text));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The 101 that upgrades a request, if it may be upgraded.
fn switching(headers: &HeaderMap) -> Result<Answer, Refusal> {
    let upgrades =
        text(headers, UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    let version = text(headers, SEC_WEBSOCKET_VERSION) == Some("13");
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .filter(|_| upgrades && version)
        .ok_or(Refusal::BadRequest)?;
    let accept = derive_accept_key(key.as_bytes());
    let mut answer = Response::new(Body::Empty);
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(
        SEC_WEBSOCKET_ACCEPT,
        HeaderValue::from_str(&accept).map_err(|_| Refusal::BadRequest)?,
    );
    Ok(answer)
}

/// A WebSocket that begins a session of its own.
pub fn newcomer(transport: Box<dyn Transport>, mode: EngineMode, address: PeerAddress) -> Newcomer {
    let opening = SessionParams {
        sid: services::random_id(),
        upgrades: &[],
        mode,
        peer: Arc::new(Peer::websocket(address)),
    };
    Newcomer { transport, opening }
}

pub fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    // A header that is not text is none that would be admitted.
    headers
        .get(name)
        .map(|value| value.to_str().unwrap_or("\u{fffd}"))
}
