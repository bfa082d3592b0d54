//! `sub --presence`: reports who enters and leaves, on stderr or, with `--json`, as objects between the messages.

use serde::Serialize;

use crate::address::{ClientName, Namespace, RoomName};
use crate::cli::io::stdout::{self, OutputBatch};
use crate::cli::screen::names::SOMEONE;
use crate::cli::screen::term;
use crate::client::events::{PresenceChange, PresenceEvent};

/// Prints `* alice joined lobby` on stderr.
pub fn print_note(presence: &PresenceEvent, namespace: &Namespace) {
    let room = match presence.room.as_str() {
        "" => namespace.as_str(),
        room => room,
    };
    let text = format!(
        "{} {} {room}",
        display_name(presence),
        past_tense(presence.what)
    );
    term::write_stderr(&format!("* {}\n", term::visible(&text)));
}

pub fn display_name(presence: &PresenceEvent) -> &str {
    presence.name.as_ref().map_or(SOMEONE, ClientName::as_str)
}

pub fn past_tense(change: PresenceChange) -> &'static str {
    match change {
        PresenceChange::Join => "joined",
        PresenceChange::Leave => "left",
    }
}

/// The line of `--json`.
pub fn json_line(presence: &PresenceEvent, namespace: &Namespace) -> OutputBatch {
    #[derive(Serialize)]
    struct PresenceJson<'a> {
        presence: PresenceChange,
        namespace: &'a Namespace,
        room: &'a RoomName,
        #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
        name: Option<&'a ClientName>,
        sid: &'a str,
        time: Option<String>,
    }
    let object = PresenceJson {
        presence: presence.what,
        namespace,
        room: &presence.room,
        name: presence.name.as_ref(),
        sid: &presence.sid,
        time: stdout::time(presence.at),
    };
    let object = serde_json::to_string(&object).expect("names and numbers are JSON");
    OutputBatch::annotation(&object, namespace.clone())
}
