//! Tells the user once when a delayed message will be delivered.

use std::io::{IsTerminal, stderr};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::io::batches::delivery_time::DeliveryTime;
use crate::cli::screen::term;
use crate::client::publish_window::PublishOutcome;

#[derive(Debug)]
pub struct DueTimeNotice {
    /// None once the notice was shown.
    requested: Option<DeliveryTime>,
}

impl DueTimeNotice {
    pub fn new(requested: Option<DeliveryTime>) -> Self {
        Self { requested }
    }

    /// Shows the notice for the first receipt.
    pub fn handle_receipt(&mut self, outcome: PublishOutcome) {
        match (self.requested, outcome) {
            (None, _) | (_, PublishOutcome::Unknown) => return,
            (Some(_), PublishOutcome::Delayed { due_ms }) => {
                if stderr().is_terminal() {
                    term::note(format!("will be delivered at {}", local_time(due_ms)));
                }
            }
            (Some(DeliveryTime::At(_)), PublishOutcome::Delivered { .. }) => {
                term::note("the --at time has passed; delivered at once");
            }
            (Some(DeliveryTime::After(_)), PublishOutcome::Delivered { .. }) => {}
        }
        self.requested = None;
    }
}

/// `2026-12-24 08:00:00` in the local time zone.
fn local_time(due_ms: u64) -> String {
    let due = i64::try_from(due_ms).ok();
    let due = due.and_then(|due| Timestamp::from_millisecond(due).ok());
    due.map_or_else(
        || format!("@{}", due_ms / 1_000),
        |due| {
            let local = due.to_zoned(TimeZone::system());
            local.strftime("%Y-%m-%d %H:%M:%S").to_string()
        },
    )
}
