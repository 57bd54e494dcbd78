//! The settings of a cache: what each bounds, its default, and why that is safe.

use std::time::Duration;

use crate::error::ConfigError;

/// When a verifier fetches its issuer's key set, and for how long it uses what it has.
///
/// | setting | default | because |
/// | --- | --- | --- |
/// | `floor` | 10 s | a flood of made-up `kid`s costs the issuer 6 refreshes a minute, and a rotated key waits 10 s at most |
/// | `burst` | 3 | two rotations in a row, or two failures at start, need not wait for the floor |
/// | `backoff_min` | 1 s | a connection that failed by accident is tried again at once |
/// | `backoff_max` | 5 min | an issuer that comes back is found again soon |
/// | `fresh_default` | 5 min | what most libraries take where the issuer says nothing |
/// | `fresh_min` | 1 min | an issuer that forbids caching would otherwise be asked for every token |
/// | `fresh_max` | 1 h | a withdrawn key must not live for as long as a careless `max-age` says |
/// | `stale_max` | 12 h | tokens verify through a long outage, and not for ever |
/// | `wait_max` | 5 s | a caller without a deadline of its own gets an answer; the fetch goes on for the others |
/// | `unknown_kid_for` | 1 min | a client that repeats an old token asks for one refresh a minute, not for six |
/// | `unknown_kids_max` | 1024 | 16 KiB for each issuer at most, and none before the first unknown `kid` |
/// | `absence_confirmed_after` | 0 s | a withdrawn key goes with the first answer that lacks it |
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CacheSettings {
    /// The least time between the beginnings of two refreshes in the long run, whatever came of the first.
    pub floor: Duration,
    /// How many refreshes may begin after a quiet time before the floor holds each back: at most `burst + t / floor`
    /// in any time `t`. One means none beyond the floor.
    pub burst: u32,
    /// The pause after a first failure; it doubles with each failure in a row.
    pub backoff_min: Duration,
    /// The longest pause after failures; `Retry-After` counts up to this too.
    pub backoff_max: Duration,
    /// How long a set is fresh when the issuer does not say.
    pub fresh_default: Duration,
    /// The shortest freshness, whatever the issuer says.
    pub fresh_min: Duration,
    /// The longest freshness, whatever the issuer says.
    pub fresh_max: Duration,
    /// How long a set is served beyond its freshness while refreshes fail.
    pub stale_max: Duration,
    /// How long one call waits for a fetch that is under way. The fetch itself is bounded by
    /// [`FetchSettings::timeout`](crate::FetchSettings::timeout).
    pub wait_max: Duration,
    /// For how long a `kid` that a refresh did not bring causes no other, unless the set changes.
    pub unknown_kid_for: Duration,
    /// How many such `kid`s are remembered; beyond it the oldest are forgotten.
    pub unknown_kids_max: usize,
    /// How long a key that one answer lacks stays usable until another lacks it too. Zero, and it goes at once. Against
    /// issuers whose replicas answer differently after a rotation; it is added to [`CacheSettings::revocation_bound`]. Time that
    /// a set has been stale counts, so after a long silence or outage a key goes with the first answer that lacks it.
    pub absence_confirmed_after: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            floor: Duration::from_secs(10),
            burst: 3,
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_mins(5),
            fresh_default: Duration::from_mins(5),
            fresh_min: Duration::from_mins(1),
            fresh_max: Duration::from_hours(1),
            stale_max: Duration::from_hours(12),
            wait_max: Duration::from_secs(5),
            unknown_kid_for: Duration::from_mins(1),
            unknown_kids_max: 1024,
            absence_confirmed_after: Duration::ZERO,
        }
    }
}

/// How long a token of a withdrawn key may still be accepted, counted from the moment at which the issuer's answers lack
/// the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RevocationBound {
    /// While the issuer answers: the longest freshness, and the confirmation if one is asked for.
    pub reachable: Duration,
    /// While it does not, or answers with nothing that may replace a good set: `stale_max` more. Nothing is accepted beyond.
    pub unreachable: Duration,
}

