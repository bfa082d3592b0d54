//! Receiving the body of a POST, within `--max-payload`.

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio_tungstenite::tungstenite::Bytes;

use super::error::EngineRequestError;
use crate::limits;
use crate::server::polling::session::PendingPost;

/// Ends early if the session ends. A body that is too large is read and dropped up to [`limits::OVERSIZED_DRAIN_BYTES`]: a client
/// that is still sending does not read the error.
pub async fn receive(
    mut body: Incoming,
    max_payload: usize,
    post: &mut PendingPost,
) -> Result<Bytes, EngineRequestError> {
    let mut is_too_large = body.size_hint().lower() > max_payload as u64;
    let mut whole = Vec::new();
    let mut dropped = 0;
    loop {
        // Cancel-safe: a frame that is ready is not lost.
        let frame = tokio::select! {
            frame = body.frame() => frame,
            error = post.session_ended() => return Err(error.into()),
        };
        let Some(frame) = frame else { break };
        // The connection broke, or the frame holds trailers.
        let data = frame.ok().and_then(|frame| frame.into_data().ok());
        let data = data.ok_or(EngineRequestError::BadRequest)?;
        is_too_large |= whole.len() + data.len() > max_payload;
        if is_too_large {
            whole = Vec::new();
            dropped += data.len();
            if dropped > limits::OVERSIZED_DRAIN_BYTES {
                break;
            }
        } else {
            whole.extend_from_slice(&data);
        }
    }
    if is_too_large {
        Err(EngineRequestError::TooLarge { max_payload })
    } else {
        Ok(whole.into())
    }
}
