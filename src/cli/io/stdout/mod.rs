//! Messages become what stands on stdout: a thread that writes, and says how far it came.
//!
//! `sub | less` must not keep anyone from answering pings, so writes block on that thread and nowhere else; a line that
//! stdout takes at once is written without waking it. Knows nothing of connections or acks: the reports are what acks
//! and credit are made of.

mod batch;
mod object;
mod output_format;
mod render;
mod sink;
mod template;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal, PipeWriter, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::address::Seq;
use crate::limits;
use crate::wire::batch::{DeliveryHeader, Framing};
pub use batch::{OutputBatch, each};
use object::OutputTarget;
pub use object::time;
pub use output_format::{OutputFormat, Terminator};
use render::Renderer;
use sink::{ShortWrite, WatchOutcome, write_all};
pub use template::{FormatError, FormatTemplate};

/// How far the writing came. `messages` and `bytes` count from the report before.
#[derive(Debug)]
pub enum WriteReport {
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

pub struct Output {
    writing: Option<OutputSink>,
    /// Closes, after everything was written, behind [`Output::finish`].
    pub wrote: UnboundedReceiver<WriteReport>,
}

enum OutputSink {
    Stdout(StdoutThread),
    Elsewhere(Box<dyn Fn(OutputBatch)>),
}

struct StdoutThread {
    chunks: Sender<OutputBatch>,
    /// Sent and not yet written: while there are any, nothing may overtake them.
    waiting: Arc<AtomicUsize>,
    writer: Arc<Mutex<StdoutWriter>>,
}

impl Output {
    /// Never blocks.
    pub fn write(&self, chunk: OutputBatch) {
        let writing = match &self.writing {
            Some(OutputSink::Stdout(writing)) => writing,
            Some(OutputSink::Elsewhere(hand)) => return hand(chunk),
            None => return,
        };
        if writing.waiting.load(Ordering::Acquire) == 0
            && let Ok(mut writer) = writing.writer.try_lock()
            && writer.takes_at_once(&chunk)
        {
            // When it failed, the report says so.
            let _ = writer.write_and_report(chunk, || None);
            return;
        }
        writing.waiting.fetch_add(1, Ordering::AcqRel);
        // When the thread is gone its last report says why.
        let _ = writing.chunks.send(chunk);
    }

    /// Somebody else shows what is handed over, without making anyone wait, and reports as stdout's thread does.
    pub fn elsewhere(
        hand: impl Fn(OutputBatch) + 'static,
        wrote: UnboundedReceiver<WriteReport>,
    ) -> Self {
        Self {
            writing: Some(OutputSink::Elsewhere(Box::new(hand))),
            wrote,
        }
    }

