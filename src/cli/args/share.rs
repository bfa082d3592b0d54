//! What makes `sub` one of several that split a queue.

use std::time::Duration;

use clap::Args;

use crate::cli::args::values;
use crate::client;
use crate::limits;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sharing")]
pub struct Share {
    /// Split what waits for NAME (--as) with everyone else who asks so: each message goes to one of them
    ///
    /// What one of them has not acknowledged when it ends goes to the others. All of them name the same rooms, or none. One
    /// gets its messages in order, but for those that another had before.
    /// After a restart of the hub, and when all of them are gone, what was acknowledged behind a message that was not comes
    /// again. --drain ends when nothing is left to hand out.
    #[arg(long, conflicts_with_all = ["since", "last", "presence", "stream"])]
    pub share: bool,

    /// What is not acknowledged for so long goes to another, and nothing more comes until it is
    #[arg(long, value_name = "DURATION", default_value = "30s", requires = "share", value_parser = values::positive_duration)]
    pub ack_timeout: Duration,
}

impl Share {
    /// How the messages are asked for by who works on so many at once, and wants so many in all.
    pub fn way(&self, jobs: Option<u16>, count: Option<u64>) -> client::DeliveryMode {
        if !self.share {
            return client::DeliveryMode::FanOut;
        }
        // Acks are in order: while the first of several takes its time, the others need something to do.
        let window = jobs.map(|jobs| match jobs {
            1 => 1,
            jobs => 2 * u32::from(jobs),
        });
        let count = count.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        let window = match (window, count) {
            (None, Some(count)) => Some(count.min(limits::SHARE_WINDOW)),
            (Some(window), Some(count)) => Some(count.min(window)),
            (window, None) => window,
        };
        client::DeliveryMode::Shared(client::ShareSettings {
            window,
            ack_timeout: self.ack_timeout,
        })
    }
}
