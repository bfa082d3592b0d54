//! `demo`: a tour and lessons that run real commands against a real hub, and check the results that they describe.
//!
//! `tour` and `lessons` have the content. `runner` has the processes and the screen.

mod lessons;
mod runner;
mod tour;

use std::thread;

use tokio::select;
use tokio::sync::oneshot;

use self::lessons::LESSONS;
use self::runner::{Pacing, StopFlag};
use crate::cli::args::demo::DemoArgs;
use crate::cli::failure::Failure;
use crate::cli::io::stdout;
use crate::cli::runtime;

pub fn run(args: &DemoArgs) -> Result<(), Failure> {
    if args.list {
        return stdout::print(&lessons::list()).map_err(Failure::Output);
    }
    let Some(number) = args.lesson else {
        return run_until_signal(tour::run);
    };
    let lesson = LESSONS.get(number - 1);
    let lesson = lesson.expect("the flag accepts only numbers of lessons");
    let pacing = if args.auto {
        Pacing::Automatic
    } else {
        Pacing::OnEnter
    };
    run_until_signal(move |stop| lesson.run(number, pacing, stop))
}

/// Runs a blocking demo on a thread of its own. A signal sets its stop flag.
fn run_until_signal(
    demo: impl FnOnce(StopFlag) -> Result<(), Failure> + Send + 'static,
) -> Result<(), Failure> {
    let stop = StopFlag::default();
    let demo_stop = stop.clone();
    let (ended, end) = oneshot::channel::<()>();
    let demo = thread::spawn(move || {
        // Dropped when the demo ends, even by a panic.
        let _ended = ended;
        demo(demo_stop)
    });
    let signal = runtime::run_client(async {
        let mut signals = runtime::listen()?;
        select! {
            _ = end => Ok(()),
            signal = signals.next() => Err(Failure::Signal(signal)),
        }
    });
    // After a signal, the demo still ends its processes and removes its folder.
    stop.set();
    let result = demo.join().expect("the demo does not panic");
    signal.and(result)
}
