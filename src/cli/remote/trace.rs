//! `--trace`: each frame a line on stderr, its parts in the colours of their meanings.

use std::sync::Arc;

use colored::{Color, Colorize as _};

use crate::cli::screen::term;
use crate::wire::explain::{Direction, ExplainedFrame, FramePart, TraceSink};

/// What the parts of a frame are told apart by, in their order; a longer frame begins again.
const COLOURS: [Color; 5] = [
    Color::Cyan,
    Color::Yellow,
    Color::Green,
    Color::Magenta,
    Color::Blue,
];

pub fn on_stderr() -> Arc<dyn TraceSink> {
    Arc::new(OnStderr)
}

#[derive(Debug)]
struct OnStderr;

impl TraceSink for OnStderr {
    fn frame(&self, who: &str, direction: Direction, explained: &ExplainedFrame) {
        let time = jiff::Zoned::now().strftime("%H:%M:%S.%3f").to_string();
        let paint = if term::stderr_colour() {
            painted
        } else {
            plain
        };
        let line = line(&time, who, direction, explained, paint);
        term::write_stderr(&line);
    }
}

/// `14:03:22.118 → 42["chat","hi"]   message · EVENT "chat" · 1 argument · 14 bytes`
fn line(
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
        let parts = explained.parts.iter().zip(COLOURS.iter().cycle());
        parts
            .map(|(part, colour)| paint(&term::visible(show(part)), *colour))
            .collect::<Vec<String>>()
    };
    let frame = each(|part| &part.text).concat();
    let meaning = each(|part| &part.meaning).join(" · ");
    let bytes = match explained.bytes {
        1 => "1 byte".to_owned(),
        bytes => format!("{bytes} bytes"),
    };
    format!("{time} {who}{arrow} {frame}   {meaning} · {bytes}\n")
}

fn plain(text: &str, _: Color) -> String {
    text.to_owned()
}

fn painted(text: &str, colour: Color) -> String {
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
    fn a_frame_is_a_line_with_its_meaning_behind_it() {
        let frame = explained(&[("4", "message"), ("2", "EVENT \"a\""), ("[\"a\"]", "none")]);
        assert_eq!(
            line("14:03:22.118", "", Direction::Sent, &frame, plain),
            "14:03:22.118 → 42[\"a\"]   message · EVENT \"a\" · none · 14 bytes\n"
        );
        assert_eq!(
            line(
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
    fn a_part_has_the_colour_of_its_meaning_and_nothing_is_obeyed() {
        let frame = explained(&[("4\u{1b}[2J", "message"), ("2", "EVENT")]);
        let paint = |text: &str, colour: Color| format!("<{colour:?} {text}>");
        assert_eq!(
            line("t", "", Direction::Sent, &frame, paint),
            "t → <Cyan 4␛[2J><Yellow 2>   <Cyan message> · <Yellow EVENT> · 14 bytes\n"
        );
    }
}
