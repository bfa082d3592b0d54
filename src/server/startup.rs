//! Opening what a hub needs before it runs: its store, its addresses, its static folder.

use std::path::PathBuf;

use super::accept::listener::{BoundListener, ListenAddress};
use super::error::ServerError;
use super::lifecycle::{RunningServer, ServerParts};
use super::origin::OriginPolicy;
use super::routes::Routes;
use super::site::pages::Pages;
use super::site::static_folder::StaticFolder;
use crate::session::settings::HubSettings;
use crate::store::Store;

/// Requests are served below this path.
const PREFIX: &str = "";

/// The settings of the HTTP server: the checks before a request reaches a session, and the pages beside sessions.
#[derive(Debug, Default)]
pub struct ServerOptions {
    pub origins: OriginPolicy,
    /// A folder whose files are served.
    pub static_dir: Option<PathBuf>,
    /// The hub's own files. They are never served, even if they are in that folder.
    pub private: Vec<PathBuf>,
}

/// A hub whose addresses are bound and whose store is open. It serves once it runs.
pub struct HubServer(ServerParts);

impl HubServer {
    pub async fn bind(
        addresses: &[ListenAddress],
        store: Box<dyn Store>,
        settings: HubSettings,
        options: ServerOptions,
    ) -> Result<Self, ServerError> {
        let ServerOptions {
            origins,
            static_dir,
            private,
        } = options;
        let folder = static_dir.as_deref().map(StaticFolder::new).transpose()?;
        let mut listeners = Vec::new();
        for address in addresses {
            let bound = BoundListener::bind(address).await;
            listeners.push(bound.map_err(|source| ServerError::Bind {
                address: address.clone(),
                source,
            })?);
        }
        Ok(Self(ServerParts {
            listeners,
            store,
            routes: Routes::new(PREFIX, settings.echo.as_deref()),
            settings,
            origins,
            pages: Pages::new(folder.map(|folder| folder.hiding(private))),
        }))
    }

    pub fn addresses(&self) -> Vec<ListenAddress> {
        let listeners = self.0.listeners.iter();
        listeners
            .filter_map(|listener| listener.address().ok())
            .collect()
    }

    /// Serves until `shutdown` is ready or the store fails, then shuts down in order.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let mut running = RunningServer::start(self.0)?;
        let failure = running.serve(shutdown).await;
        running.end(failure).await
    }
}
