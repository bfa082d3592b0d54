//! The ops of the next transaction. Cursor moves of one member are merged into one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::address::{ClientName, Namespace, RoomName};
use crate::limits;
use crate::store::delayed::DelayedRecord;
use crate::store::op::{Op, OpOutcome};
use crate::store::sessions::SessionOp;

/// Whether an op starts a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    Now,
    /// For cursor moves: waits for the next commit, at most `limits::ACK_DELAY`. It keeps its place in the order.
    Later,
}

pub(super) struct QueuedOp<T> {
    pub(super) op: Op,
    pub(super) urgency: Urgency,
    pub(super) tag: T,
}

/// The rooms of a cursor move, and its index among the ops.
type CursorMove = (Arc<[RoomName]>, usize);

pub(super) struct OpGroup<T> {
    ops: Vec<Op>,
    /// In the order of arrival, each with the index of its op.
    tags: Vec<(usize, T)>,
    /// Cursor moves into which a later move of the same rooms can be merged.
    moves: HashMap<(Namespace, ClientName), Vec<CursorMove>>,
    bytes: usize,
    is_urgent: bool,
    /// When the group is committed even if nothing in it is urgent.
    deadline: Option<Instant>,
}

impl<T> Default for OpGroup<T> {
    fn default() -> Self {
        Self {
            ops: Vec::new(),
            tags: Vec::new(),
            moves: HashMap::new(),
            bytes: 0,
            is_urgent: false,
            deadline: None,
        }
    }
}

impl<T> OpGroup<T> {
    pub(super) fn push(&mut self, QueuedOp { op, urgency, tag }: QueuedOp<T>) {
        match urgency {
            Urgency::Now => self.is_urgent = true,
            Urgency::Later => {
                self.deadline
                    .get_or_insert_with(|| Instant::now() + limits::ACK_DELAY);
            }
        }
        let index = match self.merge(&op) {
            Some(index) => index,
            None => {
                self.account(&op);
                self.ops.push(op);
                self.ops.len() - 1
            }
        };
        self.tags.push((index, tag));
    }

    pub(super) fn is_urgent(&self) -> bool {
        self.is_urgent
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= limits::GROUP_BYTES || self.tags.len() >= limits::GROUP_OPS
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn is_overdue(&self) -> bool {
        self.deadline.is_some_and(|at| at <= Instant::now())
    }

    pub(super) fn take(&mut self) -> (Vec<Op>, Vec<(usize, T)>) {
        let Self { ops, tags, .. } = std::mem::take(self);
        (ops, tags)
    }

    /// Merges a cursor move into an earlier one of the same rooms, and returns the index of that op.
    ///
    /// Moving a cursor further at the earlier place is right: the client received the acknowledged messages after an
    /// earlier commit. Ops that could tell the difference (a join, a leave or a subscription of the same client) end
    /// the merging.
    fn merge(&mut self, op: &Op) -> Option<usize> {
        let Op::Ack {
            namespace,
            client,
            rooms,
            cursor,
        } = op
        else {
            return None;
        };
        let moves = self.moves.get(&(namespace.clone(), client.clone()))?;
        let (_, index) = moves.iter().find(|(earlier, _)| earlier == rooms)?;
        let Op::Ack {
            cursor: earlier, ..
        } = &mut self.ops[*index]
        else {
            return None;
        };
        *earlier = (*earlier).max(*cursor);
        Some(*index)
    }

    /// Counts the bytes of an op, and whether later cursor moves can be merged into it or into earlier ones.
    fn account(&mut self, op: &Op) {
        match op {
            Op::Append { record, .. }
            | Op::Delay { record, .. }
            | Op::Due(DelayedRecord { record, .. }) => self.bytes += record.body.len(),
            Op::Ack {
                namespace,
                client,
                rooms,
                ..
            } => {
                let key = (namespace.clone(), client.clone());
                let moves = self.moves.entry(key).or_default();
                moves.push((Arc::clone(rooms), self.ops.len()));
            }
            Op::Join {
                namespace, client, ..
            }
            | Op::Leave {
                namespace, client, ..
            }
            | Op::Purge {
                namespace, client, ..
            }
            | Op::Subscribe {
                namespace,
                client: Some(client),
                ..
            } => {
                self.moves.remove(&(namespace.clone(), client.clone()));
            }
            Op::Session(SessionOp::Open { new, .. }) => {
                if let Some(client) = &new.client {
                    self.moves.remove(&(new.namespace.clone(), client.clone()));
                }
            }
            Op::Subscribe { client: None, .. } | Op::Session(_) | Op::Noop => {}
        }
    }
}

/// Each tag with the outcome of its op. Only cursor moves share an op.
pub(super) fn pair_with_tags<T>(
    mut outcomes: Vec<OpOutcome>,
    tags: Vec<(usize, T)>,
) -> Vec<(OpOutcome, T)> {
    let mut take = |index: usize| match &mut outcomes[index] {
        shared @ (OpOutcome::Acked | OpOutcome::Refused(_)) => shared.clone(),
        own => std::mem::replace(own, OpOutcome::Noop),
    };
    let pair = |(index, tag)| (take(index), tag);
    tags.into_iter().map(pair).collect()
}
