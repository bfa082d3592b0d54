//! How far pruning has come. Lost when the store closes; then the walks start over.
//!
//! Three walks see each record a bounded number of times, however many records are pinned: one follows the edge of history,
//! one follows the age at which pending messages expire, and one looks at a room again when its lowest cursor has moved. A
//! record that a walk leaves because a member pins it is found again when that cursor moves.

use std::collections::{BTreeSet, HashMap};

use crate::address::{Namespace, RoomName};
use crate::store::members::Members;

pub(super) type RoomKey = (Namespace, RoomName);

pub(super) struct Sweep {
    pub(super) position: SweepPosition,
    /// For each room with members: every record before this number that history does not want is gone, or pinned by
    /// another room.
    pub(super) swept_to: HashMap<RoomKey, u64>,
    /// Rooms whose lowest cursor may have moved since.
    pub(super) unpinned: BTreeSet<RoomKey>,
}

#[derive(Clone, Default)]
pub(super) struct SweepPosition {
    /// Every record before it was looked at after history let it go.
    pub(super) history: u64,
    /// Every record before it has expired and is gone.
    pub(super) expired: u64,
    /// The last producer looked at, and when the next round through all producers begins.
    pub(super) producer: String,
    pub(super) next_producer_round_ms: u64,
}

impl Sweep {
    pub(super) fn new(members: &Members) -> Self {
        let lowest = members.lowest_of_each_room();
        Self {
            position: SweepPosition::default(),
            swept_to: lowest
                .map(|member| ((member.namespace, member.room), member.cursor.record))
                .collect(),
            unpinned: BTreeSet::new(),
        }
    }

    pub(super) fn joined(&mut self, namespace: &Namespace, room: &RoomName, record: u64) {
        let room = (namespace.clone(), room.clone());
        self.swept_to.entry(room).or_insert(record);
    }

    pub(super) fn unpinned(&mut self, namespace: &Namespace, room: &RoomName) {
        self.unpinned.insert((namespace.clone(), room.clone()));
    }
}
