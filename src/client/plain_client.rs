//! A client of any Socket.IO server that outlives its connections: it receives events and reconnects.
//!
//! Everything that must survive a cancelled call lives in the client, so each call may be dropped at any await.

use tokio::time::{Instant, timeout};

use super::backoff::Backoff;
use super::connection_state::{ConnectionEvent, ConnectionState};
use super::error::{ClientError, DisconnectReason};
use super::plain_connection::{
    Continuity, PlainConnection, ReceivedEvent, RecoveryState, ServerMessage,
};
use super::retry::RetryPolicy;
use super::target::Target;
use super::url::HubUrl;
use crate::limits;
use crate::wire::socket::PacketError;

pub struct PlainClient {
    target: Target,
    retry: RetryPolicy,
    connection: ConnectionState<PlainConnection>,
    recovery: Option<RecoveryState>,
    backoff: Backoff,
    connected_at: Instant,
    /// Counts connections, because an ack id is valid only on the connection that it arrived on.
    connection_number: u64,
}

#[derive(Debug)]
pub enum PlainEvent {
    Event(ReceivedEvent, Option<AckHandle>),
    /// An event that cannot be shown was dropped.
    Unreadable(PacketError),
    Disconnected {
        reason: String,
    },
    Reconnected(Continuity),
}

/// An acknowledgement that the server waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckHandle {
    connection_number: u64,
    id: u64,
}

impl PlainClient {
    /// Fails at once when the server cannot be reached: the retry policy is for later losses.
    pub async fn connect(target: Target, retry: RetryPolicy) -> Result<Self, ClientError> {
        let connection = PlainConnection::open(&target, None)
            .await
            .map_err(|error| error.with_url(&target.url))?;
        Ok(Self {
            target,
            retry,
            recovery: connection.recovery_state().cloned(),
            connection: ConnectionState::Up(Box::new(connection)),
            backoff: Backoff::default(),
            connected_at: Instant::now(),
            connection_number: 0,
        })
    }

    pub fn url(&self) -> &HubUrl {
        &self.target.url
    }

    /// Acknowledges an event, unless the connection that it arrived on is lost.
    pub fn ack(&mut self, handle: AckHandle) {
        if let ConnectionState::Up(connection) = &mut self.connection
            && handle.connection_number == self.connection_number
        {
            connection.ack(handle.id);
        }
    }

    /// Cancel-safe.
    pub async fn next_event(&mut self) -> Result<PlainEvent, ClientError> {
        loop {
            let event = match self.connection.next().await {
                ConnectionEvent::Received(message) => self.handle_message(message)?,
                ConnectionEvent::Disconnected(reason) => Some(self.handle_disconnect(&reason)?),
                ConnectionEvent::WaitOver => {
                    self.dial();
                    None
                }
                ConnectionEvent::Dialed(Ok(connection)) => Some(self.handle_reconnect(connection)),
                ConnectionEvent::Dialed(Err(error)) if error.is_final() => {
                    return Err(error.with_url(&self.target.url));
                }
                ConnectionEvent::Dialed(Err(_)) => {
                    self.wait_to_dial();
                    None
                }
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    /// Sends the queued packets and then a disconnect, within a bound.
    pub async fn close(self) {
        let ConnectionState::Up(mut connection) = self.connection else {
            return;
        };
        let closing = async {
            // Otherwise the disconnect would overtake the last acknowledgements.
            if connection.settle().await.is_ok() {
                connection.close().await;
            }
        };
        // If this times out, the server still notices the closed socket.
        let _ = timeout(limits::FINISH_TIMEOUT, closing).await;
    }

    fn handle_message(
        &mut self,
        message: ServerMessage,
    ) -> Result<Option<PlainEvent>, ClientError> {
        Ok(match message {
            ServerMessage::Event(event) => {
                let connection_number = self.connection_number;
                let handle = event.id.map(|id| AckHandle {
                    connection_number,
                    id,
                });
                Some(PlainEvent::Event(event, handle))
            }
            ServerMessage::Unreadable(error) => Some(PlainEvent::Unreadable(error)),
            // Like Socket.IO's client, do not reconnect after the server disconnected this client.
            ServerMessage::Disconnected(refusal) => {
                let url = self.target.url.to_string();
                return Err(ClientError::Denied { url, refusal });
            }
            ServerMessage::Ack { .. } => None,
        })
    }

    fn handle_disconnect(&mut self, reason: &DisconnectReason) -> Result<PlainEvent, ClientError> {
        let reason = reason.to_string();
        if self.retry == RetryPolicy::Never {
            return Err(ClientError::Lost {
                url: self.target.url.to_string(),
                reason,
            });
        }
        if let ConnectionState::Up(connection) = &self.connection {
            self.recovery = connection.recovery_state().cloned();
        }
        // A server that accepts a connection and closes it at once counts as down.
        if self.connected_at.elapsed() >= limits::RECONNECT_MAX {
            self.backoff.reset();
        }
        self.wait_to_dial();
        Ok(PlainEvent::Disconnected { reason })
    }

    fn wait_to_dial(&mut self) {
        self.connection = ConnectionState::Waiting(Instant::now() + self.backoff.next_wait());
    }

    fn dial(&mut self) {
        let (target, recovery) = (self.target.clone(), self.recovery.clone());
        self.connection = ConnectionState::Dialing(Box::pin(async move {
            let connection = PlainConnection::open(&target, recovery.as_ref()).await;
            connection.map(Box::new)
        }));
    }

    fn handle_reconnect(&mut self, connection: Box<PlainConnection>) -> PlainEvent {
        let origin = connection.origin();
        self.recovery = connection.recovery_state().cloned();
        self.connection = ConnectionState::Up(connection);
        self.connected_at = Instant::now();
        self.connection_number += 1;
        PlainEvent::Reconnected(origin)
    }
}
