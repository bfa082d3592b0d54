//! When `pub` is to deliver.

use std::time::Duration;

use clap::Args;

use crate::cli::args::moment::{self, Moment};
use crate::cli::io::batches::delivery_time::DeliveryTime;

#[derive(Debug, Clone, Args)]
pub struct Later {
    /// Deliver it so much later, 366d at most: the hub keeps it, also over a restart
    #[arg(long, value_name = "DURATION", value_parser = moment::delay, conflicts_with_all = ["at", "volatile", "require"])]
    pub delay: Option<Duration>,

    /// Deliver it at this time: 2026-12-24T08:00 by the local clock, or the next 08:00; with Z or +01:00 where that is the
    /// time; or @1767225600, seconds since 1970
    #[arg(long, value_name = "TIME", value_parser = moment::moment, conflicts_with_all = ["volatile", "require"])]
    pub at: Option<Moment>,
}

impl Later {
    pub fn delivery_time(&self) -> Option<DeliveryTime> {
        let at = self.at.map(|Moment(at)| DeliveryTime::At(at));
        at.or(self.delay.map(DeliveryTime::After))
    }
}
