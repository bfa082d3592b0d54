//! A socket's part in a shared queue: what it was handed and has not yet been sent, and its acks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use super::messages::{Asked, Given};
use super::unsent::Unsent;
use crate::address::Seq;
use crate::hub::frame::WireFrame;
use crate::hub::socket_id::SocketId;

/// While it lives its socket is a sharer.
#[derive(Debug)]
pub struct Sharing {
    pub(super) socket: SocketId,
    pub(super) desk: mpsc::UnboundedSender<Asked>,
    pub(super) given: mpsc::UnboundedReceiver<Given>,
    /// Handed, and not yet taken by the transport.
    pub(super) frames: VecDeque<Vec<WireFrame>>,
    /// How much that is, and what is still on its way here.
    pub(super) unsent: Arc<Unsent>,
    /// Answers to come.
    pub(super) awaited: usize,
}

impl Sharing {
    /// Answers that will not come when it ends now.
    pub fn awaited(&self) -> usize {
        self.awaited
    }

    /// Puts the next that was handed into `out`. True when there was something.
    pub fn fill(&mut self, out: &mut VecDeque<WireFrame>) -> bool {
        let Some(frames) = self.frames.pop_front() else {
            return false;
        };
        if self.unsent.sent(&frames) {
            // A desk that is gone has nothing more to hand out.
            let _ = self.desk.send(Asked::Room);
        }
        out.extend(frames);
        true
    }

    pub(super) fn ack(&mut self, seq: Seq, answer: Option<u64>) {
        self.awaited += 1;
        // A desk that is gone has said why.
        let _ = self.desk.send(Asked::Ack {
            socket: self.socket,
            seq,
            answer,
        });
    }

    /// Ready with what the session has to do; None: the desk is gone.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Given>> {
        loop {
            match self.given.poll_recv(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Given::Frames(frames))) => self.frames.push_back(frames),
                Poll::Ready(given) => {
                    let answers =
                        !matches!(given, None | Some(Given::NameTaken | Given::Kicked(_)));
                    self.awaited -= usize::from(answers && self.awaited > 0);
                    return Poll::Ready(given);
                }
            }
        }
    }
}

impl Drop for Sharing {
    fn drop(&mut self) {
        let _ = self.desk.send(Asked::Leave(self.socket));
    }
}
