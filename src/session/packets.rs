//! The packets of a session's client.

use bytes::Bytes;

use super::end::EndReason;
use super::namespace::policy::Right;
use super::socket::client_kind::ClientKind;
use super::state::Session;
use super::verbs;
use super::verbs::definition::VerbCall;
use super::verbs::error::VerbError;
use super::verbs::publish::relay;
use crate::address::Namespace;
use crate::hub::request::PublishVerb;
use crate::wire::batch::Audience;
use crate::wire::socket::{EventPacket, Packet};
use crate::wire::verb::Verb;

impl Session {
    pub(super) fn handle_packet(
        &mut self,
        packet: Packet<'_>,
        attachments: &[Bytes],
    ) -> Result<(), EndReason> {
        match packet {
            Packet::Connect { namespace, auth } => self.connect(namespace, auth),
            Packet::Disconnect { namespace } => {
                let index = self.entered(&namespace, "a DISCONNECT before its CONNECT")?;
                self.disconnect(index, &EndReason::Left);
                Ok(())
            }
            Packet::Event(event) => {
                let index = self.entered(&event.namespace, "an event before its CONNECT")?;
                self.handle_event(index, event, attachments);
                Ok(())
            }
            Packet::Ack(ack) => {
                let index = self.entered(&ack.namespace, "an ack before its CONNECT")?;
                self.sockets[index].event_acked(ack.id, &mut self.outbox);
                self.sockets[index].note_progress();
                Ok(())
            }
            Packet::ConnectError { .. } => {
                Err(EndReason::Forbidden("a packet that only a server sends"))
            }
        }
    }

    fn entered(&self, namespace: &Namespace, error: &'static str) -> Result<usize, EndReason> {
        self.find(namespace).ok_or(EndReason::Forbidden(error))
    }

    fn handle_event(&mut self, index: usize, packet: EventPacket<'_>, attachments: &[Bytes]) {
        let socket = &self.sockets[index];
        let event = packet.event.as_str();
        let is_declared = socket.permissions.rules.reactions.contains_key(event);
        // A stock client does not know our verbs: for it a declared event comes first.
        let is_verb = !is_declared || socket.kind == ClientKind::Roomcat;
        let verb = Verb::parse(event)
            .filter(|_| is_verb)
            .map(verbs::definition);
        let right = verb.map_or(Some(Right::Pub), |verb| verb.right);
        let call = VerbCall {
            index,
            ack_id: packet.id,
            args: &packet.args,
            attachments,
        };
        let done = match (right, verb) {
            (Some(right), _) if !socket.permissions.rights.include(right) => {
                Err(self.forbid(index, right))
            }
            (_, Some(verb)) => (verb.run)(self, call),
            (_, None) if is_declared => {
                self.react(index, &packet, attachments);
                Ok(())
            }
            (_, None) => self.handle_undeclared(index, &packet, attachments),
        };
        if let Err(error) = done {
            self.refuse(index, packet.id, error.code(), &error.to_string());
        }
        if right == Some(Right::Pub) {
            self.spend(index, 1);
        }
    }

    fn forbid(&mut self, index: usize, right: Right) -> VerbError {
        let error = VerbError::Forbidden(right);
        let socket = &mut self.sockets[index];
        if socket.permissions.is_first_refusal() {
            tracing::debug!("{socket}: {error}");
        }
        error
    }

    /// An undeclared event of an application goes to the namespace's program. Without a program it goes to everyone in
    /// the namespace.
    fn handle_undeclared(
        &mut self,
        index: usize,
        packet: &EventPacket<'_>,
        attachments: &[Bytes],
    ) -> Result<(), VerbError> {
        if self.call_program(index, packet, attachments) {
            return Ok(());
        }
        let (sender, event) = (self.sender(index), packet.event.clone());
        let publish = relay(sender, Audience::All, event, &packet.args, attachments)?;
        self.publish(index, publish, PublishVerb::Single, packet.id);
        Ok(())
    }
}
