//! The clock of a verifier, as a port: tests bring their own.

use std::time::Duration;

use jwksmith_jose::UnixTime;

/// Tells the time, in both of its kinds.
pub trait Clock: Send + Sync + 'static {
    /// The time that tokens are judged by.
    fn now(&self) -> UnixTime;

    /// Time passed since some fixed moment; never goes back when somebody corrects the clock. Caches age by it.
    fn monotonic(&self) -> Duration;
}

/// The operating system's clock.
///
/// On Linux it is read at the resolution of its timer, a few milliseconds, which costs a quarter of the exact reading: tokens count
/// in seconds, and a verifier reads it twice for each.
pub struct SystemClock {
    origin: Duration,
}

impl SystemClock {
    /// A clock whose monotonic reading starts at zero.
    pub fn new() -> Self {
        Self { origin: system::monotonic() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(system::since_1970().as_secs())
    }

    fn monotonic(&self) -> Duration {
        system::monotonic().saturating_sub(self.origin)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    pub(super) fn since_1970() -> Duration {
        read(ClockId::RealtimeCoarse)
    }

    pub(super) fn monotonic() -> Duration {
        read(ClockId::MonotonicCoarse)
    }

    /// A clock that stands before its beginning stands at it.
    fn read(clock: ClockId) -> Duration {
        Duration::try_from(clock_gettime(clock)).unwrap_or_default()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::sync::OnceLock;
    use std::time::{Duration, Instant, SystemTime};

    #[expect(clippy::disallowed_methods, reason = "this is the adapter to the operating system's clock")]
    pub(super) fn since_1970() -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the adapter to the operating system's clock")]
    pub(super) fn monotonic() -> Duration {
        static BEGINNING: OnceLock<Instant> = OnceLock::new();
        BEGINNING.get_or_init(Instant::now).elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the adapter is compared with the standard library's")]
    fn system_clock_agrees_with_the_standard_library() {
        let clock = SystemClock::new();
        assert!(clock.monotonic() < Duration::from_mins(1), "it starts at zero");
        let exact = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert!(clock.now().as_seconds().abs_diff(exact) <= 1);
        let (earlier, later) = (clock.monotonic(), clock.monotonic());
        assert!(earlier <= later);
    }
}
