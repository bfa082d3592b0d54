//! Who is in a namespace: its sockets, as whoever asks gets them.

use std::sync::Arc;

use super::{Core, Effects, Feed, Socket};
use crate::address::Namespace;
use crate::hub::request::{Behind, Present, Request, SocketId, Told, Want, Whom};
use crate::limits;

impl Core {
    /// Those that came first, when there are more than one answer holds.
    pub(super) fn list_sockets(&self, request: Request, effects: &mut impl Effects) {
        let Request {
            socket,
            answer,
            want,
        } = request;
        let (Some(state), Want::Who(whom)) = (self.sockets.get(&socket), want) else {
            return;
        };
        let mut found = self.find(&state.namespace, &whom);
        let more = found.len().saturating_sub(limits::SOCKETS_LISTED);
        found.sort_unstable_by_key(|(id, _)| *id);
        found.truncate(limits::SOCKETS_LISTED);
        let told = Told::Who {
            answer,
            head: self.head,
            present: found.into_iter().map(|(_, state)| present(state)).collect(),
            more: more as u64,
        };
        effects.tell(socket, told);
    }

    fn find(&self, namespace: &Namespace, whom: &Whom) -> Vec<(SocketId, &Socket)> {
        let fits = |state: &Socket| {
            let reader = &state.reader;
            let sid = |sid: &String| reader.sid.as_deref() == Some(sid);
            state.namespace == *namespace
                && state.feed != Feed::Gone
                && whom.sid.as_ref().is_none_or(sid)
                && whom
                    .room
                    .as_ref()
                    .is_none_or(|room| reader.rooms.contains_key(room))
        };
        let all = self.sockets.iter().map(|(id, state)| (*id, state));
        all.filter(|(_, state)| fits(state)).collect()
    }
}

fn present(state: &Socket) -> Present {
    let waits = state.newest > 0 && state.vitals.place().record <= state.newest;
    Present {
        reader: Arc::clone(&state.reader),
        vitals: Arc::clone(&state.vitals),
        behind: match waits {
            true => Behind::InTheLog,
            false => Behind::No,
        },
    }
}
