//! A plain client that outlives its connections: it hears events, and comes back when the server was away.
//!
//! Each call may be dropped at any await: everything that must not be lost with it lives here.

use tokio::time::{Instant, timeout};

use super::Target;
use super::backoff::Backoff;
use super::connection_state::{ConnectionEvent, ConnectionState};
use super::error::{ClientError, DisconnectReason};
use super::hub_client::RetryPolicy;
use super::plain_connection::{
    PlainConnection, ReceivedEvent, RecoveryState, ServerMessage, SessionOrigin,
};
use super::url::HubUrl;
use crate::limits;
use crate::wire::socket::PacketError;

pub struct PlainClient {
    target: Target,
    retry: RetryPolicy,
    link: ConnectionState<PlainConnection>,
    session: Option<RecoveryState>,
    backoff: Backoff,
    up_since: Instant,
    /// Counts connections: an ack id means something only on the one that it came by.
    connection: u64,
}

/// What happened.
#[derive(Debug)]
pub enum PlainEvent {
    Event(ReceivedEvent, Option<AckHandle>),
    /// An event that cannot be shown was passed over.
    Unreadable(PacketError),
    Disconnected {
        reason: String,
    },
    Reconnected(SessionOrigin),
}

/// An acknowledgement that the server asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckHandle {
    connection: u64,
    id: u64,
}

impl PlainClient {
    /// Fails at once when the server cannot be reached: only what was there can be waited for.
    pub async fn connect(target: Target, retry: RetryPolicy) -> Result<Self, ClientError> {
        let plain = PlainConnection::open(&target, None)
            .await
            .map_err(|error| error.with_url(&target.url))?;
        Ok(Self {
            target,
            retry,
            session: plain.session().cloned(),
            link: ConnectionState::Up(Box::new(plain)),
            backoff: Backoff::default(),
            up_since: Instant::now(),
            connection: 0,
        })
    }

    pub fn url(&self) -> &HubUrl {
        &self.target.url
    }

    /// Acknowledges an event, unless the connection that it came by is gone.
    pub fn ack(&mut self, owed: AckHandle) {
        if let ConnectionState::Up(plain) = &mut self.link
            && owed.connection == self.connection
        {
            plain.ack(owed.id);
        }
    }

    /// The next thing that happened. Cancel-safe.
    pub async fn next_event(&mut self) -> Result<PlainEvent, ClientError> {
        loop {
            let heard = match self.link.next().await {
                ConnectionEvent::Received(said) => self.said(said)?,
                ConnectionEvent::Disconnected(reason) => Some(self.lost(&reason)?),
                ConnectionEvent::WaitOver => {
                    self.dial();
                    None
                }
                ConnectionEvent::Dialed(Ok(plain)) => Some(self.back(plain)),
                ConnectionEvent::Dialed(Err(error)) if error.is_final() => {
                    return Err(error.with_url(&self.target.url));
                }
                ConnectionEvent::Dialed(Err(_)) => {
                    self.wait();
                    None
                }
            };
            if let Some(heard) = heard {
                return Ok(heard);
            }
        }
    }

    /// Writes what is still to be sent, and says goodbye, within a bound.
    pub async fn close(self) {
        let ConnectionState::Up(mut plain) = self.link else {
            return;
        };
        let leaving = async {
            // Without it a goodbye overtakes the last acknowledgements.
            if plain.settle().await.is_ok() {
                plain.close().await;
            }
        };
        // Too late is as good as never.
        let _ = timeout(limits::FINISH_TIMEOUT, leaving).await;
    }

    fn said(&mut self, said: ServerMessage) -> Result<Option<PlainEvent>, ClientError> {
        Ok(match said {
            ServerMessage::Event(event) => {
                let connection = self.connection;
                let owed = event.id.map(|id| AckHandle { connection, id });
                Some(PlainEvent::Event(event, owed))
            }
            ServerMessage::Unreadable(error) => Some(PlainEvent::Unreadable(error)),
            // As in the reference's client: who was put out does not come back by itself.
            ServerMessage::Disconnected(refusal) => {
                let url = self.target.url.to_string();
                return Err(ClientError::Denied { url, refusal });
            }
            ServerMessage::Ack { .. } => None,
        })
    }

    fn lost(&mut self, reason: &DisconnectReason) -> Result<PlainEvent, ClientError> {
        let reason = reason.to_string();
        if self.retry == RetryPolicy::Never {
            return Err(ClientError::Lost {
                url: self.target.url.to_string(),
                reason,
            });
        }
        if let ConnectionState::Up(plain) = &self.link {
            self.session = plain.session().cloned();
        }
        // A server that lets in and hangs up at once is no better than one that is away.
        if self.up_since.elapsed() >= limits::RECONNECT_MAX {
            self.backoff.reset();
        }
        self.wait();
        Ok(PlainEvent::Disconnected { reason })
    }

    fn wait(&mut self) {
        self.link = ConnectionState::Waiting(Instant::now() + self.backoff.wait());
    }

    fn dial(&mut self) {
        let (target, session) = (self.target.clone(), self.session.clone());
        self.link = ConnectionState::Dialing(Box::pin(async move {
            let plain = PlainConnection::open(&target, session.as_ref()).await;
            plain.map(Box::new)
        }));
    }

    fn back(&mut self, plain: Box<PlainConnection>) -> PlainEvent {
        let recovered = plain.origin();
        self.session = plain.session().cloned();
        self.link = ConnectionState::Up(plain);
        self.up_since = Instant::now();
        self.connection += 1;
        PlainEvent::Reconnected(recovered)
    }
}
