//! What a session asks its namespaces' programs, and what becomes of their answers: who is let in, what an event is
//! acknowledged with. Knows nothing of how a program is run.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Answer, Busy, Call, Program, Verdict, What};
use crate::address::{ClientName, Namespace};
use crate::hub::frame::WireFrame;
use crate::hub::socket_id::SocketId;
use crate::session::namespace::admission::{Denial, Entrance};
use crate::session::services::Services;
use crate::session::socket::Socket;
use crate::session::socket::catchup;
use crate::session::{End, Session};
use crate::store::StoreError;
use crate::wire::socket::{self, EventPacket};

/// What a session waits for.
#[derive(Debug, Default)]
pub struct Calls {
    /// May they come in? At most `limits::NAMESPACES_PER_CONNECTION` with those who are in.
    entrances: Vec<(Entrance, Waiting)>,
    /// Who were they before? The program is asked about the sid that they will have.
    returning: Vec<(Entrance, Asking)>,
    /// How is an event acknowledged? Each counts among the verbs in flight.
    events: Vec<Event>,
}

#[derive(Debug)]
struct Event {
    socket: SocketId,
    id: u64,
    waiting: Waiting,
}

type Waiting = oneshot::Receiver<Verdict>;
type Asking = JoinHandle<Result<Option<Arc<str>>, StoreError>>;

/// Why a program does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    #[error("{0}")]
    Denied(String),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error("the handler did not answer")]
    Silent,
}

impl NoAnswer {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::Busy(_) => "busy",
            Self::Silent => "no_answer",
        }
    }
}

impl Calls {
    pub fn asked(&self) -> usize {
        self.entrances.len() + self.returning.len()
    }

    pub fn is_asked(&self, namespace: &Namespace) -> bool {
        let asked = self.entrances.iter().map(|(entrance, _)| entrance);
        let returning = self.returning.iter().map(|(entrance, _)| entrance);
        asked
            .chain(returning)
            .any(|entrance| entrance.namespace == *namespace)
    }

    /// A socket that leaves waits for nothing any more. Returns how much it did wait for.
    pub fn forget(&mut self, socket: SocketId) -> usize {
        let before = self.events.len();
        self.events.retain(|event| event.socket != socket);
        before - self.events.len()
    }

    /// Who still waited to be let in is gone.
    pub fn give_up(&mut self, services: &Services, end: &End) {
        for (entrance, _) in self.entrances.drain(..) {
            tell_gone(services, &entrance, end);
        }
    }

    fn poll_returning(&mut self, cx: &mut Context<'_>) -> Option<Result<Entrance, StoreError>> {
        let asking = self.returning.iter_mut().enumerate();
        let (place, sid) = asking.into_iter().find_map(|(place, (_, asking))| {
            match Pin::new(asking).poll(cx) {
                Poll::Pending => None,
                Poll::Ready(sid) => Some((place, sid)),
            }
        })?;
        let (mut entrance, _) = self.returning.remove(place);
        Some(catchup::done(sid).map(|sid| {
            entrance.sid = sid.unwrap_or(entrance.sid);
            entrance
        }))
    }

    fn poll_entrances(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Option<(Entrance, Result<Answer, NoAnswer>)> {
        let waiting = self.entrances.iter_mut();
        let (place, answer) = waiting
            .enumerate()
            .find_map(|(place, (_, waiting))| Some((place, answered(waiting, cx)?)))?;
        Some((self.entrances.remove(place).0, answer))
    }

    fn poll_events(&mut self, cx: &mut Context<'_>) -> Option<(Event, Result<Answer, NoAnswer>)> {
        let waiting = self.events.iter_mut();
        let (place, answer) = waiting
            .enumerate()
            .find_map(|(place, event)| Some((place, answered(&mut event.waiting, cx)?)))?;
        Some((self.events.remove(place), answer))
    }
}

fn answered(waiting: &mut Waiting, cx: &mut Context<'_>) -> Option<Result<Answer, NoAnswer>> {
    match Pin::new(waiting).poll(cx) {
        Poll::Pending => None,
        Poll::Ready(Ok(Verdict::Ack(answer))) => Some(Ok(answer)),
        Poll::Ready(Ok(Verdict::Deny(why))) => Some(Err(NoAnswer::Denied(why))),
        Poll::Ready(Ok(Verdict::Silent) | Err(_)) => Some(Err(NoAnswer::Silent)),
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
        let what = What::Event(packet.event.clone());
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
                    if matches!(no_answer, NoAnswer::Silent) {
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
                Ok(Answer {
                    args, attachments, ..
                }) => {
                    let namespace = &self.sockets[index].namespace;
                    let text = socket::encode_ack(namespace, id, &args, attachments.len());
                    let attachments = attachments.into_iter().map(WireFrame::Binary);
                    let frames = std::iter::once(WireFrame::text(text)).chain(attachments);
                    self.say(index, frames.collect());
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
