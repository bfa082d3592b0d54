//! Messages become what stands on stdout: a thread that writes, and says how far it came.
//!
//! `sub | less` must not keep anyone from answering pings, so the writes block here and nowhere else. Knows nothing of
//! connections or acks: the reports are what acks and credit are made of.

mod render;
mod sink;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal, PipeWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::address::{Namespace, Seq};
use crate::limits;
use crate::wire::batch::{DeliveryHeader, Framing, messages};
use render::{Renderer, Screen};
use sink::{Ended, Short, write_all};

/// What follows each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Newline,
    Nul,
    /// Nothing.
    Raw,
}

/// How messages are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The data, and what ends it.
    Data(Ending),
    /// One object a message, in one line, with all that is known of it.
    Json,
}

/// Messages as they came.
#[derive(Debug, Clone)]
pub struct Chunk {
    pub header: DeliveryHeader,
    pub body: Bytes,
    pub namespace: Namespace,
}

/// How far the writing came. `messages` and `bytes` count from the report before.
#[derive(Debug)]
pub enum Wrote {
    /// Written up to and including `last` (None while only volatile messages were); `bytes` are of the bodies of the
    /// chunks that were finished.
    Upto {
        last: Option<Seq>,
        messages: u64,
        bytes: u64,
    },
    /// The reader of stdout went away: the last report. Only what was written whole counts.
    Closed { last: Option<Seq>, messages: u64 },
    /// Stdout takes nothing more, for another reason: the last report.
    Failed(io::Error),
}

/// The writing thread. It ends, when everything is written, once `chunks` is dropped; then `wrote` closes.
pub struct Output {
    pub chunks: Sender<Chunk>,
    pub wrote: UnboundedReceiver<Wrote>,
}

pub fn start(form: Form) -> Output {
    let screen = if io::stdout().is_terminal() {
        Screen::Terminal
    } else {
        Screen::Plain
    };
    // Our own descriptor: std's handle is line-buffered.
    start_on(io::stdout().as_fd().try_clone_to_owned(), form, screen)
}

fn start_on(fd: io::Result<OwnedFd>, form: Form, screen: Screen) -> Output {
    let (chunks, incoming) = channel();
    let (reports, wrote) = unbounded_channel();
    let failed = reports.clone();
    let started = fd.and_then(|fd| {
        let fd = Arc::new(fd);
        let progress = Arc::new(Mutex::new(Progress::default()));
        let watched = watch(&fd, &progress, &reports)?;
        let writer = Writer {
            fd,
            renderer: Renderer::new(form, screen),
            buffer: Vec::new(),
            progress,
            reports,
            _watched: watched,
        };
        std::thread::Builder::new()
            .name("stdout".to_owned())
            .spawn(move || writer.run(&incoming))?;
        Ok(())
    });
    if let Err(error) = started {
        let _ = failed.send(Wrote::Failed(error));
    }
    Output { chunks, wrote }
}

/// While idle nothing is written that could fail, so a second thread waits for the reader of stdout to go away.
/// It ends when what is returned here is dropped; and it must not keep `wrote` open, hence the weak sender.
fn watch(
    fd: &Arc<OwnedFd>,
    progress: &Arc<Mutex<Progress>>,
    reports: &UnboundedSender<Wrote>,
) -> io::Result<Option<PipeWriter>> {
    if !sink::can_close(fd.as_fd()) {
        return Ok(None);
    }
    let (writing, held) = io::pipe()?;
    let (fd, progress, reports) = (Arc::clone(fd), Arc::clone(progress), reports.downgrade());
    let wait = move || {
        if sink::wait_closed(fd.as_fd(), writing.as_fd()) == Ended::Unwatched {
            return;
        }
        // Whoever is writing finds out by itself; holding the lock means that everything written is reported.
        let progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reports) = reports.upgrade() {
            let _ = reports.send(Wrote::Closed {
                last: progress.last,
                messages: 0,
            });
        }
    };
    let builder = std::thread::Builder::new().name("stdout-watch".to_owned());
    builder.spawn(wait)?;
    Ok(Some(held))
}

/// What was written, and not yet reported but for `last`.
#[derive(Debug, Default)]
struct Progress {
    last: Option<Seq>,
    messages: u64,
    bytes: u64,
}

struct Writer {
    fd: Arc<OwnedFd>,
    renderer: Renderer,
    /// Rendered and not yet written; kept for its memory.
    buffer: Vec<u8>,
    /// Held from the first chunk that came until what was written is reported.
    progress: Arc<Mutex<Progress>>,
    reports: UnboundedSender<Wrote>,
    /// The watching thread ends with this.
    _watched: Option<PipeWriter>,
}

