//! `demo`: what can be done here, shown by real commands against a real hub, each held to what is said of it.
//!
//! The tour and the lessons are told elsewhere; processes and the screen are the stage's.

mod lessons;
mod runner;
mod tour;

use std::thread;

use tokio::select;
use tokio::sync::oneshot;

use self::lessons::LESSONS;
use self::runner::{Pacing, Stop};
use crate::cli::args::demo::DemoArgs;
use crate::cli::failure::Failure;
use crate::cli::io::stdout;

pub fn run(args: &DemoArgs) -> Result<(), Failure> {
    if args.list {
        return stdout::print(&lessons::list()).map_err(Failure::Output);
    }
    let Some(number) = args.lesson else {
        return perform(tour::tell);
    };
    let lesson = LESSONS.get(number - 1);
    let lesson = lesson.expect("the flag takes the numbers of lessons");
    let pacing = if args.auto {
        Pacing::ByItself
    } else {
        Pacing::OnEnter
    };
    perform(move |stop| lesson.give(number, pacing, stop))
}

/// Has a story told, unless a signal ends it.
fn perform(
    story: impl FnOnce(Stop) -> Result<(), Failure> + Send + 'static,
) -> Result<(), Failure> {
    let stop = Stop::default();
    let theirs = stop.clone();
    let (ended, end) = oneshot::channel::<()>();
    let story = thread::spawn(move || {
        // Dropped at the end, whatever the end is.
        let _ended = ended;
        story(theirs)
    });
    let signal = crate::cli::runtime::run_client(async {
        let mut signals = crate::cli::runtime::listen()?;
        select! {
            _ = end => Ok(()),
            signal = signals.next() => Err(Failure::Signal(signal)),
        }
    });
    // A signal ends the story early, and the stage is cleared before the process goes.
    stop.now();
    let told = story.join().expect("the story does not panic");
    signal.and(told)
}
