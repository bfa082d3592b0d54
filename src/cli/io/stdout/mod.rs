//! Writes messages to stdout on a thread of its own, and reports how far it came.
//!
//! `sub | less` must go on answering pings, so only that thread blocks on writes. A line that stdout takes at once is written
//! without waking the thread. Knows nothing of connections or acks; acks and credit follow from the reports.

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
pub use crate::cli::io::envelope::time;
use crate::limits;
use crate::wire::batch::{DeliveryHeader, Framing};
pub use batch::{OutputBatch, batch_messages};
use object::OutputTarget;
pub use output_format::{OutputFormat, Terminator};
use render::Renderer;
use sink::{ShortWrite, WatchOutcome, write_all};
pub use template::FormatTemplate;

/// A report of the writer. `messages` and `bytes` count from the report before.
#[derive(Debug)]
pub enum WriteReport {
    /// Everything up to and including `last` is written. `last` is `None` while only volatile messages were written. `bytes`
    /// counts the bodies of finished batches.
    Upto {
        last: Option<Seq>,
        messages: u64,
        bytes: u64,
    },
    /// The reader of stdout is gone. This is the last report. Counts only messages written whole.
    Closed { last: Option<Seq>, messages: u64 },
    /// Stdout failed for another reason. This is the last report.
    Failed(io::Error),
}

pub struct Output {
    writing: Option<OutputSink>,
    /// Closes after [`Output::finish`], once everything is written.
    pub reports: UnboundedReceiver<WriteReport>,
}

enum OutputSink {
    Stdout(StdoutThread),
    Custom(Box<dyn Fn(OutputBatch)>),
}

struct StdoutThread {
    chunks: Sender<OutputBatch>,
    /// Batches sent to the thread and not written. A later batch may not overtake them.
    waiting: Arc<AtomicUsize>,
    writer: Arc<Mutex<StdoutWriter>>,
}

impl Output {
    /// Never blocks.
    pub fn write(&self, batch: OutputBatch) {
        let writing = match &self.writing {
            Some(OutputSink::Stdout(writing)) => writing,
            Some(OutputSink::Custom(show)) => return show(batch),
            None => return,
        };
        if writing.waiting.load(Ordering::Acquire) == 0
            && let Ok(mut writer) = writing.writer.try_lock()
            && writer.can_write_now(&batch)
        {
            // The report tells of a failure.
            let _ = writer.write_and_report(batch, || None);
            return;
        }
        writing.waiting.fetch_add(1, Ordering::AcqRel);
        // If the thread has ended, its last report tells why.
        let _ = writing.chunks.send(batch);
    }

    /// An output that passes its batches to `show`, which must not block. Whoever shows them sends the `reports`.
    pub fn custom(
        show: impl Fn(OutputBatch) + 'static,
        reports: UnboundedReceiver<WriteReport>,
    ) -> Self {
        Self {
            writing: Some(OutputSink::Custom(Box::new(show))),
            reports,
        }
    }

    /// Ends the output: nothing is written after this.
    pub fn finish(&mut self) {
        self.writing = None;
    }
}

/// The messages of a batch as a pipe or file gets them.
pub fn rendered(form: &OutputFormat, batch: &OutputBatch) -> Vec<u8> {
    let renderer = Renderer::new(form.clone(), OutputTarget::Plain);
    let frame = renderer.frame(batch);
    let mut out = Vec::new();
    for (index, message) in (0..).zip(batch_messages(batch)) {
        renderer.render(&frame, index, message, &mut out);
    }
    out
}

/// Whether the reader of stdout is gone.
pub fn is_closed() -> bool {
    let stdout = io::stdout();
    let stdout = stdout.as_fd();
    sink::can_close(stdout) && sink::is_closed(stdout)
}

/// Prints the whole output of a command that ends. A closed stdout is success.
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

/// Writes bytes directly to stdout. Blocks.
pub fn write_through(bytes: &[u8]) -> io::Result<()> {
    write_all(io::stdout().as_fd(), bytes).map_err(|short| short.error)
}

pub fn start(form: OutputFormat) -> Output {
    let screen = if io::stdout().is_terminal() {
        OutputTarget::Terminal
    } else {
        OutputTarget::Plain
    };
    // Our own descriptor, because std's handle is line-buffered.
    start_on(io::stdout().as_fd().try_clone_to_owned(), form, screen)
}

