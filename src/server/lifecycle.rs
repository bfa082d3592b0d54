//! A running hub: starts its parts, hands connections and sessions to them, and ends them in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::accept::file_limit;
use super::accept::listener::{BoundListener, accept_all};
use super::accept::peer_stream::PeerStream;
use super::app_state::{AppState, NewSession};
use super::clock::now_ms;
use super::delayed::{self, RefusalLog};
use super::error::ServerError;
use super::http;
use super::origin::OriginPolicy;
use super::polling::sessions::PollingSessions;
use super::routes::Routes;
use super::site::pages::Pages;
use crate::hub;
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::session;
use crate::session::handler;
use crate::session::services::Services;
use crate::session::settings::HubSettings;
use crate::store::reader_pool::ReaderPool;
use crate::store::sessions::SessionOp;
use crate::store::writer::{self, Urgency};
use crate::store::{Op, Store, StoreError};

/// Everything that a hub needs before it runs.
pub(super) struct ServerParts {
    pub(super) listeners: Vec<BoundListener>,
    pub(super) store: Box<dyn Store>,
    pub(super) settings: HubSettings,
    pub(super) origins: OriginPolicy,
    pub(super) routes: Routes,
    pub(super) pages: Pages,
}

pub(super) struct RunningServer {
    state: Arc<AppState>,
    accepted: mpsc::Receiver<PeerStream>,
    new_sessions: mpsc::Receiver<NewSession>,
    /// A task for each HTTP connection and each session.
    connections: JoinSet<()>,
    programs: JoinSet<()>,
    hub: JoinHandle<()>,
    writer: thread::JoinHandle<Result<(), StoreError>>,
    failures: mpsc::Receiver<StoreError>,
    stop: watch::Sender<bool>,
    stop_programs: watch::Sender<bool>,
}

impl RunningServer {
    pub(super) fn start(parts: ServerParts) -> Result<Self, ServerError> {
        let ServerParts {
            listeners,
            store,
            settings,
            origins,
            routes,
            pages,
        } = parts;
        let (head, members, log_id) = (store.head(), store.members()?, store.log_id().to_owned());
        let readers = ReaderPool::new(&*store)?;
        let (commits, committed) = mpsc::unbounded_channel();
        let mut refusal_log = RefusalLog::default();
        let on_commit = move |commit| {
            refusal_log.observe(&commit);
            // The hub's task outlives the writer.
            let _ = commits.send(commit);
        };
        let (writer, writer_thread) =
            writer::spawn::<Ticket, _, _>(store, now_ms, delayed::ticket_source(), on_commit);
        // Sessions that the store remembers from the last run are not connected any more.
        let ticket = Ticket {
            request: None,
            permit: None,
        };
        // It fails only if the writer has ended, whose error is returned at the end.
        let _ = writer.send(Op::Session(SessionOp::AllLost), Urgency::Now, ticket);
        let (inbox, messages) = mpsc::channel(limits::HUB_INBOX);
        let hub = tokio::spawn(hub::run(head, members, committed, messages, now_ms));
        let (failed, failures) = mpsc::channel(1);
        let services = Services::new(settings, &log_id, writer, inbox, readers, now_ms, failed);
        let (stop, shutdown) = watch::channel(false);
        let (session_sender, new_sessions) = mpsc::channel(1);
        let accepted = accept_all(listeners, &shutdown);
        let state = Arc::new(AppState {
            services: Arc::new(services),
            origins,
            routes,
            pages,
            polling_sessions: Arc::new(PollingSessions::default()),
            new_sessions: session_sender,
            shutdown,
        });
        let (stop_programs, programs_shutdown) = watch::channel(false);
        Ok(Self {
            accepted,
            new_sessions,
            connections: JoinSet::new(),
            programs: handler::run::start(&state.services, &programs_shutdown),
            state,
            hub,
            writer: writer_thread,
            failures,
            stop,
            stop_programs,
        })
    }

    /// Serves until `shutdown` is ready or the store fails. Returns the store's error.
    pub(super) async fn serve(&mut self, shutdown: impl Future<Output = ()>) -> Option<StoreError> {
        let Self {
            state,
            connections,
            new_sessions,
            ..
        } = self;
        let max_connections = file_limit::max_connections();
        tokio::pin!(shutdown);
        loop {
            // Every arm only waits: cancel-safe.
            tokio::select! {
                () = &mut shutdown => return None,
                failure = self.failures.recv() => return failure,
                // The hub's task ends by itself only after the store's writer has.
                _ = &mut self.hub => return None,
                Some(connection) = self.accepted.recv() => {
                    if connections.len() < max_connections {
                        connections.spawn(http::serve(Arc::clone(state), connection));
                    } else {
                        state.services.log_refusal("too many connections");
                    }
                }
                Some(NewSession { transport, params }) = new_sessions.recv() => {
                    if connections.len() < limits::CONNECTIONS {
                        let services = Arc::clone(&state.services);
                        let shutdown = state.shutdown.clone();
                        connections.spawn(session::run(services, transport, params, shutdown));
                    } else {
                        state.services.log_refusal("too many sessions");
                    }
                }
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
    }

    /// Ends the parts in order: accepting, sessions, shared queues, programs, the writer, and with it the hub's task.
    /// `failure` is the error that [`Self::serve`] returned.
    pub(super) async fn end(mut self, failure: Option<StoreError>) -> Result<(), ServerError> {
        drop((self.accepted, self.new_sessions));
        let _ = self.stop.send(true);
        while self.connections.join_next().await.is_some() {}
        self.state.services.shared_queues.end().await;
        // Programs get every disconnect event, and the messages that they emit in response are still stored.
        let _ = self.stop_programs.send(true);
        while self.programs.join_next().await.is_some() {}
        // This drops the last sender to the writer, which commits what it deferred and ends.
        drop(self.state);
        let writer = self.writer;
        let joined = tokio::task::spawn_blocking(move || writer.join()).await;
        let panicked = || StoreError::Io {
            path: PathBuf::new(),
            reason: "the writer died".to_owned(),
        };
        let result = joined.ok().and_then(Result::ok).ok_or_else(panicked)?;
        match failure {
            Some(failure) => Err(failure.into()),
            None => Ok(result?),
        }
    }
}
