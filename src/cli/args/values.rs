//! Parsers for values of flags and of the settings files: durations, sizes, limits of history, start positions.
//!
//! The grammar of durations is ours: libraries also accept "1month", "5 s" or a bare number, and have other error texts.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::address::Seq;
use crate::client::dial_options::OptionError;
use crate::client::{AuthFields, StartPosition};
use crate::limits;
use crate::server::Database;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    #[error("a duration is a number and a unit: 500ms, 60s, 5m, 1h, 7d")]
    Duration,
    #[error("a size is a number of bytes, or a number and a unit: 4096, 64KiB, 1MiB, 10GiB")]
    Size,
    #[error("this is too large")]
    TooLarge,
    #[error("at least 1ms")]
    Zero,
    #[error("at least {} ms", limits::WATCH_INTERVAL_MIN.as_millis())]
    Interval,
    #[error("at most {} h: that is how long the hub remembers what it has stored", limits::PRODUCER_TTL.as_secs() / 3600)]
    RetryFor,
    #[error("a message can have 1 to {} bytes", limits::MESSAGE_BYTES_MAX)]
    MessageSize,
    #[error("a request can have 1 to {} bytes", limits::PAYLOAD_BYTES_MAX)]
    PayloadSize,
    #[error("an age and a size, as in 1h/1GiB, or 0 for nothing")]
    Keep,
    #[error("at most {} days ahead", limits::DELAY_MAX.as_secs() / (24 * 3600))]
    TooFarAhead,
    #[error(
        "a time: 2026-12-24T08:00, 08:00 (the next), 2026-12-24T07:00Z, or @ and seconds since 1970"
    )]
    Moment,
    #[error("a seq (41 or 41.7), a duration back from now (5m), or a time (2025-01-31T12:00:00Z)")]
    Since,
}

/// The age and size up to which messages are kept (`--keep`, `--keep-pending`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepFor {
    pub age: Duration,
    pub bytes: u64,
}

/// The value of `--auth`: the object, or the file that contains it. Neither is printed.
#[derive(Clone, PartialEq, Eq)]
pub enum AuthText {
    Json(String),
    File(PathBuf),
}

impl std::fmt::Debug for AuthText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthText(…)")
    }
}

pub fn auth(text: &str) -> Result<AuthText, OptionError> {
    if let Some(path) = text.strip_prefix('@') {
        return Ok(AuthText::File(path.into()));
    }
    AuthFields::parse(text)?;
    Ok(AuthText::Json(text.to_owned()))
}

/// The usual database: `$XDG_STATE_HOME/roomcat/roomcat.db` or, without that variable, the same below `~/.local/state`
/// (XDG Base Directory Specification). None without a home.
pub fn usual_database() -> Option<Database> {
    usual_database_in(|name| std::env::var_os(name).map(PathBuf::from))
}

fn usual_database_in(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<Database> {
    // The specification says to ignore relative paths.
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(Database::File(state.join("roomcat/roomcat.db")))
}

/// A parser of whole numbers in a range, for clap.
pub fn number<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Clone,
{
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            let most = most.to_string();
            // The end of the type is not a limit that a user meets.
            if most == u64::MAX.to_string() {
                format!("a whole number of at least {least}")
            } else {
                format!("a whole number from {least} to {most}")
            }
        })
    }
}

pub fn duration(text: &str) -> Result<Duration, ValueError> {
    let (number, unit) = number_and_unit(text).ok_or(ValueError::Duration)?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(ValueError::Duration),
    };
    let number = number?;
    // A century can be added to the current time without overflow.
    const LONGEST: u64 = 100 * 366 * 86_400_000;
    match number.checked_mul(milliseconds) {
        Some(total) if total <= LONGEST => Ok(Duration::from_millis(total)),
        _ => Err(ValueError::TooLarge),
    }
}

/// A duration above zero.
pub fn positive_duration(text: &str) -> Result<Duration, ValueError> {
    match duration(text)? {
        Duration::ZERO => Err(ValueError::Zero),
        positive => Ok(positive),
    }
}

