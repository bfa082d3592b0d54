//! Reading the log for a socket that is behind: where its subscription begins, and pages from there to the point where
//! its mailbox goes on.

use std::sync::Arc;

use serde_json::Value;

use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::hub::notification::LiveRoom;
use crate::hub::request::{ReplayRange, ReplayStart};
use crate::session::verbs::queue::Counted;
use crate::store::reader_pool::ReaderPool;
use crate::store::{LogPage, Reader, RoomInfo, StoreError};

/// What reading the store came to.
#[derive(Debug)]
pub enum LogRead {
    Opened(Opened),
    Page(LogPage),
    Rooms(Listing),
    Counted(Counted),
    /// The whole answer.
    Names {
        answer: Option<u64>,
        body: Value,
    },
}

/// For the verb `rooms`: what is live and what is stored.
#[derive(Debug)]
pub struct Listing {
    pub answer: Option<u64>,
    pub live: Vec<LiveRoom>,
    pub stored: Vec<RoomInfo>,
}

/// Where a subscription begins.
#[derive(Debug)]
pub struct Opened {
    /// With the cursors that this subscription starts from.
    pub reader: Arc<Reader>,
    pub start: Seq,
    /// The last record of the past: what follows comes by the mailbox.
    pub head: u64,
    pub pending: u64,
    pub resumed: ResumeOutcome,
}

/// What the client remembers of an earlier connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResumeOutcome {
    Nothing,
    /// Everything before `start` was written.
    ThisLog,
    /// Its place is one in another log than this one.
    OtherLog,
}

/// Decides where each room of the subscription begins and counts what is pending from there up to `head`.
pub async fn open(
    readers: ReaderPool,
    namespace: Namespace,
    mut reader: Reader,
    head: u64,
    stretch: ReplayRange,
    log_id: Arc<str>,
) -> Result<LogRead, StoreError> {
    let resumed = match &stretch.log {
        None => ResumeOutcome::Nothing,
        Some(log) if **log == *log_id => ResumeOutcome::ThisLog,
        Some(_) => ResumeOutcome::OtherLog,
    };
    let live = Seq::after_record(head);
    let untouched = stretch.since.is_none() && stretch.last.is_none();
    if untouched && reader.rooms.values().all(|cursor| *cursor >= live) {
        let reader = Arc::new(reader);
        return Ok(LogRead::Opened(Opened {
            reader,
            start: live,
            head,
            pending: 0,
            resumed,
        }));
    }
    readers
        .run(move |store| {
            let mut from = match stretch.since {
                _ if resumed == ResumeOutcome::OtherLog => Some(Seq::START),
                Some(ReplayStart::Seq(seq)) => Some(seq),
                Some(ReplayStart::Time(at_ms)) => Some(store.seq_at(at_ms)?),
                None => None,
            };
            if let Some(n) = stretch.last {
                let last = store.seq_of_last(&namespace, &reader, n, head)?;
                from = Some(from.map_or(last, |from| from.max(last)));
            }
            // Who resumes knows what it has seen; who asks for the past of a room gets what is pending too.
            let exact = resumed != ResumeOutcome::Nothing || reader.name.is_none();
            for cursor in reader.rooms.values_mut() {
                *cursor = match from {
                    Some(from) if exact => from,
                    Some(from) => from.min(*cursor),
                    None => *cursor,
                };
            }
            let start = reader.rooms.values().min().copied().unwrap_or(live);
            let pending = store.pending(&namespace, &reader, start, head)?;
            Ok(LogRead::Opened(Opened {
                reader: Arc::new(reader),
                start,
                head,
                pending,
                resumed,
            }))
        })
        .await
}

/// Where what waits for a client begins and ends, as of one commit.
pub async fn peek(
    readers: ReaderPool,
    namespace: Namespace,
    client: ClientName,
    room: Option<RoomName>,
) -> Result<LogRead, StoreError> {
    readers
        .run(move |store| {
            let standing = store.memberships(&namespace, &client)?;
            let head = standing.head;
            let reader = standing.reader(client, room.as_ref());
            let live = Seq::after_record(head);
            let start = reader.rooms.values().min().copied().unwrap_or(live);
            let pending = store.pending(&namespace, &reader, start, head)?;
            Ok(LogRead::Opened(Opened {
                reader: Arc::new(reader),
                start,
                head,
                pending,
                resumed: ResumeOutcome::Nothing,
            }))
        })
        .await
}

pub async fn page(
    readers: ReaderPool,
    namespace: Namespace,
    reader: Arc<Reader>,
    from: Seq,
    upto: u64,
) -> Result<LogRead, StoreError> {
    readers
        .run(move |store| {
            store
                .page(&namespace, &reader, from, upto)
                .map(LogRead::Page)
        })
        .await
}

pub async fn rooms(
    readers: ReaderPool,
    namespace: Namespace,
    room: Option<RoomName>,
    live: Vec<LiveRoom>,
    answer: Option<u64>,
) -> Result<LogRead, StoreError> {
    let stored = readers
        .run(move |store| store.rooms(&namespace, room.as_ref()))
        .await?;
    Ok(LogRead::Rooms(Listing {
        answer,
        live,
        stored,
    }))
}

/// The rooms of `reader`, each with the cursor it has in `cursors`, if it has one there.
pub fn with_cursors_of(reader: &Reader, cursors: &Reader) -> Arc<Reader> {
    let mut merged = reader.clone();
    for (room, cursor) in &mut merged.rooms {
        if let Some(known) = cursors.rooms.get(room) {
            *cursor = *known;
        }
    }
    Arc::new(merged)
}

/// What a task that read the store came to.
pub fn done<T>(
    done: Result<Result<T, StoreError>, tokio::task::JoinError>,
) -> Result<T, StoreError> {
    done.unwrap_or_else(|error| {
        Err(StoreError::Io {
            path: Default::default(),
            reason: error.to_string(),
        })
    })
}
