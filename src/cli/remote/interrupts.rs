//! Waits for an operation unless a signal or the command's deadline comes first.

use std::future::Future;
use std::time::Duration;

use tokio::select;
use tokio::time::Instant;

use crate::cli::failure::Failure;
use crate::cli::io::signals::Signals;
use crate::cli::runtime;
use crate::client::connection_state::wait_until;

/// The events that end a command from outside.
pub struct Interrupts {
    signals: Signals,
    timeout: Option<Timeout>,
}

struct Timeout {
    after: Duration,
    deadline: Instant,
}

impl Interrupts {
    /// Starts to listen for signals; the deadline is `timeout` from now.
    pub fn listen(timeout: Option<Duration>) -> Result<Self, Failure> {
        let mut interrupts = Self {
            signals: runtime::listen()?,
            timeout: None,
        };
        interrupts.set_timeout(timeout);
        Ok(interrupts)
    }

    /// Replaces the deadline.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout.map(|after| Timeout {
            after,
            deadline: Instant::now() + after,
        });
    }

    /// Runs an operation to its end. If a signal or the deadline comes first, drops it and returns [`Failure::Signal`] or
    /// [`Failure::Timeout`].
    pub async fn run<T, E>(
        &mut self,
        operation: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        let deadline = self.timeout.as_ref().map(|timeout| timeout.deadline);
        select! {
            result = operation => Ok(result?),
            signal = self.signals.next() => Err(Failure::Signal(signal)),
            () = wait_until(deadline) => {
                let after = self.timeout.as_ref().map(|timeout| timeout.after);
                Err(Failure::Timeout(after.unwrap_or_default()))
            }
        }
    }
}
