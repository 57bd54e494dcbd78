//! A world drawn from its seed: issuers with their histories, verifiers with their settings, and what is done when.
//!
//! What happens at random times of a long life is mostly nothing. So things are done about the moments that matter: when a
//! key comes or goes, when an outage begins or ends, and each bound of the settings later.

use std::time::Duration;

use jwksmith_verifier::CacheSettings;

use crate::chance::Chance;
use crate::edge::{About, ComeBack, Edge, Identity, Move, Says, SharedCache, Spell, Version, Weather};
use crate::keys::pool;

/// Everything that is settled before anything runs.
pub struct World {
    /// What it was drawn from
    pub(crate) seed: u64,
    /// Its issuers
    pub(crate) issuers: Vec<Edge>,
    /// Its verifiers
    pub(crate) hosts: Vec<Host>,
    /// The tokens that callers have
    pub(crate) tokens: Vec<TokenPlan>,
    /// What is done, in the order of time
    pub(crate) script: Vec<(Duration, Act)>,
    /// How each verifier keeps key sets
    pub(crate) settings: CacheSettings,
    /// [`FetchSettings::timeout`](jwksmith_verifier::FetchSettings::timeout)
    pub(crate) fetch_timeout: Duration,
    /// When nothing is done any more
    pub(crate) ends: Duration,
}

/// A host that runs a verifier, and another after a restart.
pub(crate) struct Host {
    /// The issuers that it trusts
    pub(crate) trusts: Vec<usize>,
    /// Whether it remembers verified tokens
    pub(crate) remembers_tokens: bool,
    /// Whether it refreshes without requests
    pub(crate) keeps_fresh: bool,
    /// [`VerifierBuilder::seed`](jwksmith_verifier::VerifierBuilder::seed)
    pub(crate) seed: u64,
}

/// A token.
#[derive(Clone, Debug)]
pub(crate) struct TokenPlan {
    /// Whose it says it is
    pub(crate) issuer: usize,
    /// The `kid` that it names
    pub(crate) kid: String,
    /// The key of the pool that signed it
    pub(crate) key: usize,
    /// When it was issued, by the true time
    pub(crate) issued: Duration,
    /// How long it lives
    pub(crate) lifetime: Duration,
}

/// What is done.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// A caller has a token verified
    Call {
        /// At which host
        host: usize,
        /// Which token
        token: usize,
        /// How
        manner: Manner,
    },
    /// Tokens of made-up `kid`s come, so many each millisecond
    Flood {
        /// At which host
        host: usize,
        /// Of which issuer they say they are
        issuer: usize,
        /// How many
        tokens: usize,
        /// How many each millisecond
        each_milli: usize,
    },
    /// The operator evicts a key
    Evict {
        /// At which host
        host: usize,
        /// Of which issuer
        issuer: usize,
        /// Which key
        identity: usize,
    },
    /// The operator asks for a refresh
    Refresh {
        /// At which host
        host: usize,
        /// Of which issuer
        issuer: usize,
    },
    /// All key sets are loaded
    Preload {
        /// At which host
        host: usize,
    },
    /// The process ends and another begins
    Restart {
        /// At which host
        host: usize,
        /// Whether the new one takes over what the old one exports
        takes_over: bool,
    },
    /// The time of day is so much wrong from now on
    Clock {
        /// At which host
        host: usize,
        /// In milliseconds
        error_millis: i64,
    },
}

/// How a caller calls.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Manner {
    /// It waits for as long as it takes
    Waits,
    /// It gives up after so long
    GivesUp(Duration),
    /// It cannot wait
    Now,
}

/// One in so many worlds has default settings and lasts for days.
const DEFAULTS_ONE_IN: u32 = 6;

impl World {
    /// The world of this seed.
    pub fn drawn(seed: u64) -> Self {
        let mut chance = Chance::of(seed);
        let (settings, fetch_timeout) = settings(&mut chance);
        let ends = (settings.fresh_max + settings.stale_max) * 2 + Duration::from_mins(3);
        let mut free: Vec<_> = (0..pool().len()).collect();
        chance.shuffle(&mut free);
        let stranger = free.pop().unwrap_or_default();
        let issuers: Vec<_> = (0..chance.count(1..=3))
            .map(|number| Edge { stranger, ..issuer(number, &settings, ends, &mut free, &mut chance.fork()) })
            .collect();
        let hosts: Vec<_> =
            (0..chance.count(1..=4)).map(|_| host(issuers.len(), ends, &mut chance)).collect();
        let mut world = Self {
            seed,
            issuers,
            hosts,
            tokens: Vec::new(),
            script: Vec::new(),
            settings,
            fetch_timeout,
            ends,
        };
        Script { world: &mut world, chance, stranger }.write();
        world
    }

