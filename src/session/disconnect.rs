//! The end of a socket, and of its session: everyone who has to know is told.

use std::future::poll_fn;
use std::sync::Arc;

use super::end::EndReason;
use super::engine::outbox::Submission;
use super::engine::permits::permits;
use super::handler::session_calls;
use super::namespace::reactions;
use super::services::Services;
use super::shared_queue::sharer_handle::SharerHandle;
use super::socket::Socket;
use super::state::Session;
use crate::hub::request::{PublishVerb, Request};
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::store::Op;
use crate::store::writer::Urgency;

impl Session {
    /// One socket leaves; the session goes on.
    pub(super) fn depart(&mut self, index: usize, end: &EndReason) -> Socket {
        let socket = self.sockets.swap_remove(index);
        self.promises.retain(|promise| !promise.is_of(socket.id));
        self.in_flight -= self.calls.drop_events_of(socket.id);
        let shared = socket
            .sharing
            .as_ref()
            .map_or(0, SharerHandle::pending_answers);
        self.in_flight = self.in_flight.saturating_sub(shared);
        session_calls::notify_disconnect(&self.services, &socket, end);
        if let Some(paid_at) = socket.standing.paid_at() {
            self.pay_until(paid_at);
        }
        let max_message = self.services.settings.max_message;
        if let Some(record) = reactions::farewell(&socket, end, max_message) {
            self.ask(Op::Append { record, id: None }, unanswered(&socket));
        }
        let ticket = farewell(&socket, end);
        self.outbox
            .push(Submission::Store(socket.parting(end), Urgency::Now, ticket));
        socket
    }

    pub(super) async fn finish(mut self, end: &EndReason) {
        session_calls::abandon(&mut self.calls, &self.services, end);
        for socket in std::mem::take(&mut self.sockets) {
            session_calls::notify_disconnect(&self.services, &socket, end);
            // When the hub itself ends, nobody is left to be told.
            if !matches!(end, EndReason::Shutdown | EndReason::Store(_)) {
                publish_farewell(&self.services, &socket, end).await;
            }
            let (op, ticket) = (socket.parting(end), farewell(&socket, end));
            // With the store gone the hub is going too.
            let _ = self.services.writer.send(op, Urgency::Now, ticket);
        }
        let transport = &mut self.transport;
        let closing = poll_fn(|cx| transport.poll_close(cx));
        // A peer that does not take the goodbye loses it.
        let _ = tokio::time::timeout(limits::DRAIN_TIMEOUT, closing).await;
    }
}

/// What is declared for a socket's end waits its turn like any other publish.
async fn publish_farewell(services: &Services, socket: &Socket, end: &EndReason) {
    let Some(record) = reactions::farewell(socket, end, services.settings.max_message) else {
        return;
    };
    let mut ticket = unanswered(socket);
    let place = Arc::clone(&services.append_queue).acquire_many_owned(permits(record.body.len()));
    match tokio::time::timeout(limits::DRAIN_TIMEOUT, place).await {
        Ok(Ok(permit)) => ticket.permit = Some(permit),
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("nobody was told that {} left: the store is busy", socket);
            return;
        }
    }
    let op = Op::Append { record, id: None };
    // With the store gone the hub is going too.
    let _ = services.writer.send(op, Urgency::Now, ticket);
}

/// For a publish of which nobody wants to know what became.
fn unanswered(socket: &Socket) -> Ticket {
    Ticket::unanswered(socket.id, Request::Publish(PublishVerb::Single))
}

/// A socket is gone: what tells the hub to forget it, after everything that it asked for before.
fn farewell(socket: &Socket, end: &EndReason) -> Ticket {
    tracing::info!("a user disconnected {} ({end})", socket);
    Ticket::unanswered(socket.id, Request::Disconnect)
}
