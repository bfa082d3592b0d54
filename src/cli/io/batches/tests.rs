use tokio::sync::mpsc::channel;

use super::*;
use crate::address::{EventName, RoomName};
use crate::wire::batch::encode_args;

fn block(lines: &str) -> InputBlock {
    InputBlock {
        framing: Framing::Lines,
        json: false,
        count: u32::try_from(lines.lines().count()).unwrap(),
        body: Bytes::copy_from_slice(lines.as_bytes()),
    }
}

fn opened(
    lines: &str,
    destination: Destination,
    template: BatchTemplate,
) -> Vec<Result<RoutedBatch, InputError>> {
    let (_sender, blocks) = channel(1);
    let mut envelopes = Envelopes::new(blocks.into(), template, destination, 100);
    envelopes.parse_block(&block(lines));
    envelopes.ready.into()
}

fn rooms(names: &[&str]) -> Vec<RoomName> {
    names
        .iter()
        .map(|name| RoomName::parse(name).unwrap())
        .collect()
}

#[test]
fn envelopes_keep_rooms_event_and_data() {
    let lines = r#"{"namespace":"/n","rooms":["a","b"],"event":"e","seq":"1","time":"t","from":"x","data":"hi \u00fc"}
{"rooms":["a"],"event":"e","data":{"k":[1]},"json":true}
{"rooms":[],"base64":"//8="}
{"rooms":["a"],"data":"two\nlines"}
{"rooms":["a"],"event":"up","args":[{"_placeholder":true,"num":0},1],"attachments":["AAE="]}
"#;
    let found = opened(lines, Destination::Own, BatchTemplate::default());
    let expected = [
        (
            Some("/n"),
            rooms(&["a", "b"]),
            "e",
            Framing::Lines,
            false,
            Bytes::from("hi ü\n"),
        ),
        (
            None,
            rooms(&["a"]),
            "e",
            Framing::Lines,
            true,
            Bytes::from("{\"k\":[1]}\n"),
        ),
        (
            None,
            rooms(&[]),
            "message",
            Framing::Bytes,
            false,
            Bytes::from_static(b"\0\0\0\x02\xff\xff"),
        ),
        (
            None,
            rooms(&["a"]),
            "message",
            Framing::Bytes,
            false,
            Bytes::from_static(b"\0\0\0\x09two\nlines"),
        ),
        (
            None,
            rooms(&["a"]),
            "up",
            Framing::Args,
            false,
            encode_args(
                r#"[{"_placeholder":true,"num":0},1]"#,
                &[Bytes::from_static(&[0, 1])],
            ),
        ),
    ];
    assert_eq!(found.len(), expected.len());
    for (found, (namespace, rooms, event, framing, json, body)) in found.into_iter().zip(expected) {
        let RoutedBatch {
            namespace: its,
            batch,
        } = found.unwrap();
        assert_eq!(its.as_ref().map(Namespace::as_str), namespace);
        assert_eq!(
            (batch.header.rooms, batch.header.event.as_str()),
            (rooms, event)
        );
        assert_eq!(
            (batch.header.framing, batch.header.json, batch.header.count),
            (framing, json, 1)
        );
        assert_eq!(batch.body, body);
    }
}

#[test]
fn neighbours_that_differ_only_in_data_travel_together() {
    let lines = r#"{"rooms":["a"],"data":"1"}
{"rooms":["a"],"data":"2"}
{"rooms":["b"],"data":"3"}
{"rooms":["b"],"data":"4","event":"e"}
"#;
    let counts: Vec<(u32, Bytes)> = opened(lines, Destination::Own, BatchTemplate::default())
        .into_iter()
        .map(|outgoing| outgoing.unwrap().batch)
        .map(|batch| (batch.header.count, batch.body))
        .collect();
    assert_eq!(
        counts,
        [(2, "1\n2\n".into()), (1, "3\n".into()), (1, "4\n".into())]
    );
}

#[test]
fn the_command_line_overrides_envelopes() {
    let template = BatchTemplate {
        rooms: rooms(&["given"]),
        event: Some(EventName::parse("mine").unwrap()),
        ..BatchTemplate::default()
    };
    let line = "{\"namespace\":\"/n\",\"rooms\":[\"a\"],\"event\":\"e\",\"data\":\"1\"}\n";
    for (destination, to) in [
        (Destination::Given, rooms(&["given"])),
        (Destination::OwnRooms, rooms(&["a"])),
    ] {
        let found = opened(line, destination, template.clone())
            .remove(0)
            .unwrap();
        assert_eq!(found.namespace, None);
        assert_eq!(found.batch.header.rooms, to);
        assert_eq!(found.batch.header.event.as_str(), "mine");
    }
}

#[test]
fn a_bad_line_is_named_and_those_before_it_go_out() {
    let long = format!("{{\"rooms\":[],\"data\":\"{}\"}}", "x".repeat(101));
    for bad in [
        "nonsense",
        "{}",
        r#"{"data":7}"#,
        r#"{"data":"a","base64":"AA=="}"#,
        r#"{"base64":"?"}"#,
        r#"{"args":{}}"#,
        r#"{"data":"a","event":"connect"}"#,
        r#"{"data":"a","rooms":["\u001b"]}"#,
        &long,
    ] {
        let lines = format!("{{\"data\":\"1\"}}\n{bad}\n{{\"data\":\"3\"}}\n");
        let found = opened(&lines, Destination::Own, BatchTemplate::default());
        assert_eq!(found.len(), 2, "{bad}");
        assert_eq!(found[0].as_ref().unwrap().batch.body, "1\n");
        match found[1].as_ref().unwrap_err() {
            InputError::Envelope { number, .. } | InputError::TooLong { number, .. } => {
                assert_eq!(*number, 2, "{bad}");
            }
            other => panic!("{bad}: {other}"),
        }
    }
}
