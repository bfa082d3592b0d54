//! Stream parts: their bodies, buffers and checksum.

use proptest::prelude::*;

use super::*;
use crate::address::EventName;
use crate::wire::batch::{check, encode_args};

fn header() -> DeliveryHeader {
    DeliveryHeader::new(EventName::parse(EVENT).unwrap(), Framing::Args)
}

fn piece(part: u64) -> StreamPart {
    StreamPart {
        id: "5f".repeat(16),
        part,
        sid: Some("sid".to_owned()),
        end: None,
        abort: None,
    }
}

#[test]
fn a_piece_is_an_event_with_an_object_and_bytes() {
    let end = StreamEnd {
        bytes: 3,
        crc32: None,
    };
    let last = StreamPart {
        id: "a".to_owned(),
        part: 7,
        sid: None,
        end: Some(end),
        abort: None,
    };
    let body = last.encode(b"abc");
    let args = decode_args(&body).unwrap();
    assert_eq!(
        args.json,
        r#"[{"id":"a","part":7,"end":{"bytes":3}},{"_placeholder":true,"num":0}]"#
    );
    assert_eq!(args.attachments, ["abc"]);
    assert_eq!(
        StreamPart::decode(&header(), &body),
        Some((last, Bytes::from("abc")))
    );
}

#[test]
fn parts_made_by_hand_are_read() {
    let bare = encode_args(r#"[{"id":"a","part":0,"more":[1]}]"#, &[]);
    let (bare, bytes) = StreamPart::decode(&header(), &bare).unwrap();
    assert_eq!((bare.part, bytes.len()), (0, 0));
}

#[test]
fn everything_else_is_no_piece() {
    let data = [Bytes::from("x")];
    let two = [Bytes::from("x"), Bytes::from("y")];
    let placeholder = batch::BODY_PLACEHOLDER;
    let long = "i".repeat(limits::STREAM_ID_BYTES + 1);
    for (json, attachments) in [
        ("[]".to_owned(), &[][..]),
        ("[7]".to_owned(), &[]),
        (r#"[["a",0,null,null,null]]"#.to_owned(), &[]),
        (r#"[{"id":"a"}]"#.to_owned(), &[]),
        (r#"[{"id":"a","part":-1}]"#.to_owned(), &[]),
        (r#"[{"id":"","part":0}]"#.to_owned(), &[]),
        (format!(r#"[{{"id":"{long}","part":0}}]"#), &[]),
        (format!("[{placeholder}]"), &data),
        (format!(r#"[{{"id":"a","part":0}},{placeholder},1]"#), &data),
        (
            format!(r#"[{{"id":"a","part":0}},{placeholder},{{"_placeholder":true,"num":1}}]"#),
            &two,
        ),
    ] {
        let body = encode_args(&json, attachments);
        assert_eq!(StreamPart::decode(&header(), &body), None, "{json}");
    }
    let other = DeliveryHeader {
        event: EventName::message(),
        ..header()
    };
    assert_eq!(StreamPart::decode(&other, &piece(0).encode(b"")), None);
    let lines = DeliveryHeader {
        framing: Framing::Lines,
        ..header()
    };
    assert_eq!(StreamPart::decode(&lines, &piece(0).encode(b"")), None);
}

#[test]
fn a_head_that_is_too_long_for_its_room_is_written_all_the_same() {
    let long = StreamPart {
        abort: Some("x".repeat(2 * limits::STREAM_HEAD_BYTES)),
        ..piece(1)
    };
    let mut filling = PartBuffer::new(4);
    filling.spare()[..4].copy_from_slice(b"full");
    filling.advance(4);
    let body = filling.take(&long);
    assert_eq!(body, long.encode(b"full"));
}

proptest! {
    #[test]
    fn hostile_bodies_never_panic(body: Vec<u8>) {
        let _ = StreamPart::decode(&header(), &body.into());
    }

    #[test]
    fn the_buffer_returns_the_bytes_written(capacity in 1..300usize, reads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 1..20)) {
        let mut filling = PartBuffer::new(capacity);
        let (mut wanted, mut found, mut part) = (Vec::new(), Vec::new(), 0);
        for read in &reads {
            let mut rest = &read[..];
            while !rest.is_empty() {
                let taken = rest.len().min(filling.spare().len());
                filling.spare()[..taken].copy_from_slice(&rest[..taken]);
                filling.advance(taken);
                rest = &rest[taken..];
                if filling.is_full() {
                    let body = filling.take(&piece(part));
                    prop_assert!(check(Framing::Args, false, 1, &body, capacity + limits::STREAM_HEAD_BYTES).is_ok());
                    let (decoded, bytes) = StreamPart::decode(&header(), &body).unwrap();
                    prop_assert_eq!(decoded.part, part);
                    prop_assert_eq!(bytes.len(), capacity);
                    found.extend_from_slice(&bytes);
                    part += 1;
                }
            }
            wanted.extend_from_slice(read);
        }
        let (_, bytes) = StreamPart::decode(&header(), &filling.take(&piece(part))).unwrap();
        found.extend_from_slice(&bytes);
        prop_assert_eq!(wanted, found);
        prop_assert!(filling.is_empty());
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(bytes);
    crc.finalize()
}

#[test]
fn the_checksum_is_the_crc_32_of_zip() {
    assert_eq!(crc32(b""), 0);
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    let sentence = b"The quick brown fox jumps over the lazy dog";
    assert_eq!(crc32(sentence), 0x414F_A339);
    assert_eq!(crc32(&[0; 32]), 0x190A_55AD);
    assert_eq!(crc32(&[0xFF; 32]), 0xFF6C_AB0B);
}

/// The definition, bit by bit.
fn crc32_by_definition(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 }
        })
    });
    !crc
}

proptest! {
    #[test]
    fn the_checksum_does_not_depend_on_how_the_bytes_are_split(parts: Vec<Vec<u8>>) {
        let mut crc = Crc32::new();
        for part in &parts {
            crc.update(part);
        }
        prop_assert_eq!(crc.finalize(), crc32_by_definition(&parts.concat()));
    }
}
