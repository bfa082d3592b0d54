//! The end of a chat waits for its hub, and says so when that takes a while. Knows nothing of what is said.

use std::pin::pin;

use tokio::select;
use tokio::time::{Instant, sleep};

use crate::cli::screen::term;
use crate::client::connection_state::wait_until;
use crate::limits;

/// When to say what is waited for: once.
#[derive(Debug, Default)]
pub struct Patience(Option<Instant>);

impl Patience {
    pub fn begin(&mut self) {
        self.0 = Some(Instant::now() + limits::PROGRESS_DELAY);
    }

    /// For ever until it begins. Cancel-safe.
    pub async fn is_over(&self) {
        wait_until(self.0).await;
    }

    pub fn tell(&mut self, what: &str) {
        self.0 = None;
        note(what);
    }
}

/// Waits for something that waits for the hub to confirm `what`.
pub async fn telling<T>(awaited: impl Future<Output = T>, what: &str) -> T {
    let mut awaited = pin!(awaited);
    select! {
        done = &mut awaited => return done,
        () = sleep(limits::PROGRESS_DELAY) => note(what),
    }
    awaited.await
}

fn note(what: &str) {
    term::note(format!(
        "waiting for the hub to confirm {what}; Ctrl-C gives up"
    ));
}
