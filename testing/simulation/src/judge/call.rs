//! Rules 1, 2, 4, 5 and 6: whether one answer was right.

use std::time::Duration;

use super::fetches::pause_at_most;
use super::line::{Line, Set, State, error_at, signed};
use super::{Asked, Judgement, Millis, Rule};
use crate::LEEWAY_SECONDS;
use crate::clock::{BEGINNING, time_of_day};
use crate::edge::Edge;
use crate::history::{Bears, Call, History, Verdict};
use crate::world::{Manner, TokenPlan, World};

/// What a verifier says of a fetch that takes too long.
const PENDING: &str = "fetch_pending";

/// One call, and all that is known about it.
pub(super) struct Scene<'a> {
    pub(super) world: &'a World,
    pub(super) history: &'a History,
    pub(super) asked: &'a Asked<'a>,
    pub(super) line: &'a Line,
    pub(super) call: &'a Call,
    pub(super) issuer: usize,
}

/// A call that was answered.
struct Answered<'a> {
    scene: &'a Scene<'a>,
    from: Duration,
    until: Duration,
    /// The key that signed the token, if the issuer has it under the name that the token gives
    identity: Option<usize>,
}

/// Whether a token's times allow it, by the clock of the host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Times {
    Valid,
    Invalid,
    /// The clock was set while the call lasted
    Either,
}

impl Scene<'_> {
    pub(super) fn judge(&self, judgement: &mut Judgement) {
        let Call { from, manner, .. } = *self.call;
        let patience = match manner {
            Manner::Waits => self.world.settings.wait_max,
            Manner::GivesUp(patience) => patience.min(self.world.settings.wait_max),
            Manner::Now => Duration::ZERO,
        };
        let Some((until, verdict)) = &self.call.end else {
            return self.broken(judgement, Rule::CallsEnd, "it has never ended");
        };
        if *until > from + patience {
            self.broken(judgement, Rule::CallsEnd, "it took too long");
        }
        let answered = Answered { scene: self, from, until: *until, identity: self.identity() };
        self.look_around(verdict, *until, judgement);
        match verdict {
            Verdict::Accepted { issuer, kid } => answered.accepted(issuer, kid.as_deref(), judgement),
            Verdict::Refused(code) => answered.refused(code, judgement),
            Verdict::Undecided { code, retry_after } => answered.undecided(code, *retry_after, judgement),
            Verdict::NeedsRefresh => answered.needs_refresh(judgement),
            Verdict::GaveUp => {}
        }
    }

    fn token(&self) -> Option<&TokenPlan> {
        match self.call.bears {
            Bears::Token(token) => Some(&self.world.tokens[token]),
            Bears::MadeUp { .. } => None,
        }
    }

    fn identity(&self) -> Option<usize> {
        let TokenPlan { kid, key, .. } = self.token()?;
        let identities = &self.edge().identities;
        identities.iter().position(|identity| identity.kid == *kid && identity.key == *key)
    }

    fn edge(&self) -> &Edge {
        &self.world.issuers[self.issuer]
    }

    fn broken(&self, judgement: &mut Judgement, rule: Rule, why: &str) {
        let Call { process, bears, manner, from, end } = self.call;
        let identity = self.identity();
        let kid = self.token().map(|token| token.kid.as_str());
        let until = end.as_ref().map_or(*from, |(until, _)| *until);
        let near = self.line.near(*from, until);
        let what = format!(
            "process {process}, issuer {}: {why}. {manner:?} with {bears:?} ({kid:?}, identity {identity:?}) from \
             {from:?}: {end:?}. {near}",
            self.issuer
        );
        judgement.broken(rule, *from, what);
    }

    fn look_around(&self, verdict: &Verdict, until: Duration, judgement: &mut Judgement) {
        let Call { from, manner, bears, .. } = self.call;
        judgement.saw(match verdict {
            Verdict::Accepted { .. } => "tokens accepted",
            Verdict::Refused(_) => "tokens refused",
            Verdict::Undecided { code: PENDING, .. } => "calls that a fetch outlasted",
            Verdict::Undecided { .. } => "calls undecided",
            Verdict::NeedsRefresh => "calls that could not wait for a refresh",
            Verdict::GaveUp => "callers that gave up",
        });
        if matches!(bears, Bears::MadeUp { .. }) {
            judgement.saw("tokens of a flood");
        }
        if *manner != Manner::Now && until > *from {
            judgement.saw("calls that waited");
        }
    }
}

