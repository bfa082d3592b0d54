//! `--watch`: sends one request again and again over one connection, and draws each response over the one before.
//!
//! Knows nothing of the request: the caller turns responses into lines. If stdout is not a terminal that can redraw, each
//! response is printed as a block of its own.

mod echo_guard;
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
use screen::{Page, WatchScreen};

/// Watches until a signal arrives or stdout is closed. `render` makes lines of a response, none wider than the given columns.
/// It is called again when the terminal is resized.
pub async fn watch<R: VerbRequest>(
    target: &Target,
    request: R,
    interval: Duration,
    render: impl Fn(&R::Response, Option<usize>) -> Vec<TableLine>,
) -> Result<(), Failure> {
    let mut interrupts = Interrupts::listen(None)?;
    let changes = TerminalChanges::listen().map_err(cannot_listen)?;
    let connect = connect_hub(target, RetryPolicy::Forever);
    let peer = interrupts.run(connect).await?;
    let screen = Arc::new(WatchScreen::of_stdout());
    let notes = Arc::clone(&screen);
    let diversion = screen
        .draws_in_place()
        .then(|| term::divert(move |lines| notes.write_above(lines)));
    let mut watcher = Watcher {
        peer,
        request,
        interval,
        render,
        screen: Arc::clone(&screen),
        response: None,
        pending: None,
        next_request: Instant::now(),
        drawing: None,
        needs_drawing: false,
    };
    let ended = interrupts.run(watcher.run(changes)).await;
    // The screen ends first, because a diverted line may wait for a terminal that takes nothing.
    screen.end().await;
    drop(diversion);
    watcher.peer.close().await;
    ended
}

fn cannot_listen(error: io::Error) -> Failure {
    Failure::other(format!("cannot listen for signals: {error}"))
}

struct Watcher<R: VerbRequest, F> {
    peer: HubClient,
    request: R,
    interval: Duration,
    render: F,
    screen: Arc<WatchScreen>,
    response: Option<R::Response>,
    /// The id of the request without a response, and when it was sent.
    pending: Option<(u64, Instant)>,
    next_request: Instant,
    /// Drawing has a thread of its own: a terminal may block, and pings must be answered meanwhile.
    drawing: Option<JoinHandle<io::Result<()>>>,
    /// The screen does not show the current state.
    needs_drawing: bool,
}

impl<R, F> Watcher<R, F>
where
    R: VerbRequest,
    F: Fn(&R::Response, Option<usize>) -> Vec<TableLine>,
{
    async fn run(&mut self, mut changes: TerminalChanges) -> Result<(), Failure> {
        let mut tick = Instant::now() + limits::WATCH_TICK;
        loop {
            if self.needs_drawing && self.drawing.is_none() {
                self.draw();
            }
            let can_request = self.pending.is_none() && self.peer.is_connected();
            select! {
                event = self.peer.next_event() => self.handle_event(event?)?,
                () = wait_until(can_request.then_some(self.next_request)) => self.send_request(),
                change = changes.next() => {
                    self.screen.handle_change(change);
                    self.redraw();
                }
                drawn = join_drawing(&mut self.drawing) => {
                    self.drawing = None;
                    drawn.map_err(Failure::Output)?;
                }
                () = sleep_until(tick) => {
                    tick = Instant::now() + limits::WATCH_TICK;
                    if stdout::is_closed() {
                        return Ok(());
                    }
                    if self.status().is_some() {
                        self.redraw();
                    }
                }
            }
        }
    }

    fn send_request(&mut self) {
        let now = Instant::now();
        self.next_request = now + self.interval;
        let id = self.peer.request(&self.request);
        self.pending = id.map(|id| (id, now));
    }

    fn handle_event(&mut self, event: ClientEvent) -> Result<(), Failure> {
        if !self.screen.draws_in_place() {
            note_event(&event, self.peer.url());
        }
        match event {
            ClientEvent::Response { id, answer }
                if self.pending.is_some_and(|(pending, _)| pending == id) =>
            {
                self.pending = None;
                let json = answer.map_err(ClientError::Refused)?;
                self.response = Some(R::parse_response(&json).map_err(ClientError::from)?);
                self.needs_drawing = true;
            }
            ClientEvent::Disconnected { .. } => {
                self.pending = None;
                self.redraw();
            }
            ClientEvent::Reconnected { .. } => self.next_request = Instant::now(),
            _ => {}
        }
        Ok(())
    }

    /// Draws the same response again, in place only: a printed block is not printed twice.
    fn redraw(&mut self) {
        if self.screen.draws_in_place() {
            self.needs_drawing = true;
        }
    }

    fn draw(&mut self) {
        self.needs_drawing = false;
        let columns = term::stdout_columns();
        let lines = match &self.response {
            Some(response) => (self.render)(response, columns),
            None => Vec::new(),
        };
        let page = Page {
            lines,
            status: self.status().map(|text| TableLine::note(&text, columns)),
        };
        let screen = Arc::clone(&self.screen);
        self.drawing = Some(tokio::task::spawn_blocking(move || screen.draw(&page)));
    }

    /// Why the response on the screen is old; None if it is current.
    fn status(&self) -> Option<String> {
        let url = self.peer.url();
        match (reconnect_status(&self.peer), self.pending) {
            (Some((since, reason)), _) => Some(with_seconds(reason, since)),
            (None, Some((_, since))) if since.elapsed() >= limits::WATCH_WAITING_AFTER => {
                Some(with_seconds(format!("no answer from {url}"), since))
            }
            _ => None,
        }
    }
}

fn with_seconds(text: impl fmt::Display, since: Instant) -> String {
    format!("{text} ({} s)", since.elapsed().as_secs())
}

/// Cancel-safe: the handle stays in its place.
async fn join_drawing(drawing: &mut Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
    match drawing {
        Some(drawing) => drawing.await.expect("drawing does not panic"),
        None => pending().await,
    }
}
