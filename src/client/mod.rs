//! The client: one connection to a hub, and what survives when that connection does not.
//!
//! [`Peer`] is what `pub`, `sub` and `chat` hold: it publishes within the credit window, keeps a subscription, and
//! reconnects. [`Connection`] is one connection without any of that, for a question and its answer. Neither knows of
//! terminals, stdin, stdout or exit codes.

pub mod answers;
pub mod backoff;
pub mod connection;
pub mod dial;
pub mod error;
pub mod link;
pub mod peer;
pub mod subscription;
pub mod url;
pub mod window;

pub use connection::{Connection, Hello};
pub use error::{ClientError, Code, DialError, LostReason, Refusal};
pub use peer::{Event, Peer, Retry};
pub use subscription::{Gap, Since, Subscribe};
pub use url::HubUrl;
pub use window::{Batch, Receipt};

use crate::address::{ClientName, Namespace};

/// Where to, and as whom.
#[derive(Clone)]
pub struct Target {
    pub url: HubUrl,
    pub namespace: Namespace,
    pub name: Option<ClientName>,
    /// Sent to the hub; never printed.
    pub token: Option<String>,
}
