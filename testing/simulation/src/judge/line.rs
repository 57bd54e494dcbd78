//! What one verifier knew of one issuer and when, as it follows from what was asked and answered.
//!
//! This is a model, but of the contract and not of the cache: a refresh that succeeds replaces everything, but for keys whose
//! absence waits for its confirmation; an eviction takes a key out; a takeover brings what the other process had. Where two
//! things happen at one moment their order is not known, and whoever asks gets both sides.

use std::time::Duration;

use super::Millis;
use crate::chance::millis;
use crate::clock::time_of_day;
use crate::edge::{ComeBack, Content, Edge};
use crate::history::{History, Process, Request, Takeover};
use crate::world::World;

pub(super) struct Line {
    pub(super) refreshes: Vec<Refresh>,
    /// What was known, in the order of time; nothing at first
    states: Vec<State>,
}

/// All requests of one task.
#[derive(Clone, Debug)]
pub(super) struct Refresh {
    pub(super) begun: Duration,
    /// Nothing while it is under way
    pub(super) ended: Option<Duration>,
    /// The version that it brought or confirmed; nothing if it failed
    pub(super) brought: Option<usize>,
    pub(super) requests: usize,
    pub(super) come_back: Option<ComeBack>,
    /// How many refreshes have failed in a row with this one
    pub(super) failures: u32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) from: Duration,
    held: Vec<Held>,
    pub(super) evicted: Vec<usize>,
    pub(super) set: Option<Set>,
}

#[derive(Clone, Debug)]
struct Held {
    identity: usize,
    /// If answers lack it: until when it is certainly kept, and until when perhaps
    absent_until: Option<(Millis, Millis)>,
    /// Whether it is there for certain
    surely: bool,
    /// By how much a wrong clock has made the set younger that it was published in
    younger: Millis,
}

impl Held {
    fn published(identity: usize, younger: Millis) -> Self {
        Self { identity, absent_until: None, surely: true, younger }
    }
}

/// The age of a key set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set {
    /// When the refresh began that fetched or confirmed it
    pub(super) begun: Duration,
    /// The same as far as the verifier can know: another, if it comes from another process and the clock was wrong
    pub(super) believed: Millis,
    /// When it ended, and how wrong the host's clock was then
    landed: (Duration, i64),
    /// Whether another thing at the same moment blurs this
    pub(super) is_certain: bool,
    /// Whether it comes from another process, so that a refresh is due at once
    pub(super) is_inherited: bool,
}

