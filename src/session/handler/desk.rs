//! What a program was given and has not answered, and who it has let in: bookkeeping, with the time as an argument.
//!
//! Outlives the process: what was not yet written goes to the next one. Knows no pipes.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::line::Arguments;
use super::{Answer, Given, Hold, Kind, Verdict, Waiting};
use crate::address::Namespace;
use crate::hub::socket_id::SocketId;
use crate::limits;

#[derive(Debug, Default)]
pub struct Desk {
    queue: VecDeque<Line>,
    /// By the id of the call; ids ascend, and so do the deadlines, but for calls of the same moment.
    awaited: BTreeMap<u64, Awaited>,
    sockets: HashMap<Arc<str>, Place>,
    departed: Departed,
}

/// A line that is to be written. Its share of the queue goes with it.
#[derive(Debug)]
pub struct Line {
    pub bytes: Vec<u8>,
    id: Option<u64>,
    asked: Asked,
    _share: OwnedSemaphorePermit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Yes,
    No,
}

#[derive(Debug)]
struct Awaited {
    waiting: Waiting,
    deadline: Instant,
    written: Written,
    kind: Kind,
    sid: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Yes,
    No,
}

#[derive(Debug)]
struct Place {
    socket: SocketId,
    namespace: Namespace,
    entered: Entered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entered {
    Yes,
    NotYet,
}

/// Whose sid it is that a program sends something to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A socket that is here.
    Socket(SocketId),
    /// Of one that the program was asked about and has not let in.
    NotYetIn,
    /// Of one that left a while ago.
    Departed,
    /// It is a room.
    Nobody,
}

/// What became of an answer.
#[derive(Debug)]
pub enum Answered {
    Taken,
    /// Somebody enters; ready when that is done.
    Entering(oneshot::Receiver<()>),
    /// Nobody waits for it: nobody ever did, or it came too late.
    NotAwaited,
}

impl Desk {
    pub fn take(&mut self, given: Given, now: Instant) {
        let Given {
            id,
            line,
            share,
            socket,
            sid,
            namespace,
            kind,
            waiting,
        } = given;
        match kind {
            Kind::Connect => {
                let place = Place {
                    socket,
                    namespace,
                    entered: Entered::NotYet,
                };
                self.sockets.insert(Arc::clone(&sid), place);
            }
            // Its sid may be that of a newer socket by now: its client has come back.
            Kind::Disconnect if self.is_anothers(&sid, socket) => {}
            Kind::Disconnect => {
                self.sockets.remove(&sid);
                self.departed.add(Arc::clone(&sid));
            }
            Kind::Event => {}
        }
        let asked = match waiting {
            Some(_) => Asked::Yes,
            None => Asked::No,
        };
        if let (Some(id), Some(waiting)) = (id, waiting) {
            let awaited = Awaited {
                waiting,
                deadline: now + limits::HANDLER_ANSWER,
                written: Written::No,
                kind,
                sid,
            };
            self.awaited.insert(id, awaited);
        }
        self.queue.push_back(Line {
            bytes: line,
            id,
            asked,
            _share: share,
        });
    }

    fn is_anothers(&self, sid: &str, socket: SocketId) -> bool {
        let place = self.sockets.get(sid);
        place.is_some_and(|place| place.socket != socket)
    }

    /// The next line to write. A question that was given up is not asked any more.
    pub fn next_line(&mut self) -> Option<Line> {
        while let Some(line) = self.queue.pop_front() {
            if line.asked == Asked::No {
                return Some(line);
            }
            if let Some(awaited) = line.id.and_then(|id| self.awaited.get_mut(&id)) {
                awaited.written = Written::Yes;
                return Some(line);
            }
        }
        None
    }

    pub fn acknowledged(&mut self, id: u64, arguments: Arguments) -> Answered {
        let Some(awaited) = self.awaited.remove(&id) else {
            return Answered::NotAwaited;
        };
        let (hold, entering) = match awaited.kind {
            Kind::Connect => {
                if let Some(place) = self.sockets.get_mut(&awaited.sid) {
                    place.entered = Entered::Yes;
                }
                let (hold, entering) = oneshot::channel();
                (Some(hold), Some(entering))
            }
            Kind::Event | Kind::Disconnect => (None, None),
        };
        let answer = Answer {
            args: arguments.inside,
            attachments: arguments.attachments,
            hold: Hold(hold),
        };
        // Whoever asked may be gone.
        let _ = awaited.waiting.verdict.send(Verdict::Ack(answer));
        entering.map_or(Answered::Taken, Answered::Entering)
    }

    pub fn denied(&mut self, id: u64, why: String) -> Answered {
        let Some(awaited) = self.awaited.remove(&id) else {
            return Answered::NotAwaited;
        };
        self.refuse(awaited, Verdict::Deny(why));
        Answered::Taken
    }

    fn refuse(&mut self, awaited: Awaited, verdict: Verdict) {
        if awaited.kind == Kind::Connect {
            self.sockets.remove(&awaited.sid);
        }
        let _ = awaited.waiting.verdict.send(verdict);
    }

    /// When [`Self::expire`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        let (_, first) = self.awaited.first_key_value()?;
        Some(first.deadline)
    }

    /// Gives up what was awaited for too long; says how much that was.
    pub fn expire(&mut self, now: Instant) -> usize {
        let mut expired = 0;
        while let Some(first) = self.awaited.first_entry()
            && first.get().deadline <= now
        {
            let awaited = first.remove();
            self.refuse(awaited, Verdict::Silent);
            expired += 1;
        }
        expired
    }

    /// The process is gone, and with it the answers to what it was given.
    pub fn died(&mut self) {
        let awaited = std::mem::take(&mut self.awaited);
        for (id, awaited) in awaited {
            match awaited.written {
                Written::Yes => self.refuse(awaited, Verdict::Silent),
                Written::No => {
                    self.awaited.insert(id, awaited);
                }
            }
        }
    }

    pub fn whose(&self, sid: &str, namespace: &Namespace) -> Whose {
        match self.sockets.get(sid) {
            Some(place) if place.namespace != *namespace => Whose::Nobody,
            Some(place) => match place.entered {
                Entered::Yes => Whose::Socket(place.socket),
                Entered::NotYet => Whose::NotYetIn,
            },
            None if self.departed.holds(sid) => Whose::Departed,
            None => Whose::Nobody,
        }
    }
}

/// The sids of the last that left.
#[derive(Debug, Default)]
struct Departed {
    order: VecDeque<Arc<str>>,
    sids: HashSet<Arc<str>>,
}

impl Departed {
    fn add(&mut self, sid: Arc<str>) {
        if !self.sids.insert(Arc::clone(&sid)) {
            return;
        }
        self.order.push_back(sid);
        if self.order.len() > limits::HANDLER_DEPARTED
            && let Some(oldest) = self.order.pop_front()
        {
            self.sids.remove(&oldest);
        }
    }

    fn holds(&self, sid: &str) -> bool {
        self.sids.contains(sid)
    }
}

#[cfg(test)]
mod tests;