/// The interval of `--watch`.
pub fn watch_interval(text: &str) -> Result<Duration, ValueError> {
    match duration(text)? {
        interval if interval >= limits::WATCH_INTERVAL_MIN => Ok(interval),
        _ => Err(ValueError::Interval),
    }
}

pub fn retry_for(text: &str) -> Result<Duration, ValueError> {
    match duration(text)? {
        duration if duration <= limits::PRODUCER_TTL => Ok(duration),
        _ => Err(ValueError::RetryFor),
    }
}

/// Units are binary: `64K`, `64KB` and `64KiB` are the same.
pub fn size(text: &str) -> Result<u64, ValueError> {
    let (number, unit) = number_and_unit(text).ok_or(ValueError::Size)?;
    let bytes = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1_u64 << 40,
        _ => return Err(ValueError::Size),
    };
    // SQLite has signed integers.
    match number?.checked_mul(bytes) {
        Some(total) if i64::try_from(total).is_ok() => Ok(total),
        _ => Err(ValueError::TooLarge),
    }
}

pub fn message_size(text: &str) -> Result<usize, ValueError> {
    match usize::try_from(size(text)?) {
        Ok(bytes) if (1..=limits::MESSAGE_BYTES_MAX).contains(&bytes) => Ok(bytes),
        _ => Err(ValueError::MessageSize),
    }
}

pub fn payload_size(text: &str) -> Result<usize, ValueError> {
    match usize::try_from(size(text)?) {
        Ok(bytes) if (1..=limits::PAYLOAD_BYTES_MAX).contains(&bytes) => Ok(bytes),
        _ => Err(ValueError::PayloadSize),
    }
}

pub fn keep(text: &str) -> Result<KeepFor, ValueError> {
    if text == "0" {
        return Ok(KeepFor {
            age: Duration::ZERO,
            bytes: 0,
        });
    }
    let (age, bytes) = text.split_once('/').ok_or(ValueError::Keep)?;
    Ok(KeepFor {
        age: duration(age)?,
        bytes: size(bytes)?,
    })
}

/// A bare number is a seq; a duration ago has a unit.
pub fn since(text: &str) -> Result<StartPosition, ValueError> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since_at(text, now)
}

fn since_at(text: &str, now: Duration) -> Result<StartPosition, ValueError> {
    if let Ok(seq) = Seq::parse(text) {
        return Ok(StartPosition::Seq(seq));
    }
    let milliseconds = |time: Duration| {
        u64::try_from(time.as_millis())
            .map(StartPosition::Time)
            .map_err(|_| ValueError::Since)
    };
    if let Ok(ago) = duration(text) {
        return milliseconds(now.saturating_sub(ago));
    }
    let time: jiff::Timestamp = text
        .parse()
        .or_else(|_| local_time(text))
        .map_err(|_| ValueError::Since)?;
    milliseconds(Duration::from_millis(
        u64::try_from(time.as_millisecond()).map_err(|_| ValueError::Since)?,
    ))
}

/// A time without an offset, or a day, in the local time zone.
fn local_time(text: &str) -> Result<jiff::Timestamp, jiff::Error> {
    let time: jiff::civil::DateTime = text.parse()?;
    Ok(time.to_zoned(jiff::tz::TimeZone::system())?.timestamp())
}

