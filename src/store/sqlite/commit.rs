//! Commits a group of ops as one transaction, and tries to free space when the disk is full.

use super::fault::Fault;
use super::store::SqliteStore;
use super::transaction::{Budget, OpResult, OpTransaction};
use crate::store::delayed::DelayedRecord;
use crate::store::error::StoreError;
use crate::store::message::Record;
use crate::store::op::{Op, OpOutcome, Refusal};

impl SqliteStore {
    pub(super) fn commit_group(
        &mut self,
        ops: Vec<Op>,
        now_ms: u64,
    ) -> Result<Vec<OpOutcome>, StoreError> {
        self.clock_ms = now_ms;
        let now_ms = now_ms.max(self.state.last_ms);
        let budget = self.make_room(&ops, now_ms)?;
        let fault = match self.transact(&ops, now_ms, budget) {
            Ok(results) => return Ok(outcomes(ops, results, now_ms)),
            Err(fault) => fault,
        };
        self.roll_back()?;
        match fault {
            Fault::NoSpace(reason) => self.commit_without_appends(ops, now_ms, &reason),
            Fault::Fatal(error) => Err(error),
        }
    }

    /// The disk has no space for new messages. Ops that free space, or need little, are tried on their own.
    fn commit_without_appends(
        &mut self,
        ops: Vec<Op>,
        now_ms: u64,
        reason: &str,
    ) -> Result<Vec<OpOutcome>, StoreError> {
        // A write-ahead log that starts over needs no more space.
        self.restart_wal()?;
        let refused = || {
            OpOutcome::Refused(Refusal::Disk {
                reason: reason.to_owned(),
            })
        };
        let is_append = |op: &Op| matches!(op, Op::Append { .. } | Op::Delay { .. } | Op::Due(_));
        let appends: Vec<bool> = ops.iter().map(is_append).collect();
        let others: Vec<Op> = ops.into_iter().filter(|op| !is_append(op)).collect();
        let unlimited = Budget {
            bytes: 0,
            refusal: None,
        };
        let other_outcomes = match self.transact(&others, now_ms, unlimited) {
            Ok(results) => outcomes(others, results, now_ms),
            Err(Fault::Fatal(error)) => return Err(error),
            Err(Fault::NoSpace(_)) => {
                self.roll_back()?;
                let without_disk = |op| match op {
                    Op::Noop => OpOutcome::Noop,
                    _ => refused(),
                };
                others.into_iter().map(without_disk).collect()
            }
        };
        let mut other_outcomes = other_outcomes.into_iter();
        let in_order = appends.into_iter().map(|is_append| {
            let other = if is_append {
                None
            } else {
                other_outcomes.next()
            };
            other.unwrap_or_else(refused)
        });
        Ok(in_order.collect())
    }

    fn transact(
        &mut self,
        ops: &[Op],
        now_ms: u64,
        budget: Budget,
    ) -> Result<Vec<OpResult>, Fault> {
        let is_write = |op: &Op| !matches!(op, Op::Noop | Op::Subscribe { client: None, .. });
        let writes = ops.iter().any(is_write);
        let mut transaction = OpTransaction {
            conn: &self.conn,
            state: &mut self.state,
            sweep: &mut self.sweep,
            now_ms,
            clock_ms: self.clock_ms,
            retention: self.retention,
            budget,
        };
        let results = (|| {
            if writes {
                transaction.conn.execute_batch("BEGIN IMMEDIATE")?;
            }
            let results: rusqlite::Result<Vec<OpResult>> =
                ops.iter().map(|op| transaction.apply(op)).collect();
            let results = results?;
            if writes {
                // If nothing changed, this writes nothing and does not wait for the disk.
                transaction.conn.execute_batch("COMMIT")?;
            }
            Ok(results)
        })();
        results.map_err(|error| Fault::of(&self.path, error))
    }
}

impl OpTransaction<'_> {
    fn apply(&mut self, op: &Op) -> rusqlite::Result<OpResult> {
        let outcome = match op {
            Op::Append { record, id } => return self.append(record, id.as_ref()),
            Op::Delay { record, id, due_ms } => return self.delay(record, id.as_ref(), *due_ms),
            Op::Due(delayed) => return self.append_due(delayed),
            Op::Join {
                namespace,
                client,
                rooms,
            } => {
                self.join(namespace, client, rooms)?;
                return Ok(OpResult::Applied);
            }
            Op::Leave {
                namespace,
                client,
                rooms,
            } => {
                self.leave(namespace, client, rooms)?;
                return Ok(OpResult::Applied);
            }
            Op::Ack {
                namespace,
                client,
                rooms,
                cursor,
            } => {
                self.ack(namespace, client, rooms, *cursor)?;
                return Ok(OpResult::Applied);
            }
            Op::Subscribe {
                namespace,
                client,
                rooms,
            } => {
                if let Some(client) = client {
                    self.join(namespace, client, rooms)?;
                }
                let (members, head) = (&self.state.members, self.state.head);
                members.subscribed(namespace, client.as_ref(), rooms, head)
            }
            Op::Purge {
                namespace,
                client,
                rooms,
                cursor,
            } => self.purge(namespace, client, rooms, *cursor)?,
            Op::Session(op) => self.session(op)?,
            Op::Noop => OpOutcome::Noop,
        };
        Ok(OpResult::Outcome(outcome))
    }
}

/// The outcomes of a durable transaction. Records, rooms and names move out of the ops.
fn outcomes(ops: Vec<Op>, results: Vec<OpResult>, at_ms: u64) -> Vec<OpOutcome> {
    let outcome = |(op, result)| match (op, result) {
        (_, OpResult::Outcome(outcome)) => outcome,
        (
            Op::Append { record, .. }
            | Op::Delay { record, .. }
            | Op::Due(DelayedRecord { record, .. }),
            OpResult::Appended(number),
        ) => OpOutcome::Appended(Record {
            number,
            at_ms,
            header: record.header,
            body: record.body,
        }),
        (
            Op::Join {
                namespace,
                client,
                rooms,
            },
            OpResult::Applied,
        ) => OpOutcome::Joined {
            namespace,
            client,
            rooms,
        },
        (
            Op::Leave {
                namespace,
                client,
                rooms,
            },
            OpResult::Applied,
        ) => OpOutcome::Left {
            namespace,
            client,
            rooms,
        },
        (Op::Ack { .. }, OpResult::Applied) => OpOutcome::Acked,
        (_, OpResult::Appended(_) | OpResult::Applied) => {
            unreachable!("only an append appends, and every other outcome is given")
        }
    };
    ops.into_iter().zip(results).map(outcome).collect()
}
