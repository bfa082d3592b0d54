//! The hub as a process: binds, starts the store's writer and the hub's task, serves connections, and ends in order.

pub mod accept;
pub mod body;
mod delayed;
pub mod engine_io;
pub mod http;
mod lifecycle;
pub mod origin;
pub mod polling;
pub mod site;
pub mod websocket;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use self::accept::listener::{ListenAddress, Listener};
use self::lifecycle::Running;
use self::origin::Hosts;
use self::site::pages::Pages;
use self::site::static_folder::{Folder, FolderError};
pub use crate::session::namespace::policy::{
    AckPayload, EmitAction, EmitTo, HandlerCommand, NamespacePattern, NamespaceRules, Namespaces,
    Reaction, Relay, Right, Rights, TokenGrant,
};
pub use crate::session::namespace::token::Token;
pub use crate::session::settings::HubSettings;
pub use crate::store::Retention;
pub use crate::store::database::Database;
use crate::store::{Store, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("cannot listen on {address}: {}", reason(source))]
    Bind {
        address: ListenAddress,
        source: io::Error,
    },
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The reason without the system's number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::Other => error.to_string(),
        kind => kind.to_string(),
    }
}

/// A hub whose addresses are bound and whose store is open. It serves when it is run.
pub struct Server {
    listeners: Vec<Listener>,
    store: Box<dyn Store>,
    settings: HubSettings,
    hosts: Hosts,
    pages: Pages,
}

/// What is decided before a request becomes a session's, and what is served beside sessions.
#[derive(Debug, Default)]
pub struct Front {
    pub hosts: Hosts,
    /// A folder that is served as it is.
    pub static_dir: Option<PathBuf>,
    /// Files of the hub's own, which that folder may hold and never shows.
    pub private: Vec<PathBuf>,
}

impl Server {
    pub async fn bind(
        addresses: &[ListenAddress],
        store: Box<dyn Store>,
        settings: HubSettings,
        front: Front,
    ) -> Result<Self, ServerError> {
        let Front {
            hosts,
            static_dir,
            private,
        } = front;
        let folder = static_dir.as_deref().map(Folder::new).transpose()?;
        let mut listeners = Vec::new();
        for address in addresses {
            let bound = Listener::bind(address).await;
            listeners.push(bound.map_err(|source| ServerError::Bind {
                address: address.clone(),
                source,
            })?);
        }
        Ok(Self {
            listeners,
            store,
            settings,
            hosts,
            pages: Pages::new(folder.map(|folder| folder.hiding(private))),
        })
    }

    pub fn addresses(&self) -> Vec<ListenAddress> {
        self.listeners
            .iter()
            .filter_map(|listener| listener.address().ok())
            .collect()
    }

    /// Serves until `shutdown` is ready or the store fails; ends in order: accepting, sessions, hub, store.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let mut running = Running::start(self)?;
        let failure = running.serve(shutdown).await;
        running.end(failure).await
    }
}

/// Milliseconds since 1970 (UTC).
pub fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