/// What changes a state.
enum Change<'h> {
    TakenOver(&'h Takeover),
    Refreshed(usize),
    Evicted(&'h str),
}

impl Line {
    pub(super) fn of(
        world: &World,
        history: &History,
        process: usize,
        issuer: usize,
        before: &[Vec<Self>],
    ) -> Self {
        let requests = history.requests.iter();
        let own = requests.filter(|request| request.process == process && request.issuer == issuer);
        let refreshes = refreshes(own);
        let lived = &history.processes[process];
        let mut changes = changes(lived, issuer, &refreshes);
        changes.sort_by_key(|(at, _)| *at);
        let clock = &history.clocks[lived.host];
        let mut line = Self { refreshes, states: vec![State::default()] };
        for (at, change) in changes {
            let next = match change {
                Change::TakenOver(takeover) => {
                    Self::taken_over(world, takeover, &before[takeover.of][issuer], clock)
                }
                Change::Refreshed(refresh) => line.refreshed(world, issuer, refresh, clock),
                Change::Evicted(kid) => line.evicted(&world.issuers[issuer], kid),
            };
            line.states.push(State { from: at, ..next });
        }
        line
    }

    fn last(&self) -> State {
        self.states.last().cloned().unwrap_or_default()
    }

    fn refreshed(&self, world: &World, issuer: usize, refresh: usize, clock: &[(Duration, i64)]) -> State {
        let (edge, State { held, evicted, .. }) = (&world.issuers[issuer], self.last());
        let Refresh { begun, ended, brought, .. } = self.refreshes[refresh].clone();
        let (Some(now), Some(version)) = (ended, brought) else { return self.last() };
        let content = edge.versions[version].keys.iter().filter(|key| !evicted.contains(key));
        let mut next: Vec<_> = content.map(|key| Held::published(*key, 0)).collect();
        // Of two keys under one name the issuer's last word counts.
        let kid = |identity: usize| &edge.identities[identity].kid;
        let named: Vec<_> = next.iter().map(|held| kid(held.identity)).collect();
        for Held { identity, absent_until, surely, younger } in held {
            let until = absent_until.unwrap_or_else(|| self.kept_until(world, now));
            let (least, most) = until;
            if !named.contains(&kid(identity)) && signed(now) < most {
                let surely = surely && signed(now) < least;
                next.push(Held { identity, absent_until: Some(until), surely, younger });
            }
        }
        let set = Set {
            begun,
            believed: signed(begun),
            landed: (now, error_at(clock, now)),
            is_certain: !clock.iter().any(|(at, _)| *at == now),
            is_inherited: false,
        };
        State { from: now, held: next, evicted, set: Some(set) }
    }

    /// Until when a key is kept that an answer is the first to lack: at least, and at most. The time for which the set before
    /// was stale counts, and how long that was fresh is the issuer's word within the settings.
    fn kept_until(&self, world: &World, now: Duration) -> (Millis, Millis) {
        let settings = &world.settings;
        let until = |fresh: Duration| {
            let stale = self.last().set.map_or(0, |set| signed(now) - set.believed - signed(fresh));
            signed(now) + (signed(settings.absence_confirmed_after) - stale.max(0)).max(0)
        };
        (until(settings.fresh_min), until(settings.fresh_max))
    }

    fn evicted(&self, edge: &Edge, kid: &str) -> State {
        let mut state = self.last();
        let names = |identity: usize| edge.identities[identity].kid == kid;
        state.evicted.extend(state.held.iter().map(|held| held.identity).filter(|identity| names(*identity)));
        state.held.retain(|held| !names(held.identity));
        state
    }

    /// What the other process knew, as far as that is in what it exported.
    fn taken_over(world: &World, takeover: &Takeover, other: &Self, clock: &[(Duration, i64)]) -> State {
        let Takeover { issuer, at, version, .. } = *takeover;
        let left = other.active(at, at).last().cloned().unwrap_or_default();
        let keys = &world.issuers[issuer].versions[version].keys;
        // An evicted key that the saved set does not have leaves no trace in it.
        let evicted: Vec<_> = left.evicted.into_iter().filter(|key| keys.contains(key)).collect();
        let is_blurred = other.active(at, at).count() > 1;
        let set = left.set.map(|set| {
            let (landed, error) = set.landed;
            let age = time_of_day(at, error_at(clock, at)).saturating_sub(time_of_day(landed, error));
            let believed = signed(at) - Millis::try_from(age * 1000).unwrap_or(Millis::MAX);
            Set { believed, is_certain: set.is_certain && !is_blurred, is_inherited: true, ..set }
        });
        let younger = set.map_or(0, |set| (set.believed - signed(set.begun)).max(0));
        let held = keys.iter().filter(|key| !evicted.contains(key));
        let held = held.map(|key| Held::published(*key, younger)).collect();
        State { from: at, held, evicted, set }
    }

    /// The states that touch this time, with both sides of a change at its ends.
    pub(super) fn active(&self, from: Duration, until: Duration) -> impl Iterator<Item = &State> + Clone {
        let first = self.states.iter().rposition(|state| state.from < from).unwrap_or(0);
        self.states[first..].iter().take_while(move |state| state.from <= until)
    }

    /// What was going on about a call, for people.
    pub(super) fn near(&self, from: Duration, until: Duration) -> String {
        let before = self.refreshes.iter().filter(|refresh| refresh.begun < from).count();
        let refreshes = self.refreshes.iter().skip(before.saturating_sub(2));
        let refreshes: Vec<_> = refreshes.take_while(|refresh| refresh.begun <= until).collect();
        let states: Vec<_> = self.active(from, until).collect();
        format!("Refreshes: {refreshes:?}. Known: {states:?}")
    }

    /// The refreshes that may be the last that had ended by then.
    pub(super) fn last_ended(&self, at: Duration) -> impl Iterator<Item = &Refresh> + Clone {
        let ended = |refresh: &&Refresh| refresh.ended.is_some_and(|ended| ended < at);
        let before = self.refreshes.iter().rev().find(ended);
        before.into_iter().chain(self.refreshes.iter().filter(move |refresh| refresh.ended == Some(at)))
    }

    /// When those refreshes began and ended that may have been in vain for somebody: they succeeded, and the set has not
    /// changed since for certain. Of one that changed it, what it was begun for may still have been missing.
    pub(super) fn in_vain(&self, at: Duration) -> impl Iterator<Item = (Duration, Duration)> {
        let states = self.states.windows(2).filter(|pair| matches!(pair, [_, after] if after.from < at));
        let mut changed = states.filter(|pair| matches!(pair, [before, after] if after.differs_from(before)));
        let since =
            changed.next_back().and_then(|pair| pair.last()).map_or(Duration::ZERO, |state| state.from);
        let successes = self.refreshes.iter().filter(|refresh| refresh.brought.is_some());
        let ended = successes.filter_map(|refresh| Some((refresh.begun, refresh.ended?)));
        ended.filter(move |(_, ended)| since <= *ended && *ended <= at)
    }

    /// The refresh that is under way then, be it that it begins or ends at this moment.
    pub(super) fn under_way(&self, at: Duration) -> Option<&Refresh> {
        let is_under_way =
            |refresh: &&Refresh| refresh.begun <= at && refresh.ended.is_none_or(|ended| ended >= at);
        self.refreshes.iter().rev().find(is_under_way)
    }
}

impl State {
    /// Whether it may be there.
    pub(super) fn may_hold(&self, identity: usize) -> bool {
        self.held.iter().any(|held| held.identity == identity)
    }

    /// By how much a wrong clock may have prolonged its life.
    pub(super) fn younger(&self, identity: usize) -> Millis {
        let found = self.held.iter().find(|held| held.identity == identity);
        found.map_or(0, |held| held.younger)
    }

    /// Whether it is there for certain.
    pub(super) fn holds(&self, identity: usize) -> bool {
        self.held.iter().any(|held| held.identity == identity && held.surely)
    }

    /// Whether it has other keys for certain.
    fn differs_from(&self, before: &Self) -> bool {
        let has_other = |one: &Self, other: &Self| {
            one.held.iter().any(|held| held.surely && !other.may_hold(held.identity))
        };
        has_other(self, before) || has_other(before, self)
    }

    /// Holds it only because nothing has confirmed that it is gone.
    pub(super) fn waits_for(&self, identity: usize) -> bool {
        self.held.iter().any(|held| held.identity == identity && held.absent_until.is_some())
    }

    pub(super) fn held(&self) -> impl Iterator<Item = usize> {
        self.held.iter().map(|held| held.identity)
    }
}

fn refreshes<'h>(requests: impl Iterator<Item = &'h Request>) -> Vec<Refresh> {
    let mut refreshes: Vec<Refresh> = Vec::new();
    let mut task = None;
    for request in requests {
        let is_another = task.is_none() || task != request.task;
        task = request.task;
        if is_another {
            let failures = refreshes.last().map_or(0, |last| last.failures);
            refreshes.push(Refresh {
                begun: request.from,
                ended: None,
                brought: None,
                requests: 0,
                come_back: None,
                failures,
            });
        }
        if let Some(refresh) = refreshes.last_mut() {
            refresh.take_in(request);
        }
    }
    // Counted when all are whole.
    let mut failures = 0;
    for refresh in &mut refreshes {
        failures = if refresh.brought.is_some() { 0 } else { failures + 1 };
        refresh.failures = failures;
    }
    refreshes
}

