use bytes::Bytes;

use super::*;
use crate::address::Namespace;
use crate::wire::batch::{DeliveryHeader, Framing, push_bytes_message};

fn chunk(from: Option<&str>, framing: Framing, body: &[u8], count: u32) -> OutputBatch {
    OutputBatch {
        header: DeliveryHeader {
            rooms: vec![RoomName::parse("ops").unwrap()],
            count,
            from: from.map(|name| ClientName::parse(name).unwrap()),
            ..DeliveryHeader::new(EventName::message(), framing)
        },
        body: Bytes::copy_from_slice(body),
        namespace: Namespace::root(),
    }
}

#[test]
fn each_message_says_who_and_with_several_rooms_where() {
    let [lobby, ops] = ["lobby", "ops"].map(|room| RoomName::parse(room).unwrap());
    let look = Look::new(Colours::None, std::slice::from_ref(&lobby));
    let two = chunk(Some("alice"), Framing::Lines, b"hi\nho\n", 2);
    assert_eq!(look.messages(&two), "alice: hi\nalice: ho\n");
    look.has_rooms(&[lobby.clone(), ops.clone()]);
    assert_eq!(look.messages(&two), "[ops] alice: hi\n[ops] alice: ho\n");
    // Where it did not begin it says where it is.
    look.has_rooms(std::slice::from_ref(&ops));
    assert_eq!(look.prompt(None, Some(&ops)).0, "[ops] > ");
    look.has_rooms(std::slice::from_ref(&lobby));
    assert_eq!(look.prompt(None, Some(&lobby)).0, "> ");
    let nobody = chunk(None, Framing::Lines, b"\x1b[2J\n", 1);
    assert_eq!(look.messages(&nobody), "someone: \u{241b}[2J\n");
}

#[test]
fn no_message_looks_like_several() {
    let look = Look::new(Colours::None, &[]);
    let mut body = Vec::new();
    push_bytes_message(&mut body, b"hi\nbob: I owe you\r");
    let shown = look.messages(&chunk(Some("eve"), Framing::Bytes, &body, 1));
    assert_eq!(shown, "eve: hi\n  bob: I owe you\u{240d}\n");
}

#[test]
fn a_name_has_one_colour_and_the_prompt_the_same() {
    let look = Look::new(Colours::Some, &[]);
    let name = ClientName::parse("alice").unwrap();
    let said = look.messages(&chunk(Some("alice"), Framing::Lines, b"hi\n", 1));
    let (bare, drawn) = look.prompt(Some(&name), None);
    assert_eq!(bare, "[no room] alice> ");
    let coloured = look.name(&name);
    assert!(said.starts_with(&coloured) && drawn.contains(&coloured));
    let colours: std::collections::BTreeSet<String> = (0..100)
        .map(|n| colour(&format!("pupil{n}")).to_fg_str().into_owned())
        .collect();
    assert_eq!(colours.len(), PALETTE.len(), "all of them are used");
}

/// WCAG's contrast of a colour to white and to black; 3 is what it asks of large or bold text.
#[test]
fn the_palette_can_be_read_on_dark_and_on_light() {
    let channel = |level: u8| {
        let value = f64::from([0_u8, 95, 135, 175, 215, 255][usize::from(level)]) / 255.0;
        if value <= 0.03928 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    for code in PALETTE {
        let cube = code - 16;
        let (red, green, blue) = (cube / 36, cube / 6 % 6, cube % 6);
        let light = 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
        let (on_white, on_black) = (1.05 / (light + 0.05), (light + 0.05) / 0.05);
        assert!(
            on_white >= 3.0 && on_black >= 3.0,
            "{code}: {on_white:.1} on white, {on_black:.1} on black"
        );
    }
}
