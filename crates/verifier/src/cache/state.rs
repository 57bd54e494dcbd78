//! When a key set is fresh, who may cause a fetch, and what happens when one fails: a pure state machine.
//!
//! `(state, event, now) → (state, effect)`. It knows no network, no keys and no clock; `now` is a monotonic reading, and
//! chance comes with the events. The driver in [`super`] carries the effects out.
//!
//! A key set passes four ages:
//!
//! | age | until | a known key |
//! | --- | --- | --- |
//! | fresh | 7/10 to 4/5 of its freshness, by chance | is served |
//! | ahead | its freshness | is served, while the set is refreshed in the background |
//! | stale | `stale_max` longer | waits for one refresh; while refreshes fail, is served |
//! | expired | | waits for a refresh, and is refused if it fails |
//!
//! So a withdrawn key outlives its freshness only while the issuer cannot be reached, and under traffic, which refreshes
//! ahead of time, nobody waits.
//!
//! Whatever the reason, in any time `t` at most `burst + t / floor` fetches begin: a permit comes back with each floor that
//! passes, and every beginning takes one, successful or not. After failures the pause grows beside that.

use std::time::Duration;

use super::settings::CacheSettings;
use super::unknown::{KidDigest, UnknownKids};

/// What happens to a cache.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Event {
    /// A token needs a key of the set.
    KeyWanted,
    /// A token was not satisfied by the set: a newer one might do. The digest is of the `kid` that it named.
    NewerWanted { kid: Option<KidDigest> },
    /// A refresh did not bring this `kid`.
    StillUnknown { kid: KidDigest },
    /// A fetch brought a set, or word that the known one is still current.
    Fetched { lifetime: Lifetime, chance: Chance },
    /// The set was replaced by another, so what was unknown may be known now.
    Changed,
    /// A fetch failed.
    Failed { retry_after: Option<Duration>, chance: Chance },
    /// A set of an earlier process was taken over, which fetched it so long ago.
    Restored { lifetime: Lifetime, age: Duration },
}

/// For how long a set is fresh.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lifetime {
    /// What the issuer says, if it says anything: the settings clamp it
    Said(Option<Duration>),
    /// Until it is looked at again after one floor: a file, or a source that stands in for a better one
    Floor,
    /// As said, but no longer than this: a key waits for the confirmation that it is gone
    AtMost(Duration),
}

/// A number from outside, from 0 to 255, that spreads what would otherwise happen everywhere at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chance(pub(crate) u8);

impl Chance {
    /// This share of a duration.
    fn of(self, whole: Duration) -> Duration {
        whole / 255 * u32::from(self.0)
    }
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
    /// A refresh has lately not brought this `kid`: another would not either.
    NotThere,
    /// Nothing.
    None,
}

/// How old a set is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Age {
    /// There is none yet
    Missing,
    /// It is served
    Fresh,
    /// It is served, and refreshed beside that
    Ahead,
    /// It is served only while refreshes fail
    Stale,
    /// It is not used any more
    Expired,
}

/// The state of one issuer's cache.
#[derive(Clone, Debug)]
pub(crate) struct CacheState {
    settings: CacheSettings,
    set: Option<Freshness>,
    fetching: bool,
    /// When the last fetch began: what it brought may be as old as this.
    begun: Duration,
    /// No fetch begins before this reading, because others failed.
    not_before: Duration,
    /// When all permits are back: each beginning moves it one floor on.
    permits_back: Duration,
    failures: u32,
    unknown: UnknownKids,
}

/// The readings at which a set passes into its ages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Freshness {
    ahead: Duration,
    stale: Duration,
    expired: Duration,
    /// How long it had been stale when it was taken over: a process has no readings from before its beginning.
    stale_before: Duration,
}

impl CacheState {
    pub(crate) fn new(settings: CacheSettings) -> Self {
        Self {
            settings,
            set: None,
            fetching: false,
            begun: Duration::ZERO,
            not_before: Duration::ZERO,
            permits_back: Duration::ZERO,
            failures: 0,
            unknown: UnknownKids::default(),
        }
    }

    /// Takes an event in, and says what to do about it.
    pub(crate) fn step(&mut self, event: Event, now: Duration) -> Effect {
        match event {
            Event::KeyWanted => self.key_wanted(now),
            Event::NewerWanted { kid } => self.newer_wanted(kid, now),
            Event::StillUnknown { kid } => self.still_unknown(kid, now),
            Event::Fetched { lifetime, chance } => self.fetched(lifetime, chance),
            Event::Changed => self.changed(),
            Event::Failed { retry_after, chance } => self.failed(retry_after, chance, now),
            Event::Restored { lifetime, age } => self.restored(lifetime, age, now),
        }
    }