impl Writer {
    fn run(mut self, chunks: &Receiver<Chunk>) {
        let progress = Arc::clone(&self.progress);
        while let Ok(first) = chunks.recv() {
            let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
            let mut next = Some(first);
            while let Some(chunk) = next.take() {
                if let Err(stopped) = self.write(&chunk, &mut progress) {
                    self.report_end(stopped, &mut progress);
                    return;
                }
                next = chunks.try_recv().ok();
                if next.is_none() || progress.bytes >= limits::REPORT_BYTES as u64 {
                    self.report(&mut progress);
                }
            }
        }
    }

    fn write(&mut self, chunk: &Chunk, progress: &mut Progress) -> Result<(), Stopped> {
        if self.renderer.is_as_it_came(&chunk.header) {
            write_all(self.fd.as_fd(), &chunk.body).map_err(|short| {
                let lines = memchr::memchr_iter(b'\n', &chunk.body[..short.written]).count();
                progress.settle(&chunk.header, 0, lines as u64);
                Stopped::from(short)
            })?;
            progress.settle(&chunk.header, 0, u64::from(chunk.header.count));
        } else {
            let before = progress.messages;
            self.write_each(chunk, progress)?;
            // A body that holds fewer messages than its header says is not waited for.
            progress.messages = before;
            progress.settle(&chunk.header, 0, u64::from(chunk.header.count));
        }
        progress.bytes += chunk.body.len() as u64;
        Ok(())
    }

    /// Message by message, written in pieces so that the buffer stays small.
    fn write_each(&mut self, chunk: &Chunk, progress: &mut Progress) -> Result<(), Stopped> {
        let frame = self.renderer.frame(chunk);
        let mut written = 0;
        let mut rendered = 0;
        for message in each(chunk) {
            self.renderer
                .render(&frame, rendered, message, &mut self.buffer);
            rendered += 1;
            if self.buffer.len() >= limits::BATCH_BYTES {
                self.flush(chunk, written, rendered, progress)?;
                written = rendered;
            }
        }
        self.flush(chunk, written, rendered, progress)
    }

    /// Writes the buffer, which holds messages `from..to` of the chunk.
    fn flush(
        &mut self,
        chunk: &Chunk,
        from: u32,
        to: u32,
        progress: &mut Progress,
    ) -> Result<(), Stopped> {
        let outcome = write_all(self.fd.as_fd(), &self.buffer);
        let whole = match &outcome {
            Ok(()) => to - from,
            Err(short) => self.count_whole(chunk, from, short.written),
        };
        progress.settle(&chunk.header, from, u64::from(whole));
        self.buffer.clear();
        self.buffer.shrink_to(limits::MESSAGE_BYTES);
        outcome.map_err(Stopped::from)
    }

    /// How many messages from `from` on fit whole into `written` bytes: found by rendering them again, once in a
    /// process's life, so that nothing has to be remembered of each message.
    fn count_whole(&self, chunk: &Chunk, from: u32, written: usize) -> u32 {
        let frame = self.renderer.frame(chunk);
        let mut again = Vec::new();
        let mut whole = 0;
        for message in each(chunk).skip(from as usize) {
            self.renderer
                .render(&frame, from + whole, message, &mut again);
            if again.len() > written {
                break;
            }
            whole += 1;
        }
        whole
    }

    fn report(&self, progress: &mut Progress) {
        let _ = self.reports.send(Wrote::Upto {
            last: progress.last,
            messages: std::mem::take(&mut progress.messages),
            bytes: std::mem::take(&mut progress.bytes),
        });
    }

    fn report_end(&self, stopped: Stopped, progress: &mut Progress) {
        let report = match stopped {
            Stopped::Closed => Wrote::Closed {
                last: progress.last,
                messages: std::mem::take(&mut progress.messages),
            },
            Stopped::Failed(error) => {
                self.report(progress);
                Wrote::Failed(error)
            }
        };
        let _ = self.reports.send(report);
    }
}

impl Progress {
    /// `count` messages of a chunk, from its `from`th on, are written.
    fn settle(&mut self, header: &DeliveryHeader, from: u32, count: u64) {
        self.messages += count;
        // The header's count bounds the index, whatever the body held.
        let count = u32::try_from(count)
            .unwrap_or(header.count)
            .min(header.count - from.min(header.count));
        if let (Some(first), Some(index)) = (header.first, (from + count).checked_sub(1))
            && count > 0
        {
            self.last = Some(Seq::new(first.record, first.index.saturating_add(index)));
        }
    }
}

/// The messages of a chunk. An event as it came is one message, the body.
fn each(chunk: &Chunk) -> impl Iterator<Item = &[u8]> {
    let count = match chunk.header.framing {
        Framing::Args => 1,
        Framing::Lines | Framing::Bytes => chunk.header.count,
    };
    messages(chunk.header.framing, &chunk.body).take(count as usize)
}

/// Why stdout takes nothing more.
enum Stopped {
    Closed,
    Failed(io::Error),
}

impl From<Short> for Stopped {
    fn from(short: Short) -> Self {
        match short.error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Closed,
            _ => Self::Failed(short.error),
        }
    }
}