/// None if `text` does not begin with a digit.
fn number_and_unit(text: &str) -> Option<(Result<u64, ValueError>, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    match number {
        "" => None,
        digits => Some((digits.parse().map_err(|_| ValueError::TooLarge), unit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        for (text, milliseconds) in [
            ("0s", 0),
            ("500ms", 500),
            ("60s", 60_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("7d", 604_800_000),
        ] {
            assert_eq!(
                duration(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in ["", "5", "s", "-1s", "1.5s", "5 s", "1w", "1S", "1µs"] {
            assert_eq!(duration(text), Err(ValueError::Duration), "{text}");
        }
        for text in ["99999999999999999999s", "18446744073709551615d", "36601d"] {
            assert_eq!(duration(text), Err(ValueError::TooLarge), "{text}");
        }
        assert_eq!(positive_duration("0ms"), Err(ValueError::Zero));
        assert_eq!(watch_interval("100ms"), Ok(limits::WATCH_INTERVAL_MIN));
        assert_eq!(watch_interval("99ms"), Err(ValueError::Interval));
        assert_eq!(retry_for("24h"), Ok(limits::PRODUCER_TTL));
        assert_eq!(retry_for("25h"), Err(ValueError::RetryFor));
    }

    #[test]
    fn a_number_out_of_its_range_names_the_range() {
        let some = number(1..=u64::MAX);
        assert_eq!(
            (some("1"), some("18446744073709551615")),
            (Ok(1), Ok(u64::MAX))
        );
        for text in ["0", "-1", "x", "", "1.5", "18446744073709551616"] {
            let least = "a whole number of at least 1".to_owned();
            assert_eq!(some(text), Err(least), "{text}");
        }
        let few = number(0..=1000_u32);
        assert_eq!(few("1000"), Ok(1000));
        assert_eq!(few("1001"), Err("a whole number from 0 to 1000".to_owned()));
    }

    #[test]
    fn sizes_are_binary() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("10B", 10),
            ("64KiB", 65_536),
            ("64k", 65_536),
            ("1MiB", 1 << 20),
            ("1M", 1 << 20),
            ("10GiB", 10 << 30),
            ("2tb", 2 << 40),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5M", "1 M", "1X", "1KiBs"] {
            assert_eq!(size(text), Err(ValueError::Size), "{text}");
        }
        for text in ["18446744073709551616", "9223372036854775808", "9999999T"] {
            assert_eq!(size(text), Err(ValueError::TooLarge), "{text}");
        }
        assert_eq!(message_size("64M"), Ok(limits::MESSAGE_BYTES_MAX));
        for text in ["0", "65MiB"] {
            assert_eq!(message_size(text), Err(ValueError::MessageSize), "{text}");
        }
    }

    #[test]
    fn a_limit_of_history_is_an_age_and_a_size() {
        let hour = KeepFor {
            age: Duration::from_secs(3600),
            bytes: 1 << 30,
        };
        assert_eq!(keep("1h/1GiB"), Ok(hour));
        assert_eq!(
            keep("0").map(|keep| (keep.age, keep.bytes)),
            Ok((Duration::ZERO, 0))
        );
        assert_eq!(keep("1h"), Err(ValueError::Keep));
        assert_eq!(keep("1/1"), Err(ValueError::Duration));
        assert_eq!(keep("1h/1h"), Err(ValueError::Size));
    }

    #[test]
    fn since_is_a_seq_an_age_or_a_time() {
        let now = Duration::from_secs(1_000_000);
        for (text, since) in [
            ("41", StartPosition::Seq(Seq::new(41, 0))),
            ("41.7", StartPosition::Seq(Seq::new(41, 7))),
            ("5m", StartPosition::Time(999_700_000)),
            ("1970-01-01T00:00:02.5Z", StartPosition::Time(2_500)),
            ("1970-01-01T01:00:00+01:00", StartPosition::Time(0)),
        ] {
            assert_eq!(since_at(text, now), Ok(since), "{text}");
        }
        assert_eq!(since_at("30d", now), Ok(StartPosition::Time(0)));
        assert!(matches!(
            since_at("2025-01-31", now),
            Ok(StartPosition::Time(_))
        ));
        assert!(matches!(
            since_at("2025-01-31T12:00", now),
            Ok(StartPosition::Time(_))
        ));
        for text in [
            "",
            "yesterday",
            "1969-12-31T00:00:00Z",
            "41.",
            "99999d",
            "2025-13-01",
        ] {
            assert_eq!(since_at(text, now), Err(ValueError::Since), "{text}");
        }
    }

    #[test]
    fn the_database_is_where_state_belongs() {
        let find = |set: &'static [(&'static str, &'static str)]| {
            usual_database_in(move |name| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| PathBuf::from(value))
            })
        };
        let file = |path: &str| Some(Database::File(path.into()));
        assert_eq!(
            find(&[("XDG_STATE_HOME", "/s")]),
            file("/s/roomcat/roomcat.db")
        );
        assert_eq!(
            find(&[("XDG_STATE_HOME", "s"), ("HOME", "/h")]),
            file("/h/.local/state/roomcat/roomcat.db")
        );
        assert_eq!(find(&[]), None);
    }
}
