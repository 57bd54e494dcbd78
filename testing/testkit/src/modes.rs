//! What a fetcher of key sets meets, as a catalogue: how an issuer misbehaves, what is right, and the tokens that tell.
//!
//! One test over [`MODES`] covers them all, for any verifier:
//!
//! 1. [`Mode::start`] the mode, and make a verifier of [`Stage::issuer`], patient for a second or so: some modes never answer.
//! 2. If the mode [turns](Mode::turns), a [`Stage::token`] must verify. Then [`Stage::turn`], and let the cache age by more
//!    than [`FRESH_SECONDS`], and less than it would serve a stale set.
//! 3. Give each of [`Stage::probes`] to the verifier, in their order and without waiting, and compare its [`Verdict`].
//! 4. [`Stage::complaints`] says what the issuers saw and should not have seen.
//!
//! The rows themselves are `modes::rows`.

use jwksmith_jose::{Algorithm, UnixTime};

use crate::{Answers, DiscoveryForm, FakeIssuer, Reply, TestKey};

mod rows;

pub use rows::MODES;

/// For how long the good key sets of the catalogue are fresh, by their `max-age`.
pub const FRESH_SECONDS: u64 = 60;

/// One way to misbehave.
pub struct Mode {
    /// A short name, unique and stable.
    pub name: &'static str,
    /// What the issuer does.
    pub does: &'static str,
    /// What a verifier should do about it, and why.
    pub right: &'static str,
    /// The same in a word.
    pub expected: Expected,
    /// How often the key set may be asked for while the probes are given. Nothing if it does not matter here.
    pub fetches_max: Option<usize>,
    /// Whether [`Stage::elsewhere`] may be asked too, by who trusts both.
    pub two_issuers: bool,
    begin: fn(&Stage),
    turn: Option<fn(&Stage)>,
    probes: fn(&Probing<'_>) -> Vec<Probe>,
}

/// What becomes of the issuer's good tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    /// They verify: nothing is wrong that a verifier could not bear.
    Verifies,
    /// None verifies: there is no key set that could be trusted.
    Refuses,
    /// They verify with the set from before, within the limit for stale ones, while refreshes fail.
    KeepsOldSet,
    /// Both can be defended, so it is for settings to say.
    Policy,
}

/// What a verifier should say of a probe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It verifies.
    Verifies,
    /// It does not, whatever the reason.
    Refused,
    /// Either will do.
    Either,
}

/// A token that tells how a verifier fares.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probe {
    /// What is special about it.
    pub what: &'static str,
    /// The compact token.
    pub token: String,
    /// What a verifier should say of it.
    pub verdict: Verdict,
}

/// A mode that is running.
pub struct Stage {
    /// Which one.
    pub mode: &'static Mode,
    /// The issuer that misbehaves.
    pub issuer: FakeIssuer,
    /// Another host with an issuer of its own. Who trusts only the first never has a reason to ask it.
    pub elsewhere: FakeIssuer,
    /// The key that signs at first, `first` by its `kid`.
    pub key: TestKey,
    /// The key that takes over where the mode has it so, `second` by its `kid`.
    pub next: TestKey,
    /// Of the other issuer, and `first` by its `kid` too.
    pub foreign: TestKey,
}

/// What probes are made of.
struct Probing<'a> {
    stage: &'a Stage,
    audience: &'a str,
    now: UnixTime,
}

impl Mode {
    /// The mode of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        MODES.iter().find(|mode| mode.name == name)
    }

    /// Starts an issuer in this mode, whose keys are for ES256.
    pub async fn start(&'static self) -> Stage {
        self.start_on(FakeIssuer::start().await, Algorithm::ES256).await
    }

    /// Brings this issuer into this mode, with keys for this algorithm.
    pub async fn start_on(&'static self, issuer: FakeIssuer, algorithm: Algorithm) -> Stage {
        let elsewhere = FakeIssuer::builder().host("localhost").start().await;
        let key = |kid| TestKey::generate(algorithm, kid);
        let (key, next, foreign) = (key("first"), key("second"), key("first"));
        let stage = Stage { mode: self, issuer, elsewhere, key, next, foreign };
        stage.key_set(stage.good());
        (self.begin)(&stage);
        stage
    }

    /// Whether it begins well: [`Stage::turn`] is where it goes wrong.
    pub fn turns(&self) -> bool {
        self.turn.is_some()
    }

    const fn new(
        name: &'static str,
        expected: Expected,
        does: &'static str,
        right: &'static str,
        begin: fn(&Stage),
    ) -> Self {
        let probes: fn(&Probing<'_>) -> Vec<Probe> = match expected {
            Expected::Verifies | Expected::KeepsOldSet => verifies,
            Expected::Refuses => refused,
            Expected::Policy => either,
        };
        Self { name, does, right, expected, fetches_max: None, two_issuers: false, begin, turn: None, probes }
    }

    const fn then(mut self, turn: fn(&Stage)) -> Self {
        self.turn = Some(turn);
        self
    }

    const fn probed(mut self, probes: fn(&Probing<'_>) -> Vec<Probe>) -> Self {
        self.probes = probes;
        self
    }

    const fn with_two_issuers(mut self) -> Self {
        self.two_issuers = true;
        self
    }

    const fn fetches(mut self, max: usize) -> Self {
        self.fetches_max = Some(max);
        self
    }
}