    /// Nothing more is to be written.
    pub fn finish(&mut self) {
        self.writing = None;
    }
}

/// The messages of a chunk as they are shown, for what is no terminal.
pub fn rendered(form: &OutputFormat, chunk: &OutputBatch) -> Vec<u8> {
    let renderer = Renderer::new(form.clone(), OutputTarget::Plain);
    let frame = renderer.frame(chunk);
    let mut out = Vec::new();
    for (index, message) in (0..).zip(each(chunk)) {
        renderer.render(&frame, index, message, &mut out);
    }
    out
}

/// Whether the reader of stdout has gone away.
pub fn is_closed() -> bool {
    let stdout = io::stdout();
    let stdout = stdout.as_fd();
    sink::can_close(stdout) && sink::is_closed(stdout)
}

/// What a command has to say at once, before it ends. A closed stdout is success.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Bytes as they are, beside whatever else is written there; makes its caller wait.
pub fn write_through(bytes: &[u8]) -> io::Result<()> {
    write_all(io::stdout().as_fd(), bytes).map_err(|short| short.error)
}

pub fn start(form: OutputFormat) -> Output {
    let screen = if io::stdout().is_terminal() {
        OutputTarget::Terminal
    } else {
        OutputTarget::Plain
    };
    // Our own descriptor: std's handle is line-buffered.
    start_on(io::stdout().as_fd().try_clone_to_owned(), form, screen)
}

fn start_on(fd: io::Result<OwnedFd>, form: OutputFormat, screen: OutputTarget) -> Output {
    let (reports, wrote) = unbounded_channel();
    let failed = reports.clone();
    let writing = fd.and_then(|fd| start_writing(fd, form, screen, reports));
    let writing = writing.map_err(|error| failed.send(WriteReport::Failed(error)));
    Output {
        writing: writing.ok().map(OutputSink::Stdout),
        wrote,
    }
}

fn start_writing(
    fd: OwnedFd,
    form: OutputFormat,
    screen: OutputTarget,
    reports: UnboundedSender<WriteReport>,
) -> io::Result<StdoutThread> {
    let fd = Arc::new(fd);
    let progress = Arc::new(Mutex::new(WriteProgress::default()));
    let writer = Arc::new(Mutex::new(StdoutWriter {
        small: sink::small(fd.as_fd()),
        renderer: Renderer::new(form, screen),
        buffer: Vec::new(),
        _watched: watch(&fd, &progress, &reports)?,
        fd,
        progress,
        reports,
    }));
    let (chunks, incoming) = channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let (shared, left) = (Arc::clone(&writer), Arc::clone(&waiting));
    std::thread::Builder::new()
        .name("stdout".to_owned())
        .spawn(move || write_all_of(&incoming, &shared, &left))?;
    Ok(StdoutThread {
        chunks,
        waiting,
        writer,
    })
}

/// The thread. It ends when nothing more is to be written, or stdout takes nothing more.
fn write_all_of(
    chunks: &Receiver<OutputBatch>,
    writer: &Mutex<StdoutWriter>,
    waiting: &AtomicUsize,
) {
    while let Ok(first) = chunks.recv() {
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = 1;
        let done = writer.write_and_report(first, || {
            let next = chunks.try_recv().ok();
            taken += usize::from(next.is_some());
            next
        });
        drop(writer);
        waiting.fetch_sub(taken, Ordering::AcqRel);
        if done.is_err() {
            return;
        }
    }
}

/// While idle nothing is written that could fail, so a second thread waits for the reader of stdout to go away.
/// It ends when what is returned here is dropped; and it must not keep `wrote` open, hence the weak sender.
fn watch(
    fd: &Arc<OwnedFd>,
    progress: &Arc<Mutex<WriteProgress>>,
    reports: &UnboundedSender<WriteReport>,
) -> io::Result<Option<PipeWriter>> {
    if !sink::can_close(fd.as_fd()) {
        return Ok(None);
    }
    let (writing, held) = io::pipe()?;
    let (fd, progress, reports) = (Arc::clone(fd), Arc::clone(progress), reports.downgrade());
    let wait = move || {
        if sink::wait_closed(fd.as_fd(), writing.as_fd()) == WatchOutcome::Unwatched {
            return;
        }
        // Whoever is writing finds out by itself; holding the lock means that everything written is reported.
        let progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reports) = reports.upgrade() {
            let _ = reports.send(WriteReport::Closed {
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
struct WriteProgress {
    last: Option<Seq>,
    messages: u64,
    bytes: u64,
}

struct StdoutWriter {
    fd: Arc<OwnedFd>,
    /// Up to how many bytes stdout takes whole when it is ready at all.
    small: usize,
    renderer: Renderer,
    /// Rendered and not yet written; kept for its memory.
    buffer: Vec<u8>,
    /// Held from the first chunk that came until what was written is reported.
    progress: Arc<Mutex<WriteProgress>>,
    reports: UnboundedSender<WriteReport>,
    /// The watching thread ends with this.
    _watched: Option<PipeWriter>,
}

impl StdoutWriter {
    /// Whether stdout takes the chunk without making anyone wait.
    fn takes_at_once(&self, chunk: &OutputBatch) -> bool {
        self.renderer.is_as_it_came(&chunk.header)
            && chunk.body.len() <= self.small
            && sink::is_ready(self.fd.as_fd())
    }

    /// Writes a chunk and what follows it, and says how far it came.
    fn write_and_report(
        &mut self,
        first: OutputBatch,
        mut next: impl FnMut() -> Option<OutputBatch>,
    ) -> Result<(), OutputEnded> {
        let progress = Arc::clone(&self.progress);
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        let mut chunk = Some(first);
        while let Some(current) = chunk.take() {
            if let Err(stopped) = self.write(&current, &mut progress) {
                self.report_end(stopped, &mut progress);
                return Err(OutputEnded);
            }
            chunk = next();
            if chunk.is_none() || progress.bytes >= limits::REPORT_BYTES as u64 {
                self.report(&mut progress);
            }
        }
        Ok(())
    }

    fn write(
        &mut self,
        chunk: &OutputBatch,
        progress: &mut WriteProgress,
    ) -> Result<(), WriteError> {
        if self.renderer.is_as_it_came(&chunk.header) {
            write_all(self.fd.as_fd(), &chunk.body).map_err(|short| {
                let messages = match chunk.header.framing {
                    Framing::Lines => {
                        memchr::memchr_iter(b'\n', &chunk.body[..short.written]).count()
                    }
                    // A piece that is not all written is not written.
                    Framing::Bytes | Framing::Args => 0,
                };
                progress.settle(&chunk.header, 0, messages as u64);
                WriteError::from(short)
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
    fn write_each(
        &mut self,
        chunk: &OutputBatch,
        progress: &mut WriteProgress,
    ) -> Result<(), WriteError> {
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
        chunk: &OutputBatch,
        from: u32,
        to: u32,
        progress: &mut WriteProgress,
    ) -> Result<(), WriteError> {
        let outcome = write_all(self.fd.as_fd(), &self.buffer);
        let whole = match &outcome {
            Ok(()) => to - from,
            Err(short) => self.count_whole(chunk, from, short.written),
        };
        progress.settle(&chunk.header, from, u64::from(whole));
        self.buffer.clear();
        self.buffer.shrink_to(limits::MESSAGE_BYTES);
        outcome.map_err(WriteError::from)
    }

    /// How many messages from `from` on fit whole into `written` bytes: found by rendering them again, once in a
    /// process's life, so that nothing has to be remembered of each message.
    fn count_whole(&self, chunk: &OutputBatch, from: u32, written: usize) -> u32 {
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

    fn report(&self, progress: &mut WriteProgress) {
        let _ = self.reports.send(WriteReport::Upto {
            last: progress.last,
            messages: std::mem::take(&mut progress.messages),
            bytes: std::mem::take(&mut progress.bytes),
        });
    }

    fn report_end(&self, stopped: WriteError, progress: &mut WriteProgress) {
        let report = match stopped {
            WriteError::Closed => WriteReport::Closed {
                last: progress.last,
                messages: std::mem::take(&mut progress.messages),
            },
            WriteError::Failed(error) => {
                self.report(progress);
                WriteReport::Failed(error)
            }
        };
        let _ = self.reports.send(report);
    }
}

impl WriteProgress {
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

/// A message as its reader sees it on a terminal: its data, control characters shown.
pub fn shown(chunk: &OutputBatch, message: &[u8]) -> String {
    let renderer = Renderer::new(OutputFormat::Data(Terminator::Raw), OutputTarget::Terminal);
    let mut shown = Vec::new();
    renderer.render(&renderer.frame(chunk), 0, message, &mut shown);
    String::from_utf8_lossy(&shown).into_owned()
}

/// Stdout takes nothing more; the report said why.
struct OutputEnded;

/// Why stdout takes nothing more.
enum WriteError {
    Closed,
    Failed(io::Error),
}

impl From<ShortWrite> for WriteError {
    fn from(short: ShortWrite) -> Self {
        match short.error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Closed,
            _ => Self::Failed(short.error),
        }
    }
}
