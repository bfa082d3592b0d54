//! `chat` at a terminal: a line editor below, what is said above it, and commands.

use std::collections::BTreeMap;

use tokio::select;

use super::editor::Line;
use super::look::label;
use super::patience::{Patience, telling};
use super::screen::Screen;
use super::suspension::Suspensions;
use super::typed::{HELP, Typed};
use crate::address::{Address, ClientName, Namespace, RoomName};
use crate::cli::args::chat::ChatArgs;
use crate::cli::failure::Failure;
use crate::cli::io::batches::BatchTemplate;
use crate::cli::io::signals::Signal;
use crate::cli::io::stdin::{InputOptions, Payload, Split, typed};
use crate::cli::remote::connect::connect_hub;
use crate::cli::remote::connection_notes::note_event;
use crate::cli::remote::delivery::{AckingOutput, Flow};
use crate::cli::remote::interrupts::Interrupts;
use crate::cli::remote::presence;
use crate::cli::remote::target::resolve_target;
use crate::cli::settings::Global;
use crate::client::PresenceEvent;
use crate::client::verbs::rooms::{RoomsRequest, RoomsResponse};
use crate::client::verbs::who::{WhoRequest, WhoResponse};
use crate::client::verbs::{VerbRequest, VerbResult};
use crate::client::{self, ClientEvent, HubClient, RetryPolicy, SubscribeRequest};
use crate::wire::batch::Audience;

pub async fn run(args: &ChatArgs, global: &Global) -> Result<(), Failure> {
    let (target, rooms) = resolve_target(global, &args.remote, [&args.room])?;
    let mut interrupts = Interrupts::listen(args.timeout)?;
    let connect = connect_hub(&target, RetryPolicy::Forever);
    let mut peer = interrupts.run(connect).await?;
    peer.subscribe(SubscribeRequest {
        rooms: rooms.clone(),
        presence: client::PresenceUpdates::On,
        ..SubscribeRequest::default()
    });
    let (screen, output) = Screen::start(global.name.as_ref(), &rooms).map_err(Failure::Output)?;
    let mut chat = Chat {
        output: AckingOutput::new(output, &target),
        namespace: target.namespace.clone(),
        name: global.name.clone(),
        peer,
        screen,
        speaks_in: rooms.first().cloned(),
        rooms,
        changed: false,
        joining: Vec::new(),
        who_is_asked: false,
        asked: BTreeMap::new(),
        open: true,
        patience: Patience::default(),
        suspensions: Suspensions::listen().map_err(Failure::Output)?,
    };
    let ended = interrupts.run(chat.talk()).await;
    let unconfirmed = chat.peer.unconfirmed_messages();
    chat.screen.stop();
    let finish = chat.output.finish(chat.peer, &mut interrupts, ended);
    let finished = telling(finish, "what was shown").await;
    drop(chat.screen);
    finished.map_err(|failure| {
        let failure = failure.with_name(global.name.as_ref());
        Failure::unconfirmed(failure, unconfirmed)
    })
}

struct Chat {
    peer: HubClient,
    output: AckingOutput,
    screen: Screen,
    namespace: Namespace,
    name: Option<ClientName>,
    rooms: Vec<RoomName>,
    /// Where what is typed goes: the room that was entered last.
    speaks_in: Option<RoomName>,
    /// The hub is to be told of `rooms` when everything that came is shown.
    changed: bool,
    /// Asked for, and not yet heard of.
    joining: Vec<RoomName>,
    /// As soon as nothing is being joined.
    who_is_asked: bool,
    asked: BTreeMap<u64, Asked>,
    /// Further lines may be typed.
    open: bool,
    patience: Patience,
    suspensions: Suspensions,
}

impl Chat {
    async fn talk(&mut self) -> Result<(), Failure> {
        while self.open || self.peer.unconfirmed_messages() > 0 {
            if self.changed && self.output.is_flushed() {
                self.changed = false;
                self.peer.change_rooms(self.rooms.clone());
            }
            select! {
                report = self.output.next_report() => {
                    if self.output.handle_report(&mut self.peer, report)? == Flow::Stop {
                        self.open = false;
                    }
                }
                event = self.peer.next_event() => self.happened(event?),
                line = self.screen.line(), if self.open => match line {
                    Some(Line::Typed(text)) => {
                        self.typed(&text);
                        self.prompt();
                    }
                    Some(Line::Dropped) => {
                        self.screen.notice("not sent; Ctrl-C once more ends");
                        self.prompt();
                    }
                    Some(Line::Interrupted) => return Err(Failure::Signal(Signal::Interrupt)),
                    Some(Line::Failed(error)) => return Err(Failure::Output(error)),
                    Some(Line::End) | None => {
                        self.open = false;
                        self.patience.begin();
                    }
                },
                () = self.suspensions.next() => self.screen.suspend(),
                () = self.patience.is_over() => self.patience.tell("what was typed"),
            }
        }
        Ok(())
    }

