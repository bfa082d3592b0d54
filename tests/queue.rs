//! Queues: several workers that share one, and what is pending for whom.

mod listing;
mod sharing;
