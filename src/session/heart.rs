//! The heartbeat (Engine.IO protocol v4, "Heartbeat"): the server pings, the client answers in time. Also the wait for a
//! first CONNECT. Pure but for the clock it is given.

use tokio::time::Instant;

use super::services::Settings;

#[derive(Debug)]
pub struct Heart {
    state: State,
    /// Until a namespace is entered.
    connect_by: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    PingAt(Instant),
    PongBy(Instant),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    Ping,
    Nothing,
    NoPong,
    NoConnect,
}

impl Heart {
    pub fn new(now: Instant, settings: &Settings) -> Self {
        let connect_by = Some(now + settings.connect_timeout);
        Self {
            state: State::PingAt(now + settings.ping_interval),
            connect_by,
        }
    }

    pub fn next(&self) -> Instant {
        let (State::PingAt(at) | State::PongBy(at)) = self.state;
        self.connect_by.map_or(at, |by| by.min(at))
    }

    /// What is due at `now`. While the hub does not read from the peer, its pong cannot arrive: `held` puts that off. The
    /// pings go on, for the peer has a clock too.
    pub fn beat(&mut self, now: Instant, settings: &Settings, held: Held) -> Beat {
        if self.connect_by.is_some_and(|by| by <= now) {
            return Beat::NoConnect;
        }
        match self.state {
            State::PingAt(at) if at <= now => {
                self.state = State::PongBy(now + settings.ping_timeout);
                Beat::Ping
            }
            State::PongBy(by) if by <= now && held == Held::Yes => {
                self.state = State::PongBy(now + settings.ping_timeout);
                Beat::Ping
            }
            State::PongBy(by) if by <= now => Beat::NoPong,
            State::PingAt(_) | State::PongBy(_) => Beat::Nothing,
        }
    }

    pub fn pong(&mut self, now: Instant, settings: &Settings) {
        self.state = State::PingAt(now + settings.ping_interval);
    }

    pub fn connected(&mut self) {
        self.connect_by = None;
    }
}

/// Whether the hub has stopped reading from this peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    Yes,
    No,
}
