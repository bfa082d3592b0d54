//! The upgrade of a polling session to WebSocket (Engine.IO protocol v4, "Upgrade"). The WebSocket is probed first. If
//! anything goes wrong, polling goes on.

use std::future::poll_fn;

use super::session::UpgradeProbe;
use crate::hub::frame::WireFrame;
use crate::limits;
use crate::session::engine::transport::Transport;
use crate::wire::engine;

/// Probes the WebSocket and hands it to the session once the client has upgraded. Otherwise closes it.
pub async fn run(probe: UpgradeProbe, mut websocket: Box<dyn Transport>) {
    let handshake =
        tokio::time::timeout(limits::UPGRADE_TIMEOUT, handshake(&probe, &mut websocket));
    let is_upgraded = handshake.await.ok().flatten().is_some();
    let unused = if is_upgraded {
        probe.complete(websocket).err()
    } else {
        drop(probe);
        Some(websocket)
    };
    if let Some(websocket) = unused {
        close(websocket).await;
    }
}

/// Closes the WebSocket, and waits a bounded time for the peer to do the same.
pub async fn close(mut websocket: Box<dyn Transport>) {
    let closing = poll_fn(|cx| websocket.poll_close(cx));
    let _ = tokio::time::timeout(limits::DRAIN_TIMEOUT, closing).await;
}

/// `2probe` in, `3probe` out, then `5` in. `None`: the client sent something else, or the session ended.
async fn handshake(probe: &UpgradeProbe, websocket: &mut Box<dyn Transport>) -> Option<()> {
    let mut release = tokio::time::interval(limits::UPGRADE_RELEASE);
    let mut is_probed = false;
    loop {
        // Cancel-safe: a frame that is ready is not lost, and a missed tick comes again.
        tokio::select! {
            // Read the client's frames first: after its upgrade packet no further release is needed.
            biased;
            frame = poll_fn(|cx| websocket.poll_recv(cx)) => match frame?.ok()? {
                WireFrame::Text(text) if !is_probed && text.as_str() == engine::PROBE => {
                    send(websocket, WireFrame::text(engine::PROBED)).await?;
                    is_probed = true;
                    release.reset_immediately();
                }
                WireFrame::Text(text) if is_probed && text.as_str() == engine::UPGRADE => {
                    return Some(());
                }
                _ => return None,
            },
            _ = release.tick() => {
                if !probe.is_active() {
                    return None;
                }
                if is_probed {
                    probe.release_get();
                }
            }
        }
    }
}

async fn send(websocket: &mut Box<dyn Transport>, frame: WireFrame) -> Option<()> {
    poll_fn(|cx| websocket.poll_ready(cx)).await.ok()?;
    websocket.send(frame).ok()?;
    poll_fn(|cx| websocket.poll_flush(cx)).await.ok()
}
