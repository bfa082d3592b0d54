//! The official clients of Socket.IO, in JavaScript and Python, against the hub.

use crate::harness::TestHub;
use crate::harness::peers::{node, python};

const TRANSPORTS: [&str; 3] = ["default", "websocket", "polling"];

/// Each over each way to the hub.
fn javascript(behaviour: &str) {
    let hub = TestHub::start();
    for transports in TRANSPORTS {
        node("client.mjs", &[hub.url(), transports, behaviour]).check();
    }
}

#[test]
fn javascript_clients_chat() {
    javascript("chat");
}

#[test]
fn javascript_clients_get_many_messages_once_and_in_order() {
    javascript("many");
}

#[test]
fn javascript_clients_are_answered() {
    javascript("acks");
}

#[test]
fn javascript_clients_join_and_leave_rooms() {
    javascript("rooms");
}

#[test]
fn javascript_clients_exchange_bytes() {
    javascript("binary");
}

#[test]
fn javascript_clients_exchange_large_messages() {
    javascript("large");
}

#[test]
fn javascript_clients_use_several_namespaces_over_one_connection() {
    javascript("namespaces");
}

#[test]
fn javascript_clients_without_the_token_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, "sesame\n").expect("a token");
    let token = token.display().to_string();
    let hub = TestHub::with(&["--token-file", &token]);
    for transports in TRANSPORTS {
        node("client.mjs", &[hub.url(), transports, "refused"]).check();
    }
}

#[test]
fn javascript_clients_change_from_polling_to_websocket() {
    let hub = TestHub::start();
    node("client.mjs", &[hub.url(), "default", "upgrade"]).check();
}

#[test]
fn javascript_clients_are_seen_and_kicked() {
    javascript("kicked");
}

#[test]
fn javascript_clients_reconnect() {
    javascript("reconnects");
}

#[test]
fn python_clients_do_all_of_it() {
    let hub = TestHub::start();
    for transports in TRANSPORTS {
        python("client.py", &[hub.url(), transports]).check();
    }
}
