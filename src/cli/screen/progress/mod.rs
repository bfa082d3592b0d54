//! The progress of a command on the last line of the terminal: how much is done, how fast, and what it waits for.
//!
//! Draws only when its owner calls it, and never with `-q` or when stderr is not a terminal. Knows nothing of sockets.

mod line;

use std::fmt;
use std::future::{Future, pending};
use std::pin::pin;

use indicatif::{
    BinaryBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle,
};
use tokio::select;
use tokio::time::{Instant, sleep_until};

use crate::cli::screen::table::{cut_end, width};
use crate::cli::screen::term::{self, Diversion};
use crate::limits;
use line::LastLine;

/// The kind of work that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressKind {
    /// Publishing files of this many bytes.
    PublishBytes(u64),
    /// Publishing input without a known end.
    Publish,
    /// A stream, with its length in bytes if known.
    Stream(Option<u64>),
    /// Writing messages, with their number if known.
    Write(Option<u64>),
    /// Work that shows itself. Only waiting is drawn.
    Wait,
}

/// Counts the work done. On a terminal it is shown from the first due [`Progress::draw`] until it is dropped or cleared.
pub struct Progress {
    done: WorkDone,
    shown: Option<ShownProgress>,
}

#[derive(Debug, Clone, Copy)]
struct WorkDone {
    kind: ProgressKind,
    messages: u64,
    bytes: u64,
}

struct ShownProgress {
    bar: ProgressBar,
    due: Instant,
    /// Whether the last line is ours. If not, another writer may be in the middle of it.
    is_drawn: bool,
    _diversion: Diversion,
}

impl Progress {
    pub fn new(kind: ProgressKind) -> Self {
        Self {
            shown: term::can_draw_on_stderr().then(ShownProgress::new),
            ..Self::hidden_of(kind)
        }
    }

    pub fn hidden() -> Self {
        Self::hidden_of(ProgressKind::Wait)
    }

    fn hidden_of(kind: ProgressKind) -> Self {
        let done = WorkDone {
            kind,
            messages: 0,
            bytes: 0,
        };
        Self { done, shown: None }
    }

    /// Adds messages and bytes to the work done.
    pub fn add(&mut self, messages: u64, bytes: u64) {
        self.done.messages += messages;
        self.done.bytes += bytes;
    }

    /// Sets the number of messages to be written, once it is known.
    pub fn set_total(&mut self, all: u64) {
        if self.done.kind == ProgressKind::Write(None) {
            self.done.kind = ProgressKind::Write(Some(all));
        }
    }

    /// Waits until the next draw is due; for ever when nothing is shown. Cancel-safe.
    pub async fn due(&self) {
        match &self.shown {
            Some(shown) => sleep_until(shown.due).await,
            None => pending().await,
        }
    }

    /// Draws the work done or, when the command waits, for what and how long.
    pub fn draw(&mut self, awaited: Option<(Instant, impl fmt::Display)>) {
        let Some(shown) = &mut self.shown else {
            return;
        };
        shown.due = Instant::now() + limits::PROGRESS_INTERVAL;
        match awaited {
            Some((since, what)) => {
                shown.is_drawn = true;
                shown.draw_awaited(since, &what);
            }
            None if self.done.kind == ProgressKind::Wait => {
                if std::mem::take(&mut shown.is_drawn) {
                    shown.show("", String::new());
                }
            }
            None => shown.draw_done(self.done),
        }
    }

    /// Removes the progress from the last line.
    pub fn clear(&mut self) {
        self.shown = None;
    }

    /// The number of messages done.
    pub fn messages(&self) -> u64 {
        self.done.messages
    }

    /// The number of messages done, unless the kind is `Wait`.
    pub fn counted(&self) -> Option<u64> {
        (self.done.kind != ProgressKind::Wait).then_some(self.done.messages)
    }
}

/// For [`Progress::draw`] when the command does not wait.
pub const NOT_WAITING: Option<(Instant, String)> = None;

/// Awaits `awaited`, and after a moment shows `what` it waits for.
pub async fn show_while_awaiting<T>(
    what: impl fmt::Display,
    awaited: impl Future<Output = T>,
) -> T {
    let mut awaited = pin!(awaited);
    let since = Instant::now();
    let mut progress = Progress::new(ProgressKind::Wait);
    loop {
        select! {
            done = &mut awaited => return done,
            () = progress.due() => progress.draw(Some((since, &what))),
        }
    }
}

impl ShownProgress {
    fn new() -> Self {
        let target = ProgressDrawTarget::term_like(Box::new(LastLine::default()));
        let bar = ProgressBar::with_draw_target(None, target);
        let above = bar.clone();
        Self {
            bar,
            is_drawn: false,
            due: Instant::now() + limits::PROGRESS_DELAY,
            _diversion: term::divert(move |lines| above.suspend(|| line::write(lines))),
        }
    }

