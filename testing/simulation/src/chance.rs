//! All chance of a simulation: one generator from one seed, which hands out others.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Draws what a world is made of.
pub(crate) struct Chance(fastrand::Rng);

impl Chance {
    pub(crate) fn of(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Another generator, so that what is drawn from it moves nothing that is drawn from this one.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.0.fork())
    }

    pub(crate) fn seed(&mut self) -> u64 {
        self.0.u64(..)
    }

    pub(crate) fn one_in(&mut self, n: u32) -> bool {
        self.0.u32(0..n) == 0
    }

    pub(crate) fn count(&mut self, range: RangeInclusive<usize>) -> usize {
        self.0.usize(range)
    }

    /// A duration on the grid of milliseconds, which is that of tokio's timers.
    pub(crate) fn between(&mut self, from: Duration, to: Duration) -> Duration {
        Duration::from_millis(self.0.u64(millis(from)..=millis(to.max(from))))
    }

    pub(crate) fn seconds(&mut self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.0.u64(range))
    }

    pub(crate) fn millis(&mut self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.0.u64(range))
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.0.usize(0..from.len())]
    }

    pub(crate) fn shuffle<T>(&mut self, these: &mut [T]) {
        self.0.shuffle(these);
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
