//! How a chat looks at a terminal: who says what, each name in a colour of its own. No IO.

use std::sync::atomic::{AtomicBool, Ordering};

use colored::{Color, Colorize as _};

use crate::address::{ClientName, EventName, RoomName};
use crate::cli::io::stdout::{OutputBatch, batch_messages, visible_text};
use crate::cli::screen::names::SOMEONE;
use crate::cli::screen::term;

/// Of the 256 colours those that can be read on white as on black, none close to another.
const PALETTE: [u8; 12] = [160, 166, 130, 100, 64, 29, 30, 32, 62, 98, 133, 168];

#[derive(Debug)]
pub struct Look {
    colours: Colours,
    /// Where it began.
    home: Option<RoomName>,
    /// Anywhere else, and in several rooms, each line says where.
    abroad: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    Some,
    None,
}

impl Look {
    pub fn new(colours: Colours, rooms: &[RoomName]) -> Self {
        Self {
            colours,
            home: rooms.first().cloned(),
            abroad: AtomicBool::new(rooms.len() > 1),
        }
    }

    pub fn has_rooms(&self, rooms: &[RoomName]) {
        let abroad = match rooms {
            [] => false,
            [only] => self.home.as_ref() != Some(only),
            _ => true,
        };
        self.abroad.store(abroad, Ordering::Relaxed);
    }

    fn names_rooms(&self) -> bool {
        self.abroad.load(Ordering::Relaxed)
    }

    /// Messages, each `alice: hi` in a line; what is behind a line break in one is indented, so that no message looks
    /// like several.
    pub fn messages(&self, chunk: &OutputBatch) -> String {
        let header = &chunk.header;
        let mut before = if self.names_rooms() {
            self.dim(&format!("[{}] ", rooms(&header.rooms)))
        } else {
            String::new()
        };
        before += &match &header.from {
            Some(name) => self.name(name),
            None => self.dim(SOMEONE),
        };
        if header.event != EventName::message() {
            let event = format!(" {}", term::visible(header.event.as_str()));
            before += &self.dim(&event);
        }
        let mut lines = String::new();
        for message in batch_messages(chunk) {
            let data = visible_text(chunk, message);
            lines += &format!("{before}: {}\n", data.replace('\n', "\n  "));
        }
        lines
    }

    /// Something that is not a message: `* alice joined`.
    pub fn notice(&self, text: &str) -> String {
        let lines = text.lines().map(|line| format!("* {line}"));
        let text = lines.collect::<Vec<_>>().join("\n");
        self.dim(&text) + "\n"
    }

    /// What stands before what is typed, bare and drawn.
    pub fn prompt(&self, name: Option<&ClientName>, room: Option<&RoomName>) -> (String, String) {
        let room = match (self.names_rooms(), room) {
            (true, Some(room)) => format!("[{}] ", label(room)),
            (false, None) => "[no room] ".to_owned(),
            _ => String::new(),
        };
        let shown = name.map(|name| term::visible(name.as_str()).into_owned());
        let bare = format!("{room}{}> ", shown.unwrap_or_default());
        let drawn = format!(
            "{}{}> ",
            self.dim(&room),
            name.map(|name| self.name(name)).unwrap_or_default()
        );
        (bare, drawn)
    }

    fn name(&self, name: &ClientName) -> String {
        let text = term::visible(name.as_str());
        match self.colours {
            Colours::Some => text.color(colour(name.as_str())).bold().to_string(),
            Colours::None => text.into_owned(),
        }
    }

    fn dim(&self, text: &str) -> String {
        match self.colours {
            Colours::Some if !text.is_empty() => text.dimmed().to_string(),
            _ => text.to_owned(),
        }
    }
}

/// A room as it is shown; the empty one is the whole namespace.
pub fn label(room: &RoomName) -> String {
    match room.as_str() {
        "" => "everyone".to_owned(),
        room => term::visible(room).into_owned(),
    }
}

fn rooms(rooms: &[RoomName]) -> String {
    let labels: Vec<String> = rooms.iter().map(label).collect();
    labels.join(", ")
}

/// FNV-1a: the same name has the same colour on every machine and tomorrow.
fn colour(name: &str) -> Color {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // Names that differ in their last letter differ in few bits: those are spread (MurmurHash3's last step).
    let spread = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let at = (spread >> 32) % PALETTE.len() as u64;
    let at = usize::try_from(at).expect("less than the palette is long");
    Color::AnsiColor(PALETTE[at])
}

#[cfg(test)]
mod tests;
