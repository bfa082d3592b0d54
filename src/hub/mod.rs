//! The hub's task: it follows the commit log and an inbox, and turns what the core decides into mailboxes and messages.
//!
//! It awaits those two and nothing else.

pub mod core;
pub mod mailbox;
pub mod parcel;
pub mod peer;
pub mod request;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc};

use self::core::{Core, Effects, Taken};
use self::mailbox::{Mailbox, Notices};
use self::parcel::Parcel;
use self::request::{IdHasher, Input, Request, SocketId, Told, Want};
use crate::limits;
use crate::store::{Member, OpOutcome};

/// What travels with an op through the store: who asked, and its share of the append queue until the receipt is sent.
#[derive(Debug)]
pub struct Ticket {
    pub request: Request,
    pub permit: Option<OwnedSemaphorePermit>,
}

impl Ticket {
    pub fn new(request: Request) -> Self {
        Self {
            request,
            permit: None,
        }
    }

    /// Of what nobody waits to be told.
    pub fn unanswered(socket: SocketId, want: Want) -> Self {
        Self::new(Request {
            socket,
            answer: None,
            want,
        })
    }
}

/// How the hub reaches one socket.
#[derive(Debug)]
pub struct Handle {
    pub mailbox: Arc<Mailbox>,
    pub notices: Arc<Notices>,
}

/// One commit, in the order of its ops.
pub type Commit = Vec<(OpOutcome, Ticket)>;

#[derive(Debug)]
struct World {
    sockets: HashMap<SocketId, Handle, BuildHasherDefault<IdHasher>>,
    clock: fn() -> u64,
}

impl World {
    fn hear(&mut self, core: &mut Core, message: Message) {
        let input = match message {
            Message::Connect(socket, handle, input) => {
                self.sockets.insert(socket, handle);
                input
            }
            Message::Volatile(input, _until_handed_out) => {
                core.step(input, self);
                return;
            }
            Message::Publisher(id, handle) => {
                self.sockets.insert(id, handle);
                return;
            }
            Message::Other(input) => input,
        };
        core.step(input, self);
    }
}

impl Effects for World {
    fn deliver(&mut self, to: SocketId, parcel: &Arc<Parcel>) -> Taken {
        self.sockets
            .get(&to)
            .map_or(Taken::Full, |handle| handle.mailbox.put(parcel))
    }

    fn tell(&mut self, to: SocketId, told: Told) {
        if let Some(handle) = self.sockets.get(&to) {
            handle.notices.put(to, told);
        }
    }

    fn forget(&mut self, socket: SocketId) {
        self.sockets.remove(&socket);
    }

    fn now_ms(&self) -> u64 {
        (self.clock)()
    }
}

/// What a session tells the hub directly, past the log.
#[derive(Debug)]
pub enum Message {
    /// With `Input::Connect`: how to reach the socket from now on.
    Connect(SocketId, Handle, Input),
    /// A publish that the store does not see, with its share of the append queue until it was handed out.
    Volatile(Input, Option<OwnedSemaphorePermit>),
    /// Somebody who publishes and is no socket, and how it hears what became of that.
    Publisher(SocketId, Handle),
    Other(Input),
}

/// Runs until the commit log ends: when the store's writer does.
pub async fn run(
    head: u64,
    members: Vec<Member>,
    mut commits: mpsc::UnboundedReceiver<Commit>,
    mut inbox: mpsc::Receiver<Message>,
    clock: fn() -> u64,
) {
    let mut core = Core::new(head, members);
    let mut world = World {
        sockets: HashMap::default(),
        clock,
    };
    loop {
        // Both arms only receive: cancel-safe.
        tokio::select! {
            biased;
            commit = commits.recv() => {
                let Some(commit) = commit else { return };
                // A session says that it is here before it asks the store for anything: so it is in the inbox by now.
                for _ in 0..limits::HUB_INBOX {
                    let Ok(message) = inbox.try_recv() else { break };
                    world.hear(&mut core, message);
                }
                for (done, Ticket { request, permit }) in commit {
                    core.step(Input::Committed { done, request }, &mut world);
                    drop(permit);
                }
            }
            Some(message) = inbox.recv() => world.hear(&mut core, message),
        }
    }
}
