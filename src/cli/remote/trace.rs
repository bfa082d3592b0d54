//! `--trace`: prints each frame as a line on stderr, with each part and its meaning in the same colour.

use std::sync::Arc;

use colored::{Color, Colorize as _};

use crate::cli::screen::quantity::quantity;
use crate::cli::screen::term;
use crate::wire::explain::{Direction, ExplainedFrame, FramePart, TraceSink};

/// The colours of a frame's parts, in order; they repeat in longer frames.
const PART_COLOURS: [Color; 5] = [
    Color::Cyan,
    Color::Yellow,
    Color::Green,
    Color::Magenta,
    Color::Blue,
];

pub fn stderr_sink() -> Arc<dyn TraceSink> {
    Arc::new(StderrSink)
}

#[derive(Debug)]
struct StderrSink;

impl TraceSink for StderrSink {
    fn frame(&self, who: &str, direction: Direction, explained: &ExplainedFrame) {
        let time = jiff::Zoned::now().strftime("%H:%M:%S.%3f").to_string();
        let paint = if term::stderr_colour() {
            coloured
        } else {
            plain
        };
        let line = format_frame(&time, who, direction, explained, paint);
        term::write_stderr(&line);
    }
}

/// `14:03:22.118 → 42["chat","hi"]   message · EVENT "chat" · 1 argument · 14 bytes`
fn format_frame(
    time: &str,
    who: &str,
    direction: Direction,
    explained: &ExplainedFrame,
    paint: impl Fn(&str, Color) -> String,
) -> String {
    let arrow = match direction {
        Direction::Sent => "→",
        Direction::Received => "←",
    };
    let who = match who {
        "" => String::new(),
        who => format!("{} ", term::visible(who)),
    };
    let each = |show: fn(&FramePart) -> &str| {
        let parts = explained.parts.iter().zip(PART_COLOURS.iter().cycle());
        parts
            .map(|(part, colour)| paint(&term::visible(show(part)), *colour))
            .collect::<Vec<String>>()
    };
    let frame = each(|part| &part.text).concat();
    let meaning = each(|part| &part.meaning).join(" · ");
    let bytes = quantity(explained.bytes as u64, "byte");
    format!("{time} {who}{arrow} {frame}   {meaning} · {bytes}\n")
}

fn plain(text: &str, _: Color) -> String {
    text.to_owned()
}

fn coloured(text: &str, colour: Color) -> String {
    text.color(colour).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(parts: &[(&str, &str)]) -> ExplainedFrame {
        let part = |(text, meaning): &(&str, &str)| FramePart {
            text: (*text).to_owned(),
            meaning: (*meaning).to_owned(),
        };
        ExplainedFrame {
            parts: parts.iter().map(part).collect(),
            bytes: 14,
        }
    }

    #[test]
    fn a_frame_is_a_line_followed_by_its_meaning() {
        let frame = explained(&[("4", "message"), ("2", "EVENT \"a\""), ("[\"a\"]", "none")]);
        assert_eq!(
            format_frame("14:03:22.118", "", Direction::Sent, &frame, plain),
            "14:03:22.118 → 42[\"a\"]   message · EVENT \"a\" · none · 14 bytes\n"
        );
        assert_eq!(
            format_frame(
                "t",
                "abcd",
                Direction::Received,
                &explained(&[("2", "ping")]),
                plain
            ),
            "t abcd ← 2   ping · 14 bytes\n"
        );
    }

    #[test]
    fn a_part_has_the_colour_of_its_meaning_and_control_characters_are_visible() {
        let frame = explained(&[("4\u{1b}[2J", "message"), ("2", "EVENT")]);
        let paint = |text: &str, colour: Color| format!("<{colour:?} {text}>");
        assert_eq!(
            format_frame("t", "", Direction::Sent, &frame, paint),
            "t → <Cyan 4␛[2J><Yellow 2>   <Cyan message> · <Yellow EVENT> · 14 bytes\n"
        );
    }
}
