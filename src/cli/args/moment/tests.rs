use super::*;

/// 22:00 in Berlin, one hour ahead of UTC.
fn evening() -> Zoned {
    let there = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let evening: Timestamp = "2026-11-22T21:00:00.25Z".parse().unwrap();
    evening.to_zoned(there)
}

fn typed(text: &str) -> Result<String, ValueError> {
    let Moment(at) = moment_after(text, &evening())?;
    let at = Timestamp::from_millisecond(i64::try_from(at).unwrap()).unwrap();
    Ok(at.to_string())
}

#[test]
fn a_time_has_many_formats() {
    for (text, at) in [
        // Local time, with the offset of that day.
        ("2026-12-24T08:00", "2026-12-24T07:00:00Z"),
        ("2026-12-24 08:00:30", "2026-12-24T07:00:30Z"),
        ("2027-07-01T08:00", "2027-07-01T06:00:00Z"),
        ("2026-12-24", "2026-12-23T23:00:00Z"),
        // The next one.
        ("08:00", "2026-11-23T07:00:00Z"),
        ("23:59", "2026-11-22T22:59:00Z"),
        ("22:00:01", "2026-11-22T21:00:01Z"),
        ("22:00", "2026-11-23T21:00:00Z"),
        // In other zones.
        ("2026-12-24T08:00Z", "2026-12-24T08:00:00Z"),
        ("2026-12-24T08:00+05:30", "2026-12-24T02:30:00Z"),
        ("2026-12-24T08:00:00-05:00[-05:00]", "2026-12-24T13:00:00Z"),
        ("2026-12-24T08:00-05:00", "2026-12-24T13:00:00Z"),
        ("2026-12-24T08:00[UTC]", "2026-12-24T08:00:00Z"),
        ("@1800000000", "2027-01-15T08:00:00Z"),
        // The hub decides about times in the past.
        ("2001-09-09T01:46:40Z", "2001-09-09T01:46:40Z"),
        ("@0", "1970-01-01T00:00:00Z"),
        ("2027-11-23T21:00:00.25Z", "2027-11-23T21:00:00.25Z"),
    ] {
        assert_eq!(typed(text).as_deref(), Ok(at), "{text}");
    }
}

#[test]
fn invalid_times_are_refused() {
    for text in [
        "",
        "@",
        "@-1",
        "@+1",
        "@1.5",
        "@x",
        "tomorrow",
        "8",
        "25:00",
        "08:60",
        "10m",
        "2026-13-01",
        "1969-12-31T23:59:59Z",
        "@99999999999999999999",
        "2026-12-24T08:00[Nowhere/City]",
        "08:00Z",
        "08:00+01:00",
        "08:00-01:00",
        "2026-12-24T08:00+99:00",
        "2026-12-24T08:00-99:00",
    ] {
        assert_eq!(typed(text), Err(ValueError::Moment), "{text}");
    }
    for text in [
        "2027-11-23T21:00:00.251Z",
        "2027-11-24",
        "9999-01-01",
        "@2000000000",
    ] {
        assert_eq!(typed(text), Err(ValueError::TooFarAhead), "{text}");
    }
}

#[test]
fn a_delay_is_a_year_at_most() {
    assert_eq!(delay("366d"), Ok(limits::DELAY_MAX));
    assert_eq!(delay("0s"), Ok(Duration::ZERO));
    assert_eq!(delay("367d"), Err(ValueError::TooFarAhead));
    assert_eq!(delay("10"), Err(ValueError::Duration));
}
