//! What is declared for an application's events: relayed, replied to, acknowledged, followed by another. Knows nothing of
//! how they were declared.

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
use crate::session::verbs::{self, PublishRequest};
use crate::store::{NewRecord, Refusal};
use crate::wire::batch::Audience;
use crate::wire::socket::{self, EventPacket};

/// The names under which coming and going are declared. No application's event has one of them.
const CONNECT: &str = "connect";
const DISCONNECT: &str = "disconnect";

/// What an event brought, for those that it causes.
#[derive(Clone, Copy)]
struct Cause<'a> {
    args: &'a [&'a RawValue],
    attachments: &'a [Bytes],
}

impl<'a> Cause<'a> {
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
        let sender = socket.sender(max_message);
        verbs::relay(sender, audience, event.clone(), self.args, self.attachments)
    }
}

/// Calls `with` with what was declared instead of an event's own arguments, if anything was.
fn own_or<T>(
    declared: Option<&[Box<RawValue>]>,
    cause: Cause<'_>,
    with: impl FnOnce(Cause<'_>) -> T,
) -> T {
    match declared {
        None => with(cause),
        Some(declared) => {
            let args: Vec<&RawValue> = declared.iter().map(|arg| &**arg).collect();
            with(Cause::of(&args))
        }
    }
}

impl Session {
    /// Does what is declared for an event that a socket sent.
    pub(crate) fn react(&mut self, index: usize, packet: &EventPacket<'_>, attachments: &[Bytes]) {
        let rules = Arc::clone(&self.sockets[index].standing.rules);
        let Some(reaction) = rules.on.get(packet.event.as_str()) else {
            return;
        };
        let cause = Cause {
            args: &packet.args,
            attachments,
        };
        let publishes = match self.declared_publishes(index, reaction, &packet.event, cause) {
            Ok(publishes) => publishes,
            Err(error) => {
                return self.refuse(index, packet.id, error.code(), &error.to_string());
            }
        };
        let count = publishes.len();
        for publish in publishes {
            self.publish(index, publish, PublishVerb::Single, packet.id);
        }
        for said in to_sender(reaction, cause) {
            self.say_aside(index, said);
        }
        let Some(id) = packet.id else { return };
        let socket = &self.sockets[index];
        let answer = match &reaction.ack {
            None => Vec::new(),
            Some(AckPayload::Args) => cause.ack(socket, id),
            Some(AckPayload::Fixed(args)) => own_or(Some(args), cause, |own| own.ack(socket, id)),
        };
        if count == 0 {
            self.say(index, answer);
        } else {
            self.promises.push(PendingAck {
                socket: self.sockets[index].id,
                id,
                publishes: count,
                answer,
                refused: false,
            });
        }
    }

    fn declared_publishes(
        &self,
        index: usize,
        reaction: &Reaction,
        event: &EventName,
        cause: Cause<'_>,
    ) -> Result<Vec<PublishRequest>, VerbError> {
        let (socket, max_message) = (&self.sockets[index], self.services.settings.max_message);
        let relayed = match reaction.relay {
            Relay::Off => None,
            Relay::All => Some(Audience::All),
            Relay::Others => Some(Audience::Others),
        };
        let relayed = relayed.map(|audience| cause.relay(socket, audience, event, max_message));
        let emitted = to_others(socket, reaction, cause, max_message);
        relayed.into_iter().chain(emitted).collect()
    }

    /// A publish of a declared event was answered. False when it was of no such event.
    pub(crate) fn promised(
        &mut self,
        index: usize,
        answer: Option<u64>,
        refusal: Option<&Refusal>,
    ) -> bool {
        let (socket, Some(id)) = (self.sockets[index].id, answer) else {
            return false;
        };
        let of_it = |promise: &PendingAck| promise.socket == socket && promise.id == id;
        let Some(place) = self.promises.iter().position(of_it) else {
            return false;
        };
        let promise = &mut self.promises[place];
        promise.publishes -= 1;
        let last = promise.publishes == 0;
        if let Some(refusal) = refusal {
            let first = !std::mem::replace(&mut promise.refused, true);
            promise.answer.clear();
            if first {
                self.refused(index, answer, refusal);
            }
        }
        if last {
            let promise = self.promises.swap_remove(place);
            self.say(index, promise.answer);
        }
        true
    }

    /// What is declared for coming in: for the socket itself once it is in, for others behind its subscription.
    pub(crate) fn greet(&mut self, index: usize, auth: Option<&RawValue>) {
        let rules = Arc::clone(&self.sockets[index].standing.rules);
        let Some(reaction) = rules.on.get(CONNECT) else {
            return;
        };
        let socket = &self.sockets[index];
        let empty = raw(&json!({}));
        let own = [auth.unwrap_or(&empty)];
        let said = to_sender(reaction, Cause::of(&own));
        // A token is between its holder and the hub, and so may be whatever else is in there.
        let name = socket.from.as_ref();
        let known = raw(&name.map_or(json!({}), |name| json!({"as": name})));
        let max_message = self.services.settings.max_message;
        let emitted = to_others(socket, reaction, Cause::of(&[&known]), max_message);
        for said in said {
            self.say_aside(index, said);
        }
        if let Some(Ok(publish)) = emitted {
            self.publish(index, publish, PublishVerb::Single, None);
        }
    }
}

/// What is declared for a socket that goes, unless it was never really there.
pub(crate) fn farewell(socket: &Socket, end: &EndReason, max_message: usize) -> Option<NewRecord> {
    let reaction = socket.standing.rules.on.get(DISCONNECT)?;
    let reason = raw(&json!(end.reason()));
    let emitted = to_others(socket, reaction, Cause::of(&[&reason]), max_message)?;
    emitted
        .ok()
        .filter(|_| socket.is_entered())
        .map(|publish| publish.record)
}

fn to_sender(reaction: &Reaction, cause: Cause<'_>) -> Vec<DirectMessage> {
    let mut said = Vec::new();
    if let Some(EmitAction { event, args, to }) = &reaction.emit
        && *to == EmitTo::Sender
    {
        said.push(own_or(args.as_deref(), cause, |it| it.event(event)));
    }
    if let Some(event) = &reaction.reply {
        said.push(cause.event(event));
    }
    said
}

fn to_others(
    socket: &Socket,
    reaction: &Reaction,
    cause: Cause<'_>,
    max_message: usize,
) -> Option<Result<PublishRequest, VerbError>> {
    let EmitAction { event, args, to } = reaction.emit.as_ref()?;
    let audience = match to {
        EmitTo::Sender => return None,
        EmitTo::All => Audience::All,
        EmitTo::Others => Audience::Others,
    };
    Some(own_or(args.as_deref(), cause, |it| {
        it.relay(socket, audience, event, max_message)
    }))
}

fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).expect("a JSON value is always JSON")
}
