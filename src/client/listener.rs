//! A plain client that outlives its connections: it hears events, and comes back when the server was away.
//!
//! Each call may be dropped at any await: everything that must not be lost with it lives here.

use tokio::time::{Instant, timeout};

use super::Target;
use super::backoff::Backoff;
use super::error::{ClientError, LostReason};
use super::link::{Link, LinkEvent};
use super::peer::Retry;
use super::plain::{Occurrence, Plain, Recovered, Said, Session};
use super::url::HubUrl;
use crate::limits;
use crate::wire::socket::SocketError;

pub struct Listener {
    target: Target,
    retry: Retry,
    link: Link<Plain>,
    session: Option<Session>,
    backoff: Backoff,
    up_since: Instant,
    /// Counts connections: an ack id means something only on the one that it came by.
    connection: u64,
}

/// What happened.
#[derive(Debug)]
pub enum Heard {
    Event(Occurrence, Option<Owed>),
    /// An event that cannot be shown was passed over.
    PassedOver(SocketError),
    Lost {
        reason: String,
    },
    Back(Recovered),
}

/// An acknowledgement that the server asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    connection: u64,
    id: u64,
}

impl Listener {
    /// Fails at once when the server cannot be reached: only what was there can be waited for.
    pub async fn connect(target: Target, retry: Retry) -> Result<Self, ClientError> {
        let plain = Plain::open(&target, None)
            .await
            .map_err(|error| error.at(&target.url))?;
        Ok(Self {
            target,
            retry,
            session: plain.session().cloned(),
            link: Link::Up(Box::new(plain)),
            backoff: Backoff::default(),
            up_since: Instant::now(),
            connection: 0,
        })
    }

    pub fn url(&self) -> &HubUrl {
        &self.target.url
    }

    /// Acknowledges an event, unless the connection that it came by is gone.
    pub fn ack(&mut self, owed: Owed) {
        if let Link::Up(plain) = &mut self.link
            && owed.connection == self.connection
        {
            plain.ack(owed.id);
        }
    }

    /// The next thing that happened. Cancel-safe.
    pub async fn next(&mut self) -> Result<Heard, ClientError> {
        loop {
            let heard = match self.link.next().await {
                LinkEvent::Incoming(said) => self.said(said)?,
                LinkEvent::Lost(reason) => Some(self.lost(&reason)?),
                LinkEvent::Waited => {
                    self.dial();
                    None
                }
                LinkEvent::Dialed(Ok(plain)) => Some(self.back(plain)),
                LinkEvent::Dialed(Err(error)) if error.is_final() => {
                    return Err(error.at(&self.target.url));
                }
                LinkEvent::Dialed(Err(_)) => {
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
        let Link::Up(mut plain) = self.link else {
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

    fn said(&mut self, said: Said) -> Result<Option<Heard>, ClientError> {
        Ok(match said {
            Said::Event(event) => {
                let connection = self.connection;
                let owed = event.id.map(|id| Owed { connection, id });
                Some(Heard::Event(event, owed))
            }
            Said::Unreadable(error) => Some(Heard::PassedOver(error)),
            // As in the reference's client: who was put out does not come back by itself.
            Said::Disconnected(refusal) => {
                let url = self.target.url.to_string();
                return Err(ClientError::Denied { url, refusal });
            }
            Said::Answer { .. } => None,
        })
    }

    fn lost(&mut self, reason: &LostReason) -> Result<Heard, ClientError> {
        let reason = reason.to_string();
        if self.retry == Retry::Never {
            return Err(ClientError::Lost {
                url: self.target.url.to_string(),
                reason,
            });
        }
        if let Link::Up(plain) = &self.link {
            self.session = plain.session().cloned();
        }
        // A server that lets in and hangs up at once is no better than one that is away.
        if self.up_since.elapsed() >= limits::RECONNECT_MAX {
            self.backoff.reset();
        }
        self.wait();
        Ok(Heard::Lost { reason })
    }

    fn wait(&mut self) {
        self.link = Link::Waiting(Instant::now() + self.backoff.wait());
    }

    fn dial(&mut self) {
        let (target, session) = (self.target.clone(), self.session.clone());
        self.link = Link::Dialing(Box::pin(async move {
            let plain = Plain::open(&target, session.as_ref()).await;
            plain.map(Box::new)
        }));
    }

    fn back(&mut self, plain: Box<Plain>) -> Heard {
        let recovered = plain.recovered();
        self.session = plain.session().cloned();
        self.link = Link::Up(plain);
        self.up_since = Instant::now();
        self.connection += 1;
        Heard::Back(recovered)
    }
}
