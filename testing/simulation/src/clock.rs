//! A host's clock: the monotonic reading is virtual time, and the time of day is that and an error that a script moves.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jwksmith_verifier::{Clock, UnixTime};
use tokio::time::Instant;

use crate::chance::millis;

/// The time of day at which every world begins, in seconds.
pub(crate) const BEGINNING: u64 = 1_800_000_000;

pub(crate) struct SimClock {
    origin: Instant,
    error_millis: AtomicI64,
}

impl SimClock {
    pub(crate) fn new(origin: Instant) -> Self {
        Self { origin, error_millis: AtomicI64::new(0) }
    }

    /// Corrects the time of day, for better or worse.
    pub(crate) fn set_error(&self, millis: i64) {
        self.error_millis.store(millis, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(time_of_day(self.monotonic(), self.error_millis.load(Ordering::Relaxed)))
    }

    fn monotonic(&self) -> Duration {
        elapsed(self.origin)
    }
}

/// What a clock with this error says, in seconds.
pub(crate) fn time_of_day(at: Duration, error_millis: i64) -> u64 {
    let true_millis = BEGINNING * 1000 + millis(at);
    true_millis.saturating_add_signed(error_millis) / 1000
}

pub(crate) fn elapsed(origin: Instant) -> Duration {
    Instant::now().saturating_duration_since(origin)
}

#[expect(clippy::disallowed_methods, reason = "virtual time: nobody waits for it")]
pub(crate) async fn sleep(duration: Duration) {
    // Not even a turn of the timer for nothing.
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "virtual time: nobody waits for it")]
pub(crate) async fn sleep_until(origin: Instant, at: Duration) {
    tokio::time::sleep_until(origin + at).await;
}
