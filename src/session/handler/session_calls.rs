//! CallEvent a session asks its namespaces' programs, and what becomes of their answers: who is let in, what an event is
//! acknowledged with. Knows nothing of how a program is run.

use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use serde_json::json;

use super::Program;
use super::call::{Call, CallEvent, HandlerAck, HandlerError};
use super::waiting_calls::{Calls, Event};
use crate::address::{ClientName, Namespace};
use crate::hub::parcel::Frame;
use crate::hub::request::SocketId;
use crate::session::end::End;
use crate::session::namespace::entrance::{Denial, Entrance};
use crate::session::services::Services;
use crate::session::socket::Socket;
use crate::session::state::Session;
use crate::store::StoreError;
use crate::wire::socket::{self, EventPacket};

/// Those who still waited to be let in are gone.
pub(crate) fn give_up(calls: &mut Calls, services: &Services, end: &End) {
    for (entrance, _) in calls.entrances.drain(..) {
        tell_gone(services, &entrance, end);
    }
}

impl Session {
    /// Asks the namespace's program, if it has one, and lets in who may come in.
    pub(crate) fn ask_to_enter(&mut self, entrance: Entrance) {
        if self
            .services
            .programs
            .of(&entrance.standing.rules)
            .is_none()
        {
            return self.admit(entrance, None);
        }
        match self.who_was_it(&entrance) {
            Some(asking) => self.calls.returning.push((entrance, asking)),
            None => self.ask_program_to_enter(entrance),
        }
    }

    fn ask_program_to_enter(&mut self, entrance: Entrance) {
        let Some(program) = self.services.programs.of(&entrance.standing.rules) else {
            return;
        };
        match program.ask(entrance_call(&entrance)) {
            Ok(waiting) => self.calls.entrances.push((entrance, waiting)),
            Err(busy) => self.deny(&entrance.namespace, &Denial::Program(busy.into())),
        }
    }

    /// Gives an application's event to the namespace's program. False when it has none.
    pub(crate) fn call_program(
        &mut self,
        index: usize,
        packet: &EventPacket<'_>,
        attachments: &[Bytes],
    ) -> bool {
        let socket = &self.sockets[index];
        let Some(program) = self.services.programs.of(&socket.standing.rules) else {
            return false;
        };
        let what = CallEvent::Event(packet.event.clone());
        let args = socket::join_args(&packet.args);
        let call = call(Caller::from(socket), what, args, attachments);
        let Some(id) = packet.id else {
            if let Err(busy) = program.tell(call) {
                self.services.say_refused(&busy.to_string());
            }
            return true;
        };
        match program.ask(call) {
            Ok(waiting) => {
                let socket = socket.id;
                self.calls.events.push(Event {
                    socket,
                    id,
                    waiting,
                });
                self.in_flight += 1;
            }
            Err(busy) => self.not_answered(index, id, &busy.into()),
        }
        true
    }

    /// Takes what programs answered.
    pub(crate) fn poll_calls(&mut self, cx: &mut Context<'_>) -> Result<bool, StoreError> {
        let mut did = false;
        while let Some(entrance) = self.calls.poll_returning(cx) {
            did = true;
            self.ask_program_to_enter(entrance?);
        }
        while let Some((entrance, answer)) = self.calls.poll_entrances(cx) {
            did = true;
            match answer {
                Ok(answer) => self.admit(entrance, Some(answer.hold)),
                Err(no_answer) => {
                    // It may still let in who is gone by then.
                    if matches!(no_answer, HandlerError::Silent) {
                        tell_gone(&self.services, &entrance, &End::Refused);
                    }
                    self.deny(&entrance.namespace, &Denial::Program(no_answer));
                }
            }
        }
        while let Some((Event { socket, id, .. }, answer)) = self.calls.poll_events(cx) {
            did = true;
            self.in_flight -= 1;
            let Some(index) = self.sockets.iter().position(|it| it.id == socket) else {
                continue;
            };
            match answer {
                Ok(HandlerAck {
                    args, attachments, ..
                }) => {
                    let namespace = &self.sockets[index].namespace;
                    let text = socket::encode_ack(namespace, id, &args, attachments.len());
                    let attachments = attachments.into_iter().map(Frame::Binary);
                    let frames = std::iter::once(Frame::text(text)).chain(attachments);
                    self.say(index, frames.collect());
                }
                Err(no_answer) => self.not_answered(index, id, &no_answer),
            }
        }
        Ok(did)
    }

    fn not_answered(&mut self, index: usize, id: u64, why: &HandlerError) {
        self.refuse(index, Some(id), why.code(), &why.to_string());
    }
}

/// Whoever the program was asked about is gone.
pub(crate) fn tell_departure(services: &Services, socket: &Socket, end: &End) {
    // Its client has come back: whoever has this sid is here.
    if !matches!(end, End::CameBack) {
        let program = services.programs.of(&socket.standing.rules);
        tell_program(program, Caller::from(socket), end);
    }
}

fn tell_gone(services: &Services, entrance: &Entrance, end: &End) {
    let program = services.programs.of(&entrance.standing.rules);
    tell_program(program, Caller::from(entrance), end);
}

fn tell_program(program: Option<&Program>, caller: Caller<'_>, end: &End) {
    let Some(program) = program else { return };
    let reason = json!(end.reason()).to_string();
    let (namespace, sid) = (caller.namespace, caller.sid);
    if let Err(busy) = program.tell(call(caller, CallEvent::Disconnect, reason, &[])) {
        tracing::warn!("{namespace} was not told that {sid} left: {busy}");
    }
}

/// On whose behalf a program is called.
#[derive(Clone, Copy)]
struct Caller<'a> {
    id: SocketId,
    sid: &'a Arc<str>,
    namespace: &'a Namespace,
    name: Option<&'a ClientName>,
}

impl<'a> From<&'a Socket> for Caller<'a> {
    fn from(socket: &'a Socket) -> Self {
        Self {
            id: socket.id,
            sid: &socket.sid,
            namespace: &socket.namespace,
            name: socket.from.as_ref(),
        }
    }
}

impl<'a> From<&'a Entrance> for Caller<'a> {
    fn from(entrance: &'a Entrance) -> Self {
        Self {
            id: entrance.id,
            sid: &entrance.sid,
            namespace: &entrance.namespace,
            name: entrance.from.as_ref(),
        }
    }
}

fn entrance_call(entrance: &Entrance) -> Call {
    let auth = entrance.auth.as_ref().map_or("{}", |auth| auth.get());
    call(
        Caller::from(entrance),
        CallEvent::Connect,
        auth.to_owned(),
        &[],
    )
}

fn call(caller: Caller<'_>, what: CallEvent, args: String, attachments: &[Bytes]) -> Call {
    Call {
        socket: caller.id,
        sid: Arc::clone(caller.sid),
        namespace: caller.namespace.clone(),
        name: caller.name.cloned(),
        what,
        args,
        attachments: attachments.to_vec(),
    }
}
