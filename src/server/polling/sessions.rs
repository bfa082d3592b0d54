//! The polling sessions of a hub by their sids. A sid is only looked up, never parsed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::session::PollingSession;

type SessionMap = HashMap<Arc<str>, Arc<PollingSession>>;

#[derive(Default)]
pub struct PollingSessions {
    by_sid: Mutex<SessionMap>,
}

impl PollingSessions {
    pub fn find(&self, sid: &str) -> Option<Arc<PollingSession>> {
        self.lock().get(sid).cloned()
    }

    pub(super) fn insert(&self, sid: Arc<str>, session: Arc<PollingSession>) {
        self.lock().insert(sid, session);
    }

    pub(super) fn remove(&self, sid: &str) {
        self.lock().remove(sid);
    }

    fn lock(&self) -> MutexGuard<'_, SessionMap> {
        self.by_sid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