    fn draw_awaited(&self, since: Instant, what: &dyn fmt::Display) {
        let what = what.to_string();
        let elapsed = format!(" ({} s)", since.elapsed().as_secs());
        let what = cut_end(
            &term::visible(&what),
            Some(room(SPINNER_COLUMNS).saturating_sub(elapsed.len())),
        );
        self.show(SPINNER, what + &elapsed);
    }

    fn draw_done(&self, done: WorkDone) {
        let confirmed = format!("{} confirmed", counted(done.messages, "line"));
        match done.kind {
            ProgressKind::PublishBytes(all) => self.draw_bytes(all, done.bytes, Some(&confirmed)),
            ProgressKind::Stream(Some(all)) => self.draw_bytes(all, done.bytes, None),
            ProgressKind::Stream(None) => {
                self.set_position(SPINNER, None, done.bytes);
                let rate = format!("{}/s", BinaryBytes(whole(self.bar.per_sec())));
                let bytes = BinaryBytes(done.bytes).to_string();
                self.show(SPINNER, fit_line(SPINNER_COLUMNS, &[&bytes, &rate], &[1]));
            }
            ProgressKind::Publish => {
                self.set_position(SPINNER, None, done.messages);
                let rate = format!("{}/s", HumanCount(whole(self.bar.per_sec())));
                self.show(
                    SPINNER,
                    fit_line(SPINNER_COLUMNS, &[&confirmed, &rate], &[1]),
                );
            }
            ProgressKind::Write(Some(all)) => {
                self.set_position(BAR, Some(all), done.messages.min(all));
                let written = HumanCount(done.messages);
                self.show(BAR, format!("{written} of {}", counted(all, "message")));
            }
            ProgressKind::Write(None) => {
                self.show(SPINNER, counted(done.messages, "message"));
            }
            ProgressKind::Wait => {}
        }
    }

    fn draw_bytes(&self, all: u64, done: u64, confirmed: Option<&str>) {
        // Bytes around the data may be counted too.
        let done = done.min(all);
        self.set_position(BAR, Some(all), done);
        let bytes = format!("{}/{}", BinaryBytes(done), BinaryBytes(all));
        let rate = format!("{}/s", BinaryBytes(whole(self.bar.per_sec())));
        let left = format!("eta {:#}", HumanDuration(self.bar.eta()));
        let parts = [&bytes, &rate, &left];
        let parts: Vec<&str> = parts
            .into_iter()
            .map(String::as_str)
            .chain(confirmed)
            .collect();
        self.show(BAR, fit_line(BAR_COLUMNS, &parts, &[1, 2, 3]));
    }

    /// Sets the style first, because indicatif may draw at once.
    fn set_position(&self, template: &str, all: Option<u64>, done: u64) {
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
/// The columns in front of the text.
const BAR_COLUMNS: usize = 9;
const SPINNER_COLUMNS: usize = 2;

fn room(before: usize) -> usize {
    usize::from(line::width()).saturating_sub(before)
}

/// As many parts as fit behind `before` columns. Parts are dropped in the order of `drop_order`, which holds indices.
fn fit_line(before: usize, parts: &[&str], drop_order: &[usize]) -> String {
    fit_parts(room(before), parts, drop_order)
}

fn fit_parts(room: usize, parts: &[&str], drop_order: &[usize]) -> String {
    let without = |dropped: &[usize]| {
        let left = (0..)
            .zip(parts)
            .filter(|(place, _)| !dropped.contains(place));
        let left: Vec<&str> = left.map(|(_, part)| *part).collect();
        left.join(" · ")
    };
    let mut choices = (0..=drop_order.len()).map(|count| without(&drop_order[..count]));
    let fits = choices.find(|choice| width(choice) <= room);
    fits.unwrap_or_else(|| without(drop_order))
}

fn style(template: &str) -> ProgressStyle {
    let style =
        ProgressStyle::with_template(template).expect("the templates of this file are valid");
    style.progress_chars("━╸ ")
}

/// `1 line`, `1,200 lines`.
fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", HumanCount(count))
}

/// A rate as a whole number.
fn whole(rate: f64) -> u64 {
    rate as u64
}

impl Drop for ShownProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::fit_parts;

    #[test]
    fn the_rate_is_dropped_first_and_then_the_time_left() {
        let parts = ["95 MiB/190 MiB", "41 MiB/s", "eta 2s", "9 lines confirmed"];
        for (room, shown) in [
            (80, "95 MiB/190 MiB · 41 MiB/s · eta 2s · 9 lines confirmed"),
            (54, "95 MiB/190 MiB · 41 MiB/s · eta 2s · 9 lines confirmed"),
            (53, "95 MiB/190 MiB · eta 2s · 9 lines confirmed"),
            (42, "95 MiB/190 MiB · 9 lines confirmed"),
            (33, "95 MiB/190 MiB"),
            (3, "95 MiB/190 MiB"),
        ] {
            assert_eq!(fit_parts(room, &parts, &[1, 2, 3]), shown, "{room}");
        }
    }
}
