//! A socket's handle to its shared queue: frames that the transport has not taken yet, and the socket's acks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use super::messages::{ShareEvent, ShareRequest};
use super::unsent::UnsentBytes;
use crate::address::Seq;
use crate::hub::frame::WireFrame;
use crate::hub::socket_id::SocketId;

/// A socket is a sharer for as long as this lives.
#[derive(Debug)]
pub struct SharerHandle {
    pub(super) socket: SocketId,
    pub(super) requests: mpsc::UnboundedSender<ShareRequest>,
    pub(super) events: mpsc::UnboundedReceiver<ShareEvent>,
    /// Frames that the transport has not taken yet.
    pub(super) frames: VecDeque<Vec<WireFrame>>,
    /// The bytes of `frames` and of those still in `events`.
    pub(super) unsent: Arc<UnsentBytes>,
    pub(super) pending_answers: usize,
}

impl SharerHandle {
    /// Answers that will not come if the handle is dropped now.
    pub fn pending_answers(&self) -> usize {
        self.pending_answers
    }

    /// Moves the next frames into `out`. Returns false when there are none.
    pub fn fill(&mut self, out: &mut VecDeque<WireFrame>) -> bool {
        let Some(frames) = self.frames.pop_front() else {
            return false;
        };
        if self.unsent.subtract(&frames) {
            // A queue that has ended needs no notice.
            let _ = self.requests.send(ShareRequest::Drained);
        }
        out.extend(frames);
        true
    }

    pub(super) fn ack(&mut self, seq: Seq, answer: Option<u64>) {
        self.pending_answers += 1;
        // A queue that has ended has sent the reason already.
        let _ = self.requests.send(ShareRequest::Ack {
            socket: self.socket,
            seq,
            answer,
        });
    }

    /// Ready with an event for the session, or `None` when the queue has ended.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<ShareEvent>> {
        loop {
            match self.events.poll_recv(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(ShareEvent::Frames(frames))) => self.frames.push_back(frames),
                Poll::Ready(event) => {
                    let is_answer = !matches!(
                        event,
                        None | Some(ShareEvent::NameTaken | ShareEvent::Kicked(_))
                    );
                    self.pending_answers -= usize::from(is_answer && self.pending_answers > 0);
                    return Poll::Ready(event);
                }
            }
        }
    }
}

impl Drop for SharerHandle {
    fn drop(&mut self) {
        let _ = self.requests.send(ShareRequest::Leave(self.socket));
    }
}
