//! The client: connections to hubs and to other Socket.IO servers. Knows nothing of terminals, stdin, stdout or exit codes.
//!
//! | | one connection | reconnects |
//! |---|---|---|
//! | roomcat hub | [`HubConnection`]: a request and its response | [`HubClient`]: publishes and subscribes |
//! | any Socket.IO server | [`PlainConnection`] | [`plain_client::PlainClient`] |
//!
//! All four stand on [`engine::EngineConnection`].

pub mod backoff;
pub mod connection_state;
pub mod dial;
pub mod dial_options;
pub mod engine;
pub mod error;
pub mod error_response;
pub mod events;
pub mod hub_client;
pub mod hub_connection;
pub mod invalid_message;
pub mod plain_client;
pub mod plain_connection;
pub mod publish_window;
pub mod random;
pub mod request_state;
pub mod retry;
pub mod subscription;
pub mod target;
pub mod url;
pub mod verbs;

pub use dial_options::{AuthFields, DialOptions};
pub use error::{ClientError, DialError, DisconnectReason};
pub use error_response::ErrorResponse;
pub use events::{Gap, PresenceEvent};
pub use hub_client::{ClientEvent, HubClient};
pub use hub_connection::HubConnection;
pub use plain_connection::PlainConnection;
pub use publish_window::{Batch, PublishReceipt};
pub use retry::RetryPolicy;
pub use target::Target;
pub use url::HubUrl;
pub use verbs::sub::{
    DeliveryMode, PeekRequest, PresenceUpdates, ShareSettings, StartPosition, SubscribeRequest,
};
