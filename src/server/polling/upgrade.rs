//! A WebSocket that asks to take the place of polling (Engine.IO protocol v4, "Upgrade"): it is tried out first, and
//! whatever goes wrong, polling goes on.

use std::future::poll_fn;

use super::session::Probe;
use crate::hub::frame::WireFrame;
use crate::limits;
use crate::session::engine::transport::Transport;
use crate::wire::engine;

/// Tries the WebSocket out, and gives it to the session when the client has changed to it; otherwise closes it.
pub async fn run(probe: Probe, mut websocket: Box<dyn Transport>) {
    let tried = tokio::time::timeout(limits::UPGRADE_TIMEOUT, try_out(&probe, &mut websocket));
    let changed = tried.await.ok().flatten().is_some();
    let left = match changed {
        true => probe.complete(websocket).err(),
        false => {
            drop(probe);
            Some(websocket)
        }
    };
    if let Some(websocket) = left {
        close(websocket).await;
    }
}

/// Closes it as far as the peer goes along.
pub async fn close(mut websocket: Box<dyn Transport>) {
    let closing = poll_fn(|cx| websocket.poll_close(cx));
    let _ = tokio::time::timeout(limits::DRAIN_TIMEOUT, closing).await;
}

/// `2probe`, `3probe`, and then `5`. None: it went otherwise, or the session ended.
async fn try_out(probe: &Probe, websocket: &mut Box<dyn Transport>) -> Option<()> {
    let mut release = tokio::time::interval(limits::UPGRADE_RELEASE);
    let mut probed = false;
    loop {
        // Cancel-safe: a frame that is ready is not lost, and a tick that is missed comes again.
        tokio::select! {
            // What the client has sent goes before what it is let go for.
            biased;
            frame = poll_fn(|cx| websocket.poll_recv(cx)) => match frame?.ok()? {
                WireFrame::Text(text) if !probed && text.as_str() == engine::PROBE => {
                    say(websocket, WireFrame::text(engine::PROBED)).await?;
                    probed = true;
                    release.reset_immediately();
                }
                WireFrame::Text(text) if probed && text.as_str() == engine::UPGRADE => return Some(()),
                _ => return None,
            },
            _ = release.tick() => {
                if !probe.is_wanted() {
                    return None;
                }
                if probed {
                    probe.release();
                }
            }
        }
    }
}

async fn say(websocket: &mut Box<dyn Transport>, frame: WireFrame) -> Option<()> {
    poll_fn(|cx| websocket.poll_ready(cx)).await.ok()?;
    websocket.send(frame).ok()?;
    poll_fn(|cx| websocket.poll_flush(cx)).await.ok()
}
