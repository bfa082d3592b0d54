//! Delayed messages that become due, on their way from the store to the hub.
//!
//! No session waits for their receipts, so their bytes count against a bound of their own, and a refusal goes to the
//! log.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

use crate::hub::ticket::{Commit, Ticket};
use crate::limits;
use crate::store::{NewRecord, OpOutcome};

/// Returns a function that makes the ticket for a due message, or `None` while too many bytes of them are on their way.
pub(super) fn ticket_source() -> impl FnMut(&NewRecord) -> Option<Ticket> + Send + 'static {
    let queue = Arc::new(Semaphore::new(limits::DUE_QUEUE_BYTES));
    move |record| {
        let cost = record.body.len();
        let cost = cost.clamp(limits::ENTRY_BYTES, limits::DUE_QUEUE_BYTES);
        let cost = u32::try_from(cost).expect("the queue is smaller than 4 GiB");
        let permit = Arc::clone(&queue).try_acquire_many_owned(cost).ok()?;
        Some(Ticket {
            request: None,
            permit: Some(permit),
        })
    }
}

/// Warns that due messages have to wait, at most once every [`limits::REFUSAL_LOG_INTERVAL`].
#[derive(Default)]
pub(super) struct RefusalLog {
    last_warning: Option<Instant>,
}

impl RefusalLog {
    pub(super) fn observe(&mut self, commit: &Commit) {
        let refusal = commit.iter().find_map(|(done, ticket)| match done {
            OpOutcome::Refused(refusal) if ticket.request.is_none() => Some(refusal),
            _ => None,
        });
        let Some(refusal) = refusal else { return };
        let now = Instant::now();
        if self
            .last_warning
            .is_none_or(|last| now - last >= limits::REFUSAL_LOG_INTERVAL)
        {
            self.last_warning = Some(now);
            tracing::warn!("delayed messages that are due have to wait: {refusal}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bytes: usize) -> NewRecord {
        NewRecord::sample(vec![b'\n'; bytes])
    }

    #[test]
    fn the_bytes_on_their_way_are_bounded() {
        let mut tickets = ticket_source();
        let half = record(limits::DUE_QUEUE_BYTES / 2);
        let first = tickets(&half).unwrap();
        let second = tickets(&half).unwrap();
        assert!(tickets(&record(1)).is_none());
        // A ticket that is dropped makes room. The largest message takes all of it.
        drop(first);
        assert!(tickets(&record(limits::DUE_QUEUE_BYTES * 2)).is_none());
        let third = tickets(&record(1)).unwrap();
        drop((third, second));
        assert!(tickets(&record(limits::DUE_QUEUE_BYTES * 2)).is_some());
    }
}
