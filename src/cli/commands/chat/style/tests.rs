use bytes::Bytes;

use super::*;
use crate::address::Namespace;
use crate::wire::batch::{DeliveryHeader, Framing, push_bytes_message};

fn batch(from: Option<&str>, framing: Framing, body: &[u8], count: u32) -> OutputBatch {
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
fn each_message_names_its_sender_and_with_several_rooms_its_room() {
    let [lobby, ops] = ["lobby", "ops"].map(|room| RoomName::parse(room).unwrap());
    let style = ChatStyle::new(Paint::Plain, std::slice::from_ref(&lobby));
    let two = batch(Some("alice"), Framing::Lines, b"hi\nho\n", 2);
    assert_eq!(style.messages(&two), "alice: hi\nalice: ho\n");
    style.set_rooms(&[lobby.clone(), ops.clone()]);
    assert_eq!(style.messages(&two), "[ops] alice: hi\n[ops] alice: ho\n");
    // In another room than its first, the chat names the room.
    style.set_rooms(std::slice::from_ref(&ops));
    assert_eq!(style.prompt(None, Some(&ops)).0, "[ops] > ");
    style.set_rooms(std::slice::from_ref(&lobby));
    assert_eq!(style.prompt(None, Some(&lobby)).0, "> ");
    let unnamed = batch(None, Framing::Lines, b"\x1b[2J\n", 1);
    assert_eq!(style.messages(&unnamed), "someone: \u{241b}[2J\n");
}

#[test]
fn no_message_looks_like_several() {
    let style = ChatStyle::new(Paint::Plain, &[]);
    let mut body = Vec::new();
    push_bytes_message(&mut body, b"hi\nbob: I owe you\r");
    let shown = style.messages(&batch(Some("eve"), Framing::Bytes, &body, 1));
    assert_eq!(shown, "eve: hi\n  bob: I owe you\u{240d}\n");
}

#[test]
fn a_name_has_one_colour_in_messages_and_in_the_prompt() {
    let style = ChatStyle::new(Paint::Colours, &[]);
    let name = ClientName::parse("alice").unwrap();
    let messages = style.messages(&batch(Some("alice"), Framing::Lines, b"hi\n", 1));
    let (plain, painted) = style.prompt(Some(&name), None);
    assert_eq!(plain, "[no room] alice> ");
    let coloured = style.name(&name);
    assert!(messages.starts_with(&coloured) && painted.contains(&coloured));
    let colours: std::collections::BTreeSet<String> = (0..100)
        .map(|n| name_colour(&format!("pupil{n}")).to_fg_str().into_owned())
        .collect();
    assert_eq!(colours.len(), PALETTE.len(), "every colour is used");
}

/// The contrast that WCAG defines, to white and to black. It requires 3 for large or bold text.
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
