//! The values of `pub --delay` and `--at`: times of delivery.

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

use crate::cli::args::values::{self, ValueError};
use crate::limits;

/// A time of `--at`, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub u64);

pub fn delay(text: &str) -> Result<Duration, ValueError> {
    match values::duration(text)? {
        delay if delay <= limits::DELAY_MAX => Ok(delay),
        _ => Err(ValueError::TooFarAhead),
    }
}

pub fn moment(text: &str) -> Result<Moment, ValueError> {
    moment_after(text, &Zoned::now())
}

/// A time without a zone is local; a time of day is the next one.
fn moment_after(text: &str, now: &Zoned) -> Result<Moment, ValueError> {
    let there = now.time_zone();
    let time = match text.strip_prefix('@') {
        Some(seconds) => unix(seconds),
        None if has_zone(text) => with_zone(text),
        None => match text.parse::<DateTime>() {
            Ok(time) => local(time, there),
            Err(_) => text.parse().ok().and_then(|time| next(time, now)),
        },
    };
    let time = time.ok_or(ValueError::Moment)?.as_millisecond();
    let ahead = time.saturating_sub(now.timestamp().as_millisecond());
    if u128::try_from(ahead).is_ok_and(|ahead| ahead > limits::DELAY_MAX.as_millis()) {
        return Err(ValueError::TooFarAhead);
    }
    u64::try_from(time)
        .map(Moment)
        .map_err(|_| ValueError::Moment)
}

fn unix(seconds: &str) -> Option<Timestamp> {
    // `parse` also accepts a sign.
    if !seconds.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    Timestamp::from_second(seconds.parse().ok()?).ok()
}

/// The parsers of local times ignore a zone.
fn has_zone(text: &str) -> bool {
    let clock = text
        .split_once(['T', 't', ' '])
        .map_or(text, |(_, clock)| clock);
    let offset = text.contains(':') && clock.contains('-');
    offset || text.contains(['+', '[', 'Z', 'z'])
}

fn with_zone(text: &str) -> Option<Timestamp> {
    let instant: Option<Timestamp> = text.parse().ok();
    instant.or_else(|| Some(text.parse::<Zoned>().ok()?.timestamp()))
}

fn local(time: DateTime, there: &TimeZone) -> Option<Timestamp> {
    Some(time.to_zoned(there.clone()).ok()?.timestamp())
}

fn next(time: Time, now: &Zoned) -> Option<Timestamp> {
    let today = now.date().to_datetime(time);
    let there = now.time_zone();
    local(today, there)
        .filter(|at| *at > now.timestamp())
        .or_else(|| local(today.checked_add(1.day()).ok()?, there))
}