    /// The key of the next issuer that has this number there.
    pub(crate) fn counterpart(&self, issuer: usize, identity: usize) -> usize {
        let next = &self.issuers[(issuer + 1) % self.issuers.len()].identities;
        next[identity % next.len()].key
    }
}

fn settings(chance: &mut Chance) -> (CacheSettings, Duration) {
    let seconds = Duration::from_secs;
    let confirmed = |chance: &mut Chance, max: Duration| {
        if chance.one_in(4) { chance.between(seconds(1), max.min(seconds(120))) } else { Duration::ZERO }
    };
    if chance.one_in(DEFAULTS_ONE_IN) {
        let sound = CacheSettings::default();
        let absence_confirmed_after = confirmed(chance, sound.fresh_max);
        return (CacheSettings { absence_confirmed_after, ..sound }, seconds(5));
    }
    let floor = chance.millis(500..=12_000);
    let fresh_min = chance.between(floor, floor * 4);
    let fresh_max = chance.between(fresh_min, fresh_min + seconds(300));
    let backoff_min = chance.millis(100..=4_000);
    let settings = CacheSettings {
        floor,
        burst: u32::try_from(chance.count(1..=4)).unwrap_or(1),
        backoff_min,
        backoff_max: chance.between(floor.max(backoff_min), seconds(60)),
        fresh_default: chance.between(seconds(1), seconds(200)),
        fresh_min,
        fresh_max,
        stale_max: chance.between(Duration::ZERO, seconds(400)),
        wait_max: chance.millis(300..=8_000),
        unknown_kid_for: chance.between(Duration::ZERO, seconds(60)),
        unknown_kids_max: *chance.pick(&[0, 3, 1024]),
        absence_confirmed_after: confirmed(chance, fresh_max),
    };
    (settings, chance.millis(100..=750) * 8)
}

fn host(issuers: usize, ends: Duration, chance: &mut Chance) -> Host {
    // Over days, keeping fresh would be nothing but refreshes.
    let is_short = ends < Duration::from_hours(1);
    let mut trusts: Vec<_> = (0..issuers).collect();
    chance.shuffle(&mut trusts);
    trusts.truncate(chance.count(1..=issuers).max(issuers.min(2)));
    Host {
        trusts,
        remembers_tokens: chance.one_in(2),
        keeps_fresh: is_short && chance.one_in(4),
        seed: chance.seed(),
    }
}

fn issuer(
    number: usize,
    settings: &CacheSettings,
    ends: Duration,
    free: &mut Vec<usize>,
    chance: &mut Chance,
) -> Edge {
    let mut keys = Rotations { identities: Vec::new(), versions: Vec::new(), number, free };
    keys.draw(settings, ends, chance);
    let Rotations { identities, versions, .. } = keys;
    let shared_cache = chance
        .one_in(3)
        .then(|| SharedCache { lifetime: chance.seconds(1..=120), phase: chance.millis(0..=20_000) });
    let lags = if chance.one_in(3) {
        (0..chance.count(2..=3)).map(|_| chance.millis(0..=40_000)).collect()
    } else {
        vec![Duration::ZERO]
    };
    let moves = if chance.one_in(3) { vec![moved(&versions, ends, chance)] } else { Vec::new() };
    let edge = Edge {
        issuer: format!("https://issuer-{number}.example/"),
        identities,
        versions,
        moves,
        lags,
        shared_cache,
        spells: spells(settings, ends, chance),
        says: says(chance),
        has_etag: chance.one_in(2),
        document_place: usize::from(chance.one_in(4)),
        stranger: 0,
        windows: Vec::new(),
        bodies: Vec::new(),
    };
    edge.complete()
}

/// Often shortly before a rotation, which only the new place tells of then.
fn moved(versions: &[Version], ends: Duration, chance: &mut Chance) -> Move {
    let at = if chance.one_in(3) {
        chance.between(Duration::ZERO, ends)
    } else {
        chance.pick(versions).from.saturating_sub(chance.millis(1..=30_000))
    };
    Move { at, leaves_the_old: !chance.one_in(3) }
}

