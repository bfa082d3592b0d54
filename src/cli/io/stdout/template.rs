//! The template of `--format`: text with fields in braces. Parsed once, then rendered for each message. No IO.

use jiff::fmt::strtime::{BrokenDownTime, Config, PosixCustom};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::object::{
    BatchContext, OutputTarget, push_data_for, push_json_for_terminal, push_object,
};
use crate::address::{RoomName, Seq};
use crate::cli::io::envelope::time;
use crate::cli::screen::term;
use crate::limits;

/// A valid template. It does not include the terminator of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatTemplate {
    pieces: Vec<FormatPiece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum FormatPiece {
    Literal(Vec<u8>),
    Field(Field),
    /// The local time by a strftime pattern.
    LocalTime(String, TimeZone),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Data,
    Event,
    From,
    Json,
    Namespace,
    Reply,
    Room,
    Rooms,
    Seq,
    Time,
}

const FIELDS: [(&str, Field); 10] = [
    ("time", Field::Time),
    ("room", Field::Room),
    ("rooms", Field::Rooms),
    ("from", Field::From),
    ("data", Field::Data),
    ("event", Field::Event),
    ("seq", Field::Seq),
    ("namespace", Field::Namespace),
    ("reply", Field::Reply),
    ("json", Field::Json),
];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error("there is no field {{{0}}}; there are {known}", known = known())]
    Unknown(String),
    #[error("a \"{{\" without a \"}}\"; write a literal brace twice")]
    Open,
    #[error("a \"}}\" without a \"{{\"; write a literal brace twice")]
    Lone,
    #[error("only {{time:…}} takes a pattern, not {{{0}:…}}")]
    Pattern(String),
    #[error("{{time:}} has no pattern; write {{time:%H:%M}}, or {{time}} for all of it")]
    NoPattern,
    #[error("{{time:{pattern}}}: {reason}")]
    Time { pattern: String, reason: String },
    #[error(
        "there is no escape \\{0}; there are \\n, \\t, \\r, \\0, \\e, \\\\ and \\x with two hex digits"
    )]
    Escape(String),
    #[error("it has more than {} bytes", limits::FORMAT_BYTES)]
    TooLong,
}

impl FormatTemplate {
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        if text.len() > limits::FORMAT_BYTES {
            return Err(FormatError::TooLong);
        }
        let mut pieces = Vec::new();
        let mut literal = Vec::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            rest = &rest[character.len_utf8()..];
            match character {
                '\\' => rest = escape(rest, &mut literal)?,
                '{' if rest.starts_with('{') => {
                    literal.push(b'{');
                    rest = &rest[1..];
                }
                '}' if rest.starts_with('}') => {
                    literal.push(b'}');
                    rest = &rest[1..];
                }
                '}' => return Err(FormatError::Lone),
                '{' => {
                    let (inside, behind) = rest.split_once('}').ok_or(FormatError::Open)?;
                    if !literal.is_empty() {
                        pieces.push(FormatPiece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(piece(inside)?);
                    rest = behind;
                }
                other => literal.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !literal.is_empty() {
            pieces.push(FormatPiece::Literal(literal));
        }
        Ok(Self { pieces })
    }

    /// Whether the template contains `{json}`.
    pub(super) fn has_json(&self) -> bool {
        self.pieces.contains(&FormatPiece::Field(Field::Json))
    }

    /// Appends message `index` of the batch. Control characters of the message are made visible on a terminal; those of the
    /// template are not.
    pub(super) fn render(
        &self,
        frame: &BatchContext<'_>,
        (index, message): (u32, &[u8]),
        screen: OutputTarget,
        out: &mut Vec<u8>,
    ) {
        for piece in &self.pieces {
            match piece {
                FormatPiece::Literal(bytes) => out.extend_from_slice(bytes),
                FormatPiece::LocalTime(pattern, zone) => {
                    push_local_time(frame.batch.header.at, pattern, zone, out)
                }
                FormatPiece::Field(field) => push(*field, frame, (index, message), screen, out),
            }
        }
    }
}

fn known() -> String {
    let names: Vec<String> = FIELDS
        .iter()
        .map(|(name, _)| format!("{{{name}}}"))
        .collect();
    names.join(" ")
}

/// Parses the escape behind a backslash. Returns the rest of the text.
fn escape<'a>(rest: &'a str, literal: &mut Vec<u8>) -> Result<&'a str, FormatError> {
    let unknown = |length: usize| FormatError::Escape(rest.chars().take(length).collect());
    let (byte, length) = match rest.bytes().next() {
        Some(b'n') => (b'\n', 1),
        Some(b't') => (b'\t', 1),
        Some(b'r') => (b'\r', 1),
        Some(b'0') => (0, 1),
        Some(b'e') => (0x1b, 1),
        Some(b'\\') => (b'\\', 1),
        Some(b'x') => {
            let digits = rest.get(1..3).ok_or_else(|| unknown(3))?;
            let digits = Some(digits).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            (byte.ok_or_else(|| unknown(3))?, 3)
        }
        _ => return Err(unknown(1)),
    };
    literal.push(byte);
    Ok(&rest[length..])
}

