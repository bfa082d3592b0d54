//! The flags of `sub` that share a queue.

use std::time::Duration;

use clap::Args;

use crate::cli::args::values;
use crate::client;
use crate::limits;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sharing")]
pub struct SharingArgs {
    /// Share the messages that wait for NAME (--as): each message goes to one of the sharers
    ///
    /// Messages that a sharer has not acknowledged when it exits go to the others. All sharers name the same rooms, or no
    /// rooms. A sharer gets its messages in order, except for those that another one had before. After a restart of the hub,
    /// or when all sharers are gone, messages acknowledged out of order may be delivered again. With --drain, `sub` exits
    /// when no message is left to deliver.
    #[arg(long, conflicts_with_all = ["since", "last", "presence", "stream"])]
    pub share: bool,

    /// A message not acknowledged within this time goes to another sharer; this one gets no more until it has caught up
    #[arg(long, value_name = "DURATION", default_value = "30s", requires = "share", value_parser = values::positive_duration)]
    pub ack_timeout: Duration,
}

impl SharingArgs {
    /// How to subscribe. `jobs`: messages processed at once; `count`: messages wanted in all.
    pub fn delivery_mode(&self, jobs: Option<u16>, count: Option<u64>) -> client::DeliveryMode {
        if !self.share {
            return client::DeliveryMode::FanOut;
        }
        // Acks are in order: while the first of several jobs is slow, the others need more messages.
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
