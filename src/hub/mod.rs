//! The hub's task: it follows the commit log and an inbox, and turns what the core decides into mailboxes and messages.
//!
//! It awaits those two and nothing else.

pub mod core;
pub mod mailbox;
pub mod parcel;
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
use self::request::{IdHasher, Input, Request, SocketId, Told};
use crate::store::{Done, Member};

/// What travels with an op through the store: who asked, and its share of the append queue until the receipt is sent.
#[derive(Debug)]
pub struct Ticket {
    pub request: Request,
    pub permit: Option<OwnedSemaphorePermit>,
    /// With `Want::Connect`: how to reach the socket from now on.
    pub handle: Option<Handle>,
}

impl Ticket {
    pub fn new(request: Request) -> Self {
        Self {
            request,
            permit: None,
            handle: None,
        }
    }
}

/// How the hub reaches one socket.
#[derive(Debug)]
pub struct Handle {
    pub mailbox: Arc<Mailbox>,
    pub notices: Arc<Notices>,
}

/// One commit, in the order of its ops.
pub type Commit = Vec<(Done, Ticket)>;

#[derive(Debug, Default)]
struct World {
    sockets: HashMap<SocketId, Handle, BuildHasherDefault<IdHasher>>,
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
}

/// Runs until the commit log ends: when the store's writer does.
pub async fn run(
    head: u64,
    members: Vec<Member>,
    mut commits: mpsc::UnboundedReceiver<Commit>,
    mut inbox: mpsc::Receiver<Input>,
) {
    let mut core = Core::new(head, members);
    let mut world = World::default();
    loop {
        // Both arms only receive: cancel-safe.
        tokio::select! {
            biased;
            commit = commits.recv() => {
                let Some(commit) = commit else { return };
                for (done, ticket) in commit {
                    let Ticket { request, permit, handle } = ticket;
                    if let Some(handle) = handle {
                        world.sockets.insert(request.socket, handle);
                    }
                    core.step(Input::Committed { done, request }, &mut world);
                    drop(permit);
                }
            }
            Some(input) = inbox.recv() => core.step(input, &mut world),
        }
    }
}
