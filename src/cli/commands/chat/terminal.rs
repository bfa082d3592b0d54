//! `chat` at a terminal: messages above a line editor, and commands such as `/join`.

use std::collections::BTreeMap;

use tokio::select;

use super::editor::EditorEvent;
use super::input::{ChatInput, HELP};
use super::screen::ChatScreen;
use super::style::label;
use super::suspend_signals::SuspendSignals;
use super::wait_notice::{WaitNotice, YOUR_MESSAGES, with_wait_notice};
use crate::address::{Address, ClientName, Namespace, RoomName};
use crate::cli::args::chat::ChatArgs;
use crate::cli::failure::Failure;
use crate::cli::io::envelope::BatchTemplate;
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
    let started = ChatScreen::start(global.name.as_ref(), &rooms);
    let (screen, output) = started.map_err(Failure::Output)?;
    let mut chat = Chat {
        output: AckingOutput::new(output, &target),
        namespace: target.namespace.clone(),
        name: global.name.clone(),
        peer,
        screen,
        current_room: rooms.first().cloned(),
        rooms,
        rooms_changed: false,
        joining: Vec::new(),
        who_after_joining: false,
        queries: BTreeMap::new(),
        is_open: true,
        wait_notice: WaitNotice::default(),
        suspend_signals: SuspendSignals::listen().map_err(Failure::Output)?,
    };
    let ended = interrupts.run(chat.run()).await;
    let unconfirmed = chat.peer.unconfirmed_messages();
    chat.screen.stop_editing();
    let finish = chat.output.finish(chat.peer, &mut interrupts, ended);
    let finished = with_wait_notice(finish, "that you got the last messages").await;
    drop(chat.screen);
    finished.map_err(|failure| {
        let failure = failure.with_name(global.name.as_ref());
        Failure::unconfirmed(failure, unconfirmed)
    })
}

struct Chat {
    peer: HubClient,
    output: AckingOutput,
    screen: ChatScreen,
    namespace: Namespace,
    name: Option<ClientName>,
    rooms: Vec<RoomName>,
    /// Where typed messages go: the room joined last.
    current_room: Option<RoomName>,
    /// The hub does not know the new `rooms` yet. It gets them once every received message is shown.
    rooms_changed: bool,
    /// Rooms whose join the hub has not confirmed.
    joining: Vec<RoomName>,
    /// Sends `/who` once no join is unconfirmed.
    who_after_joining: bool,
    /// The unanswered queries of `/who`, by request id.
    queries: BTreeMap<u64, WhoQuery>,
    /// False once the user has ended the input.
    is_open: bool,
    wait_notice: WaitNotice,
    suspend_signals: SuspendSignals,
}

/// `/who` takes two requests, one after the other.
enum WhoQuery {
    Members(RoomName),
    Sockets {
        room: RoomName,
        away: Vec<ClientName>,
    },
}

const NO_ROOM: &str = "you are in no room; join one with /join ROOM";
const NOT_CONNECTED: &str = "not connected to the hub; try again later";

impl Chat {
    async fn run(&mut self) -> Result<(), Failure> {
        while self.is_open || self.peer.unconfirmed_messages() > 0 {
            if self.rooms_changed && self.output.is_flushed() {
                self.rooms_changed = false;
                self.peer.change_rooms(self.rooms.clone());
            }
            select! {
                report = self.output.next_report() => {
                    if self.output.handle_report(&mut self.peer, report)? == Flow::Stop {
                        self.is_open = false;
                    }
                }
                event = self.peer.next_event() => self.handle_event(event?),
                event = self.screen.next_event(), if self.is_open => {
                    self.handle_editor_event(event)?;
                }
                () = self.suspend_signals.next() => self.screen.suspend(),
                () = self.wait_notice.due() => self.wait_notice.print(YOUR_MESSAGES),
            }
        }
        Ok(())
    }

