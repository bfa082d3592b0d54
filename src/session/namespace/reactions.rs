//! The reactions that a namespace declares for events: relay, reply, ack and emit. Knows nothing of hub.toml.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::pending_ack::PendingAck;
use super::policy::{AckPayload, EmitAction, EmitTo, Reaction, Relay};
use crate::address::EventName;
use crate::hub::frame::WireFrame;
use crate::hub::request::PublishVerb;
use crate::session::end::EndReason;
use crate::session::socket::Socket;
use crate::session::socket::direct_message::DirectMessage;
use crate::session::state::Session;
use crate::session::verbs::error::VerbError;
use crate::session::verbs::publish::{PublishRequest, Sender, relay};
use crate::store::{NewRecord, Refusal};
use crate::wire::batch::Audience;
use crate::wire::socket::{self, EventPacket};

/// Declared like events, though no application's event can have these names.
const CONNECT: &str = "connect";
const DISCONNECT: &str = "disconnect";

/// The arguments and attachments of an event, for the events that it causes.
#[derive(Clone, Copy)]
struct EventPayload<'a> {
    args: &'a [&'a RawValue],
    attachments: &'a [Bytes],
}

impl<'a> EventPayload<'a> {
    fn of(args: &'a [&'a RawValue]) -> Self {
        Self {
            args,
            attachments: &[],
        }
    }

    fn event(self, event: &EventName) -> DirectMessage {
        DirectMessage::Event {
            event: event.clone(),
            args: socket::join_args(self.args),
            attachments: self.attachments.to_vec(),
        }
    }

    fn ack(self, socket: &Socket, id: u64) -> Vec<WireFrame> {
        let args = socket::join_args(self.args);
        let text = socket::encode_ack(&socket.namespace, id, &args, self.attachments.len());
        let attachments = self.attachments.iter().cloned().map(WireFrame::Binary);
        std::iter::once(WireFrame::text(text))
            .chain(attachments)
            .collect()
    }

    fn relay(
        self,
        socket: &Socket,
        audience: Audience,
        event: &EventName,
        max_message: usize,
    ) -> Result<PublishRequest, VerbError> {
        let sender = Sender::of(socket, max_message);
        relay(sender, audience, event.clone(), self.args, self.attachments)
    }
}

