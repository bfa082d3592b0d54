//! The flags of `pub` that set the time of delivery.

use std::time::Duration;

use clap::Args;

use crate::cli::args::moment::{self, Moment};
use crate::cli::io::batches::delivery_time::DeliveryTime;

#[derive(Debug, Clone, Args)]
pub struct DeliveryArgs {
    /// Deliver after this delay, at most 366d; the message survives a restart of the hub
    #[arg(long, value_name = "DURATION", value_parser = moment::delay, conflicts_with_all = ["at", "volatile", "require"])]
    pub delay: Option<Duration>,

    /// Deliver at this time: 2026-12-24T08:00 or 08:00 (the next one) in local time; 2026-12-24T08:00Z or with +01:00 in
    /// another zone; @1767225600 in seconds since 1970
    #[arg(long, value_name = "TIME", value_parser = moment::moment, conflicts_with_all = ["volatile", "require"])]
    pub at: Option<Moment>,
}

impl DeliveryArgs {
    pub fn delivery_time(&self) -> Option<DeliveryTime> {
        let at = self.at.map(|Moment(at)| DeliveryTime::At(at));
        at.or(self.delay.map(DeliveryTime::After))
    }
}
