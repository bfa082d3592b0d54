//! `--watch`: one question asked anew over one connection, its answer drawn in the place of the one before.
//!
//! Knows nothing of what is asked: whoever watches turns the answers into lines. Where stdout is no terminal that can draw
//! in place, each answer is a block of its own.

mod echo;
mod screen;

use std::fmt;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::select;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::cli::failure::Failure;
use crate::cli::io::signals::TerminalChanges;
use crate::cli::io::stdout;
use crate::cli::remote::connect::connect_hub;
use crate::cli::remote::connection_notes::{note_event, reconnect_status};
use crate::cli::remote::interrupts::Interrupts;
use crate::cli::screen::table::TableLine;
use crate::cli::screen::term;
use crate::client::connection_state::wait_until;
use crate::client::verbs::VerbRequest;
use crate::client::{ClientError, ClientEvent, HubClient, RetryPolicy, Target};
use crate::limits;
use screen::{Page, Screen};

/// Watches until a signal comes or stdout is closed. `show` makes lines of an answer, none with more columns than given;
/// it is called again when the terminal has another size.
pub async fn watch<R: VerbRequest>(
    target: &Target,
    request: R,
    every: Duration,
    show: impl Fn(&R::Response, Option<usize>) -> Vec<TableLine>,
) -> Result<(), Failure> {
    let mut interrupts = Interrupts::listen(None)?;
    let changes = TerminalChanges::listen().map_err(cannot_listen)?;
    let connect = connect_hub(target, RetryPolicy::Forever);
    let peer = interrupts.run(connect).await?;
    let screen = Arc::new(Screen::of_stdout());
    let above = Arc::clone(&screen);
    let diversion = screen
        .draws_in_place()
        .then(|| term::divert(move |lines| above.write_above(lines)));
    let mut watching = Watching {
        peer,
        request,
        every,
        show,
        screen: Arc::clone(&screen),
        answer: None,
        asked: None,
        due: Instant::now(),
        drawing: None,
        drawn: Drawn::Yes,
    };
    let end = interrupts.run(watching.run(changes)).await;
    // First, because a diverted line may wait for a terminal that takes nothing.
    screen.end().await;
    drop(diversion);
    watching.peer.close().await;
    end
}

fn cannot_listen(error: io::Error) -> Failure {
    Failure::other(format!("cannot listen for signals: {error}"))
}

struct Watching<R: VerbRequest, S> {
    peer: HubClient,
    request: R,
    every: Duration,
    show: S,
    screen: Arc<Screen>,
    answer: Option<R::Response>,
    /// The question that is not answered, and since when.
    asked: Option<(u64, Instant)>,
    /// When it is asked next.
    due: Instant,
    /// A terminal may take its time, and pings are to be answered.
    drawing: Option<JoinHandle<io::Result<()>>>,
    drawn: Drawn,
}

/// Whether what is on the screen is what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drawn {
    Yes,
    No,
}

impl<R, S> Watching<R, S>
where
    R: VerbRequest,
    S: Fn(&R::Response, Option<usize>) -> Vec<TableLine>,
{
    async fn run(&mut self, mut changes: TerminalChanges) -> Result<(), Failure> {
        let mut tick = Instant::now() + limits::WATCH_TICK;
        loop {
            if self.drawn == Drawn::No && self.drawing.is_none() {
                self.draw();
            }
            let asks = (self.asked.is_none() && self.peer.is_connected()).then_some(self.due);
            select! {
                event = self.peer.next_event() => self.happened(event?)?,
                () = wait_until(asks) => self.ask(),
                change = changes.next() => {
                    self.screen.changed(change);
                    self.redraw();
                }
                done = finished(&mut self.drawing) => {
                    self.drawing = None;
                    done.map_err(Failure::Output)?;
                }
                () = sleep_until(tick) => {
                    tick = Instant::now() + limits::WATCH_TICK;
                    if stdout::is_closed() {
                        return Ok(());
                    }
                    if self.trouble().is_some() {
                        self.redraw();
                    }
                }
            }
        }
    }

    fn ask(&mut self) {
        let now = Instant::now();
        self.due = now + self.every;
        let asked = self.peer.request(&self.request);
        self.asked = asked.map(|id| (id, now));
    }

    fn happened(&mut self, event: ClientEvent) -> Result<(), Failure> {
        let in_place = self.screen.draws_in_place();
        if !in_place {
            note_event(&event, self.peer.url());
        }
        match event {
            ClientEvent::Response { id, answer }
                if self.asked.is_some_and(|(asked, _)| asked == id) =>
            {
                self.asked = None;
                let json = answer.map_err(ClientError::Refused)?;
                self.answer = Some(R::parse_response(&json).map_err(ClientError::from)?);
                self.drawn = Drawn::No;
            }
            ClientEvent::Disconnected { .. } => {
                self.asked = None;
                self.redraw();
            }
            ClientEvent::Reconnected { .. } => self.due = Instant::now(),
            _ => {}
        }
        Ok(())
    }

    /// A block that was printed is not printed again.
    fn redraw(&mut self) {
        if self.screen.draws_in_place() {
            self.drawn = Drawn::No;
        }
    }

    fn draw(&mut self) {
        self.drawn = Drawn::Yes;
        let columns = term::stdout_columns();
        let lines = match &self.answer {
            Some(answer) => (self.show)(answer, columns),
            None => Vec::new(),
        };
        let page = Page {
            lines,
            trouble: self.trouble().map(|text| TableLine::note(&text, columns)),
        };
        let screen = Arc::clone(&self.screen);
        self.drawing = Some(tokio::task::spawn_blocking(move || screen.draw(&page)));
    }

    /// Why what is shown is of before.
    fn trouble(&self) -> Option<String> {
        let url = self.peer.url();
        match (reconnect_status(&self.peer), self.asked) {
            (Some((since, what)), _) => Some(for_so_long(what, since)),
            (None, Some((_, since))) if since.elapsed() >= limits::WATCH_WAITING_AFTER => {
                Some(for_so_long(format!("no answer from {url}"), since))
            }
            _ => None,
        }
    }
}

fn for_so_long(what: impl fmt::Display, since: Instant) -> String {
    format!("{what} ({} s)", since.elapsed().as_secs())
}

/// Cancel-safe: the handle stays where it is.
async fn finished(drawing: &mut Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
    match drawing {
        Some(drawing) => drawing.await.expect("what draws does not panic"),
        None => pending().await,
    }
}
