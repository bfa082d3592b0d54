//! The calls that a program has not answered, and the sockets that it has admitted. Time comes in as an argument.
//!
//! Outlives the process: lines that were not written yet go to the next one. Knows nothing of pipes.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::call::{CallKind, EntryHold, HandlerAck, QueuedCall, Verdict, Waiter};
use super::protocol::HandlerArgs;
use crate::address::Namespace;
use crate::hub::socket_id::SocketId;
use crate::limits;

#[derive(Debug, Default)]
pub struct PendingCalls {
    queue: VecDeque<QueuedLine>,
    /// By the id of the call. Ids ascend, and deadlines with them, except among calls of the same moment.
    unanswered: BTreeMap<u64, UnansweredCall>,
    sockets: HashMap<Arc<str>, CalledSocket>,
    disconnected: RecentlyDisconnected,
}

/// A line that waits to be written, with its share of the queue.
#[derive(Debug)]
pub struct QueuedLine {
    pub bytes: Vec<u8>,
    /// The call's id when a session waits for the verdict.
    unanswered: Option<u64>,
    _permit: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct UnansweredCall {
    waiter: Waiter,
    deadline: Instant,
    is_written: bool,
    kind: CallKind,
    sid: Arc<str>,
}

#[derive(Debug)]
struct CalledSocket {
    socket: SocketId,
    namespace: Namespace,
    is_admitted: bool,
}

/// The recipient that the `to` of a program's emit names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmitTarget {
    /// The sid of a connected socket.
    Socket(SocketId),
    /// The sid of a socket whose connect the program has not acknowledged.
    NotAdmitted,
    /// The sid of a socket that disconnected recently.
    Disconnected,
    /// No sid, so a room.
    Room,
}

/// The effect of an answer from the program.
#[derive(Debug)]
pub enum AnswerOutcome {
    Accepted,
    /// It admits a socket. The receiver is ready when the hub knows that socket.
    Admitting(oneshot::Receiver<()>),
    /// No session waits for it: none ever did, or the answer is late.
    Unexpected,
}

impl PendingCalls {
    pub fn add(&mut self, call: QueuedCall, now: Instant) {
        match call.kind {
            CallKind::Connect => {
                let socket = CalledSocket {
                    socket: call.socket,
                    namespace: call.namespace,
                    is_admitted: false,
                };
                self.sockets.insert(Arc::clone(&call.sid), socket);
            }
            // If a client has returned, its sid belongs to a newer socket.
            CallKind::Disconnect if self.is_held_by_another(&call.sid, call.socket) => {}
            CallKind::Disconnect => {
                self.sockets.remove(&call.sid);
                self.disconnected.add(Arc::clone(&call.sid));
            }
            CallKind::Event => {}
        }
        let unanswered = call.id.filter(|_| call.waiter.is_some());
        if let (Some(id), Some(waiter)) = (call.id, call.waiter) {
            let call = UnansweredCall {
                waiter,
                deadline: now + limits::HANDLER_ANSWER_TIMEOUT,
                is_written: false,
                kind: call.kind,
                sid: call.sid,
            };
            self.unanswered.insert(id, call);
        }
        self.queue.push_back(QueuedLine {
            bytes: call.line,
            unanswered,
            _permit: call.permit,
        });
    }

    fn is_held_by_another(&self, sid: &str, socket: SocketId) -> bool {
        let holder = self.sockets.get(sid);
        holder.is_some_and(|holder| holder.socket != socket)
    }

    /// The next line to write. Skips calls whose verdict has been given already.
    pub fn next_line(&mut self) -> Option<QueuedLine> {
        while let Some(line) = self.queue.pop_front() {
            let Some(id) = line.unanswered else {
                return Some(line);
            };
            if let Some(call) = self.unanswered.get_mut(&id) {
                call.is_written = true;
                return Some(line);
            }
        }
        None
    }

    pub fn acknowledge(&mut self, id: u64, arguments: HandlerArgs) -> AnswerOutcome {
        let Some(call) = self.unanswered.remove(&id) else {
            return AnswerOutcome::Unexpected;
        };
        let (hold, admitting) = match call.kind {
            CallKind::Connect => {
                if let Some(socket) = self.sockets.get_mut(&call.sid) {
                    socket.is_admitted = true;
                }
                let (hold, admitting) = oneshot::channel();
                (Some(hold), Some(admitting))
            }
            CallKind::Event | CallKind::Disconnect => (None, None),
        };
        call.waiter.answer(Verdict::Ack(HandlerAck {
            args: arguments.inside,
            attachments: arguments.attachments,
            hold: EntryHold(hold),
        }));
        admitting.map_or(AnswerOutcome::Accepted, AnswerOutcome::Admitting)
    }

    pub fn deny(&mut self, id: u64, reason: String) -> AnswerOutcome {
        let Some(call) = self.unanswered.remove(&id) else {
            return AnswerOutcome::Unexpected;
        };
        self.reject(call, Verdict::Deny(reason));
        AnswerOutcome::Accepted
    }

    fn reject(&mut self, call: UnansweredCall, verdict: Verdict) {
        if call.kind == CallKind::Connect {
            self.sockets.remove(&call.sid);
        }
        call.waiter.answer(verdict);
    }

    /// When [`Self::expire`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        let (_, first) = self.unanswered.first_key_value()?;
        Some(first.deadline)
    }

    /// Gives up the calls whose deadline has passed. Returns how many.
    pub fn expire(&mut self, now: Instant) -> usize {
        let mut expired = 0;
        while let Some(first) = self.unanswered.first_entry()
            && first.get().deadline <= now
        {
            let call = first.remove();
            self.reject(call, Verdict::Silent);
            expired += 1;
        }
        expired
    }

    /// Gives up the calls that were written to a process that has ended.
    pub fn process_ended(&mut self) {
        for (id, call) in std::mem::take(&mut self.unanswered) {
            if call.is_written {
                self.reject(call, Verdict::Silent);
            } else {
                self.unanswered.insert(id, call);
            }
        }
    }

    pub fn resolve(&self, sid_or_room: &str, namespace: &Namespace) -> EmitTarget {
        match self.sockets.get(sid_or_room) {
            Some(called) if called.namespace != *namespace => EmitTarget::Room,
            Some(called) if called.is_admitted => EmitTarget::Socket(called.socket),
            Some(_) => EmitTarget::NotAdmitted,
            None if self.disconnected.contains(sid_or_room) => EmitTarget::Disconnected,
            None => EmitTarget::Room,
        }
    }
}

/// The sids of the last sockets that disconnected.
#[derive(Debug, Default)]
struct RecentlyDisconnected {
    order: VecDeque<Arc<str>>,
    sids: HashSet<Arc<str>>,
}

impl RecentlyDisconnected {
    fn add(&mut self, sid: Arc<str>) {
        if !self.sids.insert(Arc::clone(&sid)) {
            return;
        }
        self.order.push_back(sid);
        if self.order.len() > limits::HANDLER_DISCONNECTED_SIDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.sids.remove(&oldest);
        }
    }

    fn contains(&self, sid: &str) -> bool {
        self.sids.contains(sid)
    }
}

#[cfg(test)]
mod tests;
