//! The heartbeat (Engine.IO protocol v4, "Heartbeat"): the server pings, the client must answer in time. Also the deadline
//! for the first CONNECT. Pure: the time comes as an argument.

use tokio::time::Instant;

use super::params::EngineMode;
use crate::limits;
use crate::session::settings::HubSettings;

#[derive(Debug)]
pub struct Heartbeat {
    state: HeartbeatState,
    /// The deadline for the first CONNECT. `None` once a namespace is entered.
    connect_by: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
enum HeartbeatState {
    PingAt(Instant),
    PongBy(Instant),
}

/// An action that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatAction {
    None,
    /// Send a ping.
    Ping,
    /// The client did not answer the last ping.
    PongTimeout,
    /// The client entered no namespace.
    ConnectTimeout,
}

impl Heartbeat {
    pub fn new(now: Instant, settings: &HubSettings, mode: EngineMode) -> Self {
        let connect_by = (mode == EngineMode::SocketIo).then(|| now + settings.connect_timeout);
        Self {
            state: HeartbeatState::PingAt(now + settings.ping_interval),
            connect_by,
        }
    }

    /// The time of the next action.
    pub fn next(&self) -> Instant {
        let (HeartbeatState::PingAt(at) | HeartbeatState::PongBy(at)) = self.state;
        self.connect_by.map_or(at, |by| by.min(at))
    }

    /// Whether a ping was sent and not answered.
    pub fn awaits_pong(&self) -> bool {
        matches!(self.state, HeartbeatState::PongBy(_))
    }

    /// The action that is due at `now`. While the session does not read, no pong can arrive, so the deadline moves. The
    /// pings go on, because the client has a timeout of its own.
    pub fn advance(
        &mut self,
        now: Instant,
        settings: &HubSettings,
        reading: ReadState,
    ) -> HeartbeatAction {
        if self.connect_by.is_some_and(|by| by <= now) {
            return HeartbeatAction::ConnectTimeout;
        }
        match self.state {
            HeartbeatState::PingAt(at) if at <= now => {
                // The timeout counts from when the ping was due, unless the hub could not send it in time.
                let sent = if now - at <= limits::PING_SLACK {
                    at
                } else {
                    now
                };
                self.state = HeartbeatState::PongBy(sent + settings.ping_timeout);
                HeartbeatAction::Ping
            }
            HeartbeatState::PongBy(by) if by <= now && reading == ReadState::Paused => {
                self.state = HeartbeatState::PongBy(now + settings.ping_timeout);
                HeartbeatAction::Ping
            }
            HeartbeatState::PongBy(by) if by <= now => HeartbeatAction::PongTimeout,
            HeartbeatState::PingAt(_) | HeartbeatState::PongBy(_) => HeartbeatAction::None,
        }
    }

    pub fn pong(&mut self, now: Instant, settings: &HubSettings) {
        self.state = HeartbeatState::PingAt(now + settings.ping_interval);
    }

    /// A namespace was entered.
    pub fn connected(&mut self) {
        self.connect_by = None;
    }
}

/// Whether the session reads from its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadState {
    Reading,
    Paused,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn settings() -> HubSettings {
        HubSettings {
            ping_interval: Duration::from_millis(300),
            ping_timeout: Duration::from_millis(200),
            ..HubSettings::sample()
        }
    }

    #[test]
    fn the_pong_timeout_counts_from_when_the_ping_was_due() {
        let (settings, start) = (settings(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let mut heartbeat = Heartbeat::new(start, &settings, EngineMode::Echo);
        assert_eq!(
            heartbeat.advance(at(299), &settings, ReadState::Reading),
            HeartbeatAction::None
        );
        assert_eq!(
            heartbeat.advance(at(303), &settings, ReadState::Reading),
            HeartbeatAction::Ping
        );
        assert_eq!(heartbeat.next(), at(500));
        assert_eq!(
            heartbeat.advance(at(500), &settings, ReadState::Reading),
            HeartbeatAction::PongTimeout
        );
    }

    #[test]
    fn a_late_ping_moves_the_deadline_of_its_pong() {
        let (settings, start) = (settings(), Instant::now());
        let mut heartbeat = Heartbeat::new(start, &settings, EngineMode::Echo);
        let stalled = start + Duration::from_secs(9);
        assert_eq!(
            heartbeat.advance(stalled, &settings, ReadState::Reading),
            HeartbeatAction::Ping
        );
        assert_eq!(heartbeat.next(), stalled + settings.ping_timeout);
    }

    #[test]
    fn only_socket_io_has_a_connect_deadline() {
        let (settings, start) = (settings(), Instant::now());
        let late = start + settings.connect_timeout;
        let mut heartbeat = Heartbeat::new(start, &settings, EngineMode::SocketIo);
        assert_eq!(
            heartbeat.advance(late, &settings, ReadState::Reading),
            HeartbeatAction::ConnectTimeout
        );
        let mut echo = Heartbeat::new(start, &settings, EngineMode::Echo);
        assert_eq!(
            echo.advance(late, &settings, ReadState::Reading),
            HeartbeatAction::Ping
        );
    }
}
