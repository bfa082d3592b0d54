//! What a session asks its namespaces' programs, and what becomes of their answers: who is let in, what an event is
//! acknowledged with. Knows nothing of how a program is run.

use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use serde_json::json;

use super::Program;
use super::call::{Answer, Call, NoAnswer, What};
use super::pending::{Calls, Event};
use crate::address::{ClientName, Namespace};
use crate::hub::frame::WireFrame;
use crate::hub::socket_id::SocketId;
use crate::session::end::EndReason;
use crate::session::namespace::admission_request::{AdmissionError, AdmissionRequest};
use crate::session::services::Services;
use crate::session::socket::Socket;
use crate::session::state::Session;
use crate::store::StoreError;
use crate::wire::socket::{self, EventPacket};

/// Those who still waited to be let in are gone.
pub(crate) fn give_up(calls: &mut Calls, services: &Services, end: &EndReason) {
    for (entrance, _) in calls.entrances.drain(..) {
        tell_gone(services, &entrance, end);
    }
}

impl Session {
    /// Asks the namespace's program, if it has one, and lets in who may come in.
    pub(crate) fn ask_to_enter(&mut self, entrance: AdmissionRequest) {
        if self
            .services
            .programs
            .of(&entrance.permissions.rules)
            .is_none()
        {
            return self.admit(entrance, None);
        }
        match self.read_earlier_sid(&entrance) {
            Some(asking) => self.calls.returning.push((entrance, asking)),
            None => self.ask_program_to_enter(entrance),
        }
    }

    fn ask_program_to_enter(&mut self, entrance: AdmissionRequest) {
        let Some(program) = self.services.programs.of(&entrance.permissions.rules) else {
            return;
        };
        match program.ask(entrance_call(&entrance)) {
            Ok(waiting) => self.calls.entrances.push((entrance, waiting)),
            Err(busy) => self.deny(&entrance.namespace, &AdmissionError::Program(busy.into())),
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
        let Some(program) = self.services.programs.of(&socket.permissions.rules) else {
            return false;
        };
        let what = What::Event(packet.event.clone());
        let args = socket::join_args(&packet.args);
        let call = call(Caller::from(socket), what, args, attachments);
        let Some(id) = packet.id else {
            if let Err(busy) = program.tell(call) {
                self.services.log_refusal(&busy.to_string());
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
                    if matches!(no_answer, NoAnswer::Silent) {
                        tell_gone(&self.services, &entrance, &EndReason::NotAdmitted);
                    }
                    self.deny(&entrance.namespace, &AdmissionError::Program(no_answer));
                }
            }
        }
        while let Some((Event { socket, id, .. }, answer)) = self.calls.poll_events(cx) {
            did = true;
            let Some(index) = self.sockets.iter().position(|it| it.id == socket) else {
                continue;
            };
            match answer {
                Ok(Answer {
                    args, attachments, ..
                }) => {
                    let namespace = &self.sockets[index].namespace;
                    let text = socket::encode_ack(namespace, id, &args, attachments.len());
                    let attachments = attachments.into_iter().map(WireFrame::Binary);
                    let frames = std::iter::once(WireFrame::text(text)).chain(attachments);
                    self.send_frames(index, frames.collect());
                }
                Err(no_answer) => self.not_answered(index, id, &no_answer),
            }
        }
        Ok(did)
    }

    fn not_answered(&mut self, index: usize, id: u64, why: &NoAnswer) {
        self.refuse(index, Some(id), why.code(), &why.to_string());
    }
}

/// Whoever the program was asked about is gone.
pub(crate) fn tell_departure(services: &Services, socket: &Socket, end: &EndReason) {
    // Its client has come back: whoever has this sid is here.
    if !matches!(end, EndReason::Replaced) {
        let program = services.programs.of(&socket.permissions.rules);
        tell_program(program, Caller::from(socket), end);
    }
}

fn tell_gone(services: &Services, entrance: &AdmissionRequest, end: &EndReason) {
    let program = services.programs.of(&entrance.permissions.rules);
    tell_program(program, Caller::from(entrance), end);
}

fn tell_program(program: Option<&Program>, caller: Caller<'_>, end: &EndReason) {
    let Some(program) = program else { return };
    let reason = json!(end.reason()).to_string();
    let (namespace, sid) = (caller.namespace, caller.sid);
    if let Err(busy) = program.tell(call(caller, What::Disconnect, reason, &[])) {
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

impl<'a> From<&'a AdmissionRequest> for Caller<'a> {
    fn from(entrance: &'a AdmissionRequest) -> Self {
        Self {
            id: entrance.id,
            sid: &entrance.sid,
            namespace: &entrance.namespace,
            name: entrance.from.as_ref(),
        }
    }
}

fn entrance_call(entrance: &AdmissionRequest) -> Call {
    let auth = entrance.auth.as_ref().map_or("{}", |auth| auth.get());
    call(Caller::from(entrance), What::Connect, auth.to_owned(), &[])
}

fn call(caller: Caller<'_>, what: What, args: String, attachments: &[Bytes]) -> Call {
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
