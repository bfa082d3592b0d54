//! What waits for its time, in memory.

use std::collections::BTreeMap;

use super::Inner;
use crate::limits;
use crate::store::delayed::{Crowd, Delayed};
use crate::store::{Done, Draft};
use crate::wire::batch::PublishId;

#[derive(Default)]
pub(super) struct Waiting {
    /// By when it is due, and then by its number.
    drafts: BTreeMap<(u64, u64), Draft>,
    /// The last number given.
    last: u64,
    pub(super) crowd: Crowd,
}

impl Waiting {
    pub(super) fn due(&self, now: u64) -> Vec<Delayed> {
        let mut bytes = 0;
        self.drafts
            .range(..=(now, u64::MAX))
            .take(limits::GROUP_OPS)
            .take_while(|(_, draft)| {
                let fits = bytes < limits::GROUP_BYTES;
                bytes += draft.body.len();
                fits
            })
            .map(|((_, number), draft)| Delayed {
                number: *number,
                draft: draft.clone(),
            })
            .collect()
    }

    fn put(&mut self, due_ms: u64, draft: Draft) {
        self.last += 1;
        self.crowd.came(draft.weight(), due_ms);
        self.drafts.insert((due_ms, self.last), draft);
    }

    fn take(&mut self, number: u64) -> Option<Draft> {
        let key = *self.drafts.keys().find(|(_, it)| *it == number)?;
        let draft = self.drafts.remove(&key)?;
        let first = self.drafts.keys().next().map(|(due_ms, _)| *due_ms);
        self.crowd.went(draft.weight(), first);
        Some(draft)
    }
}

impl Inner {
    pub(super) fn delay(
        &mut self,
        draft: Draft,
        id: Option<PublishId>,
        due_ms: u64,
        now: u64,
    ) -> Done {
        if self.waiting.crowd.passes(due_ms, self.clock_ms) {
            return self.append(draft, id, now);
        }
        if let Some(done) = id.as_ref().and_then(|id| self.used(id, now)) {
            return done;
        }
        let weight = draft.weight();
        let refusal = self.waiting.crowd.refuses(weight, self.keep.pending_bytes);
        if let Some(refusal) = refusal.or_else(|| self.make_room(weight, now)) {
            return Done::Refused(refusal);
        }
        if let Some(id) = id {
            self.use_number(id, None, now);
        }
        let count = draft.header.count;
        self.waiting.put(due_ms, draft);
        Done::Delayed { due_ms, count }
    }

    pub(super) fn due(&mut self, delayed: &Delayed, now: u64) -> Done {
        match self.waiting.take(delayed.number) {
            Some(draft) => Done::Appended(self.record(draft, now)),
            None => Done::Marked,
        }
    }
}