fn says(chance: &mut Chance) -> Says {
    let seconds = *chance.pick(&[0, 1, 15, 60, 300, 3_600, 86_400]);
    *chance.pick(&[
        Says::Nothing,
        Says::MaxAge(seconds),
        Says::MaxAge(seconds),
        Says::Endless,
        Says::NoStore,
        Says::NoCache,
        Says::Expires(seconds),
    ])
}

/// The key sets of an issuer, being drawn.
struct Rotations<'f> {
    identities: Vec<Identity>,
    versions: Vec<Version>,
    number: usize,
    free: &'f mut Vec<usize>,
}

impl Rotations<'_> {
    fn draw(&mut self, settings: &CacheSettings, ends: Duration, chance: &mut Chance) {
        let first = (0..chance.count(1..=2)).map(|_| self.identity(chance)).collect();
        self.versions.push(Version { from: Duration::ZERO, keys: first });
        let mut at = Duration::ZERO;
        for _ in 0..chance.count(1..=5) {
            // Half of the time soon after the one before, so that two fall within one floor.
            at += if chance.one_in(2) {
                chance.between(Duration::from_millis(1), settings.floor * 2)
            } else {
                chance.between(Duration::from_secs(1), ends / 3)
            };
            self.rotate(at, chance);
        }
    }

    fn rotate(&mut self, at: Duration, chance: &mut Chance) {
        let mut keys = self.versions.last().map(|version| version.keys.clone()).unwrap_or_default();
        match chance.count(0..=9) {
            // The oldest goes, and a new one comes.
            0..=3 => {
                keys.remove(0);
                keys.push(self.identity(chance));
            }
            // A new one beside the old.
            4..=5 => keys.push(self.identity(chance)),
            // The oldest goes.
            6..=7 if keys.len() > 1 => drop(keys.remove(0)),
            // All go at once, as in an emergency.
            8 => keys = vec![self.identity(chance)],
            // What no sound issuer does: another key under a known name.
            9 => {
                let replaced = keys.remove(0);
                keys.push(self.named(self.identities[replaced].kid.clone()));
            }
            // One that was withdrawn comes back.
            _ => {
                let back = chance.count(0..=self.identities.len() - 1);
                let kid = &self.identities[back].kid;
                if !keys.iter().any(|key| self.identities[*key].kid == *kid) {
                    keys.push(back);
                }
            }
        }
        self.versions.push(Version { from: at, keys });
    }

    /// A new key. Its name is short, so that two issuers have the same ones.
    fn identity(&mut self, chance: &mut Chance) -> usize {
        let own = if chance.one_in(2) { format!("-{}", self.number) } else { String::new() };
        self.named(format!("key-{}{own}", self.identities.len()))
    }

    fn named(&mut self, kid: String) -> usize {
        let key = self.free.pop().expect("the pool has keys for every world");
        self.identities.push(Identity { kid, key });
        self.identities.len() - 1
    }
}

fn spells(settings: &CacheSettings, ends: Duration, chance: &mut Chance) -> Vec<Spell> {
    let mut spells = Vec::new();
    let mut from = Duration::ZERO;
    for _ in 0..chance.count(0..=5) {
        from += if chance.one_in(3) {
            chance.millis(0..=20_000)
        } else {
            chance.between(Duration::ZERO, ends / 3)
        };
        let lasts = if chance.one_in(3) {
            chance.between(Duration::from_secs(1), (settings.fresh_max + settings.stale_max) * 5 / 4)
        } else {
            chance.millis(50..=60_000)
        };
        let (weather, about) =
            (weather(chance), *chance.pick(&[About::Both, About::KeySet, About::Document]));
        spells.push(Spell { from, until: from + lasts, weather, about });
        from += lasts + Duration::from_millis(1);
    }
    spells
}

fn weather(chance: &mut Chance) -> Weather {
    let seconds = *chance.pick(&[0, 1, 7, 45, 100_000]);
    let come_back = *chance.pick(&[
        None,
        None,
        Some(ComeBack::Seconds(seconds)),
        Some(ComeBack::Date(seconds)),
        Some(ComeBack::BareDate(seconds)),
    ]);
    let status = *chance.pick(&[401, 404, 429, 500, 503]);
    *chance.pick(&[
        Weather::Refused,
        Weather::Refused,
        Weather::Silent,
        Weather::Silent,
        Weather::Slow,
        Weather::Status(status, come_back),
        Weather::Status(status, come_back),
        Weather::Status(302, None),
        Weather::Truncated,
        Weather::Page,
        Weather::Empty,
        Weather::Keyless,
        Weather::Useless,
        Weather::Twice,
        Weather::Lies,
        Weather::Unchanged,
    ])
}

