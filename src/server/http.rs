//! HTTP in front of the sessions: who may come in (Host, Origin), and the upgrade to WebSocket.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Bytes;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::bind::Connection;
use super::origin::{Hosts, Refused};
use super::site::body::Body;
use super::site::{Asked, Pages};
use super::websocket::WebSocket;
use crate::limits;
use crate::session::{self, services::Services};

type Answer = Response<Bytes>;

/// What serving a connection needs; shared by all.
pub struct Site {
    pub services: Arc<Services>,
    pub hosts: Hosts,
    pub pages: Pages,
    pub shutdown: watch::Receiver<bool>,
}

/// Serves one connection: HTTP until it is upgraded, then its session, to its end.
pub async fn serve(site: Arc<Site>, connection: Connection) {
    let (upgraded, mut upgrade) = tokio::sync::mpsc::channel(1);
    let (site, upgraded) = (&site, &upgraded);
    let service = service_fn(|mut request: Request<Incoming>| async move {
        let answer = match answer(site, &request) {
            Ok(accepted) => {
                // The connection has one upgrade at the most, so there is always place for it.
                let _ = upgraded.try_send(hyper::upgrade::on(&mut request));
                accepted.map(Body::from)
            }
            Err(Refusal::NotOurs) => site.pages.answer(Asked::of(&request)).await,
            Err(refusal) => {
                tracing::info!("refused a request: {refusal}");
                refusal.into_answer().map(Body::from)
            }
        };
        Ok::<_, Infallible>(answer)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits::HTTP_HEAD_TIMEOUT);
    let serving = http
        .serve_connection(TokioIo::new(connection), service)
        .with_upgrades();
    let mut shutdown = site.shutdown.clone();
    // Cancel-safe: a connection that is dropped here has no session yet.
    let served = tokio::select! {
        served = serving => served,
        _ = shutdown.wait_for(|stopping| *stopping) => return,
    };
    if let Err(error) = served {
        tracing::debug!("a connection ended: {error}");
        return;
    }
    let Ok(upgrade) = upgrade.try_recv() else {
        return;
    };
    let parts = match upgrade
        .await
        .map(|upgraded| upgraded.downcast::<TokioIo<Connection>>())
    {
        Ok(Ok(parts)) => parts,
        Ok(Err(_)) | Err(_) => return,
    };
    let max_frame = site.services.settings.max_frame();
    let transport = WebSocket::accept(parts.io.into_inner(), parts.read_buf, max_frame).await;
    session::run(Arc::clone(&site.services), Box::new(transport), shutdown).await;
}

/// Why a request is not upgraded. Codes 0 to 5 are Engine.IO's ("Transport errors" of the reference server).
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("not a request of Socket.IO")]
    NotOurs,
    #[error("{0}")]
    Forbidden(#[from] Refused),
    /// Long-polling is not spoken here; a client has to be told `transports: ["websocket"]`.
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
}

impl Refusal {
    fn into_answer(self) -> Answer {
        let code = match self {
            Self::Transport => 0,
            Self::Session => 1,
            Self::Method => 2,
            Self::BadRequest | Self::NotOurs => 3,
            Self::Forbidden(_) => 4,
            Self::Version => 5,
        };
        let status = if code == 4 {
            StatusCode::FORBIDDEN
        } else {
            StatusCode::BAD_REQUEST
        };
        let body = serde_json::json!({"code": code, "message": self.to_string()}).to_string();
        let mut answer = plain(status, &body);
        answer
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer
    }
}

fn plain(status: StatusCode, text: &str) -> Answer {
    let mut answer = Response::new(Bytes::from(format!("{text}\n")));
    *answer.status_mut() = status;
    answer.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    answer
}

/// The 101 that upgrades a request, if it may be upgraded.
fn answer(site: &Site, request: &Request<Incoming>) -> Result<Answer, Refusal> {
    let headers = request.headers();
    site.hosts
        .admit(text(headers, HOST), text(headers, ORIGIN))?;
    if request.uri().path().trim_end_matches('/') != "/socket.io" {
        return Err(Refusal::NotOurs);
    }
    let query = request.uri().query().unwrap_or_default();
    let parameter = |name: &str| {
        let named = |pair: &&str| pair.split_once('=').is_some_and(|(key, _)| key == name);
        query
            .split('&')
            .find(named)
            .and_then(|pair| pair.split_once('='))
            .map(|(_, value)| value)
    };
    if parameter("EIO") != Some("4") {
        return Err(Refusal::Version);
    }
    if parameter("transport") != Some("websocket") {
        return Err(Refusal::Transport);
    }
    if parameter("sid").is_some() {
        return Err(Refusal::Session);
    }
    if request.method() != Method::GET {
        return Err(Refusal::Method);
    }
    let upgrades =
        text(headers, UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    let version = text(headers, SEC_WEBSOCKET_VERSION) == Some("13");
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .filter(|_| upgrades && version)
        .ok_or(Refusal::BadRequest)?;
    let accept = derive_accept_key(key.as_bytes());
    let mut answer = Response::new(Bytes::new());
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

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    // A header that is not text is none that would be admitted.
    headers
        .get(name)
        .map(|value| value.to_str().unwrap_or("\u{fffd}"))
}