impl Refresh {
    fn take_in(&mut self, request: &Request) {
        self.requests += 1;
        self.ended = request.until;
        // What it ends with is what counts.
        self.brought = match request.content {
            Some(Content::KeySet { version, .. }) => Some(version),
            _ => None,
        };
        if let Some(Content::Nothing { come_back: Some(come_back) }) = request.content {
            self.come_back = Some(come_back);
        }
    }
}

fn changes<'h>(process: &'h Process, issuer: usize, refreshes: &[Refresh]) -> Vec<(Duration, Change<'h>)> {
    let takeovers =
        process.takeovers.iter().filter(|takeover| takeover.accepted && takeover.issuer == issuer);
    let mut changes: Vec<_> = takeovers.map(|takeover| (takeover.at, Change::TakenOver(takeover))).collect();
    let successes = refreshes.iter().enumerate().filter(|(_, refresh)| refresh.brought.is_some());
    changes
        .extend(successes.filter_map(|(number, refresh)| Some((refresh.ended?, Change::Refreshed(number)))));
    let evictions = process.evictions.iter().filter(|eviction| eviction.found && eviction.issuer == issuer);
    changes.extend(evictions.map(|eviction| (eviction.at, Change::Evicted(&eviction.kid))));
    changes
}

pub(super) fn signed(at: Duration) -> Millis {
    Millis::try_from(millis(at)).unwrap_or(Millis::MAX)
}

/// How wrong a clock was.
pub(super) fn error_at(clock: &[(Duration, i64)], at: Duration) -> i64 {
    clock.iter().rev().find(|(since, _)| *since <= at).map_or(0, |(_, error)| *error)
}
