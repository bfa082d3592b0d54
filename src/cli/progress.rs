//! How far a command came, drawn on the last line of the terminal that stderr is: the part that is done, how fast it goes,
//! and why it does not.
//!
//! Draws when it is asked to, and not otherwise; off a terminal, and with `-q`, never. Knows nothing of sockets.

mod line;

use std::fmt;
use std::future::{Future, pending};
use std::pin::pin;

use indicatif::{
    BinaryBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle,
};
use tokio::select;
use tokio::time::{Instant, sleep_until};

use super::term::{self, Diversion};
use crate::limits;
use line::Line;

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Publish files of so many bytes.
    PublishBytes(u64),
    /// Publish what has no known end.
    Publish,
    /// A stream, of so many bytes when that is known.
    Stream(Option<u64>),
    /// Write messages, of so many when that is known.
    Write(Option<u64>),
    /// Something that shows its own progress: only what it waits for is said.
    Wait,
}

/// Shown from the first [`Progress::draw`] that is due until it is dropped or cleared.
pub struct Progress(Option<Shown>);

struct Shown {
    bar: ProgressBar,
    task: Task,
    messages: u64,
    bytes: u64,
    due: Instant,
    _diversion: Diversion,
}

impl Progress {
    pub fn of(task: Task) -> Self {
        Self(term::draws_on_stderr().then(|| Shown::of(task)))
    }

    pub fn hidden() -> Self {
        Self(None)
    }

    /// So many further messages are done, of so many bytes.
    pub fn did(&mut self, messages: u64, bytes: u64) {
        if let Some(shown) = &mut self.0 {
            shown.messages += messages;
            shown.bytes += bytes;
        }
    }

    /// It is known now how many messages there are to be written.
    pub fn of_messages(&mut self, all: u64) {
        if let Some(shown) = &mut self.0
            && shown.task == Task::Write(None)
        {
            shown.task = Task::Write(Some(all));
        }
    }

    /// Waits until it is to be drawn; for ever when it is not shown. Cancel-safe.
    pub async fn due(&self) {
        match &self.0 {
            Some(shown) => sleep_until(shown.due).await,
            None => pending().await,
        }
    }

    /// Draws how far it came or, while something is awaited, what and since when.
    pub fn draw(&mut self, awaited: Option<(Instant, impl fmt::Display)>) {
        let Some(shown) = &mut self.0 else { return };
        shown.due = Instant::now() + limits::PROGRESS_EVERY;
        match awaited {
            Some((since, what)) => shown.draw_awaited(since, &what),
            None => shown.draw_done(),
        }
    }

    /// The last line is as it was before.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// Messages that are done, when this is the terminal to say it on.
    pub fn done(&self) -> Option<u64> {
        let shown = self.0.as_ref()?;
        (shown.task != Task::Wait).then_some(shown.messages)
    }
}

/// Waits for something, and says after a while what that is.
pub async fn while_awaiting<T>(what: impl fmt::Display, awaited: impl Future<Output = T>) -> T {
    let mut awaited = pin!(awaited);
    let since = Instant::now();
    let mut progress = Progress::of(Task::Wait);
    loop {
        select! {
            done = &mut awaited => return done,
            () = progress.due() => progress.draw(Some((since, &what))),
        }
    }
}

impl Shown {
    fn of(task: Task) -> Self {
        let target = ProgressDrawTarget::term_like(Box::new(Line::default()));
        let bar = ProgressBar::with_draw_target(None, target);
        let above = bar.clone();
        Self {
            bar,
            task,
            messages: 0,
            bytes: 0,
            due: Instant::now() + limits::PROGRESS_AFTER,
            _diversion: term::divert(move |lines| above.suspend(|| line::write(lines))),
        }
    }

    fn draw_awaited(&self, since: Instant, what: &dyn fmt::Display) {
        let what = what.to_string();
        let seconds = since.elapsed().as_secs();
        self.show(
            "{spinner} {wide_msg}",
            format!("{} ({seconds} s)", term::visible(&what)),
        );
    }

    fn draw_done(&self) {
        let confirmed = HumanCount(self.messages);
        match self.task {
            Task::PublishBytes(all) => {
                // Framing may make a body longer than what was read.
                let done = self.bytes.min(all);
                self.counts(BAR, Some(all), done);
                let (done, rate) = (BinaryBytes(done), BinaryBytes(whole(self.bar.per_sec())));
                let left = HumanDuration(self.bar.eta());
                self.show(
                    BAR,
                    format!(
                        "{done}/{} · {rate}/s · eta {left:#} · {confirmed} lines confirmed",
                        BinaryBytes(all)
                    ),
                );
            }
            Task::Publish => {
                self.counts(SPINNER, None, self.messages);
                let rate = HumanCount(whole(self.bar.per_sec()));
                self.show(SPINNER, format!("{confirmed} lines confirmed · {rate}/s"));
            }
            Task::Stream(all) => {
                // What stands around the bytes of a piece counts for it.
                let done = self.bytes.min(all.unwrap_or(u64::MAX));
                let template = all.map_or(SPINNER, |_| BAR);
                self.counts(template, all, done);
                let (done, rate) = (BinaryBytes(done), BinaryBytes(whole(self.bar.per_sec())));
                let text = match all {
                    Some(all) => {
                        let left = HumanDuration(self.bar.eta());
                        format!("{done}/{} · {rate}/s · eta {left:#}", BinaryBytes(all))
                    }
                    None => format!("{done} · {rate}/s"),
                };
                self.show(template, text);
            }
            Task::Write(Some(all)) => {
                self.counts(BAR, Some(all), self.messages.min(all));
                self.show(BAR, format!("{confirmed} of {} messages", HumanCount(all)));
            }
            Task::Write(None) => self.show(SPINNER, format!("{confirmed} messages")),
            Task::Wait => self.show("", String::new()),
        }
    }

    /// The style first: indicatif may draw at once.
    fn counts(&self, template: &str, all: Option<u64>, done: u64) {
        self.bar.set_style(style(template));
        if let Some(all) = all {
            self.bar.set_length(all);
        }
        self.bar.set_position(done);
    }

    fn show(&self, template: &str, text: String) {
        self.bar.set_style(style(template));
        self.bar.set_message(text);
        self.bar.tick();
    }
}

const BAR: &str = "{bar:8} {wide_msg}";
const SPINNER: &str = "{spinner} {wide_msg}";

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("a template of this file");
    style.progress_chars("━╸ ")
}

/// A rate as people count.
fn whole(rate: f64) -> u64 {
    // A float becomes the nearest number that there is.
    rate as u64
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