impl CacheSettings {
    /// How long a withdrawn key may live on in this cache, whatever the issuer says of caching.
    pub fn revocation_bound(&self) -> RevocationBound {
        // The refresh that confirms is the first one after that time, and refreshes are due `fresh_min` apart then.
        let confirmation = match self.absence_confirmed_after {
            Duration::ZERO => Duration::ZERO,
            after => after.saturating_add(self.fresh_min),
        };
        let reachable = self.fresh_max.saturating_add(confirmation);
        RevocationBound { reachable, unreachable: reachable.saturating_add(self.stale_max) }
    }

    pub(crate) fn checked(self) -> Result<Self, ConfigError> {
        match self.contradiction() {
            Some(contradiction) => Err(ConfigError::Cache(contradiction)),
            None => Ok(self),
        }
    }

    fn contradiction(&self) -> Option<&'static str> {
        let contradictions = [
            (self.floor.is_zero(), "a `floor` of zero would let every unknown `kid` cause a fetch"),
            (self.burst == 0, "a `burst` of zero would let no refresh begin"),
            (
                self.backoff_min.is_zero(),
                "a `backoff_min` of zero would ask an issuer that is down for every token",
            ),
            (self.backoff_max < self.floor, "`backoff_max` is under `floor`"),
            (self.backoff_max < self.backoff_min, "`backoff_max` is under `backoff_min`"),
            (self.fresh_min > self.fresh_max, "`fresh_min` is over `fresh_max`"),
            (
                self.fresh_min < self.floor,
                "`fresh_min` is under `floor`, so a fresh set could not be had in time",
            ),
            (self.wait_max.is_zero(), "a `wait_max` of zero would never see a key set"),
            (
                self.absence_confirmed_after > self.fresh_max,
                "`absence_confirmed_after` is over `fresh_max`, so a refresh would come too early to confirm",
            ),
        ];
        contradictions.into_iter().find(|(holds, _)| *holds).map(|(_, contradiction)| contradiction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn contradictory_settings_are_refused() {
        let sound = CacheSettings::default;
        let refused = [
            CacheSettings { floor: at(0), ..sound() },
            CacheSettings { burst: 0, ..sound() },
            CacheSettings { backoff_min: at(0), ..sound() },
            CacheSettings { backoff_max: at(9), ..sound() },
            CacheSettings { backoff_min: at(301), ..sound() },
            CacheSettings { fresh_min: at(3_601), ..sound() },
            CacheSettings { fresh_min: at(9), ..sound() },
            CacheSettings { wait_max: at(0), ..sound() },
            CacheSettings { absence_confirmed_after: at(3_601), ..sound() },
        ];
        for settings in refused {
            assert!(settings.clone().checked().is_err(), "{settings:?}");
        }
        let accepted = [
            sound(),
            CacheSettings { burst: 1, ..sound() },
            CacheSettings { backoff_max: at(10), ..sound() },
            CacheSettings { fresh_min: at(10), ..sound() },
            CacheSettings { fresh_min: at(3_600), ..sound() },
            CacheSettings { absence_confirmed_after: at(3_600), ..sound() },
            CacheSettings { unknown_kids_max: 0, unknown_kid_for: at(0), ..sound() },
        ];
        for settings in accepted {
            assert!(settings.clone().checked().is_ok(), "{settings:?}");
        }
    }

    #[test]
    fn revocation_bound_is_the_sum_of_what_may_pass() {
        let bound = |settings: CacheSettings| {
            let RevocationBound { reachable, unreachable } = settings.revocation_bound();
            (reachable.as_secs(), unreachable.as_secs())
        };
        let sound = CacheSettings::default;
        assert_eq!(bound(sound()), (3_600, 3_600 + 43_200));
        assert_eq!(
            bound(CacheSettings { fresh_max: at(100), fresh_min: at(50), stale_max: at(7), ..sound() }),
            (100, 107)
        );
        assert_eq!(
            bound(CacheSettings { absence_confirmed_after: at(90), ..sound() }),
            (3_750, 3_750 + 43_200)
        );
        assert_eq!(
            bound(CacheSettings { absence_confirmed_after: at(1), ..sound() }),
            (3_661, 3_661 + 43_200)
        );
    }
}
