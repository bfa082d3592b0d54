//! The terminal of a chat: the editor, and a thread that shows above it what came, in its order.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::editor::{Board, Editor, Line, NOTHING};
use super::style::{Colours, Look};
use super::suspend_signals::stop_here;
use crate::address::{ClientName, RoomName, Seq};
use crate::cli::io::stdout::{Output, OutputBatch, WriteReport};
use crate::cli::screen::term::{self, Diversion};

pub struct Screen {
    editor: Option<Editor>,
    look: Arc<Look>,
    items: Sender<Item>,
    thread: Option<JoinHandle<()>>,
    diversion: Option<Diversion>,
}

/// What is to be shown.
enum Item {
    Lines(String),
    Messages(OutputBatch),
    /// Nothing more.
    End,
}

impl Screen {
    /// And what takes the messages of the rooms.
    pub fn start(name: Option<&ClientName>, rooms: &[RoomName]) -> io::Result<(Self, Output)> {
        let colours = if term::stdout_colour() {
            Colours::Some
        } else {
            Colours::None
        };
        let look = Arc::new(Look::new(colours, rooms));
        let (editor, board) = Editor::start(look.prompt(name, rooms.last()), colours)?;
        let (items, incoming) = channel();
        let (reports, wrote) = unbounded_channel();
        let shared = Arc::clone(&look);
        let thread = std::thread::Builder::new()
            .name("stdout".to_owned())
            .spawn(move || show_all(&incoming, &board, &shared, &reports))?;
        let hand = items.clone();
        // When the thread is gone its last report says why.
        let output = Output::custom(move |chunk| drop(hand.send(Item::Messages(chunk))), wrote);
        let notes = items.clone();
        let diversion = term::divert(move |lines| drop(notes.send(Item::Lines(lines.to_owned()))));
        let screen = Self {
            editor: Some(editor),
            look,
            items,
            thread: Some(thread),
            diversion: Some(diversion),
        };
        Ok((screen, output))
    }

    /// Cancel-safe.
    pub async fn line(&mut self) -> Option<Line> {
        self.editor.as_mut()?.line().await
    }

    /// Lets the next line begin.
    pub fn prompt(&self, name: Option<&ClientName>, rooms: &[RoomName], room: Option<&RoomName>) {
        self.look.has_rooms(rooms);
        if let Some(editor) = &self.editor {
            editor.go_on(self.look.prompt(name, room));
        }
    }

    /// Leaves the terminal to others until the process is to go on.
    pub fn suspend(&self) {
        if let Some(editor) = &self.editor {
            editor.suspend(stop_here);
            let _ = self.items.send(Item::Lines(NOTHING.to_owned()));
        }
    }

    /// Something that is no message.
    pub fn notice(&self, text: &str) {
        let _ = self.items.send(Item::Lines(self.look.notice(text)));
    }

    /// Nothing more is typed, and the terminal is as it was; what comes is still shown.
    pub fn stop(&mut self) {
        self.editor = None;
    }
}

impl Drop for Screen {
    /// What was handed over is shown.
    fn drop(&mut self) {
        self.stop();
        self.diversion = None;
        let _ = self.items.send(Item::End);
        if let Some(thread) = self.thread.take() {
            // It panics with the process.
            let _ = thread.join();
        }
    }
}

/// The thread.
fn show_all(
    items: &Receiver<Item>,
    board: &Board,
    look: &Look,
    reports: &UnboundedSender<WriteReport>,
) {
    for item in items {
        let (lines, messages) = match item {
            Item::Lines(lines) => (lines, None),
            Item::Messages(chunk) => (look.messages(&chunk), Some(chunk)),
            Item::End => return,
        };
        let shown = board.show(&lines);
        let report = match (shown, messages) {
            (Err(error), _) => {
                let _ = reports.send(WriteReport::Failed(error));
                return;
            }
            (Ok(()), Some(chunk)) => upto(&chunk),
            (Ok(()), None) => continue,
        };
        let _ = reports.send(report);
    }
}

fn upto(chunk: &OutputBatch) -> WriteReport {
    let header = &chunk.header;
    let more = header.count.saturating_sub(1);
    let last = |first: Seq| Seq::new(first.record, first.index.saturating_add(more));
    WriteReport::Upto {
        last: header.first.map(last),
        messages: u64::from(header.count),
        bytes: chunk.body.len() as u64,
    }
}
