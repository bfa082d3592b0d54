//! Whether the publisher of a stream that has not ended is still there. Nothing says so by itself: who is killed marks no
//! end. So when no piece came for a while the hub is asked for its socket, and one that is gone is given time to come back
//! by another.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::client::HubClient;
use crate::client::verbs::VerbResult;
use crate::client::verbs::who::WhoRequest;
use crate::limits;

#[derive(Debug)]
pub struct Publisher {
    /// How long it must have been gone.
    stall: Duration,
    sid: Option<String>,
    /// When it is to be asked for.
    ask_at: Instant,
    asked: Option<u64>,
    gone_since: Option<Instant>,
}

impl Publisher {
    pub fn new(stall: Duration) -> Self {
        Self {
            stall,
            sid: None,
            ask_at: Instant::now(),
            asked: None,
            gone_since: None,
        }
    }

    /// A piece came from this socket.
    pub fn heard(&mut self, sid: Option<&str>) {
        self.sid = sid.map(str::to_owned);
        self.moved();
    }

    /// Something went on, so that its silence says nothing yet: the connection came back, or stdout took something.
    pub fn moved(&mut self) {
        self.ask_at = Instant::now() + self.pause();
        self.asked = None;
        self.gone_since = None;
    }

    fn pause(&self) -> Duration {
        limits::STREAM_CHECK_INTERVAL.min(self.stall)
    }

    /// When it is to be looked for again.
    pub fn due(&self) -> Instant {
        match self.gone_since {
            Some(since) => since + self.stall,
            None => self.ask_at,
        }
    }

    /// Asks the hub, unless it is known to be gone or nobody could tell.
    pub fn ask(&mut self, peer: &mut HubClient) {
        self.ask_at = Instant::now() + self.pause();
        if let (None, Some(sid)) = (self.gone_since, &self.sid) {
            self.asked = peer.request(&WhoRequest {
                room: None,
                sid: Some(sid),
            });
        }
    }

    /// Whether an answer is awaited.
    pub fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// An answer to something; true when it was to this.
    pub fn answered(&mut self, id: u64, answer: &VerbResult) -> bool {
        if self.asked != Some(id) {
            return false;
        }
        self.asked = None;
        // Who may not know goes on waiting.
        if matches!(answer, Ok(answer) if is_nobody(answer)) {
            self.gone_since.get_or_insert_with(Instant::now);
        }
        true
    }

    pub fn is_gone(&self) -> bool {
        self.gone_since.is_some()
    }

    /// Gone, and for so long that it does not come back.
    pub fn is_gone_for_good(&self) -> bool {
        self.gone_since
            .is_some_and(|since| since.elapsed() >= self.stall)
    }
}

/// Whether a list of sockets is empty.
fn is_nobody(answer: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Who<'a> {
        #[serde(borrow)]
        sockets: Vec<&'a RawValue>,
    }
    serde_json::from_str(answer.get()).is_ok_and(|who: Who<'_>| who.sockets.is_empty())
}
