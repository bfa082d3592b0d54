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

use crate::cli::screen::table::{fitting, width};
use crate::cli::screen::term::{self, Diversion};
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

/// Counts always; shown, where there is a terminal for it, from the first [`Progress::draw`] that is due until it is dropped
/// or cleared.
pub struct Progress {
    done: Done,
    shown: Option<Shown>,
}

#[derive(Debug, Clone, Copy)]
struct Done {
    task: Task,
    messages: u64,
    bytes: u64,
}

struct Shown {
    bar: ProgressBar,
    due: Instant,
    drawn: Drawn,
    _diversion: Diversion,
}

/// Whether the last line is ours: who else writes may be in the middle of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drawn {
    Yes,
    No,
}

impl Progress {
    pub fn of(task: Task) -> Self {
        Self {
            shown: term::draws_on_stderr().then(Shown::new),
            ..Self::hidden_of(task)
        }
    }

    pub fn hidden() -> Self {
        Self::hidden_of(Task::Wait)
    }

    fn hidden_of(task: Task) -> Self {
        let done = Done {
            task,
            messages: 0,
            bytes: 0,
        };
        Self { done, shown: None }
    }

    /// So many further messages are done, of so many bytes.
    pub fn did(&mut self, messages: u64, bytes: u64) {
        self.done.messages += messages;
        self.done.bytes += bytes;
    }

    /// It is known now how many messages there are to be written.
    pub fn of_messages(&mut self, all: u64) {
        if self.done.task == Task::Write(None) {
            self.done.task = Task::Write(Some(all));
        }
    }

    /// Waits until it is to be drawn; for ever when it is not shown. Cancel-safe.
    pub async fn due(&self) {
        match &self.shown {
            Some(shown) => sleep_until(shown.due).await,
            None => pending().await,
        }
    }

    /// Draws how far it came or, while something is awaited, what and since when.
    pub fn draw(&mut self, awaited: Option<(Instant, impl fmt::Display)>) {
        let Some(shown) = &mut self.shown else {
            return;
        };
        shown.due = Instant::now() + limits::PROGRESS_INTERVAL;
        match awaited {
            Some((since, what)) => {
                shown.drawn = Drawn::Yes;
                shown.draw_awaited(since, &what);
            }
            None if self.done.task == Task::Wait => {
                if std::mem::replace(&mut shown.drawn, Drawn::No) == Drawn::Yes {
                    shown.show("", String::new());
                }
            }
            None => shown.draw_done(self.done),
        }
    }

    /// The last line is as it was before.
    pub fn clear(&mut self) {
        self.shown = None;
    }

    /// Messages that are done.
    pub fn messages(&self) -> u64 {
        self.done.messages
    }

    /// The same of a task that has an end or shows it.
    pub fn done(&self) -> Option<u64> {
        (self.done.task != Task::Wait).then_some(self.done.messages)
    }
}

/// How far it came is what is drawn.
pub const NOTHING_AWAITED: Option<(Instant, String)> = None;

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
    fn new() -> Self {
        let target = ProgressDrawTarget::term_like(Box::new(Line::default()));
        let bar = ProgressBar::with_draw_target(None, target);
        let above = bar.clone();
        Self {
            bar,
            drawn: Drawn::No,
            due: Instant::now() + limits::PROGRESS_DELAY,
            _diversion: term::divert(move |lines| above.suspend(|| line::write(lines))),
        }
    }

    fn draw_awaited(&self, since: Instant, what: &dyn fmt::Display) {
        let what = what.to_string();
        let so_long = format!(" ({} s)", since.elapsed().as_secs());
        let what = fitting(
            &term::visible(&what),
            Some(room(SPINNER_COLUMNS).saturating_sub(so_long.len())),
        );
        self.show(SPINNER, what + &so_long);
    }

    fn draw_done(&self, done: Done) {
        let confirmed = format!("{} lines confirmed", HumanCount(done.messages));
        match done.task {
            Task::PublishBytes(all) => self.draw_bytes(all, done.bytes, Some(&confirmed)),
            Task::Stream(Some(all)) => self.draw_bytes(all, done.bytes, None),
            Task::Stream(None) => {
                self.counts(SPINNER, None, done.bytes);
                let rate = format!("{}/s", BinaryBytes(whole(self.bar.per_sec())));
                let bytes = BinaryBytes(done.bytes).to_string();
                self.show(SPINNER, widest(SPINNER_COLUMNS, &[&bytes, &rate], &[1]));
            }
            Task::Publish => {
                self.counts(SPINNER, None, done.messages);
                let rate = format!("{}/s", HumanCount(whole(self.bar.per_sec())));
                self.show(SPINNER, widest(SPINNER_COLUMNS, &[&confirmed, &rate], &[1]));
            }
            Task::Write(Some(all)) => {
                self.counts(BAR, Some(all), done.messages.min(all));
                let written = HumanCount(done.messages);
                self.show(BAR, format!("{written} of {} messages", HumanCount(all)));
            }
            Task::Write(None) => {
                let written = HumanCount(done.messages);
                self.show(SPINNER, format!("{written} messages"));
            }
            Task::Wait => {}
        }
    }

    fn draw_bytes(&self, all: u64, done: u64, confirmed: Option<&str>) {
        // What stands around the bytes may count for them.
        let done = done.min(all);
        self.counts(BAR, Some(all), done);
        let bytes = format!("{}/{}", BinaryBytes(done), BinaryBytes(all));
        let rate = format!("{}/s", BinaryBytes(whole(self.bar.per_sec())));
        let left = format!("eta {:#}", HumanDuration(self.bar.eta()));
        let parts = [&bytes, &rate, &left];
        let parts: Vec<&str> = parts
            .into_iter()
            .map(String::as_str)
            .chain(confirmed)
            .collect();
        self.show(BAR, widest(BAR_COLUMNS, &parts, &[1, 2, 3]));
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
/// What stands before the text of each.
const BAR_COLUMNS: usize = 9;
const SPINNER_COLUMNS: usize = 2;

fn room(before: usize) -> usize {
    usize::from(line::width()).saturating_sub(before)
}

/// As many of the parts as there is room for behind `before` columns: those at the places in `goes` go first, in that order.
fn widest(before: usize, parts: &[&str], goes: &[usize]) -> String {
    within(room(before), parts, goes)
}

fn within(room: usize, parts: &[&str], goes: &[usize]) -> String {
    let without = |gone: &[usize]| {
        let left = (0..).zip(parts).filter(|(place, _)| !gone.contains(place));
        let left: Vec<&str> = left.map(|(_, part)| *part).collect();
        left.join(" · ")
    };
    let mut choices = (0..=goes.len()).map(|gone| without(&goes[..gone]));
    let fits = choices.find(|choice| width(choice) <= room);
    fits.unwrap_or_else(|| without(goes))
}

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

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn the_rate_goes_first_where_there_is_no_room_and_then_what_is_left() {
        let parts = ["95 MiB/190 MiB", "41 MiB/s", "eta 2s", "9 lines confirmed"];
        for (room, shown) in [
            (80, "95 MiB/190 MiB · 41 MiB/s · eta 2s · 9 lines confirmed"),
            (54, "95 MiB/190 MiB · 41 MiB/s · eta 2s · 9 lines confirmed"),
            (53, "95 MiB/190 MiB · eta 2s · 9 lines confirmed"),
            (42, "95 MiB/190 MiB · 9 lines confirmed"),
            (33, "95 MiB/190 MiB"),
            (3, "95 MiB/190 MiB"),
        ] {
            assert_eq!(within(room, &parts, &[1, 2, 3]), shown, "{room}");
        }
    }
}