    fn handle_editor_event(&mut self, event: Option<EditorEvent>) -> Result<(), Failure> {
        match event {
            Some(EditorEvent::Line(text)) => {
                self.handle_line(&text);
                self.begin_line();
            }
            Some(EditorEvent::Discarded) => {
                self.screen
                    .notice("not sent; press Ctrl-C again to end the chat");
                self.begin_line();
            }
            Some(EditorEvent::Interrupted) => return Err(Failure::Signal(Signal::Interrupt)),
            Some(EditorEvent::Failed(error)) => return Err(Failure::Output(error)),
            Some(EditorEvent::EndOfInput) | None => {
                self.is_open = false;
                self.wait_notice.start();
            }
        }
        Ok(())
    }

    fn begin_line(&self) {
        let (name, room) = (self.name.as_ref(), self.current_room.as_ref());
        self.screen.begin_line(name, &self.rooms, room);
    }

    fn handle_event(&mut self, event: ClientEvent) {
        note_event(&event, self.peer.url());
        match event {
            ClientEvent::Batch { header, body } => {
                self.output.write_batch(&mut self.peer, header, body);
            }
            ClientEvent::Presence(presence) => self.show_presence(&presence),
            ClientEvent::Response { id, answer } => self.handle_response(id, answer),
            ClientEvent::RoomsRefused(refusal) => {
                self.rooms = self.peer.subscribed_rooms().to_vec();
                self.current_room = self.rooms.last().cloned();
                self.joining.clear();
                self.who_after_joining = false;
                self.screen.notice(&format!("the hub refused: {refusal}"));
            }
            ClientEvent::Subscribed { rooms, .. } => self.handle_subscribed(&rooms),
            // Requests sent over the lost connection get no answer.
            ClientEvent::Disconnected { .. } => self.queries.clear(),
            _ => {}
        }
    }

    fn show_presence(&mut self, presence: &PresenceEvent) {
        if presence.name.is_some() && presence.name == self.name {
            return;
        }
        let (name, change) = (
            presence::display_name(presence),
            presence::past_tense(presence.what),
        );
        let room = match self.rooms.len() {
            0 | 1 => String::new(),
            _ => format!(" {}", label(&presence.room)),
        };
        self.screen.notice(&format!("{name} {change}{room}"));
    }

    fn handle_line(&mut self, text: &str) {
        match ChatInput::parse(text) {
            ChatInput::Empty => {}
            ChatInput::Message(text) => match self.current_room.clone() {
                Some(room) => self.publish(room, text),
                None => self.screen.notice(NO_ROOM),
            },
            ChatInput::MessageTo(address, text) => {
                if let Some(room) = self.room_of(address) {
                    self.publish(room, text);
                }
            }
            ChatInput::Join(address) => {
                if let Some(room) = self.room_of(address) {
                    self.join(room);
                }
            }
            ChatInput::Leave(Some(address)) => {
                if let Some(room) = self.room_of(address) {
                    self.leave(&room);
                }
            }
            ChatInput::Leave(None) => match self.current_room.clone() {
                Some(room) => self.leave(&room),
                None => self.screen.notice(NO_ROOM),
            },
            ChatInput::Who => self.request_members(),
            ChatInput::Help => {
                let lines = HELP
                    .iter()
                    .map(|(command, description)| format!("{command:<14} {description}"));
                self.screen.notice(&lines.collect::<Vec<_>>().join("\n"));
            }
            ChatInput::Invalid(reason) => self.screen.notice(&reason),
        }
    }

    /// The room of an address. Shows a notice if the address is in another namespace than this chat.
    fn room_of(&self, address: Address) -> Option<RoomName> {
        match &address.namespace {
            Some(other) if *other != self.namespace => {
                self.screen.notice(&format!(
                    "this chat is in namespace {}; start another chat for {other}",
                    self.namespace
                ));
                None
            }
            _ => Some(address.room),
        }
    }

