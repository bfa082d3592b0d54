//! The terminal of a chat: the line editor, and a thread that shows messages and notices above it in their order.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::editor::{EditorEvent, LineEditor, LinePrinter, REDRAW};
use super::style::ChatStyle;
use super::suspend_signals::stop_process;
use crate::address::{ClientName, RoomName};
use crate::cli::io::stdout::{Output, OutputBatch, WriteReport};
use crate::cli::remote::delivery::last_seq;
use crate::cli::screen::term::{self, Diversion};

pub struct ChatScreen {
    editor: Option<LineEditor>,
    style: Arc<ChatStyle>,
    items: Sender<ScreenItem>,
    thread: Option<JoinHandle<()>>,
    diversion: Option<Diversion>,
}

/// A command for the thread that shows.
enum ScreenItem {
    Lines(String),
    Messages(OutputBatch),
    End,
}

impl ChatScreen {
    /// Also returns the output that shows messages on this screen.
    pub fn start(name: Option<&ClientName>, rooms: &[RoomName]) -> io::Result<(Self, Output)> {
        let paint = term::stdout_paint();
        let style = Arc::new(ChatStyle::new(paint, rooms));
        let (editor, printer) = LineEditor::start(style.prompt(name, rooms.last()), paint)?;
        let (items, incoming) = channel();
        let (report_sender, reports) = unbounded_channel();
        let shared = Arc::clone(&style);
        let thread = std::thread::Builder::new()
            .name("stdout".to_owned())
            .spawn(move || show_items(&incoming, &printer, &shared, &report_sender))?;
        let messages = items.clone();
        // If the thread has ended, its last report tells why.
        let show = move |batch| drop(messages.send(ScreenItem::Messages(batch)));
        let output = Output::custom(show, reports);
        let notes = items.clone();
        let diversion =
            term::divert(move |lines| drop(notes.send(ScreenItem::Lines(lines.to_owned()))));
        let screen = Self {
            editor: Some(editor),
            style,
            items,
            thread: Some(thread),
            diversion: Some(diversion),
        };
        Ok((screen, output))
    }

    /// Cancel-safe.
    pub async fn next_event(&mut self) -> Option<EditorEvent> {
        self.editor.as_mut()?.next_event().await
    }

    /// Begins the next line, for a message to `room`.
    pub fn begin_line(
        &self,
        name: Option<&ClientName>,
        rooms: &[RoomName],
        room: Option<&RoomName>,
    ) {
        self.style.set_rooms(rooms);
        if let Some(editor) = &self.editor {
            editor.begin_line(self.style.prompt(name, room));
        }
    }

    /// Stops the process, with the terminal restored meanwhile.
    pub fn suspend(&self) {
        if let Some(editor) = &self.editor {
            editor.suspend(stop_process);
            let _ = self.items.send(ScreenItem::Lines(REDRAW.to_owned()));
        }
    }

    /// Shows a text that is not a message.
    pub fn notice(&self, text: &str) {
        let _ = self.items.send(ScreenItem::Lines(self.style.notice(text)));
    }

    /// Ends the line editor and restores the terminal. Messages are still shown.
    pub fn stop_editing(&mut self) {
        self.editor = None;
    }
}

impl Drop for ChatScreen {
    /// Waits until everything is shown.
    fn drop(&mut self) {
        self.stop_editing();
        self.diversion = None;
        let _ = self.items.send(ScreenItem::End);
        if let Some(thread) = self.thread.take() {
            // A panic there has already ended the process.
            let _ = thread.join();
        }
    }
}

/// The thread that shows.
fn show_items(
    items: &Receiver<ScreenItem>,
    printer: &LinePrinter,
    style: &ChatStyle,
    reports: &UnboundedSender<WriteReport>,
) {
    for item in items {
        let (lines, messages) = match item {
            ScreenItem::Lines(lines) => (lines, None),
            ScreenItem::Messages(batch) => (style.messages(&batch), Some(batch)),
            ScreenItem::End => return,
        };
        let report = match (printer.print(&lines), messages) {
            (Err(error), _) => {
                let _ = reports.send(WriteReport::Failed(error));
                return;
            }
            (Ok(()), Some(batch)) => WriteReport::Upto {
                last: last_seq(&batch.header),
                messages: u64::from(batch.header.count),
                bytes: batch.body.len() as u64,
            },
            (Ok(()), None) => continue,
        };
        let _ = reports.send(report);
    }
}