    /// Lets the next line begin.
    fn prompt(&self) {
        let (name, room) = (self.name.as_ref(), self.speaks_in.as_ref());
        self.screen.prompt(name, &self.rooms, room);
    }

    fn happened(&mut self, event: ClientEvent) {
        note_event(&event, self.peer.url());
        match event {
            ClientEvent::Batch { header, body } => {
                self.output.write_batch(&mut self.peer, header, body);
            }
            ClientEvent::Presence(presence) => self.moved(&presence),
            ClientEvent::Response { id, answer } => self.answered(id, answer),
            ClientEvent::RoomsRefused(refusal) => {
                self.rooms = self.peer.subscribed_rooms().to_vec();
                self.speaks_in = self.rooms.last().cloned();
                self.joining.clear();
                self.who_is_asked = false;
                self.screen.notice(&format!("the hub refused: {refusal}"));
            }
            ClientEvent::Subscribed { rooms, .. } => self.joined(&rooms),
            // What was asked over the connection that is gone has no answer.
            ClientEvent::Disconnected { .. } => self.asked.clear(),
            _ => {}
        }
    }

    fn moved(&mut self, presence: &PresenceEvent) {
        if presence.name.is_some() && presence.name == self.name {
            return;
        }
        let (who, what) = (
            presence::display_name(presence),
            presence::past_tense(presence.what),
        );
        let room = match self.rooms.len() {
            0 | 1 => String::new(),
            _ => format!(" {}", label(&presence.room)),
        };
        self.screen.notice(&format!("{who} {what}{room}"));
    }

    fn typed(&mut self, text: &str) {
        match Typed::parse(text) {
            Typed::Nothing => {}
            Typed::Say(text) => match self.speaks_in.clone() {
                Some(room) => self.say(room, text),
                None => self
                    .screen
                    .notice("you are in no room; /join ROOM enters one"),
            },
            Typed::SayTo(room, text) => {
                if let Some(room) = self.here(room) {
                    self.say(room, text);
                }
            }
            Typed::Join(room) => {
                if let Some(room) = self.here(room) {
                    self.join(room);
                }
            }
            Typed::Leave(room) => match room {
                Some(room) => {
                    if let Some(room) = self.here(room) {
                        self.leave(&room);
                    }
                }
                None => match self.speaks_in.clone() {
                    Some(room) => self.leave(&room),
                    None => self.screen.notice("you are in no room"),
                },
            },
            Typed::Who => self.ask_who(),
            Typed::Help => {
                let lines = HELP.iter().map(|(word, what)| format!("{word:<14} {what}"));
                self.screen.notice(&lines.collect::<Vec<_>>().join("\n"));
            }
            Typed::Wrong(why) => self.screen.notice(&why),
        }
    }

    /// The room of an address; one chat is in one namespace.
    fn here(&mut self, address: Address) -> Option<RoomName> {
        match &address.namespace {
            Some(other) if *other != self.namespace => {
                self.screen.notice(&format!(
                    "this chat is in {}; for {other} start another",
                    self.namespace
                ));
                None
            }
            _ => Some(address.room),
        }
    }

    fn say(&mut self, room: RoomName, text: &str) {
        let input = InputOptions {
            split: Split::Lines,
            payload: Payload::Text,
            max_message: self.peer.hub_info().limits.message,
        };
        let template = BatchTemplate {
            rooms: vec![room],
            to: Audience::Others,
            ..BatchTemplate::default()
        };
        for block in typed(text, input) {
            match block {
                Ok(_) if !self.peer.can_publish() => {
                    return self.screen.notice(
                        "not sent: the hub has not confirmed what was said before; try again later",
                    );
                }
                Ok(block) => self.peer.publish(template.batch(block)),
                Err(error) => return self.screen.notice(&format!("not sent: {error}")),
            }
        }
    }

