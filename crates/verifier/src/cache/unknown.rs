//! The memory of `kid`s that a refresh did not bring: bounded in number and time, and emptied when the set changes.
//!
//! It holds digests and no texts, so that what strangers write takes the same few bytes whatever its length. The digest is keyed
//! by the process (see the driver), so nobody outside can make two `kid`s collide.

use std::collections::VecDeque;
use std::time::Duration;

/// The digest of a `kid`.
pub(crate) type KidDigest = u64;

#[derive(Clone, Debug, Default)]
pub(super) struct UnknownKids {
    /// Oldest first, as every entry lives equally long.
    entries: VecDeque<(KidDigest, Duration)>,
}

impl UnknownKids {
    pub(super) fn remember(&mut self, kid: KidDigest, until: Duration, max: usize) {
        self.entries.retain(|(known, _)| *known != kid);
        while self.entries.len() >= max.max(1) {
            self.entries.pop_front();
        }
        if max > 0 {
            self.entries.push_back((kid, until));
        }
    }

    /// Whether this `kid` was not found lately.
    pub(super) fn holds(&mut self, kid: KidDigest, now: Duration) -> bool {
        while self.entries.front().is_some_and(|(_, until)| *until <= now) {
            self.entries.pop_front();
        }
        self.entries.iter().any(|(known, _)| *known == kid)
    }

    pub(super) fn clear(&mut self) {
        // A new one and not an empty one: the memory that a flood took is given back.
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn kid_is_held_until_its_time_and_at_most_so_many() {
        let mut kids = UnknownKids::default();
        for kid in 1..=4 {
            kids.remember(kid, at(10 + kid), 3);
        }
        assert!(!kids.holds(1, at(0)), "the oldest made room");
        assert!(kids.holds(2, at(11)) && kids.holds(3, at(11)) && kids.holds(4, at(11)));
        assert!(!kids.holds(2, at(12)) && kids.holds(3, at(12)));
        kids.remember(3, at(50), 3);
        assert!(kids.holds(3, at(49)) && !kids.holds(4, at(49)));
        kids.clear();
        assert!(!kids.holds(3, at(0)));
    }

    #[test]
    fn memory_of_no_entries_holds_none() {
        let mut kids = UnknownKids::default();
        kids.remember(1, at(10), 0);
        assert!(!kids.holds(1, at(0)));
    }
}