    fn publish(&mut self, room: RoomName, text: &str) {
        let options = InputOptions {
            split: Split::Lines,
            payload: Payload::Text,
            max_message: self.peer.hub_info().limits.message,
        };
        let template = BatchTemplate {
            rooms: vec![room],
            to: Audience::Others,
            ..BatchTemplate::default()
        };
        for block in typed(text, options) {
            match block {
                Ok(_) if !self.peer.can_publish() => {
                    return self.screen.notice(
                        "not sent: the hub has not confirmed your earlier messages; try again later",
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
            self.rooms_changed = true;
        }
        self.current_room = Some(room);
    }

    /// The hub has confirmed a subscription to these rooms.
    fn handle_subscribed(&mut self, rooms: &[RoomName]) {
        for room in self.joining.extract_if(.., |room| rooms.contains(room)) {
            self.screen.notice(&format!("you joined {}", label(&room)));
        }
        if self.joining.is_empty() && std::mem::take(&mut self.who_after_joining) {
            self.request_members();
        }
    }

    fn leave(&mut self, room: &RoomName) {
        if !self.rooms.contains(room) {
            return self
                .screen
                .notice(&format!("you are not in {}", label(room)));
        }
        if self.peer.leave(std::slice::from_ref(room)).is_none() {
            return self.screen.notice(NOT_CONNECTED);
        }
        self.rooms.retain(|it| it != room);
        self.joining.retain(|it| it != room);
        if self.current_room.as_ref() == Some(room) {
            self.current_room = self.rooms.last().cloned();
        }
        self.screen.notice(&format!("you left {}", label(room)));
    }

    /// `/who`: first the members of the current room, then its sockets.
    fn request_members(&mut self) {
        let Some(room) = self.current_room.clone() else {
            return self.screen.notice(NO_ROOM);
        };
        if self.joining.contains(&room) {
            self.who_after_joining = true;
            return;
        }
        let id = self.peer.request(&RoomsRequest { room: Some(&room) });
        self.await_answer(id, WhoQuery::Members(room));
    }

    /// The members give the names that are away. The sockets are everyone present, members or not.
    fn request_sockets(&mut self, room: RoomName, members: &RoomsResponse) {
        let found = members.rooms.iter().find(|it| it.room == room);
        let members = found.map(|room| &room.members[..]).unwrap_or_default();
        let away = members.iter().filter(|member| !member.here);
        let away = away.map(|member| member.name.clone()).collect();
        let id = self.peer.request(&WhoRequest {
            room: Some(&room),
            sid: None,
        });
        self.await_answer(id, WhoQuery::Sockets { room, away });
    }

    /// Without an id, the request was not sent.
    fn await_answer(&mut self, id: Option<u64>, query: WhoQuery) {
        match id {
            Some(id) => {
                self.queries.insert(id, query);
            }
            None => self.screen.notice(NOT_CONNECTED),
        }
    }

    fn handle_response(&mut self, id: u64, answer: VerbResult) {
        let query = self.queries.remove(&id);
        let json = match answer {
            Ok(json) => json,
            Err(refusal) => return self.screen.notice(&format!("the hub refused: {refusal}")),
        };
        let text = match query {
            None => return,
            Some(WhoQuery::Members(room)) => match RoomsRequest::parse_response(&json) {
                Ok(members) => return self.request_sockets(room, &members),
                Err(error) => error.to_string(),
            },
            Some(WhoQuery::Sockets { room, away }) => match WhoRequest::parse_response(&json) {
                Ok(sockets) => who_text(&room, &sockets, &away),
                Err(error) => error.to_string(),
            },
        };
        self.screen.notice(&text);
    }
}

/// `in lobby: alice (you), bob, 2 without a name; away: carol`.
fn who_text(room: &RoomName, response: &WhoResponse, away: &[ClientName]) -> String {
    // The sockets of one name are adjacent.
    let mut present: Vec<String> = Vec::new();
    let mut unnamed = response.more;
    for socket in &response.sockets {
        let Some(name) = &socket.name else {
            unnamed += 1;
            continue;
        };
        let text = if socket.you {
            format!("{name} (you)")
        } else {
            name.to_string()
        };
        if present.last() != Some(&text) {
            present.push(text);
        }
    }
    let you_are_unnamed = || {
        response
            .sockets
            .iter()
            .any(|it| it.you && it.name.is_none())
    };
    match unnamed {
        0 => {}
        1 if you_are_unnamed() => present.push("you".to_owned()),
        count => present.push(format!("{count} without a name")),
    }
    let mut text = format!("in {}: {}", label(room), present.join(", "));
    if !away.is_empty() {
        let away: Vec<&str> = away.iter().map(ClientName::as_str).collect();
        text += &format!("; away: {}", away.join(", "));
    }
    text
}
