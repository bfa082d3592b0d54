//! The state that all connections share.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::origin::OriginPolicy;
use super::polling::sessions::PollingSessions;
use super::routes::Routes;
use super::site::pages::Pages;
use crate::session::engine::params::SessionParams;
use crate::session::engine::transport::Transport;
use crate::session::services::Services;

pub struct AppState {
    pub services: Arc<Services>,
    pub origins: OriginPolicy,
    pub routes: Routes,
    pub pages: Pages,
    pub polling_sessions: Arc<PollingSessions>,
    /// Sessions to run. They outlive the connection that opened them.
    pub new_sessions: mpsc::Sender<NewSession>,
    /// True once the hub is shutting down.
    pub shutdown: watch::Receiver<bool>,
}

/// A session that has been opened and is not running yet.
pub struct NewSession {
    pub transport: Box<dyn Transport>,
    pub params: SessionParams,
}
