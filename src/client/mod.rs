//! The client: one connection to a hub, and what survives when that connection does not.
//!
//! [`HubClient`] is what `pub`, `sub` and `chat` hold: it publishes within the credit window, keeps a subscription, and
//! reconnects. [`HubConnection`] is one connection without any of that, for a question and its answer. Both are for roomcat
//! hubs. [`PlainConnection`] is one connection to any Socket.IO server, and [`PlainClient`] one that comes back. All stand on
//! [`engine::EngineConnection`], and none knows of terminals, stdin, stdout or exit codes.

pub mod answers;
pub mod asking;
pub mod backoff;
pub mod connection_state;
pub mod dial;
pub mod dial_options;
pub mod engine;
pub mod error;
pub mod hub_client;
pub mod hub_connection;
pub mod plain_client;
pub mod plain_connection;
pub mod publish_window;
pub mod subscription;
pub mod url;

pub use dial_options::{AuthFields, DialOptions};
pub use error::{ClientError, DialError, DisconnectReason, ErrorResponse};
pub use hub_client::{ClientEvent, HubClient, RetryPolicy};
pub use hub_connection::{HubConnection, HubInfo};
pub use plain_client::PlainClient;
pub use plain_connection::PlainConnection;
pub use publish_window::{Batch, PublishReceipt};
pub use subscription::{
    DeliveryMode, Gap, PeekRequest, PresenceUpdates, ShareOptions, StartPosition, SubscribeRequest,
};
pub use url::HubUrl;

use std::sync::Arc;

use crate::address::{ClientName, Namespace};
use crate::wire::explain::TraceSink;

/// Where to, and as whom.
#[derive(Clone)]
pub struct Target {
    pub url: HubUrl,
    pub namespace: Namespace,
    pub name: Option<ClientName>,
    /// Sent to the hub; never printed.
    pub token: Option<String>,
    pub dial: DialOptions,
    /// What else is said of oneself.
    pub auth: AuthFields,
    /// Who is shown each frame.
    pub trace: Option<Arc<dyn TraceSink>>,
}