    /// Until this reading a known key is served whatever happens, so that nobody needs to ask.
    pub(crate) fn quiet_until(&self, now: Duration) -> Duration {
        let Some(set) = self.set else { return Duration::ZERO };
        if now < set.ahead {
            return set.ahead;
        }
        if !self.serves_at_once(now) {
            return Duration::ZERO;
        }
        let end = if self.is_failing() { set.expired } else { set.stale };
        // While a fetch is under way its end changes everything anyway; else the next may begin then.
        if self.fetching { end } else { end.min(self.may_begin_at()) }
    }

    /// How long until a fetch may begin.
    pub(crate) fn retry_after(&self, now: Duration) -> Duration {
        self.may_begin_at().saturating_sub(now)
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

    /// For how long the set has been stale.
    pub(crate) fn stale_for(&self, now: Duration) -> Duration {
        self.set.map_or(Duration::ZERO, |set| now.saturating_sub(set.stale).saturating_add(set.stale_before))
    }

    pub(crate) fn age(&self, now: Duration) -> Age {
        match self.set {
            None => Age::Missing,
            Some(set) if now < set.ahead => Age::Fresh,
            Some(set) if now < set.stale => Age::Ahead,
            Some(set) if now < set.expired => Age::Stale,
            Some(_) => Age::Expired,
        }
    }

    /// How much longer the set is fresh.
    pub(crate) fn fresh_for(&self, now: Duration) -> Duration {
        self.set.map_or(Duration::ZERO, |set| set.stale.saturating_sub(now))
    }

    /// How much longer the set may be used when no newer one is to be had.
    pub(crate) fn usable_for(&self, now: Duration) -> Duration {
        self.set.map_or(Duration::ZERO, |set| set.expired.saturating_sub(now))
    }

    /// When a refresh is due that nobody has asked for.
    pub(crate) fn refresh_due_at(&self) -> Duration {
        self.set.map_or(Duration::ZERO, |set| set.ahead).max(self.may_begin_at())
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

    fn newer_wanted(&mut self, kid: Option<KidDigest>, now: Duration) -> Effect {
        if kid.is_some_and(|kid| self.unknown.holds(kid, now)) {
            return Effect::NotThere;
        }
        self.begin(now)
    }

    fn still_unknown(&mut self, kid: KidDigest, now: Duration) -> Effect {
        let CacheSettings { unknown_kid_for, unknown_kids_max, .. } = self.settings;
        self.unknown.remember(kid, now.saturating_add(unknown_kid_for), unknown_kids_max);
        Effect::None
    }

    fn begin(&mut self, now: Duration) -> Effect {
        if self.fetching {
            return Effect::Join;
        }
        if now < self.may_begin_at() {
            return Effect::TooSoon { retry_after: self.retry_after(now) };
        }
        self.fetching = true;
        self.begun = now;
        // Permits count attempts, not successes: an issuer that is down is not asked once per token.
        self.permits_back = self.permits_back.max(now).saturating_add(self.settings.floor);
        Effect::FetchAndWait
    }

    fn may_begin_at(&self) -> Duration {
        let spare = self.settings.floor.saturating_mul(self.settings.burst.saturating_sub(1));
        self.not_before.max(self.permits_back.saturating_sub(spare))
    }

    fn fetched(&mut self, lifetime: Lifetime, chance: Chance) -> Effect {
        let fresh = self.lasts(lifetime);
        let early = (fresh / 5).saturating_add(chance.of(fresh / 10));
        // Counted from the beginning of the fetch: what the issuer withdrew while it answered is not in the answer.
        self.set = Some(self.freshness(self.begun.saturating_add(fresh), early));
        self.fetching = false;
        self.failures = 0;
        self.not_before = Duration::ZERO;
        Effect::None
    }

    fn restored(&mut self, lifetime: Lifetime, age: Duration, now: Duration) -> Effect {
        let left = self.lasts(lifetime).saturating_sub(age);
        let over = age.saturating_sub(self.lasts(lifetime));
        // What another process left is served, and a refresh is due at once.
        let mut set = self.freshness(now.saturating_add(left), left);
        set.expired = set.expired.saturating_sub(over);
        set.stale_before = over;
        self.set = Some(set);
        Effect::None
    }

    fn lasts(&self, lifetime: Lifetime) -> Duration {
        let CacheSettings { fresh_default, fresh_min, fresh_max, floor, .. } = self.settings;
        match lifetime {
            Lifetime::Said(said) => said.unwrap_or(fresh_default).clamp(fresh_min, fresh_max),
            Lifetime::Floor => floor,
            Lifetime::AtMost(most) => most.clamp(fresh_min, fresh_max),
        }
    }

    fn freshness(&self, stale: Duration, early: Duration) -> Freshness {
        Freshness {
            ahead: stale.saturating_sub(early),
            stale,
            expired: stale.saturating_add(self.settings.stale_max),
            stale_before: Duration::ZERO,
        }
    }

    fn changed(&mut self) -> Effect {
        self.unknown.clear();
        Effect::None
    }

    fn failed(&mut self, retry_after: Option<Duration>, chance: Chance, now: Duration) -> Effect {
        let CacheSettings { backoff_min, backoff_max, .. } = self.settings;
        self.fetching = false;
        let backoff = backoff_min.saturating_mul(1 << self.failures.min(16)).min(backoff_max);
        // By chance up to a quarter less, so that a thousand verifiers do not come back as one.
        let backoff = backoff.saturating_sub(chance.of(backoff / 4));
        let wait = backoff.max(retry_after.unwrap_or_default().min(backoff_max));
        self.failures = self.failures.saturating_add(1);
        self.not_before = self.not_before.max(now.saturating_add(wait));
        Effect::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const CALM: Chance = Chance(0);
    const NEWER: Event = Event::NewerWanted { kid: None };
    const FETCHED: Event = Event::Fetched { lifetime: Lifetime::Said(Some(at(100))), chance: CALM };
    const FAILED: Event = Event::Failed { retry_after: None, chance: CALM };

    fn settings() -> CacheSettings {
        CacheSettings {
            floor: at(10),
            burst: 1,
            backoff_min: at(10),
            backoff_max: at(60),
            fresh_default: at(50),
            fresh_min: at(20),
            fresh_max: at(1_000),
            stale_max: at(200),
            unknown_kid_for: at(30),
            ..CacheSettings::default()
        }
    }

    /// Walks events at their times and compares every effect.
    fn check(settings: CacheSettings, walk: &[(u64, Event, Effect)]) {
        let mut state = CacheState::new(settings);
        for (step, (now, event, expected)) in walk.iter().enumerate() {
            assert_eq!(state.step(*event, at(*now)), *expected, "step {step}: {event:?} at {now} s");
        }
    }

    #[test]
    fn set_passes_through_four_ages() {
        check(
            settings(),
            &[
                (0, Event::KeyWanted, Effect::FetchAndWait),
                (0, Event::KeyWanted, Effect::Join),
                (1, FETCHED, Effect::None),
                (79, Event::KeyWanted, Effect::Serve),
                (80, Event::KeyWanted, Effect::ServeAndFetch),
                (82, Event::KeyWanted, Effect::Serve),
                (83, FAILED, Effect::None),
                (102, Event::KeyWanted, Effect::ServeAndFetch),
                (103, FAILED, Effect::None),
                (104, Event::KeyWanted, Effect::Serve),
                (299, Event::KeyWanted, Effect::ServeAndFetch),
                (299, Event::KeyWanted, Effect::Serve),
                (300, Event::KeyWanted, Effect::Join),
            ],
        );
    }

    #[test]
    fn what_is_left_of_a_set_is_counted_down() {
        let mut state = CacheState::new(settings());
        let left = |state: &CacheState, now| (state.fresh_for(at(now)), state.usable_for(at(now)));
        assert_eq!(left(&state, 0), (at(0), at(0)), "there is none yet");
        state.step(Event::KeyWanted, at(0));
        state.step(FETCHED, at(1));
        assert_eq!(left(&state, 1), (at(99), at(299)));
        assert_eq!(left(&state, 150), (at(0), at(150)));
        assert_eq!(left(&state, 301), (at(0), at(0)));
    }

    #[test]
    fn stale_set_of_a_reachable_issuer_waits_for_one_refresh() {
        check(
            settings(),
            &[
                (0, Event::KeyWanted, Effect::FetchAndWait),
                (0, FETCHED, Effect::None),
                (100, Event::KeyWanted, Effect::FetchAndWait),
                (100, Event::KeyWanted, Effect::Join),
                (101, FAILED, Effect::None),
                (102, Event::KeyWanted, Effect::Serve),
                (111, Event::KeyWanted, Effect::ServeAndFetch),
                (112, FETCHED, Effect::None),
                (113, Event::KeyWanted, Effect::Serve),
            ],
        );
    }

    #[test]
    fn newer_wanted_is_bounded_by_the_floor() {
        check(
            settings(),
            &[
                (0, Event::KeyWanted, Effect::FetchAndWait),
                (1, FETCHED, Effect::None),
                (2, NEWER, Effect::TooSoon { retry_after: at(8) }),
                (9, NEWER, Effect::TooSoon { retry_after: at(1) }),
                (10, NEWER, Effect::FetchAndWait),
                (10, NEWER, Effect::Join),
                (11, Event::KeyWanted, Effect::Serve),
                (12, FETCHED, Effect::None),
                (19, NEWER, Effect::TooSoon { retry_after: at(1) }),
                (20, NEWER, Effect::FetchAndWait),
            ],
        );
    }

    #[test]
    fn burst_lets_two_quick_rotations_through_and_comes_back_with_the_floors() {
        check(
            CacheSettings { burst: 3, ..settings() },
            &[
                (0, Event::KeyWanted, Effect::FetchAndWait),
                (0, FETCHED, Effect::None),
                (1, NEWER, Effect::FetchAndWait),
                (1, FETCHED, Effect::None),
                (2, NEWER, Effect::FetchAndWait),
                (2, FETCHED, Effect::None),
                (3, NEWER, Effect::TooSoon { retry_after: at(7) }),
                (10, NEWER, Effect::FetchAndWait),
                (10, FETCHED, Effect::None),
                (11, NEWER, Effect::TooSoon { retry_after: at(9) }),
                (40, NEWER, Effect::FetchAndWait),
                (40, FETCHED, Effect::None),
                (40, NEWER, Effect::FetchAndWait),
                (40, FETCHED, Effect::None),
                (40, NEWER, Effect::FetchAndWait),
                (40, FETCHED, Effect::None),
                (40, NEWER, Effect::TooSoon { retry_after: at(10) }),
            ],
        );
    }

    #[test]
    fn kid_that_a_refresh_did_not_bring_causes_no_other_until_the_set_changes() {
        let (seven, eight) = (Event::NewerWanted { kid: Some(7) }, Event::NewerWanted { kid: Some(8) });
        check(
            settings(),
            &[
                (0, Event::KeyWanted, Effect::FetchAndWait),
                (0, FETCHED, Effect::None),
                (10, seven, Effect::FetchAndWait),
                (10, FETCHED, Effect::None),
                (10, Event::StillUnknown { kid: 7 }, Effect::None),
                (39, seven, Effect::NotThere),
                (40, seven, Effect::FetchAndWait),
                (40, FETCHED, Effect::None),
                (40, Event::StillUnknown { kid: 7 }, Effect::None),
                (50, eight, Effect::FetchAndWait),
                (50, FETCHED, Effect::None),
                (50, Event::Changed, Effect::None),
                (60, seven, Effect::FetchAndWait),
            ],
        );
    }

    #[test]
    fn failures_back_off_and_success_resets() {
        check(
            settings(),
            &[
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
                (140, NEWER, Effect::FetchAndWait),
            ],
        );
    }

    #[test]
    fn first_failure_is_tried_again_within_the_burst() {
        check(
            CacheSettings { burst: 2, backoff_min: at(1), ..settings() },
            &[
                (0, Event::KeyWanted, Effect::FetchAndWait),
                (0, FAILED, Effect::None),
                (0, Event::KeyWanted, Effect::TooSoon { retry_after: at(1) }),
                (1, Event::KeyWanted, Effect::FetchAndWait),
                (1, FAILED, Effect::None),
                (3, Event::KeyWanted, Effect::TooSoon { retry_after: at(7) }),
                (10, Event::KeyWanted, Effect::FetchAndWait),
            ],
        );
    }

    #[test]
    fn retry_after_is_honoured_up_to_its_limit() {
        let failed = |seconds| Event::Failed { retry_after: Some(at(seconds)), chance: CALM };
        check(
            settings(),
            &[
                (0, Event::KeyWanted, Effect::FetchAndWait),
                (0, failed(25), Effect::None),
                (24, Event::KeyWanted, Effect::TooSoon { retry_after: at(1) }),
                (25, Event::KeyWanted, Effect::FetchAndWait),
                (25, failed(1_000_000), Effect::None),
                (84, Event::KeyWanted, Effect::TooSoon { retry_after: at(1) }),
                (85, Event::KeyWanted, Effect::FetchAndWait),
            ],
        );
    }

    /// A state whose set came at zero with this lifetime.
    fn with_set(lifetime: Lifetime, chance: Chance) -> CacheState {
        let mut state = CacheState::new(settings());
        state.step(Event::KeyWanted, at(0));
        state.step(Event::Fetched { lifetime, chance }, at(0));
        state
    }

    #[test]
    fn freshness_is_clamped() {
        let said = |seconds| Lifetime::Said(Some(at(seconds)));
        let cases = [
            (said(0), 16),
            (said(20), 16),
            (Lifetime::Said(None), 40),
            (said(1_000), 800),
            (said(u64::MAX), 800),
            (Lifetime::Floor, 8),
            (Lifetime::AtMost(at(100)), 80),
            (Lifetime::AtMost(at(1)), 16),
        ];
        for (lifetime, ahead) in cases {
            assert_eq!(with_set(lifetime, CALM).quiet_until(at(0)), at(ahead), "{lifetime:?}");
        }
    }

    #[test]
    fn freshness_counts_from_the_beginning_of_the_fetch() {
        let mut state = CacheState::new(settings());
        state.step(Event::KeyWanted, at(50));
        state.step(FETCHED, at(55));
        assert_eq!((state.age(at(149)), state.age(at(150))), (Age::Ahead, Age::Stale));
    }

    #[test]
    fn chance_moves_the_refresh_forward_by_a_tenth_of_the_freshness_at_most() {
        let said = Lifetime::Said(Some(at(1_000)));
        assert_eq!(with_set(said, Chance(0)).quiet_until(at(0)), at(800));
        let half = with_set(said, Chance(128)).quiet_until(at(0));
        assert!(at(748) < half && half < at(752), "{half:?}");
        let all = with_set(said, Chance(255)).quiet_until(at(0));
        assert!(at(699) < all && all < at(701), "{all:?}");
        let mut failed = CacheState::new(settings());
        failed.step(Event::KeyWanted, at(0));
        failed.step(Event::Failed { retry_after: None, chance: Chance(255) }, at(100));
        assert!(failed.retry_after(at(100)) < at(8), "a quarter less than 10 s");
    }

    #[test]
    fn restored_set_is_served_at_its_real_age_and_refreshed_at_once() {
        let restored = |age| {
            let mut state = CacheState::new(settings());
            state.step(Event::Restored { lifetime: Lifetime::Said(Some(at(100))), age: at(age) }, at(5));
            state
        };
        assert_eq!(restored(0).step(Event::KeyWanted, at(5)), Effect::ServeAndFetch);
        assert_eq!(restored(99).step(Event::KeyWanted, at(5)), Effect::ServeAndFetch);
        assert_eq!(restored(100).step(Event::KeyWanted, at(5)), Effect::FetchAndWait);
        assert!(restored(299).is_usable(at(5)) && !restored(299).is_usable(at(6)));
        assert!(!restored(300).is_usable(at(5)) && !restored(u64::MAX).is_usable(at(5)));
        assert_eq!((restored(99).stale_for(at(5)), restored(250).stale_for(at(7))), (at(0), at(152)));
    }

    /// Every sequence of six events out of four, a second or a floor apart: fetches never begin faster than burst and floor
    /// allow, a set that is fresh is always served, and `quiet_until` promises nothing that is not so.
    #[test]
    fn promises_hold_in_every_short_history() {
        let events = [Event::KeyWanted, NEWER, FETCHED, FAILED];
        for (burst, history) in
            (1..=3).flat_map(|burst| (0..8_usize.pow(6)).map(move |history| (burst, history)))
        {
            let mut state = CacheState::new(CacheSettings { burst, ..settings() });
            let (mut now, mut rest, mut begun, mut fresh_until) = (0_u64, history, Vec::new(), 0);
            for _ in 0..6 {
                let (event, pause) = (events[rest % 4], if rest / 4 % 2 == 0 { 1 } else { 10 });
                (now, rest) = (now + pause, rest / 8);
                let answers_a_fetch = matches!(event, Event::Fetched { .. } | Event::Failed { .. });
                if answers_a_fetch && !state.fetching {
                    continue;
                }
                let was_quiet = at(now) < state.quiet_until(at(now));
                let effect = state.step(event, at(now));
                if matches!(effect, Effect::FetchAndWait | Effect::ServeAndFetch) {
                    begun.push(now);
                }
                if event == Event::KeyWanted && (now < fresh_until || was_quiet) {
                    assert!(matches!(effect, Effect::Serve | Effect::ServeAndFetch), "history {history}");
                    assert!(!was_quiet || effect == Effect::Serve, "history {history}");
                }
                if event == FETCHED {
                    fresh_until = begun.last().copied().unwrap_or_default() + 100;
                }
            }
            for (first, begin) in begun.iter().enumerate() {
                let (count, took) = (begun.len() - first, now - begin);
                assert!(
                    u64::try_from(count).unwrap() <= u64::from(burst) + took / 10,
                    "history {history}: {begun:?}"
                );
            }
        }
    }
}
