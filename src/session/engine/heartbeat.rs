//! The heartbeat (Engine.IO protocol v4, "Heartbeat"): the server pings, the client answers in time. Also the wait for a
//! first CONNECT. Pure but for the clock it is given.

use tokio::time::Instant;

use super::params::EngineMode;
use crate::limits;
use crate::session::settings::HubSettings;

#[derive(Debug)]
pub struct Heartbeat {
    state: HeartbeatState,
    /// Until a namespace is entered.
    connect_by: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
enum HeartbeatState {
    PingAt(Instant),
    PongBy(Instant),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatAction {
    Ping,
    Nothing,
    NoPong,
    NoConnect,
}

impl Heartbeat {
    pub fn new(now: Instant, settings: &HubSettings, speech: EngineMode) -> Self {
        let connect_by = (speech == EngineMode::SocketIo).then(|| now + settings.connect_timeout);
        Self {
            state: HeartbeatState::PingAt(now + settings.ping_interval),
            connect_by,
        }
    }

    pub fn next(&self) -> Instant {
        let (HeartbeatState::PingAt(at) | HeartbeatState::PongBy(at)) = self.state;
        self.connect_by.map_or(at, |by| by.min(at))
    }

    /// Whether a ping was sent and not answered.
    pub fn awaits_pong(&self) -> bool {
        matches!(self.state, HeartbeatState::PongBy(_))
    }

    /// What is due at `now`. While the hub does not read from the peer, its pong cannot arrive: `held` puts that off. The
    /// pings go on, for the peer has a clock too.
    pub fn beat(&mut self, now: Instant, settings: &HubSettings, held: Held) -> HeartbeatAction {
        if self.connect_by.is_some_and(|by| by <= now) {
            return HeartbeatAction::NoConnect;
        }
        match self.state {
            HeartbeatState::PingAt(at) if at <= now => {
                // The time counts from when the ping was due, unless this hub was kept from sending it.
                let sent = if now - at <= limits::PING_SLACK {
                    at
                } else {
                    now
                };
                self.state = HeartbeatState::PongBy(sent + settings.ping_timeout);
                HeartbeatAction::Ping
            }
            HeartbeatState::PongBy(by) if by <= now && held == Held::Yes => {
                self.state = HeartbeatState::PongBy(now + settings.ping_timeout);
                HeartbeatAction::Ping
            }
            HeartbeatState::PongBy(by) if by <= now => HeartbeatAction::NoPong,
            HeartbeatState::PingAt(_) | HeartbeatState::PongBy(_) => HeartbeatAction::Nothing,
        }
    }

    pub fn pong(&mut self, now: Instant, settings: &HubSettings) {
        self.state = HeartbeatState::PingAt(now + settings.ping_interval);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::session::namespace::policy::Namespaces;

    fn settings() -> HubSettings {
        HubSettings {
            ping_interval: Duration::from_millis(300),
            ping_timeout: Duration::from_millis(200),
            connect_timeout: Duration::from_secs(1),
            max_message: limits::MESSAGE_BYTES,
            max_payload: HubSettings::usual_payload(limits::MESSAGE_BYTES),
            recovery: None,
            token: None,
            namespaces: Namespaces::default(),
            echo: None,
            trace: None,
        }
    }

    #[test]
    fn the_pong_is_due_from_when_the_ping_was() {
        let (settings, begun) = (settings(), Instant::now());
        let at = |ms| begun + Duration::from_millis(ms);
        let mut heart = Heartbeat::new(begun, &settings, EngineMode::Echo);
        assert_eq!(
            heart.beat(at(299), &settings, Held::No),
            HeartbeatAction::Nothing
        );
        assert_eq!(
            heart.beat(at(303), &settings, Held::No),
            HeartbeatAction::Ping
        );
        assert_eq!(heart.next(), at(500));
        assert_eq!(
            heart.beat(at(500), &settings, Held::No),
            HeartbeatAction::NoPong
        );
    }

    #[test]
    fn who_was_asked_late_may_answer_late() {
        let (settings, begun) = (settings(), Instant::now());
        let mut heart = Heartbeat::new(begun, &settings, EngineMode::Echo);
        let stalled = begun + Duration::from_secs(9);
        assert_eq!(
            heart.beat(stalled, &settings, Held::No),
            HeartbeatAction::Ping
        );
        assert_eq!(heart.next(), stalled + settings.ping_timeout);
    }

    #[test]
    fn only_socket_io_has_namespaces_to_enter() {
        let (settings, begun) = (settings(), Instant::now());
        let late = begun + settings.connect_timeout;
        let mut heart = Heartbeat::new(begun, &settings, EngineMode::SocketIo);
        assert_eq!(
            heart.beat(late, &settings, Held::No),
            HeartbeatAction::NoConnect
        );
        let mut echo = Heartbeat::new(begun, &settings, EngineMode::Echo);
        assert_eq!(echo.beat(late, &settings, Held::No), HeartbeatAction::Ping);
    }
}
