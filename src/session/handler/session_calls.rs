//! A session's calls to its namespaces' programs: it admits or denies sockets and acknowledges events by their verdicts.
//! Knows nothing of how a program is run.

use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use serde_json::json;

use super::Program;
use super::call::{Call, CallEvent, HandlerAck, HandlerError};
use super::waiting_calls::{EventCall, WaitingCalls};
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

/// Tells programs that the sockets they have not decided on are gone.
pub(crate) fn abandon(calls: &mut WaitingCalls, services: &Services, end: &EndReason) {
    for (entrance, _) in calls.entrances.drain(..) {
        notify_abandoned(services, &entrance, end);
    }
}

impl Session {
    /// Admits a socket, after asking the namespace's program if it has one.
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
            Some(former_sid) => self.calls.returning.push((entrance, former_sid)),
            None => self.ask_program_to_enter(entrance),
        }
    }

    fn ask_program_to_enter(&mut self, entrance: AdmissionRequest) {
        let Some(program) = self.services.programs.of(&entrance.permissions.rules) else {
            return;
        };
        match program.request(entrance_call(&entrance)) {
            Ok(verdict) => self.calls.entrances.push((entrance, verdict)),
            Err(busy) => self.deny(&entrance.namespace, &AdmissionError::Program(busy.into())),
        }
    }

    /// Passes an application's event to the namespace's program. Returns false when there is none.
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
        let what = CallEvent::Event(packet.event.clone());
        let args = socket::join_args(&packet.args);
        let call = call(Caller::from(socket), what, args, attachments);
        let Some(id) = packet.id else {
            if let Err(busy) = program.notify(call) {
                self.services.log_refusal(&busy.to_string());
            }
            return true;
        };
        match program.request(call) {
            Ok(verdict) => {
                let socket = socket.id;
                self.calls.events.push(EventCall {
                    socket,
                    id,
                    verdict,
                });
            }
            Err(busy) => self.refuse_call(index, id, &busy.into()),
        }
        true
    }

    /// Handles the verdicts that have arrived. Returns whether there was one.
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
                    // The program may still acknowledge the connect later.
                    if matches!(no_answer, HandlerError::Silent) {
                        notify_abandoned(&self.services, &entrance, &EndReason::NotAdmitted);
                    }
                    self.deny(&entrance.namespace, &AdmissionError::Program(no_answer));
                }
            }
        }
        while let Some((EventCall { socket, id, .. }, answer)) = self.calls.poll_events(cx) {
            did = true;
            let Some(index) = self.sockets.iter().position(|entry| entry.id == socket) else {
                continue;
            };
            match answer {
                Ok(HandlerAck {
                    args, attachments, ..
                }) => {
                    let namespace = &self.sockets[index].namespace;
                    let text = socket::encode_ack(namespace, id, &args, attachments.len());
                    let attachments = attachments.into_iter().map(WireFrame::Binary);
                    let frames = std::iter::once(WireFrame::text(text)).chain(attachments);
                    self.send_frames(index, frames.collect());
                }
                Err(no_answer) => self.refuse_call(index, id, &no_answer),
            }
        }
        Ok(did)
    }

    fn refuse_call(&mut self, index: usize, id: u64, why: &HandlerError) {
        self.refuse(index, Some(id), why.code(), &why.to_string());
    }
}

/// Tells the program that a socket disconnected.
pub(crate) fn notify_disconnect(services: &Services, socket: &Socket, end: &EndReason) {
    // If the client has returned, its sid is still connected.
    if !matches!(end, EndReason::Replaced) {
        let program = services.programs.of(&socket.permissions.rules);
        notify_program(program, Caller::from(socket), end);
    }
}

fn notify_abandoned(services: &Services, entrance: &AdmissionRequest, end: &EndReason) {
    let program = services.programs.of(&entrance.permissions.rules);
    notify_program(program, Caller::from(entrance), end);
}

fn notify_program(program: Option<&Program>, caller: Caller<'_>, end: &EndReason) {
    let Some(program) = program else { return };
    let reason = json!(end.reason()).to_string();
    let (namespace, sid) = (caller.namespace, caller.sid);
    if let Err(busy) = program.notify(call(caller, CallEvent::Disconnect, reason, &[])) {
        tracing::warn!("{namespace} was not notified that {sid} left: {busy}");
    }
}

/// The socket on whose behalf a program is called.
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
    call(
        Caller::from(entrance),
        CallEvent::Connect,
        auth.to_owned(),
        &[],
    )
}

fn call(caller: Caller<'_>, event: CallEvent, args: String, attachments: &[Bytes]) -> Call {
    Call {
        socket: caller.id,
        sid: Arc::clone(caller.sid),
        namespace: caller.namespace.clone(),
        name: caller.name.cloned(),
        event,
        args,
        attachments: attachments.to_vec(),
    }
}
