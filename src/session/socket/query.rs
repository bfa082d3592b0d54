//! A list or a count that a socket asked for: first from the hub, then from a reader of the store, or only from the store.

use std::pin::Pin;
use std::task::{Context, Poll};

use serde_json::Value;
use tokio::task::JoinHandle;

use super::catchup::join_result;
use crate::hub::request::Request;
use crate::store::{Op, StoreError};

/// The query of one socket. While it runs, the session reads nothing from its client. At most one query runs at a time,
/// which bounds their cost.
#[derive(Debug, Default)]
pub enum Query {
    #[default]
    None,
    AtHub,
    AtStore {
        ack_id: Option<u64>,
        job: JoinHandle<Result<QueryResult, StoreError>>,
    },
}

/// The result of a store read.
#[derive(Debug)]
pub enum QueryResult {
    /// The whole answer.
    Answer(Value),
    /// An op for the store. The hub responds to the request.
    Submit(Box<Op>, Request),
}

impl Query {
    pub fn is_running(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Ready with the ack id of the request once the store read is done.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(Option<u64>, Result<QueryResult, StoreError>)> {
        let Self::AtStore { ack_id, job } = self else {
            return Poll::Pending;
        };
        let Poll::Ready(result) = Pin::new(job).poll(cx) else {
            return Poll::Pending;
        };
        let ack_id = *ack_id;
        *self = Self::None;
        Poll::Ready((ack_id, join_result(result)))
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        if let Self::AtStore { job, .. } = self {
            job.abort();
        }
    }
}
