//! `--watch`, of every command that prints a table.

use std::time::Duration;

use clap::Args;

use crate::cli::args::values;

#[derive(Debug, Clone, Args)]
pub struct Watching {
    /// Show it anew every INTERVAL, a second unless told, until Ctrl-C
    ///
    /// On a terminal in the same place, as much as it has room for, and a hub that is gone is waited for. In a pipe an empty
    /// line stands between one table and the next.
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, default_missing_value = "1s", value_parser = values::watch_interval)]
    pub watch: Option<Duration>,
}
