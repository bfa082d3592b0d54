//! What comes due in the store, on its way to the hub: nobody asked for it just now, so it has a share of memory of its own,
//! and what it meets is said in the log.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

use crate::hub::ticket::{Commit, Ticket};
use crate::limits;
use crate::store::{NewRecord, OpOutcome};

/// Tickets for what is due, as long as the hub keeps up with it.
pub(super) fn tickets() -> impl FnMut(&NewRecord) -> Option<Ticket> + Send + 'static {
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

/// Says now and then that what is due waits: its publishers are not there to be told.
#[derive(Default)]
pub(super) struct Grumble {
    said: Option<Instant>,
}

impl Grumble {
    pub(super) fn hear(&mut self, commit: &Commit) {
        let refused = commit.iter().find_map(|(done, ticket)| match done {
            OpOutcome::Refused(refusal) if ticket.request.is_none() => Some(refusal),
            _ => None,
        });
        let Some(refusal) = refused else { return };
        let now = Instant::now();
        if self
            .said
            .is_none_or(|said| now - said >= limits::REFUSED_SAID_EVERY)
        {
            self.said = Some(now);
            tracing::warn!("what is due waits: {refusal}");
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
    fn no_more_is_on_its_way_than_the_hub_has_room_for() {
        let mut tickets = tickets();
        let half = record(limits::DUE_QUEUE_BYTES / 2);
        let first = tickets(&half).unwrap();
        let second = tickets(&half).unwrap();
        assert!(tickets(&record(1)).is_none());
        // What the hub handed out makes room; the largest of all takes everything there is.
        drop(first);
        assert!(tickets(&record(limits::DUE_QUEUE_BYTES * 2)).is_none());
        let third = tickets(&record(1)).unwrap();
        drop((third, second));
        assert!(tickets(&record(limits::DUE_QUEUE_BYTES * 2)).is_some());
    }
}