/// Something that matters at an issuer, and the key that it is about, if any.
struct Moment {
    issuer: usize,
    at: Duration,
    identity: Option<usize>,
}

/// What is done in a world, being written.
struct Script<'w> {
    world: &'w mut World,
    chance: Chance,
    stranger: usize,
}

impl Script<'_> {
    fn write(mut self) {
        self.tokens();
        let moments = self.moments();
        for host in 0..self.world.hosts.len() {
            self.calls(host, &moments);
            self.routine(host);
            self.troubles(host);
        }
        // Stable: what falls on one moment stays in the order in which it was written.
        self.world.script.sort_by_key(|(at, _)| *at);
    }

    /// For each key one token of a long life and some of short ones, and forgeries.
    fn tokens(&mut self) {
        let World { issuers, tokens, ends, .. } = &mut *self.world;
        let plans = issuers.iter().enumerate().flat_map(|(issuer, edge)| {
            let keys = edge.identities.iter();
            keys.map(move |Identity { kid, key }| (issuer, kid.clone(), *key))
        });
        let genuine: Vec<_> = plans.collect();
        for (issuer, kid, key) in &genuine {
            let plan = |issued, lifetime| TokenPlan {
                issuer: *issuer,
                kid: kid.clone(),
                key: *key,
                issued,
                lifetime,
            };
            tokens.push(plan(Duration::ZERO, *ends * 100));
            let issued = self.chance.between(Duration::ZERO, *ends);
            tokens.push(plan(issued, self.chance.seconds(30..=3_600)));
        }
        for _ in 0..4 {
            // Of one issuer under its own name, signed by a key of another issuer, or by a stranger's.
            let (issuer, kid, own) = self.chance.pick(&genuine).clone();
            let number =
                self.world.issuers[issuer].identities.iter().position(|identity| identity.key == own);
            let other = self.world.counterpart(issuer, number.unwrap_or_default());
            let key = if other == own || self.chance.one_in(4) { self.stranger } else { other };
            let plan =
                TokenPlan { issuer, kid, key, issued: Duration::ZERO, lifetime: self.world.ends * 100 };
            self.world.tokens.push(plan);
        }
    }

    fn moments(&self) -> Vec<Moment> {
        let mut moments = Vec::new();
        for (issuer, edge) in self.world.issuers.iter().enumerate() {
            for pair in edge.windows.windows(2) {
                let [before, after] = pair else { continue };
                let changed = (0..edge.identities.len()).filter(|identity| {
                    before.in_any.contains(identity) != after.in_any.contains(identity)
                        || before.in_all.contains(identity) != after.in_all.contains(identity)
                });
                moments.extend(changed.map(|identity| Moment {
                    issuer,
                    at: after.from,
                    identity: Some(identity),
                }));
            }
            let spells = edge.spells.iter().flat_map(|spell| [spell.from, spell.until]);
            let moved = edge.moves.iter().map(|moved| moved.at);
            moments.extend(spells.chain(moved).map(|at| Moment { issuer, at, identity: None }));
            moments.push(Moment { issuer, at: Duration::ZERO, identity: None });
        }
        moments.retain(|moment| moment.at <= self.world.ends);
        moments
    }

    fn calls(&mut self, host: usize, moments: &[Moment]) {
        let trusted: Vec<_> =
            moments.iter().filter(|moment| self.world.hosts[host].trusts.contains(&moment.issuer)).collect();
        for _ in 0..self.chance.count(8..=30) {
            let Moment { issuer, at, identity } = **self.chance.pick(&trusted);
            let at = at + self.bound();
            if self.chance.one_in(3) {
                // So that the set is fresh then, and another refresh may begin.
                let floor = self.world.settings.floor;
                let before = at.saturating_sub(floor + self.chance.between(Duration::ZERO, floor));
                let token = self.token_of(issuer, None);
                self.call(before, host, token);
            }
            // Some before, some after, and some at the very moment.
            for _ in 0..self.chance.count(1..=4) {
                let jitter =
                    if self.chance.one_in(4) { Duration::ZERO } else { self.chance.millis(0..=2_000) };
                let at = if self.chance.one_in(3) { at.saturating_sub(jitter) } else { at + jitter };
                let token = self.token_of(issuer, identity);
                self.call(at, host, token);
            }
        }
    }

    /// Zero, or one of the bounds that matter after a moment.
    fn bound(&mut self) -> Duration {
        let settings = &self.world.settings;
        let bound = settings.revocation_bound();
        let bounds = [
            Duration::ZERO,
            settings.floor,
            settings.floor * settings.burst,
            settings.fresh_min,
            settings.fresh_max,
            bound.reachable,
            bound.unreachable,
            settings.backoff_max,
            settings.unknown_kid_for,
            settings.wait_max,
            settings.absence_confirmed_after,
            self.world.fetch_timeout,
            self.world.fetch_timeout + settings.backoff_max.max(settings.floor).max(settings.unknown_kid_for),
        ];
        if self.chance.one_in(3) { Duration::ZERO } else { *self.chance.pick(&bounds) }
    }

    fn token_of(&mut self, issuer: usize, identity: Option<usize>) -> usize {
        let key = identity.filter(|_| !self.chance.one_in(4));
        let key = key.map(|identity| self.world.issuers[issuer].identities[identity].key);
        let fits = |token: &TokenPlan| token.issuer == issuer && key.is_none_or(|key| token.key == key);
        let tokens = self.world.tokens.iter().enumerate();
        let fitting: Vec<_> = tokens.filter(|(_, token)| fits(token)).map(|(number, _)| number).collect();
        *self.chance.pick(&fitting)
    }

    fn call(&mut self, at: Duration, host: usize, token: usize) {
        let manner = match self.chance.count(0..=9) {
            0..=1 => Manner::Now,
            2..=3 => Manner::GivesUp(self.chance.millis(0..=3_000)),
            _ => Manner::Waits,
        };
        self.at(at, Act::Call { host, token, manner });
    }

    /// A client that calls at its own pace for a while.
    fn routine(&mut self, host: usize) {
        let issuer = *self.chance.pick(&self.world.hosts[host].trusts);
        let mut at = self.chance.between(Duration::ZERO, self.world.ends);
        let pace = self.chance.between(Duration::from_millis(10), self.world.settings.fresh_max / 2);
        for _ in 0..self.chance.count(0..=40) {
            at += self.chance.between(Duration::from_millis(1), pace);
            let token = self.token_of(issuer, None);
            self.call(at, host, token);
        }
    }

    fn troubles(&mut self, host: usize) {
        let ends = self.world.ends;
        if self.chance.one_in(3) {
            self.at(Duration::ZERO, Act::Preload { host });
        }
        for _ in 0..self.chance.count(0..=2) {
            let (at, takes_over) = (self.moment(), !self.chance.one_in(3));
            self.at(at, Act::Restart { host, takes_over });
        }
        if self.chance.one_in(3) {
            let (at, issuer) = (self.moment(), *self.chance.pick(&self.world.hosts[host].trusts));
            let tokens = self.chance.count(20..=300);
            let each_milli = self.chance.count(1..=5);
            self.at(at, Act::Flood { host, issuer, tokens, each_milli });
        }
        for _ in 0..self.chance.count(0..=2) {
            let (at, issuer) = (self.moment(), *self.chance.pick(&self.world.hosts[host].trusts));
            self.at(at, Act::Refresh { host, issuer });
        }
        if self.chance.one_in(3) {
            self.evict(host);
        }
        if self.chance.one_in(3) {
            for _ in 0..self.chance.count(1..=3) {
                let error =
                    i64::try_from(self.chance.between(Duration::ZERO, ends / 2).as_millis()).unwrap_or(0);
                let error_millis = if self.chance.one_in(2) { -error } else { error };
                let at = self.moment();
                self.at(at, Act::Clock { host, error_millis });
            }
        }
    }

    fn evict(&mut self, host: usize) {
        let issuer = *self.chance.pick(&self.world.hosts[host].trusts);
        let identity = self.chance.count(0..=self.world.issuers[issuer].identities.len() - 1);
        let at = self.moment();
        self.at(at, Act::Evict { host, issuer, identity });
        for _ in 0..6 {
            let at = at + self.chance.between(Duration::ZERO, self.world.settings.fresh_max);
            let token = self.token_of(issuer, Some(identity));
            self.call(at, host, token);
        }
    }

    /// Any time, rather early: later than the last rotation little happens.
    fn moment(&mut self) -> Duration {
        let latest = if self.chance.one_in(2) { self.world.ends } else { self.world.ends / 4 };
        self.chance.between(Duration::ZERO, latest)
    }

    fn at(&mut self, at: Duration, act: Act) {
        if at <= self.world.ends {
            self.world.script.push((at, act));
        }
    }
}
