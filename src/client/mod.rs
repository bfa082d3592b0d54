//! The client: one connection to a hub, and what survives when that connection does not.
//!
//! [`Peer`] is what `pub`, `sub` and `chat` hold: it publishes within the credit window, keeps a subscription, and
//! reconnects. [`Connection`] is one connection without any of that, for a question and its answer. Both are for roomcat
//! hubs. [`Plain`] is one connection to any Socket.IO server, and [`Listener`] one that comes back. All stand on
//! [`engine::Engine`], and none knows of terminals, stdin, stdout or exit codes.

pub mod answers;
pub mod asking;
pub mod backoff;
pub mod connection;
pub mod dial;
pub mod engine;
pub mod error;
pub mod link;
pub mod listener;
pub mod options;
pub mod peer;
pub mod plain;
pub mod subscription;
pub mod url;
pub mod window;

pub use connection::{Connection, Hello};
pub use error::{ClientError, Code, DialError, LostReason, Refusal};
pub use listener::Listener;
pub use options::{Auth, Dialing};
pub use peer::{Event, Peer, Retry};
pub use plain::Plain;
pub use subscription::{Gap, Peek, Presence, Share, Since, Subscribe, Way};
pub use url::HubUrl;
pub use window::{Batch, Receipt};

use std::sync::Arc;

use crate::address::{ClientName, Namespace};
use crate::wire::explain::Watch;

/// Where to, and as whom.
#[derive(Clone)]
pub struct Target {
    pub url: HubUrl,
    pub namespace: Namespace,
    pub name: Option<ClientName>,
    /// Sent to the hub; never printed.
    pub token: Option<String>,
    pub dialing: Dialing,
    /// What else is said of oneself.
    pub auth: Auth,
    /// Who is shown each frame.
    pub trace: Option<Arc<dyn Watch>>,
}
