//! When a key set is fresh, who may cause a fetch, and what happens when one fails: a pure state machine.
//!
//! `(state, event, now) → (state, effect)`. It knows no network, no keys and no clock; `now` is a monotonic reading. The
//! driver in [`super`] carries the effects out.
//!
//! A key set passes four ages:
//!
//! | age | until | a known key |
//! | --- | --- | --- |
//! | fresh | 4/5 of its freshness | is served |
//! | ahead | its freshness | is served, while the set is refreshed in the background |
//! | stale | `stale_max` longer | waits for one refresh; while refreshes fail, is served |
//! | expired | | waits for a refresh, and is refused if it fails |
//!
//! So a withdrawn key outlives its freshness only while the issuer cannot be reached, and under traffic, which refreshes
//! ahead of time, nobody waits.
//!
//! Whatever the reason, two fetches never begin within one floor; after failures the floor doubles.

use std::time::Duration;

use crate::error::ConfigError;

/// When a verifier fetches its issuer's key set.
///
/// | setting | default | because |
/// | --- | --- | --- |
/// | `floor` | 10 s | a flood of made-up `kid`s costs the issuer 6 refreshes a minute, and a rotated key waits 10 s at most |
/// | `backoff_max` | 5 min | an issuer that comes back is found again soon |
/// | `fresh_default` | 5 min | what most libraries take where the issuer says nothing |
/// | `fresh_min` | 1 min | an issuer that forbids caching would otherwise be asked for every token |
/// | `fresh_max` | 1 day | a withdrawn key must not live for as long as a careless `max-age` says |
/// | `stale_max` | 1 h | tokens verify through an outage of that length, and not for ever |
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CacheSettings {
    /// The least time between the beginnings of two fetches, whatever came of the first.
    pub floor: Duration,
    /// The floor doubles with each failure in a row, up to this; `Retry-After` counts up to this too.
    pub backoff_max: Duration,
    /// How long a set is fresh when the issuer does not say.
    pub fresh_default: Duration,
    /// The shortest freshness, whatever the issuer says.
    pub fresh_min: Duration,
    /// The longest freshness, whatever the issuer says.
    pub fresh_max: Duration,
    /// How long a set is served beyond its freshness while refreshes fail.
    pub stale_max: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            floor: Duration::from_secs(10),
            backoff_max: Duration::from_mins(5),
            fresh_default: Duration::from_mins(5),
            fresh_min: Duration::from_mins(1),
            fresh_max: Duration::from_hours(24),
            stale_max: Duration::from_hours(1),
        }
    }
}

impl CacheSettings {
    pub(crate) fn checked(self) -> Result<Self, ConfigError> {
        if self.floor.is_zero() {
            return Err(ConfigError::Cache("a floor of zero would let every unknown `kid` cause a fetch"));
        }
        if self.backoff_max < self.floor {
            return Err(ConfigError::Cache("`backoff_max` is under `floor`"));
        }
        if self.fresh_min > self.fresh_max {
            return Err(ConfigError::Cache("`fresh_min` is over `fresh_max`"));
        }
        if self.fresh_min < self.floor {
            return Err(ConfigError::Cache(
                "`fresh_min` is under `floor`, so a fresh set could not be had in time",
            ));
        }
        Ok(self)
    }
}

/// What happens to a cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// A token needs a key of the set.
    KeyWanted,
    /// A token was not satisfied by the set: a newer one might do.
    NewerWanted,
    /// A fetch brought a set, or word that the known one is still current.
    Fetched { fresh_for: Option<Duration> },
    /// A fetch failed.
    Failed { retry_after: Option<Duration> },
}

/// What the driver must do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    /// Answer from the set at hand.
    Serve,
    /// Answer from the set at hand, and begin a fetch beside it.
    ServeAndFetch,
    /// Begin a fetch and wait for it.
    FetchAndWait,
    /// Wait for the fetch that is under way.
    Join,
    /// No fetch may begin yet.
    TooSoon { retry_after: Duration },
    /// Nothing.
    None,
}

/// The state of one issuer's cache.
#[derive(Clone, Debug)]
pub(crate) struct CacheState {
    settings: CacheSettings,
    set: Option<Freshness>,
    fetching: bool,
    /// No fetch begins before this reading.
    not_before: Duration,
    failures: u32,
}

/// The readings at which a set passes into its ages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Freshness {
    ahead: Duration,
    stale: Duration,
    expired: Duration,
}

impl CacheState {
    pub(crate) fn new(settings: CacheSettings) -> Self {
        Self { settings, set: None, fetching: false, not_before: Duration::ZERO, failures: 0 }
    }

    /// Takes an event in, and says what to do about it.
    pub(crate) fn step(&mut self, event: Event, now: Duration) -> Effect {
        match event {
            Event::KeyWanted => self.key_wanted(now),
            Event::NewerWanted => self.newer_wanted(now),
            Event::Fetched { fresh_for } => self.fetched(fresh_for, now),
            Event::Failed { retry_after } => self.failed(retry_after, now),
        }
    }

