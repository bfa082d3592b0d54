//! One HTTP connection: checks Host and Origin, routes each request by its path, and hands over a connection that is
//! upgraded to WebSocket.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{HOST, ORIGIN};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::accept::peer_stream::PeerStream;
use super::app_state::{AppState, NewSession};
use super::cors;
use super::engine_io::error::EngineRequestError;
use super::engine_io::requests;
use super::origin::RequestOrigin;
use super::polling::upgrade;
use super::response::{HttpResponse, header_text, plain_text};
use super::routes::Route;
use super::site::pages::SiteRequest;
use super::websocket::handshake::{UpgradePurpose, UpgradeSlot};
use super::websocket::transport::WebSocketTransport;
use crate::hub::peer::{Peer, PeerAddress};
use crate::limits;
use crate::session::engine::params::SessionParams;
use crate::session::services::random_id;

/// Serves one connection until it ends or has become a session's.
pub async fn serve(state: Arc<AppState>, connection: PeerStream) {
    let address = connection.peer_address();
    let (slot, mut upgraded) = UpgradeSlot::new();
    if serve_http(&state, connection, address, slot)
        .await
        .is_none()
    {
        return;
    }
    let Ok((upgrade, purpose)) = upgraded.try_recv() else {
        return;
    };
    let Ok(upgraded) = upgrade.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<PeerStream>>() else {
        return;
    };
    let max_frame = state.services.settings.max_frame();
    let connection = parts.io.into_inner();
    let websocket = WebSocketTransport::accept(connection, parts.read_buf, max_frame).await;
    let websocket = Box::new(websocket);
    match purpose {
        UpgradePurpose::NewSession(mode) => {
            let params = SessionParams {
                sid: random_id(),
                upgrades: &[],
                mode,
                peer: Arc::new(Peer::websocket(address)),
            };
            let new_session = NewSession {
                transport: websocket,
                params,
            };
            // Fails if the hub is shutting down.
            let _ = state.new_sessions.send(new_session).await;
        }
        UpgradePurpose::Probe(probe) => {
            let mut shutdown = state.shutdown.clone();
            // Cancel-safe: dropping a probe leaves its session as it was.
            tokio::select! {
                () = upgrade::run(probe, websocket) => {}
                _ = shutdown.wait_for(|shutdown| *shutdown) => {}
            }
        }
        UpgradePurpose::Close => upgrade::close(websocket).await,
    }
}

/// Serves HTTP until the connection ends or is upgraded. `None`: an error or a shutdown ended it.
async fn serve_http(
    state: &Arc<AppState>,
    connection: PeerStream,
    address: PeerAddress,
    slot: UpgradeSlot,
) -> Option<()> {
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(address);
        let (state, slot) = (Arc::clone(state), slot.clone());
        async move { Ok::<_, Infallible>(respond(&state, request, &slot).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits::HTTP_HEAD_TIMEOUT);
    let serving = http
        .serve_connection(TokioIo::new(connection), service)
        .with_upgrades();
    let mut serving = pin!(serving);
    let mut shutdown = state.shutdown.clone();
    // Cancel-safe: the connection keeps its own state.
    let served = tokio::select! {
        served = serving.as_mut() => Some(served),
        _ = shutdown.wait_for(|shutdown| *shutdown) => None,
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

/// Answers one request. A refusal is logged here.
async fn respond(state: &AppState, request: Request<Incoming>, slot: &UpgradeSlot) -> HttpResponse {
    let headers = request.headers();
    let checked = state
        .origins
        .check(header_text(headers, HOST), header_text(headers, ORIGIN));
    let cross_origin = match checked {
        Ok(RequestOrigin::Cross) => headers.get(ORIGIN).cloned(),
        Ok(RequestOrigin::Same) | Err(_) => None,
    };
    let result = match checked {
        Err(error) => Err(error.into()),
        Ok(_) if cross_origin.is_some() && request.method() == Method::OPTIONS => {
            Ok(cors::preflight(headers))
        }
        Ok(_) => route(state, request, slot).await,
    };
    let mut response = result.unwrap_or_else(|error| {
        tracing::info!("refused a request: {error}");
        error.into_response()
    });
    if let Some(origin) = cross_origin {
        cors::allow_origin(&mut response, origin);
    }
    response
}

async fn route(
    state: &AppState,
    request: Request<Incoming>,
    slot: &UpgradeSlot,
) -> Result<HttpResponse, EngineRequestError> {
    match state.routes.find(request.uri().path()) {
        Some(Route::Engine(mode)) => requests::respond(state, request, mode, slot).await,
        Some(Route::Site { path, built_in }) => {
            let request = SiteRequest {
                method: request.method(),
                uri: request.uri(),
                headers: request.headers(),
                path,
                built_in,
            };
            Ok(state.pages.respond(request).await)
        }
        None => Ok(plain_text(StatusCode::NOT_FOUND, "nothing here")),
    }
}
