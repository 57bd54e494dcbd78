//! A clock that stands still until a test moves it.

use std::sync::Mutex;
use std::time::Duration;

use jwksmith_verifier::{Clock, UnixTime};

/// A [`Clock`] set by hand.
pub struct ManualClock(Mutex<Reading>);

struct Reading {
    now: UnixTime,
    monotonic: Duration,
}

impl ManualClock {
    /// A clock that says `now`.
    pub fn new(now: UnixTime) -> Self {
        Self(Mutex::new(Reading { now, monotonic: Duration::ZERO }))
    }

    /// Lets time pass, whole seconds.
    pub fn advance(&self, seconds: u64) {
        let mut reading = self.reading();
        reading.now = reading.now.saturating_add(seconds);
        reading.monotonic = reading.monotonic.saturating_add(Duration::from_secs(seconds));
    }

    /// Corrects the time of day, which caches must not notice.
    pub fn correct(&self, now: UnixTime) {
        self.reading().now = now;
    }

    fn reading(&self) -> std::sync::MutexGuard<'_, Reading> {
        self.0.lock().expect("nothing panics while it holds the reading")
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        self.reading().now
    }

    fn monotonic(&self) -> Duration {
        self.reading().monotonic
    }
}
