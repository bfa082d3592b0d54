//! The runtimes that commands run in, and the signals that end them.

use std::future::Future;

use tokio::runtime::Runtime;

use crate::cli::failure::Failure;
use crate::cli::io::signals::Signals;

/// A client is one task; a runtime of one thread starts in a fraction of a millisecond.
pub fn run_client(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = runtime()?;
    let done = runtime.block_on(command);
    // A name that is still being resolved would keep the process.
    runtime.shutdown_background();
    done
}

/// A hub is one thread for all that waits for peers, beside the store's writer and readers: measured, a message that has
/// to wake one thread less arrives sooner, and bulk goes at the disk's pace either way.
pub fn run_server(hub: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    runtime()?.block_on(hub)
}

pub fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| Failure::other(format!("cannot start: {error}")))
}

pub fn listen() -> Result<Signals, Failure> {
    Signals::listen().map_err(|error| Failure::other(format!("cannot listen for signals: {error}")))
}
