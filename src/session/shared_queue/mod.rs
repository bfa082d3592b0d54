//! Shared queues: several sockets that split what waits for one client name, each message to one of them.
//!
//! `["sub", {rooms, "share": true, "ack_timeout"?, "window"?}]`: the socket becomes a sharer of its name's queue, and is
//! answered as any `sub`; what it gets are batches, in which a record may come in pieces. `ack {seq}` confirms everything
//! handed to this socket up to the handing of that message. What a sharer that goes has not confirmed is handed to the
//! others, and so is what it has not confirmed when it confirms nothing for `ack_timeout` milliseconds (30,000 unless said);
//! until it has, it is handed nothing more. `window` is how many messages it is handed before it acks. To a sharer,
//! `caught-up` says that nothing was left to hand out; others may hold something still. All sharers of a name name the same
//! rooms, or none.
//!
//! One task a name ([`desk`]) holds it for them: a subscriber of the hub like any other, so that an exclusive `sub` takes it
//! over from all of them, and the first of them from an exclusive one. What is done above the one durable cursor it keeps
//! in memory ([`leases`]): after a restart of the hub, a takeover, a kick of all and the going of the last sharer everything
//! behind the cursor comes again, what was acked behind a hole too.

mod desk;
mod leases;
mod messages;
pub mod registry;
pub mod sharer;
pub mod sharing;
mod sheaf;
pub mod terms;
mod unsent;