fn piece(inside: &str) -> Result<FormatPiece, FormatError> {
    let (name, pattern) = match inside.split_once(':') {
        Some((name, pattern)) => (name, Some(pattern)),
        None => (inside, None),
    };
    let field = FIELDS.iter().find(|(known, _)| *known == name);
    let (_, field) = field.ok_or_else(|| FormatError::Unknown(name.to_owned()))?;
    match (field, pattern) {
        (field, None) => Ok(FormatPiece::Field(*field)),
        (Field::Time, Some("")) => Err(FormatError::NoPattern),
        (Field::Time, Some(pattern)) => {
            let zone = TimeZone::system();
            let tried = local_time(Timestamp::UNIX_EPOCH, pattern, &zone);
            tried.map_err(|error| FormatError::Time {
                pattern: pattern.to_owned(),
                reason: error.to_string(),
            })?;
            Ok(FormatPiece::LocalTime(pattern.to_owned(), zone))
        }
        (_, Some(_)) => Err(FormatError::Pattern(name.to_owned())),
    }
}

/// `%c`, `%x`, `%r` and month names follow the C locale.
fn local_time(at: Timestamp, pattern: &str, zone: &TimeZone) -> Result<String, jiff::Error> {
    let customs = Config::new().custom(PosixCustom::new());
    let zoned = Zoned::new(at, zone.clone());
    BrokenDownTime::from(&zoned).to_string_with_config(&customs, pattern)
}

/// Appends nothing for a time outside the calendar.
fn push_local_time(at_ms: u64, pattern: &str, zone: &TimeZone, out: &mut Vec<u8>) {
    let at = i64::try_from(at_ms).ok();
    let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
    if let Some(text) = at.and_then(|at| local_time(at, pattern, zone).ok()) {
        out.extend_from_slice(text.as_bytes());
    }
}

fn push(
    field: Field,
    frame: &BatchContext<'_>,
    (index, message): (u32, &[u8]),
    screen: OutputTarget,
    out: &mut Vec<u8>,
) {
    let header = &frame.batch.header;
    let mut name = |text: &str| match screen {
        OutputTarget::Plain => out.extend_from_slice(text.as_bytes()),
        OutputTarget::Terminal => out.extend_from_slice(term::visible(text).as_bytes()),
    };
    match field {
        Field::Data => push_data_for(screen, frame.batch, message, out),
        Field::Json => push_json_object(frame, (index, message), screen, out),
        Field::Event => name(header.event.as_str()),
        Field::From => name(header.from.as_ref().map_or("", |from| from.as_str())),
        Field::Namespace => name(frame.batch.namespace.as_str()),
        Field::Reply => name(header.reply.as_ref().map_or("", RoomName::as_str)),
        Field::Room => name(header.rooms.first().map_or("", RoomName::as_str)),
        Field::Rooms => {
            let rooms: Vec<&str> = header.rooms.iter().map(RoomName::as_str).collect();
            name(&rooms.join(","));
        }
        Field::Seq => {
            if let Some(first) = header.first {
                let seq = Seq::new(first.record, first.index.saturating_add(index));
                name(&seq.to_string());
            }
        }
        Field::Time => name(&time(header.at).unwrap_or_default()),
    }
}

/// Appends the object of `--json`, without its newline.
fn push_json_object(
    frame: &BatchContext<'_>,
    (index, message): (u32, &[u8]),
    screen: OutputTarget,
    out: &mut Vec<u8>,
) {
    let mut object = Vec::new();
    push_object(frame, index, message, &mut object);
    let object = object.strip_suffix(b"\n").unwrap_or(&object);
    match screen {
        OutputTarget::Plain => out.extend_from_slice(object),
        OutputTarget::Terminal => push_json_for_terminal(object, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_in_a_template_are_named() {
        let is = |text: &str| FormatTemplate::parse(text).unwrap_err().to_string();
        assert_eq!(
            is("{who}"),
            "there is no field {who}; there are {time} {room} {rooms} {from} {data} {event} {seq} {namespace} {reply} {json}"
        );
        for (text, error) in [
            ("{data", FormatError::Open),
            ("{", FormatError::Open),
            ("data}", FormatError::Lone),
            ("{time:}", FormatError::NoPattern),
            ("{room:%H}", FormatError::Pattern("room".into())),
            ("\\q", FormatError::Escape("q".into())),
            ("\\", FormatError::Escape(String::new())),
            ("\\x1", FormatError::Escape("x1".into())),
            ("\\x+1", FormatError::Escape("x+1".into())),
            ("\\xü", FormatError::Escape("xü".into())),
            (&"x".repeat(limits::FORMAT_BYTES + 1), FormatError::TooLong),
        ] {
            assert_eq!(FormatTemplate::parse(text), Err(error), "{text}");
        }
        assert!(matches!(
            FormatTemplate::parse("{time:%!}"),
            Err(FormatError::Time { .. })
        ));
        assert!(matches!(
            FormatTemplate::parse("{time:%}"),
            Err(FormatError::Time { .. })
        ));
    }

    #[test]
    fn escapes_and_doubled_braces_are_literal() {
        let format = FormatTemplate::parse(r"{{\n\t\r\0\e\\\x41\xff}}ü").unwrap();
        let literal = b"{\n\t\r\0\x1b\\A\xff}\xc3\xbc".to_vec();
        assert_eq!(format.pieces, [FormatPiece::Literal(literal)]);
        assert!(FormatTemplate::parse("").unwrap().pieces.is_empty());
    }
}
