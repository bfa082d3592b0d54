//! What is typed at a terminal: something to say, or a command. Pure.

use crate::address::Address;

/// A line, understood.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed<'a> {
    Nothing,
    Say(&'a str),
    SayTo(Address, &'a str),
    Join(Address),
    /// None: the room one speaks in.
    Leave(Option<Address>),
    Who,
    Help,
    Wrong(String),
}

/// What `/help` shows.
pub const HELP: &[(&str, &str)] = &[
    ("/join ROOM", "enter a room as well, and speak in it"),
    ("/leave [ROOM]", "leave a room, or the one you speak in"),
    ("/to ROOM text", "say something in another room"),
    ("/who", "who is in the room you speak in"),
    ("//text", "say /text"),
    ("Ctrl-D", "end"),
];

impl<'a> Typed<'a> {
    pub fn parse(line: &'a str) -> Self {
        let Some(command) = line.strip_prefix('/') else {
            return match line.trim() {
                "" => Self::Nothing,
                _ => Self::Say(line),
            };
        };
        // Pasted: a line of it that begins with a slash is no command.
        if command.starts_with('/') || line.contains('\n') {
            return Self::Say(if line.contains('\n') { line } else { command });
        }
        let (word, rest) = split(command);
        match (word, rest) {
            ("join", "") => wrong("/join wants a room: /join ROOM"),
            ("join", room) => with_room(room, Self::Join),
            ("leave", "") => Self::Leave(None),
            ("leave", room) => with_room(room, |room| Self::Leave(Some(room))),
            ("who", "") => Self::Who,
            ("help" | "?", _) => Self::Help,
            ("to", rest) => match split(rest) {
                (_, "") => wrong("/to wants a room and a text: /to ROOM text"),
                (room, text) => with_room(room, |room| Self::SayTo(room, text)),
            },
            ("who", _) => wrong("/who wants nothing behind it"),
            (word, _) => Self::Wrong(format!(
                "there is no command /{word}; /help shows them, and //{word} says /{word}"
            )),
        }
    }
}

fn split(text: &str) -> (&str, &str) {
    match text.trim().split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (text.trim(), ""),
    }
}

fn with_room<'a>(room: &str, then: impl FnOnce(Address) -> Typed<'a>) -> Typed<'a> {
    match Address::parse(room) {
        Ok(room) => then(room),
        Err(error) => Typed::Wrong(error.to_string()),
    }
}

fn wrong<'a>(text: &str) -> Typed<'a> {
    Typed::Wrong(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn a_slash_begins_a_command_and_two_say_one() {
        let cases = [
            ("", Typed::Nothing),
            ("  ", Typed::Nothing),
            ("hi", Typed::Say("hi")),
            (" hi /who", Typed::Say(" hi /who")),
            ("//who is there", Typed::Say("/who is there")),
            ("/etc\n/join x", Typed::Say("/etc\n/join x")),
            ("/join ops", Typed::Join(room("ops"))),
            ("/join  /admin#ops ", Typed::Join(room("/admin#ops"))),
            ("/leave", Typed::Leave(None)),
            ("/leave ops", Typed::Leave(Some(room("ops")))),
            ("/who", Typed::Who),
            ("/help me", Typed::Help),
            (
                "/to ops  deploy  now",
                Typed::SayTo(room("ops"), "deploy  now"),
            ),
        ];
        for (line, typed) in cases {
            assert_eq!(Typed::parse(line), typed, "{line}");
        }
        for line in ["/join", "/to", "/to ops", "/who x", "/", "/jion ops"] {
            assert!(matches!(Typed::parse(line), Typed::Wrong(_)), "{line}");
        }
    }
}