    fn join(&mut self, room: RoomName) {
        if !self.rooms.contains(&room) {
            self.rooms.push(room.clone());
            self.joining.push(room.clone());
            self.changed = true;
        }
        self.speaks_in = Some(room);
    }

    /// The hub has said what is subscribed to.
    fn joined(&mut self, rooms: &[RoomName]) {
        let (joined, joining) = std::mem::take(&mut self.joining)
            .into_iter()
            .partition(|room| rooms.contains(room));
        self.joining = joining;
        for room in Vec::<RoomName>::as_slice(&joined) {
            self.screen.notice(&format!("you joined {}", label(room)));
        }
        if self.joining.is_empty() && std::mem::take(&mut self.who_is_asked) {
            self.ask_who();
        }
    }

    fn leave(&mut self, room: &RoomName) {
        if !self.rooms.contains(room) {
            return self
                .screen
                .notice(&format!("you are not in {}", label(room)));
        }
        if self.peer.leave(std::slice::from_ref(room)).is_none() {
            return self.screen.notice("not now: the hub is away");
        }
        self.rooms.retain(|it| it != room);
        self.joining.retain(|it| it != room);
        if self.speaks_in.as_ref() == Some(room) {
            self.speaks_in = self.rooms.last().cloned();
        }
        self.screen.notice(&format!("you left {}", label(room)));
    }

    fn ask_who(&mut self) {
        let Some(room) = self.speaks_in.clone() else {
            return self.screen.notice("you are in no room");
        };
        if self.joining.contains(&room) {
            self.who_is_asked = true;
            return;
        }
        match self.peer.request(&RoomsRequest { room: Some(&room) }) {
            Some(id) => {
                self.asked.insert(id, Asked::Members(room));
            }
            None => self.screen.notice("not now: the hub is away"),
        }
    }

    fn answered(&mut self, id: u64, answer: VerbResult) {
        let asked = self.asked.remove(&id);
        let text = match answer {
            Ok(text) => text,
            Err(refusal) => return self.screen.notice(&format!("the hub refused: {refusal}")),
        };
        let said = match asked {
            None => return,
            Some(Asked::Members(room)) => match RoomsRequest::parse_response(&text) {
                Ok(answer) => return self.ask_sockets(room, &answer),
                Err(error) => error.to_string(),
            },
            Some(Asked::Sockets(room, away)) => match WhoRequest::parse_response(&text) {
                Ok(answer) => who(&room, &answer, &away),
                Err(error) => error.to_string(),
            },
        };
        self.screen.notice(&said);
    }

    /// Of the members those that are away are known; now who is there, member or not.
    fn ask_sockets(&mut self, room: RoomName, members: &RoomsResponse) {
        let found = members.rooms.iter().find(|it| it.room == room);
        let members = found.map(|room| &room.members[..]).unwrap_or_default();
        let away = members.iter().filter(|member| !member.here);
        let away = away.map(|member| member.name.clone()).collect();
        let request = WhoRequest {
            room: Some(&room),
            sid: None,
        };
        match self.peer.request(&request) {
            Some(id) => {
                self.asked.insert(id, Asked::Sockets(room, away));
            }
            None => self.screen.notice("not now: the hub is away"),
        }
    }
}

/// What an answer is about.
enum Asked {
    Members(RoomName),
    /// And the members that are away.
    Sockets(RoomName, Vec<ClientName>),
}

/// `in lobby: alice (you), bob, 2 without a name; away: carol`.
fn who(room: &RoomName, answer: &WhoResponse, away: &[ClientName]) -> String {
    // One name may have several sockets, which stand together.
    let mut here: Vec<String> = Vec::new();
    let mut nameless = answer.more;
    for person in &answer.sockets {
        let Some(name) = &person.name else {
            nameless += 1;
            continue;
        };
        let text = if person.you {
            format!("{name} (you)")
        } else {
            name.to_string()
        };
        if here.last() != Some(&text) {
            here.push(text);
        }
    }
    match nameless {
        0 => {}
        1 if answer.sockets.iter().any(|it| it.you && it.name.is_none()) => {
            here.push("you".to_owned());
        }
        several => here.push(format!("{several} without a name")),
    }
    let mut said = format!("in {}: {}", label(room), here.join(", "));
    if !away.is_empty() {
        let away: Vec<&str> = away.iter().map(ClientName::as_str).collect();
        said += &format!("; away: {}", away.join(", "));
    }
    said
}
