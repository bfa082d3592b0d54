//! Connects a command to its hub or server, and shows on stderr what it waits for when that takes long.

use std::future::Future;

use crate::cli::screen::progress::show_while_awaiting;
use crate::client::{ClientError, HubClient, HubUrl, RetryPolicy, Target};

/// Connects to a hub.
pub async fn connect_hub(target: &Target, retry: RetryPolicy) -> Result<HubClient, ClientError> {
    await_connection(&target.url, HubClient::connect(target.clone(), retry)).await
}

/// Awaits a connection to `url`.
pub async fn await_connection<T>(url: &HubUrl, connection: impl Future<Output = T>) -> T {
    show_while_awaiting(format!("connecting to {url}"), connection).await
}

/// Awaits an answer of the hub or server at `url`.
pub async fn await_answer<T>(url: &HubUrl, answer: impl Future<Output = T>) -> T {
    show_while_awaiting(format!("asking {url}"), answer).await
}
