//! The official clients of Socket.IO, in JavaScript and Python, against the hub.

use crate::harness::TestHub;
use crate::harness::peers::{node, python};

#[test]
fn the_javascript_client_chats() {
    let hub = TestHub::start();
    node("chat.mjs", &[hub.url()]).check();
}

#[test]
fn the_python_client_chats() {
    let hub = TestHub::start();
    python("chat.py", &[hub.url(), "websocket"]).check();
}
