//! Messages become what stands on stdout: a thread that writes, and says how far it came.
//!
//! `sub | less` must not keep anyone from answering pings, so writes block on that thread and nowhere else; a line that
//! stdout takes at once is written without waking it. Knows nothing of connections or acks: the reports are what acks
//! and credit are made of.

mod chunk;
mod form;
mod format;
mod object;
mod render;
mod sink;
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
pub use chunk::{Chunk, each};
pub use form::{Ending, Form};
pub use format::{Format, FormatError};
use object::Screen;
pub use object::time;
use render::Renderer;
use sink::{Ended, Short, write_all};

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

pub struct Output {
    writing: Option<Way>,
    /// Closes, after everything was written, behind [`Output::finish`].
    pub wrote: UnboundedReceiver<Wrote>,
}

enum Way {
    Stdout(Writing),
    Elsewhere(Box<dyn Fn(Chunk)>),
}

struct Writing {
    chunks: Sender<Chunk>,
    /// Sent and not yet written: while there are any, nothing may overtake them.
    waiting: Arc<AtomicUsize>,
    writer: Arc<Mutex<Writer>>,
}

impl Output {
    /// Never blocks.
    pub fn write(&self, chunk: Chunk) {
        let writing = match &self.writing {
            Some(Way::Stdout(writing)) => writing,
            Some(Way::Elsewhere(hand)) => return hand(chunk),
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
    pub fn elsewhere(hand: impl Fn(Chunk) + 'static, wrote: UnboundedReceiver<Wrote>) -> Self {
        Self {
            writing: Some(Way::Elsewhere(Box::new(hand))),
            wrote,
        }
    }

    /// Nothing more is to be written.
    pub fn finish(&mut self) {
        self.writing = None;
    }
}

/// The messages of a chunk as they are shown, for what is no terminal.
pub fn rendered(form: &Form, chunk: &Chunk) -> Vec<u8> {
    let renderer = Renderer::new(form.clone(), Screen::Plain);
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
    let (reports, wrote) = unbounded_channel();
    let failed = reports.clone();
    let writing = fd.and_then(|fd| start_writing(fd, form, screen, reports));
    let writing = writing.map_err(|error| failed.send(Wrote::Failed(error)));
    Output {
        writing: writing.ok().map(Way::Stdout),
        wrote,
    }
}

fn start_writing(
    fd: OwnedFd,
    form: Form,
    screen: Screen,
    reports: UnboundedSender<Wrote>,
) -> io::Result<Writing> {
    let fd = Arc::new(fd);
    let progress = Arc::new(Mutex::new(Progress::default()));
    let writer = Arc::new(Mutex::new(Writer {
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
    Ok(Writing {
        chunks,
        waiting,
        writer,
    })
}

/// The thread. It ends when nothing more is to be written, or stdout takes nothing more.
fn write_all_of(chunks: &Receiver<Chunk>, writer: &Mutex<Writer>, waiting: &AtomicUsize) {
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
    /// Up to how many bytes stdout takes whole when it is ready at all.
    small: usize,
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
    /// Whether stdout takes the chunk without making anyone wait.
    fn takes_at_once(&self, chunk: &Chunk) -> bool {
        self.renderer.is_as_it_came(&chunk.header)
            && chunk.body.len() <= self.small
            && sink::is_ready(self.fd.as_fd())
    }

    /// Writes a chunk and what follows it, and says how far it came.
    fn write_and_report(
        &mut self,
        first: Chunk,
        mut next: impl FnMut() -> Option<Chunk>,
    ) -> Result<(), Over> {
        let progress = Arc::clone(&self.progress);
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        let mut chunk = Some(first);
        while let Some(current) = chunk.take() {
            if let Err(stopped) = self.write(&current, &mut progress) {
                self.report_end(stopped, &mut progress);
                return Err(Over);
            }
            chunk = next();
            if chunk.is_none() || progress.bytes >= limits::REPORT_BYTES as u64 {
                self.report(&mut progress);
            }
        }
        Ok(())
    }

    fn write(&mut self, chunk: &Chunk, progress: &mut Progress) -> Result<(), Stopped> {
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

/// A message as its reader sees it on a terminal: its data, control characters shown.
pub fn shown(chunk: &Chunk, message: &[u8]) -> String {
    let renderer = Renderer::new(Form::Data(Ending::Raw), Screen::Terminal);
    let mut shown = Vec::new();
    renderer.render(&renderer.frame(chunk), 0, message, &mut shown);
    String::from_utf8_lossy(&shown).into_owned()
}

/// Stdout takes nothing more; the report said why.
struct Over;

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
