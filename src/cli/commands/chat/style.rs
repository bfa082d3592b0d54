//! How a chat looks at a terminal: who sent each message, with a colour for each name. No IO.

use std::sync::atomic::{AtomicBool, Ordering};

use colored::{Color, Colorize as _};

use crate::address::{ClientName, EventName, RoomName};
use crate::cli::io::stdout::{OutputBatch, batch_messages, visible_text};
use crate::cli::screen::names::SOMEONE;
use crate::cli::screen::term::{self, Paint};

/// Those of the 256 colours that can be read on both white and black and are easy to tell apart.
const PALETTE: [u8; 12] = [160, 166, 130, 100, 64, 29, 30, 32, 62, 98, 133, 168];

#[derive(Debug)]
pub struct ChatStyle {
    paint: Paint,
    /// The room that the chat began in.
    first_room: Option<RoomName>,
    /// Each line names its room, unless the chat is only in the room that it began in.
    names_rooms: AtomicBool,
}

impl ChatStyle {
    pub fn new(paint: Paint, rooms: &[RoomName]) -> Self {
        Self {
            paint,
            first_room: rooms.first().cloned(),
            names_rooms: AtomicBool::new(rooms.len() > 1),
        }
    }

    pub fn set_rooms(&self, rooms: &[RoomName]) {
        let names_rooms = match rooms {
            [] => false,
            [only] => self.first_room.as_ref() != Some(only),
            _ => true,
        };
        self.names_rooms.store(names_rooms, Ordering::Relaxed);
    }

    fn names_rooms(&self) -> bool {
        self.names_rooms.load(Ordering::Relaxed)
    }

    /// One `alice: hi` a message. Further lines of a message are indented, so that no message looks like several.
    pub fn messages(&self, batch: &OutputBatch) -> String {
        let header = &batch.header;
        let mut prefix = if self.names_rooms() {
            self.dim(&format!("[{}] ", labels(&header.rooms)))
        } else {
            String::new()
        };
        prefix += &match &header.from {
            Some(name) => self.name(name),
            None => self.dim(SOMEONE),
        };
        if header.event != EventName::message() {
            let event = format!(" {}", term::visible(header.event.as_str()));
            prefix += &self.dim(&event);
        }
        let mut lines = String::new();
        for message in batch_messages(batch) {
            let data = visible_text(batch, message);
            lines += &format!("{prefix}: {}\n", data.replace('\n', "\n  "));
        }
        lines
    }

    /// A text that is not a message: `* alice joined`.
    pub fn notice(&self, text: &str) -> String {
        let lines = text.lines().map(|line| format!("* {line}"));
        let text = lines.collect::<Vec<_>>().join("\n");
        self.dim(&text) + "\n"
    }

    /// The prompt without and with colours.
    pub fn prompt(&self, name: Option<&ClientName>, room: Option<&RoomName>) -> (String, String) {
        let room = match (self.names_rooms(), room) {
            (true, Some(room)) => format!("[{}] ", label(room)),
            (false, None) => "[no room] ".to_owned(),
            _ => String::new(),
        };
        let plain_name = name.map(|name| term::visible(name.as_str()).into_owned());
        let plain = format!("{room}{}> ", plain_name.unwrap_or_default());
        let painted = format!(
            "{}{}> ",
            self.dim(&room),
            name.map(|name| self.name(name)).unwrap_or_default()
        );
        (plain, painted)
    }

    fn name(&self, name: &ClientName) -> String {
        let text = term::visible(name.as_str());
        match self.paint {
            Paint::Colours => text.color(name_colour(name.as_str())).bold().to_string(),
            Paint::Plain => text.into_owned(),
        }
    }

    fn dim(&self, text: &str) -> String {
        match self.paint {
            Paint::Colours if !text.is_empty() => text.dimmed().to_string(),
            _ => text.to_owned(),
        }
    }
}

/// A room's name as people read it. The empty room is the whole namespace.
pub fn label(room: &RoomName) -> String {
    match room.as_str() {
        "" => "everyone".to_owned(),
        room => term::visible(room).into_owned(),
    }
}

fn labels(rooms: &[RoomName]) -> String {
    let labels: Vec<String> = rooms.iter().map(label).collect();
    labels.join(", ")
}

/// A name has the same colour on every machine and on every day: FNV-1a.
fn name_colour(name: &str) -> Color {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // Names that differ only in their last letter differ in few bits of the hash. This spreads them (MurmurHash3's last step).
    let spread = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let index = (spread >> 32) % PALETTE.len() as u64;
    let index = usize::try_from(index).expect("the index is less than the palette's length");
    Color::AnsiColor(PALETTE[index])
}

#[cfg(test)]
mod tests;
