//! Queues: several workers that share one, and what is pending for whom.

mod bounds;
mod listing;
mod sharers;
mod sharing;
