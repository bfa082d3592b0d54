//! A chat that ends waits for confirmations from the hub, and says so when that takes a while.

use std::pin::pin;

use tokio::select;
use tokio::time::{Instant, sleep};

use crate::cli::screen::term;
use crate::client::connection_state::wait_until;
use crate::limits;

/// What the hub has not confirmed: messages that were sent.
pub const YOUR_MESSAGES: &str = "your messages";

/// When to print the notice. It is printed at most once.
#[derive(Debug, Default)]
pub struct WaitNotice(Option<Instant>);

impl WaitNotice {
    /// Starts the delay before the notice.
    pub fn start(&mut self) {
        self.0 = Some(Instant::now() + limits::PROGRESS_DELAY);
    }

    /// Waits until the notice is due; forever if the delay has not started. Cancel-safe.
    pub async fn due(&self) {
        wait_until(self.0).await;
    }

    /// `unconfirmed` names what the hub has not confirmed.
    pub fn print(&mut self, unconfirmed: &str) {
        self.0 = None;
        print_notice(unconfirmed);
    }
}

/// Runs an operation that needs a confirmation of the hub, and prints the notice if it takes long.
pub async fn with_wait_notice<T>(operation: impl Future<Output = T>, unconfirmed: &str) -> T {
    let mut operation = pin!(operation);
    select! {
        result = &mut operation => return result,
        () = sleep(limits::PROGRESS_DELAY) => print_notice(unconfirmed),
    }
    operation.await
}

fn print_notice(unconfirmed: &str) {
    term::note(format!(
        "waiting for the hub to confirm {unconfirmed}; press Ctrl-C to stop waiting"
    ));
}
