//! The ends of a child's pipes. A thread serves each of them, so that a full pipe does not block the test.

use std::io::{Read, Write};
use std::process::ChildStdin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::DEADLINE;

/// A child's stdin, written by its own thread.
pub struct Writer {
    bytes: Option<std::sync::mpsc::Sender<Vec<u8>>>,
}

impl Writer {
    pub fn of(mut stdin: ChildStdin) -> Self {
        let (bytes, incoming) = std::sync::mpsc::channel::<Vec<u8>>();
        thread::spawn(move || {
            for bytes in incoming {
                // The child stopped reading. The test judges that by its status.
                if stdin.write_all(&bytes).is_err() {
                    return;
                }
            }
        });
        Self { bytes: Some(bytes) }
    }

    pub fn write(&self, bytes: &[u8]) {
        if let Some(sender) = &self.bytes {
            let _ = sender.send(bytes.to_vec());
        }
    }
}

/// A child's output, collected by its own thread.
#[derive(Default)]
pub struct Stream {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    collected: Mutex<Collected>,
    changed: Condvar,
}

#[derive(Default)]
struct Collected {
    bytes: Vec<u8>,
    /// How many of them the test has read.
    taken: usize,
    ended: bool,
}

impl Collected {
    fn take_line(&mut self) -> Option<Vec<u8>> {
        let rest = &self.bytes[self.taken..];
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = rest[..end].to_vec();
        self.taken += end + 1;
        Some(line)
    }
}

impl Stream {
    pub fn of(mut source: impl Read + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let ours = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let read = source.read(&mut buffer).unwrap_or(0);
                let mut collected = ours.lock();
                collected.bytes.extend_from_slice(&buffer[..read]);
                collected.ended = read == 0;
                ours.changed.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self {
            shared,
            thread: Some(thread),
        }
    }

    /// Calls `look` on the collected bytes until it finds something, the output ends or the deadline passes.
    fn wait_for<T>(&self, mut look: impl FnMut(&mut Collected) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + DEADLINE;
        let mut collected = self.shared.lock();
        loop {
            if let Some(found) = look(&mut collected) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if collected.ended || left.is_zero() {
                return None;
            }
            let waited = self.shared.changed.wait_timeout(collected, left);
            collected = waited.expect("nobody panics while holding it").0;
        }
    }

    pub fn line(&self) -> Option<Vec<u8>> {
        self.wait_for(Collected::take_line)
    }

    pub fn line_if_there(&self) -> Option<Vec<u8>> {
        self.shared.lock().take_line()
    }

    pub fn find_line(&self, pattern: &str) -> Option<String> {
        self.find_line_with(&[pattern])
    }

    pub fn find_line_with(&self, patterns: &[&str]) -> Option<String> {
        self.wait_for(|collected| {
            let text = String::from_utf8_lossy(&collected.bytes);
            // Only complete lines: callers use the text after the pattern too.
            let mut lines = text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            lines
                .find(|line| patterns.iter().any(|pattern| line.contains(pattern)))
                .map(str::to_owned)
        })
    }

    pub fn is_empty(&self) -> bool {
        let collected = self.shared.lock();
        collected.taken == collected.bytes.len()
    }

    /// The number of bytes collected.
    pub fn received(&self) -> usize {
        self.shared.lock().bytes.len()
    }

    pub fn peek(&self) -> Vec<u8> {
        let collected = self.shared.lock();
        collected.bytes[collected.taken..].to_vec()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.shared.lock().bytes).into_owned()
    }

    /// Everything up to the end that the test has not read.
    pub fn rest(&mut self) -> Vec<u8> {
        if let Some(thread) = self.thread.take() {
            self.wait_for(|collected| collected.ended.then_some(()));
            thread.join().expect("reading does not panic");
        }
        self.peek()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.collected
            .lock()
            .expect("nobody panics while holding it")
    }
}