fn start_on(fd: io::Result<OwnedFd>, form: OutputFormat, screen: OutputTarget) -> Output {
    let (sender, reports) = unbounded_channel();
    let failed = sender.clone();
    let writing = fd.and_then(|fd| start_writing(fd, form, screen, sender));
    let writing = writing.map_err(|error| failed.send(WriteReport::Failed(error)));
    Output {
        writing: writing.ok().map(OutputSink::Stdout),
        reports,
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
        atomic_bytes: sink::atomic_write_bytes(fd.as_fd()),
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

/// The writing thread. It ends with the channel, or when stdout takes no more.
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

/// Starts a thread that notices when the reader of stdout goes away while nothing is written. The thread ends when the
/// returned writer is dropped. Its sender is weak, so that it does not keep the reports open.
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
        // A write in progress notices by itself. Under the lock, everything written has been reported.
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

/// What was written since the last report, and the last seq written.
#[derive(Debug, Default)]
struct WriteProgress {
    last: Option<Seq>,
    messages: u64,
    bytes: u64,
}

struct StdoutWriter {
    fd: Arc<OwnedFd>,
    /// How many bytes stdout takes without blocking when it is ready.
    atomic_bytes: usize,
    renderer: Renderer,
    /// Rendered messages that are not written yet. Kept for its memory.
    buffer: Vec<u8>,
    /// Locked from the first batch until the writing is reported.
    progress: Arc<Mutex<WriteProgress>>,
    reports: UnboundedSender<WriteReport>,
    /// Dropping it ends the watching thread.
    _watched: Option<PipeWriter>,
}

impl StdoutWriter {
    /// Whether stdout takes the batch without blocking.
    fn can_write_now(&self, batch: &OutputBatch) -> bool {
        self.renderer.is_passthrough(&batch.header)
            && batch.body.len() <= self.atomic_bytes
            && sink::is_ready(self.fd.as_fd())
    }

    /// Writes a batch and those that follow, and reports.
    fn write_and_report(
        &mut self,
        first: OutputBatch,
        mut next: impl FnMut() -> Option<OutputBatch>,
    ) -> Result<(), OutputEnded> {
        let progress = Arc::clone(&self.progress);
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Some(first);
        while let Some(current) = batch.take() {
            if let Err(stopped) = self.write(&current, &mut progress) {
                self.report_end(stopped, &mut progress);
                return Err(OutputEnded);
            }
            batch = next();
            if batch.is_none() || progress.bytes >= limits::REPORT_BYTES as u64 {
                self.report(&mut progress);
            }
        }
        Ok(())
    }

    fn write(
        &mut self,
        batch: &OutputBatch,
        progress: &mut WriteProgress,
    ) -> Result<(), WriteError> {
        if self.renderer.is_passthrough(&batch.header) {
            write_all(self.fd.as_fd(), &batch.body).map_err(|short| {
                let messages = match batch.header.framing {
                    Framing::Lines => {
                        memchr::memchr_iter(b'\n', &batch.body[..short.written]).count()
                    }
                    // A message that is written in part does not count.
                    Framing::Bytes | Framing::Args => 0,
                };
                progress.record(&batch.header, 0, messages as u64);
                WriteError::from(short)
            })?;
            progress.record(&batch.header, 0, u64::from(batch.header.count));
        } else {
            let before = progress.messages;
            self.write_each(batch, progress)?;
            // The header's count holds even if the body has fewer messages.
            progress.messages = before;
            progress.record(&batch.header, 0, u64::from(batch.header.count));
        }
        progress.bytes += batch.body.len() as u64;
        Ok(())
    }

    /// Renders the messages one by one, and writes whenever the buffer is large.
    fn write_each(
        &mut self,
        batch: &OutputBatch,
        progress: &mut WriteProgress,
    ) -> Result<(), WriteError> {
        let frame = self.renderer.frame(batch);
        let mut written = 0;
        let mut rendered = 0;
        for message in batch_messages(batch) {
            self.renderer
                .render(&frame, rendered, message, &mut self.buffer);
            rendered += 1;
            if self.buffer.len() >= limits::BATCH_BYTES {
                self.flush(batch, written, rendered, progress)?;
                written = rendered;
            }
        }
        self.flush(batch, written, rendered, progress)
    }

    /// Writes the buffer, which holds the messages `from..to` of the batch.
    fn flush(
        &mut self,
        batch: &OutputBatch,
        from: u32,
        to: u32,
        progress: &mut WriteProgress,
    ) -> Result<(), WriteError> {
        let outcome = write_all(self.fd.as_fd(), &self.buffer);
        let whole = match &outcome {
            Ok(()) => to - from,
            Err(short) => self.count_whole(batch, from, short.written),
        };
        progress.record(&batch.header, from, u64::from(whole));
        self.buffer.clear();
        self.buffer.shrink_to(limits::MESSAGE_BYTES);
        outcome.map_err(WriteError::from)
    }

    /// How many messages from `from` on fit whole into `written` bytes. Renders them again, which happens once in the life of a
    /// process, so that no lengths need to be kept.
    fn count_whole(&self, batch: &OutputBatch, from: u32, written: usize) -> u32 {
        let frame = self.renderer.frame(batch);
        let mut again = Vec::new();
        let mut whole = 0;
        for message in batch_messages(batch).skip(from as usize) {
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
    /// Notes that `count` messages of a batch were written, from index `from` on.
    fn record(&mut self, header: &DeliveryHeader, from: u32, count: u64) {
        self.messages += count;
        // The index never passes the header's count.
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

/// The data of a message for a terminal, with control characters made visible.
pub fn visible_text(batch: &OutputBatch, message: &[u8]) -> String {
    let renderer = Renderer::new(OutputFormat::Data(Terminator::Raw), OutputTarget::Terminal);
    let mut shown = Vec::new();
    renderer.render(&renderer.frame(batch), 0, message, &mut shown);
    String::from_utf8_lossy(&shown).into_owned()
}

/// Stdout takes no more. A report has told why.
struct OutputEnded;

/// Why stdout takes no more.
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
