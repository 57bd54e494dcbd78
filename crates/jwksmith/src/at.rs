//! The times of the command line: reading them (RFC 3339, Unix seconds, durations), saying them in words, and the clock
//! that `--at` sets.
//!
//! Time zones are left to whoever writes the offset; everything is said in UTC.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jwksmith_jose::UnixTime;
use jwksmith_jose::limits::NUMERIC_DATE_SECONDS_MAX;
use jwksmith_verifier::{Clock, SystemClock};

/// The operating system's clock, unless `--at` says what time it is.
pub(crate) struct CommandClock {
    at: Option<UnixTime>,
    system: SystemClock,
}

impl CommandClock {
    /// A clock that always says `at`, if that is given.
    pub(crate) fn new(at: Option<UnixTime>) -> Self {
        Self { at, system: SystemClock::new() }
    }
}

impl Clock for CommandClock {
    fn now(&self) -> UnixTime {
        self.at.unwrap_or_else(|| self.system.now())
    }

    fn monotonic(&self) -> Duration {
        // Caches age in real time, whatever time tokens are judged at.
        self.system.monotonic()
    }
}

/// Reads a point in time: `2027-01-15T08:00:00Z`, or seconds since 1970.
pub(crate) fn parse_time(text: &str) -> Result<UnixTime, String> {
    if is_digits(text) { parse_unix_seconds(text) } else { parse_rfc3339(text) }
}

/// Reads a duration in whole seconds: `30s`, `2m`, `1m30s`, or plain seconds.
pub(crate) fn parse_seconds(text: &str) -> Result<u64, String> {
    let malformed = || "expected whole seconds, as 30s, 2m or 90".to_owned();
    if is_digits(text) {
        return text.parse().map_err(|_| malformed());
    }
    let duration: SignedDuration = text.parse().map_err(|_| malformed())?;
    if duration.subsec_nanos() != 0 {
        return Err(malformed());
    }
    u64::try_from(duration.as_secs()).map_err(|_| malformed())
}

/// The time as RFC 3339 in UTC, and how far it is from `now`.
pub(crate) fn described(time: UnixTime, now: UnixTime) -> String {
    format!("{} ({})", rfc3339(time), distance(time, now))
}

/// The time as RFC 3339 in UTC.
pub(crate) fn rfc3339(time: UnixTime) -> String {
    let timestamp = i64::try_from(time.as_seconds()).ok().and_then(|s| Timestamp::from_second(s).ok());
    // Within the last days of the year 9999 there is no such text; the number is then the better answer.
    timestamp.map_or_else(|| time.to_string(), |timestamp| timestamp.to_string())
}

/// A duration in its two largest units, as "23 h 59 min".
pub(crate) fn in_words(seconds: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let Some((index, (size, unit))) = UNITS.into_iter().enumerate().find(|(_, (size, _))| seconds >= *size)
    else {
        return format!("{seconds} s");
    };
    let rest = seconds % size;
    let (smaller, smaller_unit) = UNITS.get(index.saturating_add(1)).copied().unwrap_or((1, "s"));
    match rest / smaller {
        0 => format!("{} {unit}", seconds / size),
        more => format!("{} {unit} {more} {smaller_unit}", seconds / size),
    }
}

fn distance(time: UnixTime, now: UnixTime) -> String {
    match (time.seconds_since(now), now.seconds_since(time)) {
        (0, 0) => "now".to_owned(),
        (0, ago) => format!("{} ago", in_words(ago)),
        (ahead, _) => format!("in {}", in_words(ahead)),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn parse_unix_seconds(text: &str) -> Result<UnixTime, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds <= NUMERIC_DATE_SECONDS_MAX);
    let seconds = seconds.ok_or("expected seconds since 1970, up to the year 9999 (not milliseconds)")?;
    Ok(UnixTime::from_seconds(seconds))
}

fn parse_rfc3339(text: &str) -> Result<UnixTime, String> {
    let timestamp: Timestamp = text
        .parse()
        .map_err(|_| "expected RFC 3339 with its offset, as 2027-01-15T08:00:00Z, or seconds since 1970")?;
    let seconds = u64::try_from(timestamp.as_second()).map_err(|_| "expected a time after 1970")?;
    Ok(UnixTime::from_seconds(seconds))
}

#[cfg(test)]
mod tests {
    use super::{described, in_words, parse_seconds, parse_time};
    use jwksmith_jose::UnixTime;

    #[test]
    fn parse_time_reads_both_spellings() {
        let check = |text: &str, expected| {
            assert_eq!(parse_time(text).map(UnixTime::as_seconds), Ok(expected), "{text}");
        };
        check("0", 0);
        check("1800000000", 1_800_000_000);
        check("253402300799", 253_402_300_799);
        check("2027-01-15T08:00:00Z", 1_800_000_000);
        check("2027-01-15T09:00:00+01:00", 1_800_000_000);
        check("2027-01-15T08:00:00.999Z", 1_800_000_000);
        check("1970-01-01T00:00:00Z", 0);
    }

    #[test]
    fn parse_time_refuses_what_is_no_time() {
        for text in [
            "",
            " ",
            "now",
            "tomorrow",
            "-1",
            "1.5",
            "1800000000s",
            "1800000000000",
            "253402300800",
            "99999999999999999999999",
            "2027-01-15",
            "2027-01-15T08:00:00",
            "2027-13-15T08:00:00Z",
            "1969-12-31T23:59:59Z",
            "٣",
        ] {
            assert!(parse_time(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn parse_seconds_reads_durations() {
        let check = |text: &str, expected| assert_eq!(parse_seconds(text), Ok(expected), "{text}");
        check("0", 0);
        check("0s", 0);
        check("30s", 30);
        check("30", 30);
        check("2m", 120);
        check("1m30s", 90);
        check("1h", 3600);
    }

    #[test]
    fn parse_seconds_refuses_what_is_no_duration() {
        for text in ["", "s", "-1", "-30s", "30 s x", "0.5s", "500ms", "30x", "99999999999999999999", "1e3"] {
            assert!(parse_seconds(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn in_words_names_the_two_largest_units() {
        let check = |seconds, expected: &str| assert_eq!(in_words(seconds), expected);
        check(0, "0 s");
        check(59, "59 s");
        check(60, "1 min");
        check(61, "1 min 1 s");
        check(3_600, "1 h");
        check(3_659, "1 h");
        check(86_399, "23 h 59 min");
        check(86_400, "1 d");
        check(90_000, "1 d 1 h");
        check(u64::MAX, "213503982334601 d 7 h");
    }

    #[test]
    fn described_says_on_which_side_of_now() {
        let check = |time, expected: &str| {
            let (time, now) = (UnixTime::from_seconds(time), UnixTime::from_seconds(1_800_000_000));
            assert_eq!(described(time, now), expected);
        };
        check(1_800_000_000, "2027-01-15T08:00:00Z (now)");
        check(1_800_000_060, "2027-01-15T08:01:00Z (in 1 min)");
        check(1_799_999_999, "2027-01-15T07:59:59Z (1 s ago)");
        check(253_402_300_799, "253402300799 (in 2912063 d 15 h)");
    }
}