    /// Until this reading the set can be served without asking again.
    pub(crate) fn quiet_until(&self) -> Duration {
        self.set.map_or(Duration::ZERO, |set| set.ahead)
    }

    /// How long until a fetch may begin.
    pub(crate) fn retry_after(&self, now: Duration) -> Duration {
        self.not_before.saturating_sub(now)
    }

    /// Whether the set at hand may be used when no newer one is to be had.
    pub(crate) fn is_usable(&self, now: Duration) -> bool {
        self.set.is_some_and(|set| now < set.expired)
    }

    /// Whether a key that is wanted is served without waiting.
    pub(crate) fn serves_at_once(&self, now: Duration) -> bool {
        self.set.is_some_and(|set| now < set.stale || (now < set.expired && self.is_failing()))
    }

    /// Whether the last fetch failed, so that an answer from the set at hand is not the issuer's latest word.
    pub(crate) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    fn key_wanted(&mut self, now: Duration) -> Effect {
        match self.set {
            Some(set) if now < set.ahead => Effect::Serve,
            // A key that is known and fresh never waits, nor does a stale one while the issuer is known to be down.
            Some(_) if self.serves_at_once(now) => match self.begin(now) {
                Effect::FetchAndWait => Effect::ServeAndFetch,
                _ => Effect::Serve,
            },
            _ => self.begin(now),
        }
    }

    fn newer_wanted(&mut self, now: Duration) -> Effect {
        self.begin(now)
    }

    fn begin(&mut self, now: Duration) -> Effect {
        if self.fetching {
            return Effect::Join;
        }
        if now < self.not_before {
            return Effect::TooSoon { retry_after: self.retry_after(now) };
        }
        self.fetching = true;
        // The floor counts attempts, not successes: an issuer that is down is not asked once per token.
        self.not_before = now.saturating_add(self.settings.floor);
        Effect::FetchAndWait
    }

    fn fetched(&mut self, fresh_for: Option<Duration>, now: Duration) -> Effect {
        let settings = &self.settings;
        let fresh_for =
            fresh_for.unwrap_or(settings.fresh_default).clamp(settings.fresh_min, settings.fresh_max);
        self.set = Some(Freshness {
            ahead: now.saturating_add(fresh_for.saturating_sub(fresh_for / 5)),
            stale: now.saturating_add(fresh_for),
            expired: now.saturating_add(fresh_for).saturating_add(settings.stale_max),
        });
        self.fetching = false;
        self.failures = 0;
        Effect::None
    }

    fn failed(&mut self, retry_after: Option<Duration>, now: Duration) -> Effect {
        self.fetching = false;
        let doublings = self.failures.min(16);
        self.failures = self.failures.saturating_add(1);
        let backoff = self.settings.floor.saturating_mul(1 << doublings);
        let wait = backoff.max(retry_after.unwrap_or_default()).min(self.settings.backoff_max);
        self.not_before = self.not_before.max(now.saturating_add(wait));
        Effect::None
    }
}

#[cfg(test)]
mod tests {
    use super::{CacheSettings, CacheState, Effect, Event};
    use std::time::Duration;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const FETCHED: Event = Event::Fetched { fresh_for: Some(at(100)) };
    const FAILED: Event = Event::Failed { retry_after: None };

    fn settings() -> CacheSettings {
        CacheSettings {
            floor: at(10),
            backoff_max: at(60),
            fresh_default: at(50),
            fresh_min: at(20),
            fresh_max: at(1_000),
            stale_max: at(200),
        }
    }

    /// Walks events at their times and compares every effect.
    fn check(walk: &[(u64, Event, Effect)]) {
        let mut state = CacheState::new(settings());
        for (step, (now, event, expected)) in walk.iter().enumerate() {
            assert_eq!(state.step(*event, at(*now)), *expected, "step {step}: {event:?} at {now} s");
        }
    }

    #[test]
    fn set_passes_through_four_ages() {
        check(&[
            (0, Event::KeyWanted, Effect::FetchAndWait),
            (0, Event::KeyWanted, Effect::Join),
            (1, FETCHED, Effect::None),
            (80, Event::KeyWanted, Effect::Serve),
            (81, Event::KeyWanted, Effect::ServeAndFetch),
            (82, Event::KeyWanted, Effect::Serve),
            (83, FAILED, Effect::None),
            (102, Event::KeyWanted, Effect::ServeAndFetch),
            (103, FAILED, Effect::None),
            (104, Event::KeyWanted, Effect::Serve),
            (300, Event::KeyWanted, Effect::ServeAndFetch),
            (300, Event::KeyWanted, Effect::Serve),
            (301, Event::KeyWanted, Effect::Join),
        ]);
    }

    #[test]
    fn stale_set_of_a_reachable_issuer_waits_for_one_refresh() {
        check(&[
            (0, Event::KeyWanted, Effect::FetchAndWait),
            (0, FETCHED, Effect::None),
            (100, Event::KeyWanted, Effect::FetchAndWait),
            (100, Event::KeyWanted, Effect::Join),
            (101, FAILED, Effect::None),
            (102, Event::KeyWanted, Effect::Serve),
            (111, Event::KeyWanted, Effect::ServeAndFetch),
            (112, FETCHED, Effect::None),
            (113, Event::KeyWanted, Effect::Serve),
        ]);
    }

