//! Shared queues: several sockets split the messages that wait for one client name. Each message goes to one of them.
//!
//! `["sub", {rooms, "share": true, "ack_timeout"?, "window"?}]` makes the socket a sharer of its name's queue. The answer is
//! that of any `sub`. Messages come as batches, and a record may come in several pieces. `ack {seq}` confirms every message
//! that this socket was given up to and including that one. When a sharer leaves, its unconfirmed messages go to the others.
//! They also do when it confirms nothing for `ack_timeout` milliseconds (default 30,000); it then gets no more messages until
//! it has confirmed all of them. `window` is how many unconfirmed messages it may hold. `caught-up` tells a sharer that
//! nothing is left to hand out; others may still hold messages. All sharers of a name give the same rooms, or none.
//!
//! One task for each name (`queue`) holds the name for its sharers. To the hub it is a subscriber like any other: an
//! exclusive `sub` takes the name over from all of them, and the first sharer takes it over from an exclusive `sub`.
//! There is one durable cursor; acks beyond it are kept in memory (`leases`). So after a restart of the hub, a
//! takeover, a kick of all sharers, or the end of the last sharer, everything after the cursor is sent again, even
//! messages acked past a gap.

mod indexed_batch;
mod leases;
mod messages;
pub mod options;
mod queue;
pub mod registry;
pub mod session_sharing;
pub mod sharer_handle;
mod unsent;
