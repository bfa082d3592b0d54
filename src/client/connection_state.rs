//! A client's one connection, and the states between two connections. Decides nothing.

use std::future::{Future, pending};
use std::pin::Pin;

use tokio::time::{Instant, sleep_until};

use super::error::{DialError, DisconnectReason};

/// An established connection.
pub trait ClientConnection {
    type Incoming;

    /// Cancel-safe.
    fn next(&mut self) -> impl Future<Output = Result<Self::Incoming, DisconnectReason>>;
}

type DialFuture<C> = Pin<Box<dyn Future<Output = Result<Box<C>, DialError>>>>;

pub enum ConnectionState<C> {
    Up(Box<C>),
    /// The wait until it is time to dial.
    Waiting(Instant),
    Dialing(DialFuture<C>),
}

pub enum ConnectionEvent<C: ClientConnection> {
    Received(C::Incoming),
    Disconnected(DisconnectReason),
    WaitOver,
    Dialed(Result<Box<C>, DialError>),
}

impl<C: ClientConnection> ConnectionState<C> {
    /// Cancel-safe: each await is on something that the state keeps.
    pub async fn next(&mut self) -> ConnectionEvent<C> {
        match self {
            Self::Up(connection) => match connection.next().await {
                Ok(incoming) => ConnectionEvent::Received(incoming),
                Err(reason) => ConnectionEvent::Disconnected(reason),
            },
            Self::Waiting(until) => {
                sleep_until(*until).await;
                ConnectionEvent::WaitOver
            }
            Self::Dialing(dial) => ConnectionEvent::Dialed(dial.await),
        }
    }
}

/// Waits until `deadline`; for ever if there is none.
pub async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
