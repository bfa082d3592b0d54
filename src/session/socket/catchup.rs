//! Reads the log for a socket that is behind: where its subscription begins, and pages from there to the record where its
//! mailbox continues.

use std::sync::Arc;

use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::hub::request::{ReplayRange, ReplayStart};
use crate::store::reader_pool::ReaderPool;
use crate::store::{LogPage, Reader, StoreError};

/// The result of a store read for a feed.
#[derive(Debug)]
pub enum LogRead {
    Opened(OpenedSubscription),
    Page(LogPage),
}

/// Where a subscription begins.
#[derive(Debug)]
pub struct OpenedSubscription {
    /// With the cursors that this subscription starts from.
    pub reader: Arc<Reader>,
    pub start: Seq,
    /// The last record to read from the log; the mailbox has the rest.
    pub head: u64,
    pub pending: u64,
    pub resumed: ResumeOutcome,
}

/// How a subscription relates to an earlier one of its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResumeOutcome {
    /// It does not resume one.
    New,
    /// The client wrote everything before `start`.
    SameLog,
    /// The client's seq belongs to another log.
    OtherLog,
}

/// Finds where each room of the subscription begins, and counts the pending messages from there up to `head`.
pub async fn open(
    readers: ReaderPool,
    namespace: Namespace,
    mut reader: Reader,
    head: u64,
    range: ReplayRange,
    log_id: Arc<str>,
) -> Result<LogRead, StoreError> {
    let resumed = match &range.log {
        None => ResumeOutcome::New,
        Some(log) if **log == *log_id => ResumeOutcome::SameLog,
        Some(_) => ResumeOutcome::OtherLog,
    };
    let live = Seq::after_record(head);
    let is_plain = range.since.is_none() && range.last.is_none();
    if is_plain && reader.rooms.values().all(|cursor| *cursor >= live) {
        let reader = Arc::new(reader);
        return Ok(LogRead::Opened(OpenedSubscription {
            reader,
            start: live,
            head,
            pending: 0,
            resumed,
        }));
    }
    readers
        .run(move |store| {
            let mut from = match range.since {
                _ if resumed == ResumeOutcome::OtherLog => Some(Seq::START),
                Some(ReplayStart::Seq(seq)) => Some(seq),
                Some(ReplayStart::Time(at_ms)) => Some(store.seq_at(at_ms)?),
                None => None,
            };
            if let Some(n) = range.last {
                let last = store.seq_of_last(&namespace, &reader, n, head)?;
                from = Some(from.map_or(last, |from| from.max(last)));
            }
            // A client that resumes knows which messages it has seen. One that asks for the past of a room also gets
            // the pending ones.
            let is_exact = resumed != ResumeOutcome::New || reader.name.is_none();
            for cursor in reader.rooms.values_mut() {
                *cursor = match from {
                    Some(from) if is_exact => from,
                    Some(from) => from.min(*cursor),
                    None => *cursor,
                };
            }
            let start = reader.rooms.values().min().copied().unwrap_or(live);
            let pending = store.pending(&namespace, &reader, start, head)?;
            Ok(LogRead::Opened(OpenedSubscription {
                reader: Arc::new(reader),
                start,
                head,
                pending,
                resumed,
            }))
        })
        .await
}

/// Finds where the messages that wait for a client begin and end, as of one commit.
pub async fn peek(
    readers: ReaderPool,
    namespace: Namespace,
    client: ClientName,
    room: Option<RoomName>,
) -> Result<LogRead, StoreError> {
    readers
        .run(move |store| {
            let memberships = store.memberships(&namespace, &client)?;
            let head = memberships.head;
            let reader = memberships.reader(client, room.as_ref());
            let live = Seq::after_record(head);
            let start = reader.rooms.values().min().copied().unwrap_or(live);
            let pending = store.pending(&namespace, &reader, start, head)?;
            Ok(LogRead::Opened(OpenedSubscription {
                reader: Arc::new(reader),
                start,
                head,
                pending,
                resumed: ResumeOutcome::New,
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

/// The rooms of `reader`, with the cursors that `cursors` has for them.
pub fn with_cursors_of(reader: &Reader, cursors: &Reader) -> Arc<Reader> {
    let mut merged = reader.clone();
    for (room, cursor) in &mut merged.rooms {
        if let Some(known) = cursors.rooms.get(room) {
            *cursor = *known;
        }
    }
    Arc::new(merged)
}

/// The result of a task that read the store.
pub fn join_result<T>(
    result: Result<Result<T, StoreError>, tokio::task::JoinError>,
) -> Result<T, StoreError> {
    result.unwrap_or_else(|error| {
        Err(StoreError::Io {
            path: Default::default(),
            reason: error.to_string(),
        })
    })
}
