//! Time as an argument: seconds since 1970-01-01T00:00:00Z, as RFC 7519 §2 counts them (`NumericDate`).

use std::fmt;

/// A point in time in whole seconds since 1970, UTC, leap seconds ignored.
///
/// ```
/// use jwksmith_jose::UnixTime;
///
/// let issued = UnixTime::from_seconds(1_800_000_000);
/// assert_eq!(issued.saturating_add(60).as_seconds(), 1_800_000_060);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The time this many seconds after 1970.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970.
    pub const fn as_seconds(self) -> u64 {
        self.0
    }

    /// This time plus so many seconds, or the end of time.
    #[must_use]
    pub const fn saturating_add(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// This time less so many seconds, or 1970.
    #[must_use]
    pub const fn saturating_sub(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }

    /// Seconds from `earlier` to this time, or nothing if `earlier` is later.
    pub const fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
