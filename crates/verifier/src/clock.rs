//! The clock of a verifier, as a port: tests bring their own.

use std::time::{Duration, Instant, SystemTime};

use jwksmith_jose::UnixTime;

/// Tells the time, in both of its kinds.
pub trait Clock: Send + Sync + 'static {
    /// The time that tokens are judged by.
    fn now(&self) -> UnixTime;

    /// Time passed since some fixed moment; never goes back when somebody corrects the clock. Caches age by it.
    fn monotonic(&self) -> Duration;
}

/// The operating system's clock.
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose monotonic reading starts at zero.
    #[expect(clippy::disallowed_methods, reason = "this is the adapter to the operating system's clock")]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter to the operating system's clock")]
    fn now(&self) -> UnixTime {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        UnixTime::from_seconds(since_1970.as_secs())
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }
}
