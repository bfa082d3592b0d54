//! The async runtimes of commands, and their signals.

use std::future::Future;

use tokio::runtime::Runtime;

use crate::cli::failure::Failure;
use crate::cli::io::signals::Signals;

/// Runs a client command, on one thread: it is a single task, and this runtime starts in a fraction of a millisecond.
pub fn run_client(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = new_runtime()?;
    let result = runtime.block_on(command);
    // Does not wait for a DNS lookup that is still running.
    runtime.shutdown_background();
    result
}

/// Runs a hub. All its connections share one thread, beside the store's writer and readers. In measurements, messages arrive
/// sooner with one thread less to wake, and bulk throughput depends on the disk either way.
pub fn run_server(hub: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    new_runtime()?.block_on(hub)
}

pub fn new_runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| Failure::other(format!("cannot start: {error}")))
}

pub fn listen() -> Result<Signals, Failure> {
    Signals::listen().map_err(|error| Failure::other(format!("cannot listen for signals: {error}")))
}
