//! What is done with each fuzzed input, shared by the fuzz targets and the test that replays the corpus. A target panics
//! when a decoder does, and when what was accepted does not hold what acceptance promises.

use bytes::Bytes;
use roomcat::address::Namespace;
use roomcat::wire::attachments::{Assembler, TextFrame, placeholder, rewrite_placeholders};
use roomcat::wire::batch::{
    Args, DeliveryHeader, Framing, PublishHeader, check, cut, decode_args, encode_args, messages,
};
use roomcat::wire::engine::{self, Handshake};
use roomcat::wire::socket::{self, Packet};
use serde_json::value::RawValue;

/// Separates the frames of a connection in an input of [`packets`], as it separates packets in long-polling.
const SEPARATOR: u8 = 0x1e;

/// One Engine.IO text frame.
pub fn engine(data: &[u8]) {
    let Ok(frame) = std::str::from_utf8(data) else {
        return;
    };
    let json = match engine::decode(frame) {
        Ok(engine::EnginePacket::Open(json)) => json,
        _ => frame,
    };
    if let Ok(handshake) = Handshake::decode(json) {
        let again = handshake.encode();
        assert_eq!(
            again.strip_prefix('0').map(Handshake::decode),
            Some(Ok(handshake))
        );
    }
}

/// The frames of one connection: a frame that begins with `b` is a binary one, any other is a Socket.IO packet.
pub fn packets(data: &[u8]) {
    let mut assembler = Assembler::default();
    for frame in data.split(|&byte| byte == SEPARATOR) {
        let held = assembler.held();
        if let Some(attachment) = frame.strip_prefix(b"b") {
            match assembler.binary(Bytes::copy_from_slice(attachment)) {
                Ok(Some(binary)) => {
                    assert_eq!(assembler.held(), 0);
                    let packet = binary.packet().expect("was checked when its text came");
                    packet_comes_back(&packet, binary.attachments.len());
                }
                Ok(None) => assert_eq!(assembler.held(), held + attachment.len()),
                Err(_) => assert_eq!(held, 0),
            }
        } else if let Ok(text) = std::str::from_utf8(frame) {
            match assembler.text(text) {
                Ok(TextFrame::Complete(packet)) => packet_comes_back(&packet, 0),
                Ok(TextFrame::Partial) => assert_eq!(assembler.held(), text.len()),
                Err(_) => assert_eq!(assembler.held(), held),
            }
        }
    }
}

/// A header in the first line, and the body of the batch behind it.
pub fn batch(data: &[u8]) {
    let newline = data
        .iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(data.len());
    let (header, body) = data.split_at(newline);
    let body = Bytes::copy_from_slice(body.get(1..).unwrap_or_default());
    let header = std::str::from_utf8(header).unwrap_or_default();
    if let Ok(header) = DeliveryHeader::decode(header) {
        let again = serde_json::to_string(&header).expect("a header is plain data");
        assert_eq!(DeliveryHeader::decode(&again), Ok(header));
    }
    if let Ok(header) = PublishHeader::decode(header) {
        let again = serde_json::to_string(&header).expect("a header is plain data");
        let PublishHeader {
            framing,
            json,
            count,
            ..
        } = header;
        assert_eq!(PublishHeader::decode(&again), Ok(header));
        body_is_what_it_is_said_to_be(framing, json, count, &body);
    }
    for framing in [Framing::Lines, Framing::Bytes, Framing::Args] {
        let count = u32::try_from(messages(framing, &body).count()).unwrap_or(u32::MAX);
        body_is_what_it_is_said_to_be(framing, false, count, &body);
        let _ = check(framing, true, count, &body, usize::MAX);
    }
}

/// The body of an event as it came.
pub fn args(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    let checked = check(Framing::Args, false, 1, &body, usize::MAX);
    let Ok(args) = decode_args(&body) else {
        assert!(checked.is_err());
        return;
    };
    assert_eq!(checked, Ok(()));
    let Args { json, attachments } = &args;
    assert_eq!(encode_args(json, attachments), body);
    let event = socket::encode_event(
        &Namespace::root(),
        None,
        "e",
        args.inside(),
        attachments.len(),
    );
    let text = event
        .strip_prefix('4')
        .expect("begins with the message prefix");
    let decoded = socket::decode(text).expect("is a legal event again");
    assert_eq!(decoded.attachments, attachments.len());
    if !attachments.is_empty() {
        placeholders_are_within(json, attachments.len());
    }
}

fn body_is_what_it_is_said_to_be(framing: Framing, json: bool, count: u32, body: &Bytes) {
    if check(framing, json, count, body, usize::MAX).is_err() {
        let _ = cut(framing, body, count / 2, count);
        return;
    }
    let all: Vec<&[u8]> = messages(framing, body).collect();
    assert_eq!(all.len() as u64, u64::from(count));
    let longest = all
        .iter()
        .map(|message| message.len())
        .max()
        .unwrap_or_default();
    assert_eq!(check(framing, json, count, body, longest), Ok(()));
    if let Some(less) = longest.checked_sub(1) {
        assert!(check(framing, json, count, body, less).is_err());
    }
    let middle = count / 2;
    let head = cut(framing, body, 0, middle);
    let tail = cut(framing, body, middle, u32::MAX);
    assert_eq!([&head[..], &tail[..]].concat(), body[..]);
    assert_eq!(messages(framing, &head).count() as u64, u64::from(middle));
    assert_eq!(check(framing, json, count - middle, &tail, longest), Ok(()));
}

/// What was decoded, encoded and decoded again is the same.
fn packet_comes_back(packet: &Packet, attachments: usize) {
    let again = match packet {
        Packet::Connect { namespace, auth } => {
            socket::encode_connect(namespace, auth.map(RawValue::get))
        }
        Packet::Disconnect { namespace } => socket::encode_disconnect(namespace),
        Packet::ConnectError { namespace, data } => {
            socket::encode_connect_error(namespace, data.get())
        }
        Packet::Event(event) => {
            let args = socket::join_args(&event.args);
            if attachments > 0 {
                placeholders_are_within(&format!("[{args}]"), attachments);
            }
            socket::encode_event(
                &event.namespace,
                event.id,
                event.event.as_str(),
                &args,
                attachments,
            )
        }
        Packet::Ack(ack) => {
            let args = socket::join_args(&ack.args);
            socket::encode_ack(&ack.namespace, ack.id, &args, attachments)
        }
    };
    let text = again
        .strip_prefix('4')
        .expect("begins with the message prefix");
    let decoded = socket::decode(text).expect("is a legal packet again");
    assert_eq!(decoded.attachments, attachments);
    assert_eq!(format!("{:?}", decoded.packet), format!("{packet:?}"));
}

fn placeholders_are_within(json: &str, attachments: usize) {
    let mut replaced = 0;
    let rewritten = rewrite_placeholders(json, |num, out| {
        assert!(num < attachments);
        replaced += 1;
        out.push_str("null");
    });
    assert!(replaced <= attachments);
    let arguments: Vec<&RawValue> = serde_json::from_str(&rewritten).expect("is JSON still");
    assert!(
        arguments
            .iter()
            .all(|argument| placeholder(argument.get()).is_none())
    );
}
