//! What an answer says about keeping it (RFC 9111), and about coming back (RFC 9110 §10.2.3).

use std::time::{Duration, SystemTime};

use ::http::header::{
    AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderMap, HeaderName, LAST_MODIFIED, RETRY_AFTER,
};
use jwksmith_jose::UnixTime;

/// The part of an answer's headers that a cache acts on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Caching {
    /// For how long it is fresh from now on: `max-age`, or else `Expires` less `Date`, less `Age`.
    pub(crate) fresh_for: Option<Duration>,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

impl Caching {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let age = seconds(headers, AGE).unwrap_or_default();
        let lifetime = cache_control(headers).or_else(|| expires(headers));
        Self {
            fresh_for: lifetime.map(|lifetime| lifetime.saturating_sub(age)),
            etag: text(headers, ETAG),
            last_modified: text(headers, LAST_MODIFIED),
        }
    }

    /// Takes over what a 304 left unsaid (RFC 9111 §4.3.4).
    pub(crate) fn inherit(&mut self, before: &Self) {
        let Self { fresh_for, etag, last_modified } = before.clone();
        self.fresh_for = self.fresh_for.or(fresh_for);
        self.etag = self.etag.take().or(etag);
        self.last_modified = self.last_modified.take().or(last_modified);
    }
}

/// `Retry-After`, in seconds or as a date, counted from `now`.
pub(crate) fn retry_after(headers: &HeaderMap, now: UnixTime) -> Option<Duration> {
    seconds(headers, RETRY_AFTER).or_else(|| {
        let until = date(headers, RETRY_AFTER)?;
        // By the issuer's own clock, if it tells it: ours may go another way.
        let now = date(headers, DATE).unwrap_or(now);
        Some(Duration::from_secs(until.as_seconds().saturating_sub(now.as_seconds())))
    })
}

/// `max-age` (§5.2.2.1); `no-store` and `no-cache` count as none at all.
fn cache_control(headers: &HeaderMap) -> Option<Duration> {
    let mut found = None;
    for value in headers.get_all(CACHE_CONTROL) {
        for directive in value.to_str().ok()?.split(',') {
            let (name, argument) = directive.trim().split_once('=').unwrap_or((directive.trim(), ""));
            if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
                return Some(Duration::ZERO);
            }
            if name.eq_ignore_ascii_case("max-age") {
                found = delta_seconds(argument.trim_matches('"'));
            }
        }
    }
    found
}

/// §5.3: a date that cannot be read lies in the past. Without `Date` there is nothing to count from.
fn expires(headers: &HeaderMap) -> Option<Duration> {
    headers.get(EXPIRES)?;
    let Some(expires) = date(headers, EXPIRES) else { return Some(Duration::ZERO) };
    let sent = date(headers, DATE)?;
    Some(Duration::from_secs(expires.as_seconds().saturating_sub(sent.as_seconds())))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn seconds(headers: &HeaderMap, name: HeaderName) -> Option<Duration> {
    delta_seconds(headers.get(name)?.to_str().ok()?.trim())
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<UnixTime> {
    let date = httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()?;
    let since_1970 = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Some(UnixTime::from_seconds(since_1970.as_secs()))
}

/// §1.2.2: digits only; a number too large to hold means "very long".
fn delta_seconds(text: &str) -> Option<Duration> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn check(lines: &[(&'static str, &str)], expected: Option<u64>) {
        let caching = Caching::read(&headers(lines));
        assert_eq!(caching.fresh_for, expected.map(Duration::from_secs), "{lines:?}");
    }

    #[test]
    fn freshness_is_max_age_less_age() {
        let control = |value: &'static str, expected| check(&[("cache-control", value)], expected);
        control("public, max-age=300", Some(300));
        control("max-age=\"15\", stale-if-error=86400", Some(15));
        control("max-age=300, no-store", Some(0));
        control("no-cache", Some(0));
        control("public", None);
        control("max-age=-1", None);
        control("max-age=soon", None);
        control("s-maxage=5", None);
        control("max-age=100000000000000000000", Some(u64::from(u32::MAX)));
        check(&[("cache-control", "Max-Age=300,public"), ("age", "100")], Some(200));
        check(&[("cache-control", "max-age=300"), ("age", "1000")], Some(0));
        check(&[], None);
    }

    const DAY: &str = "Wed, 21 Oct 2015 07:28:00 GMT";
    const MINUTE_LATER: &str = "Wed, 21 Oct 2015 07:29:00 GMT";

    #[test]
    fn freshness_is_expires_less_date_where_max_age_is_not_said() {
        check(&[("date", DAY), ("expires", MINUTE_LATER)], Some(60));
        check(&[("date", DAY), ("expires", MINUTE_LATER), ("age", "20")], Some(40));
        check(&[("date", DAY), ("expires", MINUTE_LATER), ("cache-control", "max-age=5")], Some(5));
        check(&[("date", DAY), ("expires", MINUTE_LATER), ("cache-control", "public")], Some(60));
        check(&[("date", MINUTE_LATER), ("expires", DAY)], Some(0));
        check(&[("date", DAY), ("expires", "0")], Some(0));
        check(&[("date", DAY), ("expires", "-1")], Some(0));
        check(&[("expires", MINUTE_LATER)], None);
    }

    #[test]
    fn retry_after_takes_seconds_and_dates() {
        let now = UnixTime::from_seconds(1_445_412_480); // DAY
        let check = |lines: &[(&'static str, &str)], expected: Option<u64>| {
            assert_eq!(retry_after(&headers(lines), now), expected.map(Duration::from_secs), "{lines:?}");
        };
        check(&[], None);
        check(&[("retry-after", "120")], Some(120));
        check(&[("retry-after", MINUTE_LATER)], Some(60));
        check(&[("retry-after", MINUTE_LATER), ("date", MINUTE_LATER)], Some(0));
        check(&[("retry-after", DAY), ("date", MINUTE_LATER)], Some(0));
        check(&[("retry-after", "soon")], None);
        check(&[("retry-after", "-1")], None);
    }

    #[test]
    fn confirmation_keeps_what_it_does_not_say() {
        let before = Caching {
            fresh_for: Some(Duration::from_secs(9)),
            etag: Some("\"a\"".to_owned()),
            last_modified: Some(DAY.to_owned()),
        };
        let mut silent = Caching::default();
        silent.inherit(&before);
        assert_eq!(silent, before);
        let mut telling = Caching::read(&headers(&[("cache-control", "max-age=5"), ("etag", "\"b\"")]));
        telling.inherit(&before);
        assert_eq!(telling.fresh_for, Some(Duration::from_secs(5)));
        assert_eq!((telling.etag.as_deref(), telling.last_modified.as_deref()), (Some("\"b\""), Some(DAY)));
    }
}
