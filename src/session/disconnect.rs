//! Ends a socket or a session, and notifies the hub, the store, the namespace's program and its other sockets.

use std::future::poll_fn;
use std::sync::Arc;

use super::end::EndReason;
use super::engine::outbox::Submission;
use super::engine::permits::permits;
use super::handler::session_calls;
use super::namespace::reactions;
use super::services::Services;
use super::socket::Socket;
use super::state::Session;
use crate::hub::request::{PublishVerb, Request};
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::store::Op;
use crate::store::writer::Urgency;

impl Session {
    /// Removes one socket. The session goes on.
    pub(super) fn disconnect(&mut self, index: usize, end: &EndReason) -> Socket {
        let socket = self.sockets.swap_remove(index);
        self.pending_acks.retain(|ack| ack.socket != socket.id);
        self.calls.drop_events_of(socket.id);
        session_calls::notify_disconnect(&self.services, &socket, end);
        if let Some(until) = socket.permissions.throttled_until() {
            self.throttle(until);
        }
        let max_message = self.services.settings.max_message;
        if let Some(record) = reactions::disconnect_record(&socket, end, max_message) {
            self.submit(Op::Append { record, id: None }, publish_ticket(&socket));
        }
        let (op, ticket) = (socket.end_op(end), disconnect_ticket(&socket, end));
        self.outbox
            .push(Submission::Store(op, Urgency::Now, ticket));
        socket
    }

    /// Ends the session with all its sockets.
    pub(super) async fn finish(mut self, end: &EndReason) {
        session_calls::abandon(&mut self.calls, &self.services, end);
        for socket in std::mem::take(&mut self.sockets) {
            session_calls::notify_disconnect(&self.services, &socket, end);
            // When the hub itself ends, nobody is left to notify.
            if !matches!(end, EndReason::Shutdown | EndReason::Store(_)) {
                publish_disconnect(&self.services, &socket, end).await;
            }
            let (op, ticket) = (socket.end_op(end), disconnect_ticket(&socket, end));
            // This fails only when the hub is going too.
            let _ = self.services.writer.send(op, Urgency::Now, ticket);
        }
        let transport = &mut self.transport;
        let closing = poll_fn(|cx| transport.poll_close(cx));
        // A client that does not take its last frames loses them.
        let _ = tokio::time::timeout(limits::DRAIN_TIMEOUT, closing).await;
    }
}

/// Publishes the declared `disconnect` event, which waits for its share of the append queue like any other message.
async fn publish_disconnect(services: &Services, socket: &Socket, end: &EndReason) {
    let max_message = services.settings.max_message;
    let Some(record) = reactions::disconnect_record(socket, end, max_message) else {
        return;
    };
    let mut ticket = publish_ticket(socket);
    let permit = Arc::clone(&services.append_queue).acquire_many_owned(permits(record.body.len()));
    match tokio::time::timeout(limits::DRAIN_TIMEOUT, permit).await {
        Ok(Ok(permit)) => ticket.permit = Some(permit),
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("the disconnect event of {socket} was not published: the store is busy");
            return;
        }
    }
    let op = Op::Append { record, id: None };
    // This fails only when the hub is going too.
    let _ = services.writer.send(op, Urgency::Now, ticket);
}

fn publish_ticket(socket: &Socket) -> Ticket {
    Ticket::unanswered(socket.id, Request::Publish(PublishVerb::Single))
}

/// Tells the hub to forget the socket, once the socket's earlier requests are handled.
fn disconnect_ticket(socket: &Socket, end: &EndReason) -> Ticket {
    tracing::info!("a user disconnected {socket} ({end})");
    Ticket::unanswered(socket.id, Request::Disconnect)
}
