//! A line typed at a terminal: a message or a command. Pure.

use crate::address::Address;

/// A parsed line.
#[derive(Debug, PartialEq, Eq)]
pub enum ChatInput<'a> {
    Empty,
    Message(&'a str),
    MessageTo(Address, &'a str),
    Join(Address),
    /// None is the current room.
    Leave(Option<Address>),
    Who,
    Help,
    /// The text says why.
    Invalid(String),
}

/// The commands and their descriptions, for `/help`.
pub const HELP: &[(&str, &str)] = &[
    ("/join ROOM", "join one more room and talk in it"),
    ("/leave [ROOM]", "leave ROOM, or the room you talk in"),
    ("/to ROOM text", "send a message to another room"),
    ("/who", "list who is in the room you talk in"),
    ("//text", "send the message /text"),
    ("Ctrl-D", "end the chat"),
];

impl<'a> ChatInput<'a> {
    pub fn parse(line: &'a str) -> Self {
        let Some(command) = line.strip_prefix('/') else {
            return match line.trim() {
                "" => Self::Empty,
                _ => Self::Message(line),
            };
        };
        // Only pasted text has several lines, and it is never a command.
        if line.contains('\n') {
            return Self::Message(line);
        }
        if command.starts_with('/') {
            return Self::Message(command);
        }
        let (word, rest) = split_word(command);
        match (word, rest) {
            ("join", "") => invalid("/join needs a room: /join ROOM"),
            ("join", room) => with_room(room, Self::Join),
            ("leave", "") => Self::Leave(None),
            ("leave", room) => with_room(room, |room| Self::Leave(Some(room))),
            ("who", "") => Self::Who,
            ("help" | "?", _) => Self::Help,
            ("to", rest) => match split_word(rest) {
                (_, "") => invalid("/to needs a room and a text: /to ROOM text"),
                (room, text) => with_room(room, |room| Self::MessageTo(room, text)),
            },
            ("who", _) => invalid("/who takes no argument"),
            (word, _) => Self::Invalid(format!(
                "there is no command /{word}; /help lists the commands, //{word} sends the text /{word}"
            )),
        }
    }
}

fn split_word(text: &str) -> (&str, &str) {
    match text.trim().split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (text.trim(), ""),
    }
}

fn with_room<'a>(room: &str, command: impl FnOnce(Address) -> ChatInput<'a>) -> ChatInput<'a> {
    match Address::parse(room) {
        Ok(room) => command(room),
        Err(error) => ChatInput::Invalid(error.to_string()),
    }
}

fn invalid<'a>(reason: &str) -> ChatInput<'a> {
    ChatInput::Invalid(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn one_slash_begins_a_command_and_two_begin_a_message() {
        let cases = [
            ("", ChatInput::Empty),
            ("  ", ChatInput::Empty),
            ("hi", ChatInput::Message("hi")),
            (" hi /who", ChatInput::Message(" hi /who")),
            ("//who is there", ChatInput::Message("/who is there")),
            ("/etc\n/join x", ChatInput::Message("/etc\n/join x")),
            ("/join ops", ChatInput::Join(room("ops"))),
            ("/join  /admin#ops ", ChatInput::Join(room("/admin#ops"))),
            ("/leave", ChatInput::Leave(None)),
            ("/leave ops", ChatInput::Leave(Some(room("ops")))),
            ("/who", ChatInput::Who),
            ("/help me", ChatInput::Help),
            (
                "/to ops  deploy  now",
                ChatInput::MessageTo(room("ops"), "deploy  now"),
            ),
        ];
        for (line, input) in cases {
            assert_eq!(ChatInput::parse(line), input, "{line}");
        }
        for line in ["/join", "/to", "/to ops", "/who x", "/", "/jion ops"] {
            assert!(
                matches!(ChatInput::parse(line), ChatInput::Invalid(_)),
                "{line}"
            );
        }
    }
}
