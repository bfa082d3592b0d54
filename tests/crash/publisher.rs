//! A publisher of its own making, which knows exactly what was confirmed to it: it outlives the hub, and sends again, by
//! the same numbers, what it has no receipt for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::DEADLINE;
use crate::random::Random;
use crate::raw::{Packet, Raw};

/// Batches on their way at once.
const WINDOW: usize = 8;
/// Between two attempts to reach a hub that is not there.
const PAUSE: Duration = Duration::from_millis(5);

pub struct Publisher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<usize>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Lines with a receipt.
    confirmed: AtomicUsize,
}

struct Batch {
    number: u64,
    lines: usize,
    body: String,
}

impl Publisher {
    /// Sends lines `name 0`, `name 1` … in small batches until it is told to finish.
    pub fn start(url: &str, room: &str, name: &str, seed: u64) -> Self {
        let shared = Arc::new(Shared::default());
        let mut sending = Sending {
            shared: Arc::clone(&shared),
            url: url.to_owned(),
            room: room.to_owned(),
            name: name.to_owned(),
            random: Random::new(seed),
            lines: 0,
            batches: 0,
            unconfirmed: VecDeque::new(),
        };
        let thread = thread::spawn(move || sending.run());
        Self {
            shared,
            thread: Some(thread),
        }
    }

    pub fn confirmed(&self) -> usize {
        self.shared.confirmed.load(Ordering::SeqCst)
    }

    /// How many lines it sent, all of them confirmed by now.
    pub fn finish(mut self) -> usize {
        self.shared.stop.store(true, Ordering::SeqCst);
        let thread = self.thread.take().expect("it is finished once");
        thread.join().expect("the publisher does not fail")
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
    }
}

struct Sending {
    shared: Arc<Shared>,
    url: String,
    room: String,
    name: String,
    random: Random,
    lines: usize,
    batches: u64,
    unconfirmed: VecDeque<Batch>,
}

/// The hub went away.
struct Lost;

impl Sending {
    fn run(&mut self) -> usize {
        let mut deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(raw) = self.connect() {
                if self.publish(raw).is_ok() {
                    return self.lines;
                }
                deadline = Instant::now() + DEADLINE;
            }
            assert!(Instant::now() < deadline, "the hub does not come back");
            thread::park_timeout(PAUSE);
        }
    }

    fn connect(&self) -> Option<Raw> {
        let mut raw = Raw::try_open(&self.url).ok()?;
        let connect = Message::text("40{\"roomcat\":1}");
        raw.try_send(connect).ok()?;
        let entered = raw.next()?;
        assert_eq!(entered.kind, '0', "{entered:?}");
        Some(raw)
    }

    /// To the end, or until the connection is lost.
    fn publish(&mut self, mut raw: Raw) -> Result<(), Lost> {
        for batch in &self.unconfirmed {
            self.send(&mut raw, batch)?;
        }
        loop {
            let stopping = self.shared.stop.load(Ordering::SeqCst);
            if stopping && self.unconfirmed.is_empty() {
                return Ok(());
            }
            while !stopping && self.unconfirmed.len() < WINDOW {
                let batch = self.next_batch();
                // It counts as sent, whatever becomes of it.
                self.unconfirmed.push_back(batch);
                self.send(&mut raw, &self.unconfirmed[self.unconfirmed.len() - 1])?;
            }
            self.confirm(&raw.next().ok_or(Lost)?);
        }
    }

    fn next_batch(&mut self) -> Batch {
        let lines = 1 + self.random.below(40);
        let body = (self.lines..self.lines + lines)
            .map(|n| format!("{} {n}\n", self.name))
            .collect();
        self.lines += lines;
        self.batches += 1;
        Batch {
            number: self.batches,
            lines,
            body,
        }
    }

    /// The batch's number is its ack id as well.
    fn send(&self, raw: &mut Raw, batch: &Batch) -> Result<(), Lost> {
        let Batch {
            number,
            lines,
            body,
        } = batch;
        let header = json!({"rooms": [self.room], "framing": "lines", "count": lines, "id": [self.name, number]});
        let text = format!("451-{number}[\"batch\",{header},{{\"_placeholder\":true,\"num\":0}}]");
        let sent = raw.try_send(Message::text(text));
        sent.and_then(|()| raw.try_send(Message::binary(body.clone().into_bytes())))
            .map_err(|_| Lost)
    }

    fn confirm(&mut self, packet: &Packet) {
        let batch = self
            .unconfirmed
            .pop_front()
            .expect("a receipt for something sent");
        assert_eq!(
            packet.id,
            Some(batch.number),
            "receipts come in order: {packet:?}"
        );
        assert_eq!(packet.json()[0]["ok"], true, "{packet:?}");
        self.shared
            .confirmed
            .fetch_add(batch.lines, Ordering::SeqCst);
    }
}
