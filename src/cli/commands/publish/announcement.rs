//! When a delayed message will be delivered, said once.

use std::io::{IsTerminal, stderr};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::io::batches::DeliveryTime;
use crate::cli::screen::term;
use crate::client::publish_window::PublishOutcome;

/// Says once when what was published will be there.
#[derive(Debug)]
pub struct Announcement {
    when: Option<DeliveryTime>,
}

impl Announcement {
    pub fn of(when: Option<DeliveryTime>) -> Self {
        Self { when }
    }

    /// What the hub answered to a batch.
    pub fn hear(&mut self, reached: PublishOutcome) {
        match (self.when, reached) {
            (None, _) | (_, PublishOutcome::Unknown) => return,
            (Some(_), PublishOutcome::Delayed { due_ms }) => {
                if stderr().is_terminal() {
                    term::note(format!("will be delivered at {}", shown(due_ms)));
                }
            }
            (Some(DeliveryTime::At(_)), PublishOutcome::Delivered { .. }) => {
                term::note("the time of --at has passed: delivered at once");
            }
            (Some(DeliveryTime::After(_)), PublishOutcome::Delivered { .. }) => {}
        }
        self.when = None;
    }
}

/// By the local clock, to the second.
fn shown(due_ms: u64) -> String {
    let due = i64::try_from(due_ms).ok();
    let due = due.and_then(|due| Timestamp::from_millisecond(due).ok());
    due.map_or_else(
        || format!("@{}", due_ms / 1_000),
        |due| {
            let there = due.to_zoned(TimeZone::system());
            there.strftime("%Y-%m-%d %H:%M:%S").to_string()
        },
    )
}
