//! Random changes to valid packets: whether the hub closes their connections or not, it goes on serving others.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::TestHub;
use crate::random::Random;
use crate::raw::{Packet, Raw};

const MUTATIONS: usize = 10_000;
/// Sent on one connection, if it is not closed before.
const TOGETHER: usize = 20;

const PLACEHOLDER: &str = r#"{"_placeholder":true,"num":0}"#;

fn packets() -> Vec<String> {
    let batch = |header: &str| format!("451-7[\"batch\",{header},{PLACEHOLDER}]");
    vec![
        "40".to_owned(),
        "40/admin,{\"as\":\"alice\",\"ack\":true}".to_owned(),
        "41/admin,".to_owned(),
        "42[\"chat message\",\"hi\"]".to_owned(),
        "42/admin,12[\"chat message\",{\"a\":[1,2,{\"b\":null}]}]".to_owned(),
        "431[{\"ok\":true}]".to_owned(),
        format!("452-[\"upload\",{PLACEHOLDER},{{\"_placeholder\":true,\"num\":1}}]"),
        batch(
            r#"{"rooms":["ci","cd"],"event":"message","framing":"lines","count":2,"id":["p",1]}"#,
        ),
        batch(r#"{"rooms":["ci"],"framing":"bytes","count":1,"except":["x"],"to":"others"}"#),
        batch(r#"{"framing":"args","count":1,"volatile":true}"#),
        "421[\"pub\",{\"rooms\":[\"ci\"],\"event\":\"e\",\"data\":{\"x\":1e400}}]".to_owned(),
        "422[\"join\",[\"ci\",\"cd\"]]".to_owned(),
        "423[\"leave\",\"ci\"]".to_owned(),
        "424[\"sub\",{\"rooms\":[\"ci\"],\"since\":\"1.1\",\"last\":3,\"log\":\"x\"}]".to_owned(),
        "425[\"ack\",{\"seq\":\"3.1\"}]".to_owned(),
        "426[\"rooms\",{\"room\":\"ci\"}]".to_owned(),
    ]
}

fn bodies() -> Vec<Vec<u8>> {
    vec![
        b"one\ntwo\n".to_vec(),
        b"\0\0\0\x03one".to_vec(),
        b"\0\0\0\x05[\"a\"]\0\0\0\x01x".to_vec(),
        Vec::new(),
    ]
}

/// A few bytes changed, taken out, put in or doubled.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    const SPICE: &[u8] = b"0123456789,-[]{}\"\\/:_ \n\0\xff\xc3\xa9x";
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len() + 1);
        match random.below(5) {
            0 if at < bytes.len() => bytes[at] = *random.pick(SPICE),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.insert(at, *random.pick(SPICE)),
            3 => bytes.truncate(at),
            _ => {
                let end = (at + random.below(20)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}

/// Mutated packets with their bodies, in a random order, most of them text.
fn frames(random: &mut Random) -> Vec<Message> {
    let (packets, bodies) = (packets(), bodies());
    let mut frames = Vec::new();
    for _ in 0..TOGETHER {
        let mut packet = random.pick(&packets).clone().into_bytes();
        if random.below(4) > 0 {
            mutate(&mut packet, random);
        }
        let awaits = packet.starts_with(b"45");
        frames.push(Message::text(String::from_utf8_lossy(&packet).into_owned()));
        if awaits && random.below(10) > 0 {
            let mut body = random.pick(&bodies).clone();
            if random.below(2) > 0 {
                mutate(&mut body, random);
            }
            frames.push(Message::binary(body));
        }
    }
    frames
}

#[test]
fn mutated_packets_never_hurt_the_hub() {
    send_mutations(MUTATIONS);
}

mod long {
    #[test]
    #[ignore = "long"]
    fn mutated_packets_never_hurt_the_hub() {
        super::send_mutations(1_000_000);
    }
}

fn send_mutations(mutations: usize) {
    let mut random = Random::from_env("mutations");
    // `before` reads nothing meanwhile, so it must not be asked for a pong.
    let hub = TestHub::with(&["--ping-interval", "1h"]);
    let mut before = Raw::roomcat(hub.url());
    before.must("sub", &json!({"rooms": ["before"]}));
    for _ in 0..mutations / TOGETHER {
        let auth = random.pick(&[json!(null), json!({"roomcat": 1})]).clone();
        let mut raw = Raw::connected(hub.url(), "/", &auth);
        let sent = frames(&mut random);
        let whole = sent
            .into_iter()
            .try_for_each(|frame| raw.try_send(frame))
            .is_ok();
        // Either it was closed, or it still answers.
        if whole
            && raw
                .try_send(Message::text("42123456[\"rooms\",{}]"))
                .is_ok()
        {
            let answers = |packet: &Packet| packet.kind == '3' && packet.id == Some(123_456);
            while raw.next().is_some_and(|packet| !answers(&packet)) {}
        }
    }
    let stderr = hub.stderr();
    assert!(!stderr.contains("panicked"), "{stderr}");
    let mut publisher = Raw::roomcat(hub.url());
    publisher.publish("before", "still here");
    assert_eq!(before.event_named("batch").body(), b"still here\n");
    before.assert_alive();
}
