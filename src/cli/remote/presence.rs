//! `sub --presence`: who comes and goes, beside the messages: on stderr, or with `--json` as objects between them.

use serde::Serialize;

use crate::address::{ClientName, Namespace, RoomName};
use crate::cli::io::stdout::{self, OutputBatch};
use crate::cli::screen::names::SOMEONE;
use crate::cli::screen::term;
use crate::client::events::{PresenceChange, PresenceEvent};

/// `* alice joined lobby`, on stderr.
pub fn note(presence: &PresenceEvent, namespace: &Namespace) {
    let room = match presence.room.as_str() {
        "" => namespace.as_str(),
        room => room,
    };
    let text = format!("{} {} {room}", who(presence), did(presence.what));
    term::write_stderr(&format!("* {}\n", term::visible(&text)));
}

pub fn who(presence: &PresenceEvent) -> &str {
    presence.name.as_ref().map_or(SOMEONE, ClientName::as_str)
}

pub fn did(what: PresenceChange) -> &'static str {
    match what {
        PresenceChange::Join => "joined",
        PresenceChange::Leave => "left",
    }
}

/// A line for stdout that is no message.
pub fn object(presence: &PresenceEvent, namespace: &Namespace) -> OutputBatch {
    #[derive(Serialize)]
    struct Object<'a> {
        presence: PresenceChange,
        namespace: &'a Namespace,
        room: &'a RoomName,
        #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
        name: Option<&'a ClientName>,
        sid: &'a str,
        time: Option<String>,
    }
    let object = Object {
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
