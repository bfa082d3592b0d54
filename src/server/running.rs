//! A hub under way: its parts are started, what comes to it is handed on, and they end in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::bind::{Connection, Listener};
use super::due::{self, Grumble};
use super::engine::Newcomer;
use super::http::{self, Site};
use super::polling::Doors;
use super::{Server, ServerError, files, now_ms};
use crate::hub;
use crate::hub::request::Request;
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::session;
use crate::session::handler;
use crate::session::services::Services;
use crate::store::readers::ReaderPool;
use crate::store::sessions::SessionOp;
use crate::store::writer::{self, Urgency};
use crate::store::{Op, StoreError};

pub(super) struct Running {
    site: Arc<Site>,
    accepting: mpsc::Receiver<Connection>,
    begun: mpsc::Receiver<Newcomer>,
    /// HTTP connections, and sessions.
    connections: JoinSet<()>,
    programs: JoinSet<()>,
    hub: JoinHandle<()>,
    writer: thread::JoinHandle<Result<(), StoreError>>,
    failures: mpsc::Receiver<StoreError>,
    stop: watch::Sender<bool>,
    stop_programs: watch::Sender<bool>,
}

impl Running {
    pub(super) fn start(server: Server) -> Result<Self, ServerError> {
        let Server {
            listeners,
            store,
            settings,
            hosts,
            pages,
        } = server;
        let (head, members, log_id) = (store.head(), store.members()?, store.log_id().to_owned());
        let readers = ReaderPool::new(&*store)?;
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
        let nobody = Ticket::unanswered(due::NOBODY, Request::Disconnect);
        // Only a writer that has ended takes nothing, and then its error is found at the end.
        let _ = writer.send(Op::Session(SessionOp::AllLost), Urgency::Now, nobody);
        let (inbox, asked) = mpsc::channel(limits::HUB_INBOX);
        let hub = tokio::spawn(hub::run(head, members, committed, asked, now_ms));
        let (failed, failures) = mpsc::channel(1);
        let services = Services::new(settings, &log_id, writer, inbox, readers, now_ms, failed);
        let (stop, stopping) = watch::channel(false);
        let (newcomers, begun) = mpsc::channel(1);
        let site = Arc::new(Site {
            services: Arc::new(services),
            hosts,
            pages,
            doors: Arc::new(Doors::default()),
            newcomers,
            shutdown: stopping,
        });
        let (stop_programs, programs_stopping) = watch::channel(false);
        Ok(Self {
            accepting: accept_all(listeners, &site),
            begun,
            connections: JoinSet::new(),
            programs: handler::run::start(&site.services, &programs_stopping),
            site,
            hub,
            writer: thread,
            failures,
            stop,
            stop_programs,
        })
    }

    /// Until `shutdown` is ready or the store fails.
    pub(super) async fn serve(&mut self, shutdown: impl Future<Output = ()>) -> Option<StoreError> {
        let Self {
            site,
            connections,
            begun,
            ..
        } = self;
        let most = files::connections();
        tokio::pin!(shutdown);
        loop {
            // Every arm only waits: cancel-safe.
            tokio::select! {
                () = &mut shutdown => return None,
                failure = self.failures.recv() => return failure,
                // It ends before it is told to only when the store's writer did.
                _ = &mut self.hub => return None,
                Some(connection) = self.accepting.recv() => {
                    if connections.len() < most {
                        connections.spawn(http::serve(Arc::clone(site), connection));
                    } else {
                        site.services.log_refusal("too many connections");
                    }
                }
                Some(Newcomer { transport, opening }) = begun.recv() => {
                    if connections.len() < limits::CONNECTIONS {
                        let (services, stopping) = (&site.services, &site.shutdown);
                        let session = session::run(Arc::clone(services), transport, opening, stopping.clone());
                        connections.spawn(session);
                    } else {
                        site.services.log_refusal("too many sessions");
                    }
                }
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
    }

    /// `failure` is why, when it is not because it was asked to.
    pub(super) async fn end(mut self, failure: Option<StoreError>) -> Result<(), ServerError> {
        drop((self.accepting, self.begun));
        let _ = self.stop.send(true);
        while self.connections.join_next().await.is_some() {}
        self.site.services.shares.end().await;
        // They hear who left, and what they say to that is stored.
        let _ = self.stop_programs.send(true);
        while self.programs.join_next().await.is_some() {}
        // The last ways to the writer are gone with the site; it commits what it deferred and ends, and the hub after it.
        drop(self.site);
        let writer = self.writer;
        let ended = tokio::task::spawn_blocking(move || writer.join()).await;
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
fn accept_all(listeners: Vec<Listener>, site: &Site) -> mpsc::Receiver<Connection> {
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
