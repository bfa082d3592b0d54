//! The hub's notifications: responses go to the verb that asked, events to the socket.

use serde_json::json;

use super::end::EndReason;
use super::namespace::socket_recovery::SocketRecovery;
use super::socket::client_kind::ClientKind;
use super::state::Session;
use super::verbs;
use crate::hub::frame::WireFrame;
use crate::hub::notification::Notification;
use crate::hub::socket_id::SocketId;
use crate::limits;
use crate::wire::error_code::ErrorCode;
use crate::wire::socket;

impl Session {
    pub(super) fn handle_notification(&mut self, id: SocketId, notification: Notification) {
        if notification.is_response() {
            self.hub_requests = self.hub_requests.saturating_sub(1);
        }
        let Some(index) = self.sockets.iter().position(|socket| socket.id == id) else {
            return;
        };
        let socket = &mut self.sockets[index];
        match notification {
            // Otherwise the store first decides which sid the socket gets.
            Notification::Connected if matches!(socket.recovery, SocketRecovery::Off) => {
                self.complete_connect(index);
            }
            Notification::Connected => {}
            Notification::SessionOpened(opened) => self.session_opened(index, opened),
            Notification::ReaderChanged { reader } => socket.set_rooms(&reader),
            Notification::Attached { head } => socket.attached(head),
            Notification::PendingPurged { rooms, cursor } => socket.purged(&rooms, cursor),
            Notification::Refused { ack_id, refusal } => {
                if !self.publish_answered(index, ack_id, Some(&refusal)) {
                    self.answer_refusal(index, ack_id, &refusal);
                }
            }
            Notification::Replaced => {
                let socket = self.disconnect(index, &EndReason::Replaced);
                let text = socket::encode_disconnect(&socket.namespace);
                self.out.push_back(WireFrame::text(text));
            }
            Notification::NameTaken => {
                self.dismiss(index, &EndReason::NameTaken, ErrorCode::NameTaken);
            }
            Notification::Kicked { by } => {
                self.dismiss(index, &EndReason::Kicked(by), ErrorCode::Kicked);
            }
            response => verbs::handle_response(self, index, response),
        }
    }

    /// Disconnects a socket. A roomcat client gets the reason.
    pub(super) fn dismiss(&mut self, index: usize, end: &EndReason, code: ErrorCode) {
        let socket = self.disconnect(index, end);
        if socket.kind == ClientKind::Roomcat {
            let data = json!({"code": code, "message": end.to_string()}).to_string();
            let text = socket::encode_event(&socket.namespace, None, "closed", &data, 0);
            self.out.push_back(WireFrame::text(text));
        }
        self.out
            .push_back(WireFrame::text(socket::encode_disconnect(
                &socket.namespace,
            )));
    }

    /// Answers the CONNECT of a socket that has no earlier messages to get first.
    pub(super) fn complete_connect(&mut self, index: usize) {
        let socket = &self.sockets[index];
        tracing::info!("a user connected {socket}");
        let reply = if socket.kind == ClientKind::Stock {
            socket.connect_reply()
        } else {
            let data = json!({
                "sid": &*socket.sid,
                "roomcat": 1,
                "version": env!("CARGO_PKG_VERSION"),
                "log": &*self.services.log_id,
                "limits": {
                    "message": self.services.settings.max_message,
                    "batch": limits::BATCH_BYTES,
                    "credit": limits::CREDIT_BYTES,
                },
            });
            WireFrame::text(socket::encode_connect(
                &socket.namespace,
                Some(&data.to_string()),
            ))
        };
        self.sockets[index].enter(reply, &mut self.out);
    }
}