/// Calls `with` with the declared arguments, or else with those of the event.
fn own_or<T>(
    declared: Option<&[Box<RawValue>]>,
    payload: EventPayload<'_>,
    with: impl FnOnce(EventPayload<'_>) -> T,
) -> T {
    match declared {
        None => with(payload),
        Some(declared) => {
            let args: Vec<&RawValue> = declared.iter().map(|arg| &**arg).collect();
            with(EventPayload::of(&args))
        }
    }
}

impl Session {
    /// Runs the reactions that the namespace declares for an event of this socket.
    pub(crate) fn react(&mut self, index: usize, packet: &EventPacket<'_>, attachments: &[Bytes]) {
        let rules = Arc::clone(&self.sockets[index].permissions.rules);
        let Some(reaction) = rules.reactions.get(packet.event.as_str()) else {
            return;
        };
        let payload = EventPayload {
            args: &packet.args,
            attachments,
        };
        let publishes = match self.declared_publishes(index, reaction, &packet.event, payload) {
            Ok(publishes) => publishes,
            Err(error) => {
                return self.refuse(index, packet.id, error.code(), &error.to_string());
            }
        };
        let count = publishes.len();
        for publish in publishes {
            self.publish(index, publish, PublishVerb::Single, packet.id);
        }
        for message in to_sender(reaction, payload) {
            self.send_direct(index, message);
        }
        let Some(id) = packet.id else { return };
        let socket = &self.sockets[index];
        let frames = match &reaction.ack {
            None => Vec::new(),
            Some(AckPayload::Args) => payload.ack(socket, id),
            Some(AckPayload::Fixed(args)) => own_or(Some(args), payload, |own| own.ack(socket, id)),
        };
        if count == 0 {
            self.send_frames(index, frames);
        } else {
            self.pending_acks.push(PendingAck {
                socket: self.sockets[index].id,
                id,
                publishes: count,
                frames,
                is_refused: false,
            });
        }
    }

    fn declared_publishes(
        &self,
        index: usize,
        reaction: &Reaction,
        event: &EventName,
        payload: EventPayload<'_>,
    ) -> Result<Vec<PublishRequest>, VerbError> {
        let (socket, max_message) = (&self.sockets[index], self.services.settings.max_message);
        let relayed = match reaction.relay {
            Relay::Off => None,
            Relay::All => Some(Audience::All),
            Relay::Others => Some(Audience::Others),
        };
        let relayed = relayed.map(|audience| payload.relay(socket, audience, event, max_message));
        let emitted = to_others(socket, reaction, payload, max_message);
        relayed.into_iter().chain(emitted).collect()
    }

    /// Handles the hub's response to a publish. Returns false when it was not that of a declared event.
    pub(crate) fn publish_answered(
        &mut self,
        index: usize,
        ack_id: Option<u64>,
        refusal: Option<&Refusal>,
    ) -> bool {
        let (socket, Some(id)) = (self.sockets[index].id, ack_id) else {
            return false;
        };
        let is_its_ack = |ack: &PendingAck| ack.socket == socket && ack.id == id;
        let Some(position) = self.pending_acks.iter().position(is_its_ack) else {
            return false;
        };
        let pending = &mut self.pending_acks[position];
        pending.publishes -= 1;
        let is_last = pending.publishes == 0;
        if let Some(refusal) = refusal {
            let is_first = !std::mem::replace(&mut pending.is_refused, true);
            pending.frames.clear();
            if is_first {
                self.answer_refusal(index, ack_id, refusal);
            }
        }
        if is_last {
            let pending = self.pending_acks.swap_remove(position);
            self.send_frames(index, pending.frames);
        }
        true
    }

    /// Runs the reactions to `connect`: for the socket once its CONNECT is answered, for others after its subscription.
    pub(crate) fn react_to_connect(&mut self, index: usize, auth: Option<&RawValue>) {
        let rules = Arc::clone(&self.sockets[index].permissions.rules);
        let Some(reaction) = rules.reactions.get(CONNECT) else {
            return;
        };
        let socket = &self.sockets[index];
        let empty = raw(&json!({}));
        let own = [auth.unwrap_or(&empty)];
        let messages = to_sender(reaction, EventPayload::of(&own));
        // Others see only the name: a token is a secret, and other fields may be secrets too.
        let name = socket.from.as_ref();
        let public = raw(&name.map_or(json!({}), |name| json!({"as": name})));
        let max_message = self.services.settings.max_message;
        let emitted = to_others(socket, reaction, EventPayload::of(&[&public]), max_message);
        for message in messages {
            self.send_direct(index, message);
        }
        if let Some(Ok(publish)) = emitted {
            self.publish(index, publish, PublishVerb::Single, None);
        }
    }
}

/// The message to publish for `disconnect`. `None` also for a socket whose CONNECT was never answered.
pub(crate) fn disconnect_record(
    socket: &Socket,
    end: &EndReason,
    max_message: usize,
) -> Option<NewRecord> {
    let reaction = socket.permissions.rules.reactions.get(DISCONNECT)?;
    let reason = raw(&json!(end.reason()));
    let emitted = to_others(socket, reaction, EventPayload::of(&[&reason]), max_message)?;
    emitted
        .ok()
        .filter(|_| socket.is_entered())
        .map(|publish| publish.record)
}

fn to_sender(reaction: &Reaction, payload: EventPayload<'_>) -> Vec<DirectMessage> {
    let mut messages = Vec::new();
    if let Some(EmitAction { event, args, to }) = &reaction.emit
        && *to == EmitTo::Sender
    {
        messages.push(own_or(args.as_deref(), payload, |payload| {
            payload.event(event)
        }));
    }
    if let Some(event) = &reaction.reply {
        messages.push(payload.event(event));
    }
    messages
}

fn to_others(
    socket: &Socket,
    reaction: &Reaction,
    payload: EventPayload<'_>,
    max_message: usize,
) -> Option<Result<PublishRequest, VerbError>> {
    let EmitAction { event, args, to } = reaction.emit.as_ref()?;
    let audience = match to {
        EmitTo::Sender => return None,
        EmitTo::All => Audience::All,
        EmitTo::Others => Audience::Others,
    };
    Some(own_or(args.as_deref(), payload, |payload| {
        payload.relay(socket, audience, event, max_message)
    }))
}

fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).expect("a JSON value is always JSON")
}
