//! The hub's task: it follows the commit log and an inbox, feeds both to the core, and carries out the core's effects
//! on mailboxes and notification queues.
//!
//! It awaits those two and nothing else.

pub mod core;
pub mod delivery;
pub mod frame;
pub mod inbox;
pub mod input;
pub mod mailbox;
pub mod notification;
pub mod notification_queue;
pub mod peer;
pub mod request;
pub mod socket_id;
pub mod socket_stats;
#[cfg(test)]
mod tests;
pub mod ticket;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use tokio::sync::mpsc;

use self::core::{Core, Effects};
use self::delivery::{Delivery, DeliveryOutcome};
use self::inbox::{InboxMessage, SocketHandle};
use self::input::CoreInput;
use self::notification::Notification;
use self::socket_id::{SocketId, SocketIdHasher};
use self::ticket::{Commit, Ticket};
use crate::limits;
use crate::store::Member;

#[derive(Debug)]
struct SocketEffects {
    sockets: HashMap<SocketId, SocketHandle, BuildHasherDefault<SocketIdHasher>>,
    clock: fn() -> u64,
}

impl SocketEffects {
    fn handle(&mut self, core: &mut Core, message: InboxMessage) {
        let input = match message {
            InboxMessage::Connect(socket, handle, input) => {
                self.sockets.insert(socket, handle);
                input
            }
            InboxMessage::Volatile(input, _until_fanned_out) => {
                core.step(input, self);
                return;
            }
            InboxMessage::ConnectPublisher(id, handle) => {
                self.sockets.insert(id, handle);
                return;
            }
            InboxMessage::Core(input) => input,
        };
        core.step(input, self);
    }
}

impl Effects for SocketEffects {
    fn deliver(&mut self, to: SocketId, delivery: &Arc<Delivery>) -> DeliveryOutcome {
        self.sockets
            .get(&to)
            .map_or(DeliveryOutcome::Full, |handle| handle.mailbox.put(delivery))
    }

    fn notify(&mut self, to: SocketId, notification: Notification) {
        if let Some(handle) = self.sockets.get(&to) {
            handle.notifications.put(to, notification);
        }
    }

    fn remove(&mut self, socket: SocketId) {
        self.sockets.remove(&socket);
    }

    fn now_ms(&self) -> u64 {
        (self.clock)()
    }
}

/// Runs until the commit log ends, which is when the store's writer ends.
pub async fn run(
    head: u64,
    members: Vec<Member>,
    mut commits: mpsc::UnboundedReceiver<Commit>,
    mut inbox: mpsc::Receiver<InboxMessage>,
    clock: fn() -> u64,
) {
    let mut core = Core::new(head, members);
    let mut effects = SocketEffects {
        sockets: HashMap::default(),
        clock,
    };
    loop {
        // Both arms only receive: cancel-safe.
        tokio::select! {
            biased;
            commit = commits.recv() => {
                let Some(commit) = commit else { return };
                // A session sends Connect before any store op, so its Connect is already in the inbox.
                for _ in 0..limits::HUB_INBOX {
                    let Ok(message) = inbox.try_recv() else { break };
                    effects.handle(&mut core, message);
                }
                for (outcome, Ticket { request, permit }) in commit {
                    core.step(CoreInput::Committed { outcome, request }, &mut effects);
                    drop(permit);
                }
            }
            Some(message) = inbox.recv() => effects.handle(&mut core, message),
        }
    }
}
