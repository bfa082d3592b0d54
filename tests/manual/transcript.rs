//! Plays the transcript in man/roomcat-protocol.7 to a hub, frame by frame.

use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, client};

use super::{literal, read};
use crate::harness::TestHub;
use crate::{raw, readme};

/// The lines between `.nf` and `.fi` in a section, as a reader sees them.
fn shown(page: &str, section: &str) -> Vec<String> {
    let (_, rest) = page
        .split_once(&format!(".SH {section}\n"))
        .expect("the section is there");
    let section = rest.split("\n.SH ").next().unwrap_or(rest);
    let mut lines = Vec::new();
    let mut inside = false;
    for line in section.lines() {
        match line {
            ".nf" => inside = true,
            ".fi" => inside = false,
            line if inside => lines.push(literal(line)),
            _ => {}
        }
    }
    lines
}

/// The bytes of a binary frame that the page shows.
fn binary(shown: &str) -> Option<Vec<u8>> {
    let text = shown.strip_prefix("binary ")?;
    let text: String = serde_json::from_str(text).expect("a text in JSON");
    Some(text.into_bytes())
}

#[test]
fn the_transcript_is_what_a_hub_says() {
    let lines = shown(&read("roomcat-protocol.7"), "TRANSCRIPT");
    assert!(lines.len() > 20, "{lines:?}");
    let hub = TestHub::start();
    let request = format!("{}{}", hub.url(), raw::PATH);
    let stream = raw::tcp(hub.url()).expect("a connection");
    let request = request.into_client_request().expect("a URL");
    let (mut socket, _) = client(request, stream).expect("a WebSocket");
    for line in &lines {
        let (who, frame) = line.split_at(2);
        if who == "> " {
            let message = match binary(frame) {
                Some(bytes) => Message::binary(bytes),
                None => Message::text(frame),
            };
            socket.send(message).expect("sending");
            continue;
        }
        assert_eq!(who, "< ", "{line}");
        match (socket.read().expect("an answer"), binary(frame)) {
            (Message::Binary(found), Some(shown)) => assert_eq!(found, shown, "{line}"),
            (Message::Text(found), None) => {
                let shown = frame.replace("...", "…");
                assert!(
                    readme::matches(&shown, &found),
                    "shown {frame}\nfound {found}"
                );
            }
            (other, _) => panic!("{line}\nfound {other:?}"),
        }
    }
}
