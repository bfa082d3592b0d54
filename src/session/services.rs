//! What every session of a hub shares: its settings and the ways to the store and the hub's task.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use super::handler::Programs;
use super::namespace::policy::Namespaces;
use super::shared_queue::Shares;
use crate::hub::request::SocketId;
use crate::hub::{Message, Ticket};
use crate::limits;
use crate::store::StoreError;
use crate::store::readers::ReaderPool;
use crate::store::writer::Writer;
use crate::wire::explain::TraceSink;
use crate::wire::offset::LogTag;

/// The one shared secret of `--token-file`. Never printed, compared in constant time.
#[derive(Clone)]
pub struct Token(Arc<str>);

impl Token {
    /// None for an empty text: an empty secret keeps nobody out.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    pub fn matches(&self, offered: &str) -> bool {
        let (secret, offered) = (self.0.as_bytes(), offered.as_bytes());
        let differs = secret
            .iter()
            .zip(offered)
            .fold(0, |differs, (a, b)| differs | (a ^ b));
        std::hint::black_box(differs) == 0 && secret.len() == offered.len()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

#[derive(Debug, Clone)]
pub struct Settings {
    pub ping_interval: Duration,
    pub ping_timeout: Duration,
    /// A connection that enters no namespace for this long is closed.
    pub connect_timeout: Duration,
    /// The largest message taken, bytes.
    pub max_message: usize,
    /// The most that one request of long-polling holds, bytes.
    pub max_payload: usize,
    /// For so long a stock client that lost its connection may come back to its rooms and what it missed. None: it
    /// starts afresh.
    pub recovery: Option<Duration>,
    /// At this path, as in `/engine.io/`, plain Engine.IO: every message goes back to who sent it.
    pub echo: Option<String>,
    pub token: Option<Token>,
    pub namespaces: Namespaces,
    /// Who is shown each frame.
    pub trace: Option<Arc<dyn TraceSink>>,
}

impl Settings {
    /// The `max_payload` that lets the largest message through: as base64, with what stands around it.
    pub fn usual_payload(max_message: usize) -> usize {
        (max_message + limits::FRAME_OVERHEAD).div_ceil(3) * 4
    }

    /// How old a message may be that a client misses which comes back in time: its connection may have been dead for a
    /// while before anyone noticed.
    pub fn missed_for(&self, recovery: Duration) -> Duration {
        recovery
            .saturating_add(self.ping_interval)
            .saturating_add(self.ping_timeout)
            .saturating_add(limits::RECOVERY_READ)
    }

    /// The largest frame that can hold a legal packet.
    pub fn max_frame(&self) -> usize {
        self.max_message.max(limits::BATCH_BYTES) + limits::FRAME_OVERHEAD
    }
}

pub struct Services {
    /// Of the namespaces that declare one.
    pub programs: Programs,
    /// Queues that several sockets split.
    pub shares: Shares,
    pub settings: Settings,
    pub log_id: Arc<str>,
    pub log_tag: LogTag,
    pub writer: Writer<Ticket>,
    pub inbox: mpsc::Sender<Message>,
    pub readers: ReaderPool,
    /// Permits are bytes: what waits for a commit over all publishers, held until the receipt.
    pub append_queue: Arc<Semaphore>,
    pub clock: fn() -> u64,
    /// The first failure of the store that a session met: it ends the hub.
    failed: mpsc::Sender<StoreError>,
    next_socket: AtomicU64,
    /// When it was last said that something is refused, milliseconds since 1970.
    said_refused_ms: AtomicU64,
}

impl Services {
    pub fn new(
        settings: Settings,
        log_id: &str,
        writer: Writer<Ticket>,
        inbox: mpsc::Sender<Message>,
        readers: ReaderPool,
        clock: fn() -> u64,
        failed: mpsc::Sender<StoreError>,
    ) -> Self {
        Self {
            programs: Programs::new(&settings.namespaces),
            shares: Shares::default(),
            settings,
            log_id: log_id.into(),
            log_tag: LogTag::of(log_id),
            writer,
            inbox,
            readers,
            append_queue: Arc::new(Semaphore::new(limits::APPEND_QUEUE_BYTES)),
            clock,
            failed,
            next_socket: AtomicU64::new(1),
            said_refused_ms: AtomicU64::new(0),
        }
    }

    /// What cannot be read was acknowledged once: a hub that went on would hide it.
    pub fn fail(&self, error: StoreError) {
        // One is enough to end it.
        let _ = self.failed.try_send(error);
    }

    /// Tells whoever runs the hub that there is no room: once in a while, for peers go on trying.
    pub fn say_refused(&self, why: &str) {
        let now = (self.clock)();
        let said = self.said_refused_ms.load(Ordering::Relaxed);
        let pause = u64::try_from(limits::REFUSED_SAID_EVERY.as_millis()).unwrap_or(u64::MAX);
        if now.saturating_sub(said) >= pause {
            self.said_refused_ms.store(now, Ordering::Relaxed);
            tracing::warn!("refusing for now: {why}");
        }
    }

    pub fn next_socket(&self) -> SocketId {
        SocketId(self.next_socket.fetch_add(1, Ordering::Relaxed))
    }
}

/// A random id of 20 characters, as Socket.IO's sids: 120 bits, URL-safe. It does not begin with a dash: sids are typed as
/// words of commands, and would be taken for a flag.
pub fn random_id() -> String {
    use base64::Engine as _;
    loop {
        let mut bytes = [0; 15];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        let id = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        if !id.starts_with('-') {
            return id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_can_be_typed() {
        for _ in 0..1000 {
            let id = random_id();
            assert!(id.len() == 20 && !id.starts_with('-'), "{id}");
        }
    }

    #[test]
    fn a_token_matches_only_itself() {
        let token = Token::new("secret").unwrap();
        assert!(token.matches("secret"));
        for wrong in ["", "secre", "secrets", "Secret"] {
            assert!(!token.matches(wrong), "{wrong}");
        }
        assert!(Token::new("").is_none());
        assert_eq!(format!("{token:?}"), "Token(…)");
    }
}
