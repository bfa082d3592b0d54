//! The one connection of a client, or where it stands on the way to the next. Decides nothing.

use std::future::{Future, pending};
use std::pin::Pin;

use tokio::time::{Instant, sleep_until};

use super::error::{DialError, DisconnectReason};

/// A connection that is there.
pub trait ClientConnection {
    type Incoming;

    /// The next thing that came. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = Result<Self::Incoming, DisconnectReason>>;
}

type Dialing<L> = Pin<Box<dyn Future<Output = Result<Box<L>, DialError>>>>;

/// The connection, or the way to the next one.
pub enum ConnectionState<L> {
    Up(Box<L>),
    Waiting(Instant),
    Dialing(Dialing<L>),
}

pub enum ConnectionEvent<L: ClientConnection> {
    Received(L::Incoming),
    Disconnected(DisconnectReason),
    WaitOver,
    Dialed(Result<Box<L>, DialError>),
}

impl<L: ClientConnection> ConnectionState<L> {
    /// Cancel-safe: each await is on something that is kept in the link.
    pub async fn next(&mut self) -> ConnectionEvent<L> {
        match self {
            Self::Up(line) => match line.next().await {
                Ok(incoming) => ConnectionEvent::Received(incoming),
                Err(reason) => ConnectionEvent::Disconnected(reason),
            },
            Self::Waiting(until) => {
                sleep_until(*until).await;
                ConnectionEvent::WaitOver
            }
            Self::Dialing(dialing) => ConnectionEvent::Dialed(dialing.await),
        }
    }
}

/// Waits for a moment that may never come.
pub async fn wait_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
