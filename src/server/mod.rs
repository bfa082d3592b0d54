//! The hub as a process: binds, starts the store's writer and the hub's task, serves connections, and ends in order.

pub mod bind;
mod due;
pub mod engine;
pub mod files;
pub mod http;
pub mod origin;
pub mod outgoing;
pub mod polling;
pub mod probe;
pub mod site;
pub mod websocket;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use self::bind::{ListenAddress, Listener};
use self::due::Grumble;
use self::engine::Newcomer;
use self::http::Site;
use self::origin::Hosts;
use self::polling::Doors;
use self::site::Pages;
use self::site::folder::{Folder, FolderError};
use crate::hub::request::Want;
use crate::hub::{self, Ticket};
use crate::limits;
use crate::session;
pub use crate::session::policy::{
    AckWith, Emit, EmitTo, Grant, Handler, Namespaces, Pattern, Reaction, Relay, Rights, Rules,
};
use crate::session::program;
use crate::session::services::Services;
pub use crate::session::services::{Settings, Token};
pub use crate::store::Keep;
use crate::store::readers::Readers;
use crate::store::sessions::SessionOp;
use crate::store::writer::Urgency;
use crate::store::{self, Op, Store, StoreError, writer};

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

/// Opens the log: a file, made when there is none, or `:memory:`.
pub fn open_store(database: &Path, keep: Keep) -> Result<Box<dyn Store>, ServerError> {
    Ok(store::open(database, keep)?)
}

/// A hub whose addresses are bound and whose store is open. It serves when it is run.
pub struct Server {
    listeners: Vec<Listener>,
    store: Box<dyn Store>,
    settings: Settings,
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
        settings: Settings,
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
        let Self {
            listeners,
            store,
            settings,
            hosts,
            pages,
        } = self;
        let (head, members, log_id) = (store.head(), store.members()?, store.log_id().to_owned());
        let readers = Readers::new(&*store)?;
        let (commits, committed) = mpsc::unbounded_channel();
        let mut grumble = Grumble::default();
        let on_commit = move |commit| {
            grumble.hear(&commit);
            // The hub's task ends only after the writer.
            let _ = commits.send(commit);
        };
        let (writer, thread) =
            writer::spawn::<Ticket, _, _>(store, now_ms, due::tickets(), on_commit);
        // Before anyone is here.
        let nobody = Ticket::unanswered(due::NOBODY, Want::Disconnect);
        // Only a writer that has ended takes nothing, and then its error is found below.
        let _ = writer.send(Op::Session(SessionOp::AllLost), Urgency::Now, nobody);
        let (inbox, asked) = mpsc::channel(limits::HUB_INBOX);
        let hub = tokio::spawn(hub::run(head, members, committed, asked, now_ms));
        let (failed, mut failures) = mpsc::channel(1);
        let services = Services::new(settings, &log_id, writer, inbox, readers, now_ms, failed);
        let (stop, stopping) = watch::channel(false);
        let (newcomers, mut begun) = mpsc::channel(1);
        let site = Arc::new(Site {
            services: Arc::new(services),
            hosts,
            pages,
            doors: Arc::new(Doors::default()),
            newcomers,
            shutdown: stopping,
        });

        let mut hub = hub;
        let (stop_programs, programs_stopping) = watch::channel(false);
        let mut programs = program::run::start(&site.services, &programs_stopping);
        let most = files::connections();
        let mut connections = JoinSet::new();
        let mut accepting = accept_all(listeners, &site);
        tokio::pin!(shutdown);
        let failure = loop {
            // Every arm only waits: cancel-safe.
            tokio::select! {
                () = &mut shutdown => break None,
                failure = failures.recv() => break failure,
                // It ends before it is told to only when the store's writer did.
                _ = &mut hub => break None,
                Some(connection) = accepting.recv() => {
                    if connections.len() < most {
                        connections.spawn(http::serve(Arc::clone(&site), connection));
                    } else {
                        site.services.say_refused("too many connections");
                    }
                }
                Some(Newcomer { transport, opening }) = begun.recv() => {
                    if connections.len() < limits::CONNECTIONS {
                        let (services, stopping) = (&site.services, &site.shutdown);
                        let session = session::run(Arc::clone(services), transport, opening, stopping.clone());
                        connections.spawn(session);
                    } else {
                        site.services.say_refused("too many sessions");
                    }
                }
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        };
        drop((accepting, begun));
        let _ = stop.send(true);
        while connections.join_next().await.is_some() {}
        // They hear who left, and what they say to that is stored.
        let _ = stop_programs.send(true);
        while programs.join_next().await.is_some() {}
        // The last ways to the writer are gone with the site; it commits what it deferred and ends, and the hub after it.
        drop(site);
        let ended = tokio::task::spawn_blocking(move || thread.join()).await;
        let died = || StoreError::Io {
            path: PathBuf::new(),
            reason: "the writer died".to_owned(),
        };
        let written = ended.ok().and_then(Result::ok).ok_or_else(died)?;
        match failure {
            Some(failure) => Err(failure.into()),
            None => Ok(written?),
        }
    }
}

/// One task a listener; they end when the receiver is dropped.
fn accept_all(listeners: Vec<Listener>, site: &Site) -> mpsc::Receiver<bind::Connection> {
    let (accepted, connections) = mpsc::channel(1);
    for listener in listeners {
        let accepted = accepted.clone();
        let mut stopping = site.shutdown.clone();
        tokio::spawn(async move {
            loop {
                let accept = tokio::select! {
                    accept = listener.accept() => accept,
                    _ = stopping.wait_for(|stopping| *stopping) => return,
                };
                match accept {
                    Ok(connection) => {
                        if accepted.send(connection).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => {
                        // Out of file descriptors, or a peer that left already: others may still come.
                        tracing::warn!("cannot accept a connection: {error}");
                        tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                    }
                }
            }
        });
    }
    connections
}

/// Milliseconds since 1970 (UTC).
pub fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