impl Stage {
    /// Takes the turn for the worse, in a mode that has one.
    pub fn turn(&self) {
        if let Some(turn) = self.mode.turn {
            turn(self);
        }
    }

    /// A token of the first key, valid for an hour.
    pub fn token(&self, audience: &str, now: UnixTime) -> String {
        self.key.access_token(self.issuer.issuer(), audience, now)
    }

    /// The tokens that tell how a verifier fares, for after the turn if there is one.
    pub fn probes(&self, audience: &str, now: UnixTime) -> Vec<Probe> {
        (self.mode.probes)(&Probing { stage: self, audience, now })
    }

    /// What the issuers saw and should not have seen; `fetches_before` is how often the key set was asked for before the
    /// probes.
    pub fn complaints(&self, fetches_before: usize) -> Vec<String> {
        let fetches = self.fetches().saturating_sub(fetches_before);
        let max = self.mode.fetches_max.unwrap_or(usize::MAX);
        let too_many =
            (fetches > max).then(|| format!("{fetches} fetches of the key set, and {max} would have done"));
        let elsewhere = self.elsewhere.requests_seen();
        let astray = elsewhere.iter().filter(|_| !self.mode.two_issuers);
        let astray = astray.map(|seen| format!("{} was asked for elsewhere", seen.target()));
        too_many.into_iter().chain(astray).collect()
    }

    /// How often the key set was asked for.
    pub fn fetches(&self) -> usize {
        self.issuer.requests(self.issuer.key_set_path())
    }

    fn key_set(&self, answers: impl Into<Answers>) {
        self.issuer.serve(self.issuer.key_set_path(), answers);
    }

    fn discovery(&self, reply: Reply) {
        self.issuer.serve(&self.issuer.discovery_path(DiscoveryForm::OpenId), reply);
    }

    fn good(&self) -> Reply {
        cached(Reply::keys(&[&self.key]))
    }
}

impl Probing<'_> {
    fn probe(&self, what: &'static str, key: &TestKey, verdict: Verdict) -> Probe {
        let token = key.access_token(self.stage.issuer.issuer(), self.audience, self.now);
        Probe { what, token, verdict }
    }

    fn of_the_first_key(&self, verdict: Verdict) -> Probe {
        self.probe("a good token", &self.stage.key, verdict)
    }
}

fn verifies(probing: &Probing<'_>) -> Vec<Probe> {
    vec![probing.of_the_first_key(Verdict::Verifies)]
}

fn refused(probing: &Probing<'_>) -> Vec<Probe> {
    vec![probing.of_the_first_key(Verdict::Refused)]
}

fn either(probing: &Probing<'_>) -> Vec<Probe> {
    vec![probing.of_the_first_key(Verdict::Either)]
}

fn cached(reply: Reply) -> Reply {
    reply.cache_control(&format!("public, max-age={FRESH_SECONDS}"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{MODES, Mode};

    #[test]
    fn names_are_unique_and_find_their_mode() {
        let names: HashSet<_> = MODES.iter().map(|mode| mode.name).collect();
        assert_eq!(names.len(), MODES.len());
        for mode in MODES {
            assert!(std::ptr::eq(Mode::named(mode.name).unwrap(), mode));
            assert!(mode.does.ends_with('.') && mode.right.ends_with('.'), "{}: sentences", mode.name);
        }
        assert!(Mode::named("").is_none());
    }
}
