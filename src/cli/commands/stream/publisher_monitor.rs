//! Finds out whether the publisher of an unfinished stream is still there. A killed publisher sends no end, so when no part
//! has come for a while, the hub is asked for the publisher's socket. A publisher whose socket is gone has some time to
//! reconnect.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::client::HubClient;
use crate::client::verbs::VerbResult;
use crate::client::verbs::who::WhoRequest;
use crate::limits;

#[derive(Debug)]
pub struct PublisherMonitor {
    /// How long the publisher may be gone.
    stall: Duration,
    sid: Option<String>,
    ask_at: Instant,
    /// The call that is not answered yet.
    pending_call: Option<u64>,
    gone_since: Option<Instant>,
}

impl PublisherMonitor {
    pub fn new(stall: Duration) -> Self {
        Self {
            stall,
            sid: None,
            ask_at: Instant::now(),
            pending_call: None,
            gone_since: None,
        }
    }

    /// A part came from this socket.
    pub fn handle_part(&mut self, sid: Option<&str>) {
        self.sid = sid.map(str::to_owned);
        self.reset();
    }

    /// Starts to wait anew: something else, such as stdout or the connection, may have held parts up.
    pub fn reset(&mut self) {
        self.ask_at = Instant::now() + self.ask_interval();
        self.pending_call = None;
        self.gone_since = None;
    }

    fn ask_interval(&self) -> Duration {
        limits::STREAM_CHECK_INTERVAL.min(self.stall)
    }

    /// When the publisher must be checked next.
    pub fn next_check(&self) -> Instant {
        match self.gone_since {
            Some(since) => since + self.stall,
            None => self.ask_at,
        }
    }

    /// Asks the hub for the publisher, unless it is known to be gone or its socket is unknown.
    pub fn ask(&mut self, peer: &mut HubClient) {
        self.ask_at = Instant::now() + self.ask_interval();
        if let (None, Some(sid)) = (self.gone_since, &self.sid) {
            self.pending_call = peer.request(&WhoRequest {
                room: None,
                sid: Some(sid),
            });
        }
    }

    pub fn awaits_answer(&self) -> bool {
        self.pending_call.is_some()
    }

    /// Takes an answer of the hub; answers to other calls are ignored.
    pub fn handle_answer(&mut self, id: u64, answer: &VerbResult) {
        if self.pending_call != Some(id) {
            return;
        }
        self.pending_call = None;
        // A reader that may not use `who` keeps waiting.
        if matches!(answer, Ok(answer) if has_no_sockets(answer)) {
            self.gone_since.get_or_insert_with(Instant::now);
        }
    }

    pub fn is_gone(&self) -> bool {
        self.gone_since.is_some()
    }

    /// Gone for the whole stall time.
    pub fn is_gone_for_good(&self) -> bool {
        self.gone_since
            .is_some_and(|since| since.elapsed() >= self.stall)
    }
}

fn has_no_sockets(answer: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct SocketList<'a> {
        #[serde(borrow)]
        sockets: Vec<&'a RawValue>,
    }
    serde_json::from_str(answer.get()).is_ok_and(|list: SocketList<'_>| list.sockets.is_empty())
}