impl Answered<'_> {
    fn accepted(&self, issuer: &str, kid: Option<&str>, judgement: &mut Judgement) {
        let Self { scene, from, until, .. } = *self;
        let token = scene.token();
        let is_own =
            token.is_some_and(|token| Some(token.kid.as_str()) == kid) && issuer == scene.edge().issuer;
        let Some(identity) = self.identity.filter(|_| is_own) else {
            return scene.broken(
                judgement,
                Rule::IssuersAreApart,
                "another key than its issuer's verified it",
            );
        };
        if self.times() == Times::Invalid {
            scene.broken(judgement, Rule::WithdrawnIsRefused, "it was accepted out of its time");
        }
        if let Some(why) = self.outlived(identity) {
            scene.broken(judgement, Rule::WithdrawnIsRefused, &why);
        }
        if until > from && self.is_surely_fresh(identity) {
            scene.broken(judgement, Rule::ValidIsAccepted, "its key was known and fresh, and it waited");
        }
        self.look_at_accepted(identity, judgement);
    }

    fn look_at_accepted(&self, identity: usize, judgement: &mut Judgement) {
        let Self { scene, from, until, .. } = *self;
        let edge = scene.edge();
        let is_failing = self.is_failing_at_times(until);
        let is_gone = edge.gone_since(identity, until).is_some();
        let waits = || scene.line.active(until, until).all(|state| state.waits_for(identity));
        let is_new = || scene.line.active(from, from).all(|state| !state.may_hold(identity));
        let is_found = is_new() && self.is_sound(identity) && self.can_be_fetched(identity);
        let sights = [
            (is_failing, "tokens accepted while refreshes fail"),
            (is_gone, "tokens accepted although their key was withdrawn, within the bound"),
            (
                is_gone && is_failing,
                "tokens accepted although their key was withdrawn, and the issuer silent",
            ),
            (edge.moves.iter().any(|moved| moved.at < from), "tokens accepted from an issuer that moved"),
            (edge.lags.len() > 1, "tokens accepted from replicas that differ"),
            (waits(), "tokens accepted with a key whose absence was not confirmed"),
            (is_found, "tokens accepted with a key that could be fetched, and was"),
            (
                is_found && edge.misleads(from),
                "tokens accepted with a key that could be fetched at a new place only",
            ),
        ];
        for (_, sight) in sights.into_iter().filter(|(is_so, _)| *is_so) {
            judgement.saw(sight);
        }
    }

    /// Why a key should not be in use any more.
    fn outlived(&self, identity: usize) -> Option<String> {
        let Self { scene, until, .. } = *self;
        let settings = &scene.world.settings;
        let holders = scene.line.active(until, until).filter(|state| state.may_hold(identity));
        let sets: Vec<Set> = holders.clone().filter_map(|state| state.set).collect();
        if sets.is_empty() {
            return Some("its key was not in the set, or was evicted from it".to_owned());
        }
        let may_fail = self.is_failing_at_times(until);
        let lives = settings.fresh_max + if may_fail { settings.stale_max } else { Duration::ZERO };
        if !sets.iter().any(|set| signed(until) < set.believed + signed(lives)) {
            return Some(format!("the set was older than {lives:?}, of {sets:?}"));
        }
        let gone = scene.edge().gone_since(identity, until)?;
        let bound = settings.revocation_bound();
        let bound = if may_fail { bound.unreachable } else { bound.reachable };
        // A set that was taken over is as old as a clock said that was wrong.
        let younger = holders.map(|state| state.younger(identity)).max()?;
        (signed(until) > signed(gone) + signed(bound) + younger)
            .then(|| format!("its key has been gone since {gone:?}, longer than {bound:?}"))
    }

    fn refused(&self, code: &str, judgement: &mut Judgement) {
        let scene = self.scene;
        if code == "kid_unknown" && self.is_failing_for_certain() {
            scene.broken(
                judgement,
                Rule::UndecidedIsTrue,
                "refreshes failed, so its key was not known to be none",
            );
        }
        let Some(identity) = self.identity else {
            if scene.token().is_some() {
                judgement.saw("forgeries refused");
            }
            return;
        };
        self.look_at_refused(identity, judgement);
        if !self.is_sound(identity) {
            return;
        }
        if self.is_held_throughout(identity) {
            return scene.broken(judgement, Rule::ValidIsAccepted, "its key was known");
        }
        if code == "key_alg_mismatch" && self.may_know_namesake(identity) {
            // No newer set is looked for then: a name that changes its algorithm is none of an honest issuer.
            return judgement.saw("valid tokens refused, their key's namesake having another algorithm");
        }
        if let Some(why) = self.must_be_found(identity) {
            return scene.broken(judgement, Rule::ValidIsAccepted, why);
        }
        judgement.saw("valid tokens refused, their key being too new");
        if code != "kid_unknown" && !(code == "signature_invalid" && self.may_know_namesake(identity)) {
            scene.broken(judgement, Rule::ValidIsAccepted, "it was refused for another reason than its key");
        }
    }

    fn look_at_refused(&self, identity: usize, judgement: &mut Judgement) {
        let Self { scene, until, .. } = *self;
        let bound = scene.world.settings.revocation_bound().reachable;
        let gone = scene.edge().gone_since(identity, until);
        let evicted = scene.line.active(until, until).any(|state| state.evicted.contains(&identity));
        let sights = [
            (gone.is_some(), "tokens of a withdrawn key refused"),
            (
                gone.is_some_and(|gone| until > gone + bound),
                "tokens of a key refused that was withdrawn longer ago than the bound",
            ),
            (evicted, "tokens of an evicted key refused"),
            (self.times() == Times::Invalid, "tokens refused out of their time"),
        ];
        for (_, sight) in sights.into_iter().filter(|(is_so, _)| *is_so) {
            judgement.saw(sight);
        }
    }

    fn undecided(&self, code: &str, retry_after: Duration, judgement: &mut Judgement) {
        let scene = self.scene;
        let settings = &scene.world.settings;
        if scene.token().is_some() && self.times() == Times::Invalid {
            scene.broken(judgement, Rule::UndecidedIsTrue, "no key could save the token");
        }
        if code == PENDING {
            return self.pending(judgement);
        }
        if retry_after > settings.backoff_max.max(settings.floor) {
            scene.broken(judgement, Rule::UndecidedIsTrue, "it says to come back later than need be");
        }
        if !self.is_failing_truly() {
            scene.broken(judgement, Rule::UndecidedIsTrue, "no refresh had failed that would forbid another");
        }
        if scene.edge().is_fair(self.until.saturating_sub(self.window()), self.until) {
            scene.broken(judgement, Rule::UndecidedIsTrue, "the issuer could be had all the time");
        }
        let Some(identity) = self.identity.filter(|identity| self.is_sound(*identity)) else { return };
        if self.is_held_throughout(identity) && self.is_surely_usable() {
            return scene.broken(judgement, Rule::ValidIsAccepted, "its key was known and usable");
        }
        if let Some(why) = self.must_be_found(identity) {
            scene.broken(judgement, Rule::ValidIsAccepted, why);
        }
    }

    fn pending(&self, judgement: &mut Judgement) {
        let Self { scene, from, until, .. } = *self;
        if until < from + scene.world.settings.wait_max {
            scene.broken(judgement, Rule::UndecidedIsTrue, "it did not wait for as long as it may");
        }
        self.needs_refresh(judgement);
    }

    fn needs_refresh(&self, judgement: &mut Judgement) {
        let scene = self.scene;
        if scene.line.under_way(self.until).is_none() {
            scene.broken(judgement, Rule::UndecidedIsTrue, "no refresh was under way");
        }
        let sound = self.identity.filter(|identity| self.is_sound(*identity));
        if sound.is_some_and(|identity| self.is_surely_fresh(identity)) {
            scene.broken(judgement, Rule::ValidIsAccepted, "its key was known and fresh");
        }
    }

    /// Whether the token is valid, and its key has been published for the whole call and was not evicted.
    fn is_sound(&self, identity: usize) -> bool {
        let Self { scene, from, until, .. } = *self;
        let published = scene.edge().during(from, until).all(|window| window.in_all.contains(&identity));
        let evicted = scene.line.active(from, until).any(|state| state.evicted.contains(&identity));
        published && !evicted && self.times() == Times::Valid
    }

    fn times(&self) -> Times {
        let Self { scene, from, until, .. } = *self;
        let Some(TokenPlan { issued, lifetime, .. }) = scene.token() else { return Times::Either };
        let clock = &scene.history.clocks[scene.history.processes[scene.call.process].host];
        let issued = BEGINNING + issued.as_secs();
        let expires = issued + lifetime.as_secs();
        let is_valid = |at, error| {
            let now = time_of_day(at, error);
            issued <= now + LEEWAY_SECONDS && now < expires + LEEWAY_SECONDS
        };
        let set = clock.iter().filter(|(at, _)| from <= *at && *at <= until);
        let mut looks = set.flat_map(|(at, error)| {
            let before = at.saturating_sub(Duration::from_nanos(1));
            [is_valid(*at, *error), is_valid(*at, error_at(clock, before))]
        });
        let first = is_valid(from, error_at(clock, from));
        let same = looks.all(|look| look == first) && is_valid(until, error_at(clock, until)) == first;
        match (same, first) {
            (true, true) => Times::Valid,
            (true, false) => Times::Invalid,
            (false, _) => Times::Either,
        }
    }

    fn is_held_throughout(&self, identity: usize) -> bool {
        self.scene.line.active(self.from, self.until).all(|state| state.holds(identity))
    }

    /// Whether the key was in a set that was fresh when the call began, by the shortest freshness.
    fn is_surely_fresh(&self, identity: usize) -> bool {
        let fresh_min = signed(self.scene.world.settings.fresh_min);
        self.scene
            .line
            .active(self.from, self.from)
            .all(|state| state.holds(identity) && is_younger(state, self.from, fresh_min))
    }

    /// Whether the set could be used for the whole call, by the shortest freshness.
    fn is_surely_usable(&self) -> bool {
        let settings = &self.scene.world.settings;
        let usable = signed(settings.fresh_min) + signed(settings.stale_max);
        self.scene.line.active(self.from, self.until).all(|state| is_younger(state, self.until, usable))
    }

    fn may_know_namesake(&self, identity: usize) -> bool {
        let identities = &self.scene.edge().identities;
        let is_namesake =
            |other: usize| other != identity && identities[other].kid == identities[identity].kid;
        self.scene.line.active(self.from, self.until).any(|state| state.held().any(is_namesake))
    }

    /// Whether a refresh may be the last to have ended that failed.
    fn is_failing_at_times(&self, at: Duration) -> bool {
        self.scene.line.last_ended(at).any(|refresh| refresh.brought.is_none())
    }

    fn is_failing_for_certain(&self) -> bool {
        let mut last = self.scene.line.last_ended(self.until).peekable();
        last.peek().is_some() && last.all(|refresh| refresh.brought.is_none())
    }

    /// Whether the last refresh failed, and another could not begin yet.
    fn is_failing_truly(&self) -> bool {
        let Self { scene, from, until, .. } = *self;
        let settings = &scene.world.settings;
        let forbids = |refresh: &super::line::Refresh| {
            let ended = refresh.ended.unwrap_or(Duration::MAX);
            ended >= from
                || until <= ended + pause_at_most(scene.world, refresh)
                || until <= refresh.begun + settings.floor
                || self.may_be_remembered(until)
        };
        scene.line.last_ended(until).any(|refresh| refresh.brought.is_none() && forbids(refresh))
    }

    /// Whether a refresh may lately have been in vain for this `kid`.
    fn may_be_remembered(&self, at: Duration) -> bool {
        let Self { scene, .. } = *self;
        let Some(token) = scene.token() else { return true };
        let asked = scene.asked.get(&(scene.call.process, scene.issuer, token.kid.as_str()));
        let Some(asked) = asked else { return false };
        // The refresh was for this name if a call was there that bore it when it began.
        let was_for_it = |begun| {
            let lasts = |call: &Call| call.end.as_ref().is_none_or(|(until, _)| *until >= begun);
            asked.iter().any(|call| call.from <= begun && lasts(call))
        };
        let lasts = |ended| at <= ended + scene.world.settings.unknown_kid_for;
        scene.line.in_vain(at).any(|(begun, ended)| lasts(ended) && was_for_it(begun))
    }

    /// How far back an outage may lie that a verifier still speaks of.
    fn window(&self) -> Duration {
        let settings = &self.scene.world.settings;
        let pause = settings.floor.max(settings.backoff_max).max(settings.unknown_kid_for);
        self.scene.world.fetch_timeout + pause + Duration::from_millis(1)
    }

    /// Why a key that is not known must be found, if it must.
    fn must_be_found(&self, identity: usize) -> Option<&'static str> {
        if self.is_long_published(identity) {
            return Some("its key had been published, and the issuer answered, for longer than the bound");
        }
        if self.can_be_fetched(identity) {
            return Some("its key could be fetched");
        }
        None
    }

    /// The bound as the settings state it: whatever happened before, it is over.
    fn is_long_published(&self, identity: usize) -> bool {
        let Self { scene, from, until, .. } = *self;
        let edge = scene.edge();
        let since = edge.published_since(identity, from).zip(edge.fair_since(from));
        let is_long = since.is_some_and(|(published, fair)| from > published.max(fair) + self.window());
        is_long && edge.is_fair(from, until) && !edge.misleads(until)
    }

    /// Nothing forbids a refresh now, and it brings the key.
    fn can_be_fetched(&self, identity: usize) -> bool {
        let Self { scene, from, until, .. } = *self;
        let edge = scene.edge();
        if !edge.is_fair(from, until) || self.may_be_remembered(from) {
            return false;
        }
        let under_way = scene.line.under_way(from).filter(|refresh| refresh.begun < from);
        if let Some(refresh) = under_way {
            let published = edge.published_since(identity, from).is_some_and(|since| since <= refresh.begun);
            let is_fair = edge.is_fair(refresh.begun, until) && !edge.misleads(until);
            return refresh.ended != Some(from) && published && is_fair;
        }
        self.may_begin() && (!edge.misleads(until) || self.is_surely_not_due())
    }

    /// Whether the last refresh forbids no other any more.
    fn may_begin(&self) -> bool {
        let Self { scene, from, .. } = *self;
        scene.line.last_ended(from).all(|last| {
            let ended = last.ended.unwrap_or(Duration::MAX);
            from >= last.begun + scene.world.settings.floor
                && from >= ended + pause_at_most(scene.world, last)
        })
    }

    /// Whether no refresh was due, so that one that begins does for the sake of the key, and asks where that may be.
    fn is_surely_not_due(&self) -> bool {
        let Self { scene, from, .. } = *self;
        let young = signed(scene.world.settings.fresh_min) * 7 / 10;
        let is_own = |state: &State| state.set.is_some_and(|set| !set.is_inherited);
        scene.line.active(from, from).all(|state| is_own(state) && is_younger(state, from, young))
    }
}

fn is_younger(state: &State, at: Duration, age: Millis) -> bool {
    state.set.is_some_and(|set| set.is_certain && signed(at) < set.believed + age)
}
