//! HTTP in front of the sessions: who may come in (Host, Origin), what is where, and what becomes of a connection that is
//! upgraded.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_TYPE, HOST, HeaderMap,
    HeaderValue, ORIGIN, VARY,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{mpsc, watch};

use super::bind::Connection;
use super::engine::{self, Newcomer, Purpose, Refusal, text};
use super::origin::{Admitted, Hosts};
use super::polling::Doors;
use super::probe;
use super::site::body::Body;
use super::site::{Asked, Pages};
use super::websocket::WebSocket;
use crate::hub::peer::PeerAddress;
use crate::limits;
use crate::session::engine::params::EngineMode;
use crate::session::services::Services;

pub type Answer = Response<Body>;

/// What serving a connection needs; shared by all.
pub struct Site {
    pub services: Arc<Services>,
    pub hosts: Hosts,
    pub pages: Pages,
    pub doors: Arc<Doors>,
    /// Sessions that are to be run: they outlive the connection that begins them.
    pub newcomers: mpsc::Sender<Newcomer>,
    pub shutdown: watch::Receiver<bool>,
}

/// Where a request leaves the upgrade of its connection, which has one at the most.
#[derive(Clone)]
pub struct Upgrades(mpsc::Sender<(OnUpgrade, Purpose)>);

impl Upgrades {
    pub fn put(&self, upgrade: OnUpgrade, purpose: Purpose) {
        // So there is always place for it.
        let _ = self.0.try_send((upgrade, purpose));
    }
}

/// Serves one connection to its end, or until it is upgraded.
pub async fn serve(site: Arc<Site>, connection: Connection) {
    let (upgrades, mut upgraded) = mpsc::channel(1);
    let upgrades = Upgrades(upgrades);
    let address = connection.peer();
    if exchange(&site, connection, address, upgrades)
        .await
        .is_none()
    {
        return;
    }
    let Ok((upgrade, purpose)) = upgraded.try_recv() else {
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
    let websocket = WebSocket::accept(parts.io.into_inner(), parts.read_buf, max_frame).await;
    let websocket = Box::new(websocket);
    let mut shutdown = site.shutdown.clone();
    let stopping = shutdown.wait_for(|stopping| *stopping);
    match purpose {
        Purpose::Session(mode) => {
            // The hub is ending, or has as many as it holds.
            let _ = site
                .newcomers
                .send(engine::newcomer(websocket, mode, address))
                .await;
        }
        // Cancel-safe: a probe that is dropped leaves its session as it was.
        Purpose::Probe(probe) => tokio::select! {
            () = probe::run(probe, websocket) => {}
            _ = stopping => {}
        },
        Purpose::Nothing => probe::close(websocket).await,
    }
}

/// HTTP until the connection ends or is upgraded; None: there is nothing more to do with it.
async fn exchange(
    site: &Arc<Site>,
    connection: Connection,
    address: PeerAddress,
    upgrades: Upgrades,
) -> Option<()> {
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(address);
        let (site, upgrades) = (Arc::clone(site), upgrades.clone());
        async move { Ok::<_, Infallible>(answer(&site, request, &upgrades).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits::HTTP_HEAD_TIMEOUT);
    let serving = http
        .serve_connection(TokioIo::new(connection), service)
        .with_upgrades();
    let mut serving = pin!(serving);
    let mut shutdown = site.shutdown.clone();
    // Cancel-safe: the connection keeps its state in itself.
    let served = tokio::select! {
        served = serving.as_mut() => Some(served),
        _ = shutdown.wait_for(|stopping| *stopping) => None,
    };
    let Some(served) = served else {
        // Sessions that end answer the requests that wait for them.
        serving.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(limits::DRAIN_TIMEOUT, serving).await;
        return None;
    };
    served
        .inspect_err(|error| tracing::debug!("a connection ended: {error}"))
        .ok()
}

/// Answers one request; what is refused is logged here.
async fn answer(site: &Site, request: Request<Incoming>, upgrades: &Upgrades) -> Answer {
    let headers = request.headers();
    let admitted = site.hosts.admit(text(headers, HOST), text(headers, ORIGIN));
    let invited = match admitted {
        Ok(Admitted::Invited) => headers.get(ORIGIN).cloned(),
        Ok(Admitted::AtHome) | Err(_) => None,
    };
    let answered = match admitted {
        Err(refused) => Err(refused.into()),
        Ok(_) if invited.is_some() && request.method() == Method::OPTIONS => Ok(preflight(headers)),
        Ok(_) => route(site, request, upgrades).await,
    };
    let mut answer = answered.unwrap_or_else(|refusal| {
        tracing::info!("refused a request: {refusal}");
        refusal.into_answer()
    });
    if let Some(origin) = invited {
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
    answer
}

/// What is where.
async fn route(
    site: &Site,
    request: Request<Incoming>,
    upgrades: &Upgrades,
) -> Result<Answer, Refusal> {
    let path = request.uri().path().trim_end_matches('/');
    let echo = site.services.settings.echo.as_deref();
    if path == "/socket.io" {
        engine::answer(site, request, EngineMode::SocketIo, upgrades).await
    } else if echo.is_some_and(|echo| echo.trim_end_matches('/') == path) {
        engine::answer(site, request, EngineMode::Echo, upgrades).await
    } else {
        Ok(site.pages.answer(Asked::of(&request)).await)
    }
}

/// What a browser asks before it lets an invited page send a request of its own making.
fn preflight(asked: &HeaderMap) -> Answer {
    let mut answer = Response::new(Body::Empty);
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    let methods = HeaderValue::from_static("GET, POST");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        headers.append(VARY, ACCESS_CONTROL_REQUEST_HEADERS.into());
    }
    headers.insert(
        ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from(limits::PREFLIGHT_KEPT.as_secs()),
    );
    answer
}

pub fn plain(status: StatusCode, text: &str) -> Answer {
    let mut answer = Response::new(Body::from(format!("{text}\n")));
    *answer.status_mut() = status;
    answer.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    answer
}
