//! `--watch`, for every command that prints a table.

use std::time::Duration;

use clap::Args;

use crate::cli::args::values;

#[derive(Debug, Clone, Args)]
pub struct WatchArgs {
    /// Refresh every INTERVAL, by default every second, until Ctrl-C
    ///
    /// At a terminal, the table is redrawn in place and cut to the screen; if the hub is lost, roomcat waits for it. In a
    /// pipe, an empty line separates one table from the next.
    #[arg(id = "watch", long, value_name = "INTERVAL", num_args = 0..=1, default_missing_value = "1s", value_parser = values::watch_interval)]
    pub interval: Option<Duration>,
}
