//! Every command's way to its hub or server, and what is said while that takes its time.

use std::future::Future;

use tokio::select;

use crate::cli::failure::Failure;
use crate::cli::io::signals::Signals;
use crate::cli::screen::progress::show_while_awaiting;
use crate::client::{ClientError, HubClient, HubUrl, RetryPolicy, Target};

/// Waits for a connection to `url`, and says after a moment that it does.
pub async fn connecting<T>(
    url: &HubUrl,
    connection: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    show_while_awaiting(format!("connecting to {url}"), connection).await
}

/// A peer of the hub.
pub async fn peer(target: &Target, retry: RetryPolicy) -> Result<HubClient, ClientError> {
    connecting(&target.url, HubClient::connect(target.clone(), retry)).await
}

/// The same, unless a signal comes first.
pub async fn peer_or_signal(
    target: &Target,
    retry: RetryPolicy,
    signals: &mut Signals,
) -> Result<HubClient, Failure> {
    select! {
        peer = peer(target, retry) => Ok(peer?),
        signal = signals.next() => Err(Failure::Signal(signal)),
    }
}

/// Waits for what the hub or server at `url` was asked.
pub async fn asking<T>(url: &HubUrl, answer: impl Future<Output = T>) -> T {
    show_while_awaiting(format!("asking {url}"), answer).await
}
