//! Reassembly of binary packets, checked against a model.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::*;

const ONE: &str = r#"51-["file",{"_placeholder":true,"num":0}]"#;
const TWO: &str = r#"62-/ns,7[{"_placeholder":true,"num":1},"and",{"_placeholder":true,"num":0}]"#;

fn bytes(content: &'static [u8]) -> Bytes {
    Bytes::from_static(content)
}

#[test]
fn a_plain_packet_is_whole() {
    let mut assembler = Assembler::default();
    let Ok(TextFrame::Complete(Packet::Event(event))) = assembler.text(r#"2["hi",1]"#) else {
        panic!("not an event");
    };
    assert_eq!(event.event.as_str(), "hi");
    assert_eq!(assembler.held(), 0);
}

#[test]
fn a_binary_packet_without_attachments_is_whole() {
    let mut assembler = Assembler::default();
    let text = r#"50-["hi",{"_placeholder":true,"num":0}]"#;
    assert!(matches!(
        assembler.text(text),
        Ok(TextFrame::Complete(Packet::Event(_)))
    ));
    // And no attachment is missing: the reference implementation fails on the next text here.
    assert!(matches!(
        assembler.text("2[\"hi\"]"),
        Ok(TextFrame::Complete(_))
    ));
}

#[test]
fn a_binary_packet_is_finished_by_its_last_attachment() {
    let mut assembler = Assembler::default();
    assert!(matches!(assembler.text(TWO), Ok(TextFrame::Partial)));
    assert_eq!(assembler.held(), TWO.len());
    assert!(assembler.binary(bytes(b"first")).unwrap().is_none());
    assert_eq!(assembler.held(), TWO.len() + 5);
    let binary = assembler.binary(bytes(b"")).unwrap().expect("is whole");
    assert_eq!(assembler.held(), 0);
    assert_eq!(binary.attachments, [bytes(b"first"), bytes(b"")]);
    let Ok(Packet::Ack(ack)) = binary.packet() else {
        panic!("not an ack");
    };
    assert_eq!((ack.namespace.as_str(), ack.id), ("/ns", 7));
    assert_eq!(placeholder(ack.args[0].get()), Some(1));
}

#[test]
fn frames_out_of_turn_are_refused() {
    let mut assembler = Assembler::default();
    assert_eq!(
        assembler.binary(bytes(b"x")).unwrap_err(),
        PacketError::UnexpectedBinary
    );
    assembler.text(ONE).unwrap();
    assert_eq!(
        assembler.text("2[\"hi\"]").unwrap_err(),
        PacketError::TextWhileBinaryAwaited
    );
    assert!(assembler.binary(bytes(b"x")).unwrap().is_some());
    assert_eq!(
        assembler.binary(bytes(b"x")).unwrap_err(),
        PacketError::UnexpectedBinary
    );
}

#[test]
fn a_refused_text_leaves_nothing_behind() {
    let mut assembler = Assembler::default();
    for bad in [
        r#"51-["file",{"_placeholder":true,"num":1}]"#,
        "511-[\"a\"]",
        "51-",
    ] {
        assert!(assembler.text(bad).is_err(), "{bad}");
        assert_eq!(assembler.held(), 0);
    }
    assert!(matches!(assembler.text(ONE), Ok(TextFrame::Partial)));
}

#[derive(Debug, Clone)]
enum Frame {
    Text(String),
    Binary(Vec<u8>),
}

fn frame() -> impl Strategy<Value = Frame> {
    let known = proptest::sample::select(vec![ONE, TWO, "50-[\"a\"]", "2[\"a\"]", "1", "5", "3[]"]);
    proptest::prop_oneof![
        known.prop_map(|text| Frame::Text(text.to_owned())),
        any::<String>().prop_map(Frame::Text),
        vec(any::<u8>(), 0..8).prop_map(Frame::Binary),
    ]
}

proptest! {
    /// A model that only counts knows which frames are missing, after any frames in any order.
    #[test]
    fn any_sequence_of_frames_is_counted(frames in vec(frame(), 0..30)) {
        let mut assembler = Assembler::default();
        let (mut awaited, mut held) = (0, 0);
        for frame in frames {
            match frame {
                Frame::Text(text) => match assembler.text(&text) {
                    Ok(TextFrame::Complete(_)) => prop_assert_eq!(awaited, 0),
                    Ok(TextFrame::Partial) => {
                        prop_assert_eq!(awaited, 0);
                        awaited = socket::decode(&text).unwrap().attachments;
                        held = text.len();
                    }
                    Err(PacketError::TextWhileBinaryAwaited) => prop_assert!(awaited > 0),
                    Err(_) => prop_assert_eq!(awaited, 0),
                },
                Frame::Binary(content) => {
                    let length = content.len();
                    match assembler.binary(content.into()) {
                        Ok(Some(binary)) => {
                            prop_assert_eq!(awaited, 1);
                            prop_assert!(binary.packet().is_ok());
                            (awaited, held) = (0, 0);
                        }
                        Ok(None) => {
                            prop_assert!(awaited > 1);
                            awaited -= 1;
                            held += length;
                        }
                        Err(_) => prop_assert_eq!(awaited, 0),
                    }
                }
            }
            prop_assert_eq!(assembler.held(), held);
        }
    }
}
