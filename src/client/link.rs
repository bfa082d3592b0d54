//! The one connection of a peer, or where it stands on the way to the next. Decides nothing.

use std::future::{Future, pending};
use std::pin::Pin;

use tokio::time::{Instant, sleep_until};

use super::connection::{Connection, Incoming};
use super::error::{DialError, LostReason};

type Dialing = Pin<Box<dyn Future<Output = Result<Box<Connection>, DialError>>>>;

/// The connection, or the way to the next one.
pub enum Link {
    Up(Box<Connection>),
    Waiting(Instant),
    Dialing(Dialing),
}

pub enum LinkEvent {
    Incoming(Incoming),
    Lost(LostReason),
    Waited,
    Dialed(Result<Box<Connection>, DialError>),
}

impl Link {
    /// Cancel-safe: each await is on something that is kept in the link.
    pub async fn next(&mut self) -> LinkEvent {
        match self {
            Self::Up(connection) => match connection.next().await {
                Ok(incoming) => LinkEvent::Incoming(incoming),
                Err(reason) => LinkEvent::Lost(reason),
            },
            Self::Waiting(until) => {
                sleep_until(*until).await;
                LinkEvent::Waited
            }
            Self::Dialing(dialing) => LinkEvent::Dialed(dialing.await),
        }
    }
}

/// Waits for a moment that may never come.
pub async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