    #[test]
    fn newer_wanted_is_bounded_by_the_floor() {
        check(&[
            (0, Event::KeyWanted, Effect::FetchAndWait),
            (1, FETCHED, Effect::None),
            (2, Event::NewerWanted, Effect::TooSoon { retry_after: at(8) }),
            (9, Event::NewerWanted, Effect::TooSoon { retry_after: at(1) }),
            (10, Event::NewerWanted, Effect::FetchAndWait),
            (10, Event::NewerWanted, Effect::Join),
            (11, Event::KeyWanted, Effect::Serve),
            (12, FETCHED, Effect::None),
            (19, Event::NewerWanted, Effect::TooSoon { retry_after: at(1) }),
            (20, Event::NewerWanted, Effect::FetchAndWait),
        ]);
    }

    #[test]
    fn failures_back_off_and_success_resets() {
        check(&[
            (0, Event::KeyWanted, Effect::FetchAndWait),
            (0, FAILED, Effect::None),
            (9, Event::KeyWanted, Effect::TooSoon { retry_after: at(1) }),
            (10, Event::KeyWanted, Effect::FetchAndWait),
            (10, FAILED, Effect::None),
            (29, Event::KeyWanted, Effect::TooSoon { retry_after: at(1) }),
            (30, Event::KeyWanted, Effect::FetchAndWait),
            (30, FAILED, Effect::None),
            (69, Event::KeyWanted, Effect::TooSoon { retry_after: at(1) }),
            (70, Event::KeyWanted, Effect::FetchAndWait),
            (70, FAILED, Effect::None),
            (129, Event::KeyWanted, Effect::TooSoon { retry_after: at(1) }),
            (130, Event::KeyWanted, Effect::FetchAndWait),
            (130, FETCHED, Effect::None),
            (140, Event::NewerWanted, Effect::FetchAndWait),
        ]);
    }

    #[test]
    fn retry_after_is_honoured_up_to_its_limit() {
        let failed = |seconds| Event::Failed { retry_after: Some(at(seconds)) };
        check(&[
            (0, Event::KeyWanted, Effect::FetchAndWait),
            (0, failed(25), Effect::None),
            (24, Event::KeyWanted, Effect::TooSoon { retry_after: at(1) }),
            (25, Event::KeyWanted, Effect::FetchAndWait),
            (25, failed(1_000_000), Effect::None),
            (84, Event::KeyWanted, Effect::TooSoon { retry_after: at(1) }),
            (85, Event::KeyWanted, Effect::FetchAndWait),
        ]);
    }

    #[test]
    fn freshness_is_clamped() {
        for (said, ahead) in
            [(Some(0), 16), (Some(20), 16), (None, 40), (Some(1_000), 800), (Some(u64::MAX), 800)]
        {
            let mut state = CacheState::new(settings());
            state.step(Event::KeyWanted, at(0));
            state.step(Event::Fetched { fresh_for: said.map(at) }, at(0));
            assert_eq!(state.quiet_until(), at(ahead), "{said:?}");
        }
    }

    /// Every sequence of six events out of four, a second or a floor apart: fetches never begin within one floor, and a
    /// set that is fresh is always served.
    #[test]
    fn floor_holds_in_every_short_history() {
        let events = [Event::KeyWanted, Event::NewerWanted, FETCHED, FAILED];
        for history in 0..(8_usize.pow(6)) {
            let mut state = CacheState::new(settings());
            let (mut now, mut rest, mut last_begin, mut fresh_until) = (0, history, None, 0);
            for _ in 0..6 {
                let (event, pause) = (events[rest % 4], if rest / 4 % 2 == 0 { 1 } else { 10 });
                (now, rest) = (now + pause, rest / 8);
                let answers_a_fetch = matches!(event, Event::Fetched { .. } | Event::Failed { .. });
                if answers_a_fetch && !state.fetching {
                    continue;
                }
                let effect = state.step(event, at(now));
                if matches!(effect, Effect::FetchAndWait | Effect::ServeAndFetch) {
                    assert!(last_begin.is_none_or(|last| now >= last + 10), "history {history}");
                    last_begin = Some(now);
                }
                if event == Event::KeyWanted && now < fresh_until {
                    assert!(matches!(effect, Effect::Serve | Effect::ServeAndFetch), "history {history}");
                }
                if event == FETCHED {
                    fresh_until = now + 100;
                }
            }
        }
    }

    #[test]
    fn contradictory_settings_are_refused() {
        let refused = [
            CacheSettings { floor: at(0), ..settings() },
            CacheSettings { backoff_max: at(9), ..settings() },
            CacheSettings { fresh_min: at(1_001), ..settings() },
            CacheSettings { fresh_min: at(9), ..settings() },
        ];
        for settings in refused {
            assert!(settings.clone().checked().is_err(), "{settings:?}");
        }
        assert!(settings().checked().is_ok());
        assert!(CacheSettings::default().checked().is_ok());
    }
}
