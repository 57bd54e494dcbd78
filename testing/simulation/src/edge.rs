//! One issuer as the world sees it: at any moment, what a request would be answered.
//!
//! Everything here is a function of time, and of nothing that a verifier does, so that the judge can say what was published
//! without asking who fetched it. What counts is the edge, where answers come from: a shared cache in front shows a new key
//! late and an old one long, and of several replicas each lags in its own way.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderName, RETRY_AFTER};
use jwksmith_verifier::{Request, Response};
use serde_json::{Value, json};

use crate::clock::BEGINNING;
use crate::keys::pool;

/// An issuer, from the beginning of the world to its end.
pub(crate) struct Edge {
    /// Its name
    pub(crate) issuer: String,
    /// Every key that it ever publishes
    pub(crate) identities: Vec<Identity>,
    /// Its key sets, in their order; the first is there from the beginning
    pub(crate) versions: Vec<Version>,
    /// When its key set moved to another URL
    pub(crate) moves: Vec<Move>,
    /// How far each of its replicas lags behind
    pub(crate) lags: Vec<Duration>,
    /// The shared cache before it, if there is one
    pub(crate) shared_cache: Option<SharedCache>,
    /// When it does not answer as it should
    pub(crate) spells: Vec<Spell>,
    /// What it says of caching
    pub(crate) says: Says,
    /// Whether it tags its answers and confirms what has not changed
    pub(crate) has_etag: bool,
    /// At which of the well-known places its document is
    pub(crate) document_place: usize,
    /// The key of the pool that whoever lies about it has under its names
    pub(crate) stranger: usize,
    /// What was published when, as it follows from the rest
    pub(crate) windows: Vec<Window>,
    pub(crate) bodies: Vec<Arc<[u8]>>,
}

/// A name, and which key of the pool it stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Identity {
    /// The `kid`
    pub(crate) kid: String,
    /// Its place in the pool
    pub(crate) key: usize,
}

/// A key set.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// When the issuer began to publish it
    pub(crate) from: Duration,
    /// Which identities it has
    pub(crate) keys: Vec<usize>,
}

/// The key set moves to another URL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move {
    /// When
    pub(crate) at: Duration,
    /// Whether the old place goes on to answer, with what it had then
    pub(crate) leaves_the_old: bool,
}

/// A cache before the issuer that others keep warm: it takes a new copy each time the old one ends, whoever asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedCache {
    /// How long it keeps a copy
    pub(crate) lifetime: Duration,
    /// When it takes its first one
    pub(crate) phase: Duration,
}

/// What an issuer says of caching.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Says {
    /// Nothing
    Nothing,
    /// `max-age` of so many seconds
    MaxAge(u64),
    /// `max-age` beyond any number that a program holds
    Endless,
    /// `no-store`
    NoStore,
    /// `no-cache`
    NoCache,
    /// `Expires` and `Date`, so many seconds apart
    Expires(u64),
}

/// A time in which the issuer does not answer as it should.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spell {
    /// When it begins
    pub(crate) from: Duration,
    /// When it is over
    pub(crate) until: Duration,
    /// What it is like
    pub(crate) weather: Weather,
    /// What it is about
    pub(crate) about: About,
}

/// What a spell is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum About {
    /// Every answer
    Both,
    /// The discovery document
    Document,
    /// The key set
    KeySet,
}

/// In which way an issuer does not answer as it should.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Weather {
    /// Connections are refused
    Refused,
    /// Requests are taken and never answered
    Silent,
    /// Answers come when nobody waits any more
    Slow,
    /// An error of this status, with this `Retry-After`
    Status(u16, Option<ComeBack>),
    /// The answer breaks off
    Truncated,
    /// The answer is a page for people
    Page,
    /// The answer has no body
    Empty,
    /// A set without keys
    Keyless,
    /// A set of keys that verify nothing
    Useless,
    /// A member stands twice
    Twice,
    /// The document speaks for another issuer
    Lies,
    /// 304, whatever was asked
    Unchanged,
}

/// `Retry-After`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ComeBack {
    /// In so many seconds
    Seconds(u64),
    /// At a date so many seconds from now, beside the issuer's own date
    Date(u64),
    /// At such a date, and the issuer does not say what time it has
    BareDate(u64),
}

/// A time in which what can be had at the edge does not change.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) from: Duration,
    /// Identities that every answer has
    pub(crate) in_all: Vec<usize>,
    /// Identities that some answer has
    pub(crate) in_any: Vec<usize>,
}

/// What comes of a request.
pub(crate) enum Answer {
    /// Nothing, ever
    Never,
    /// Nothing in time
    Late,
    /// The connection is refused
    Refused,
    Reply(Response, Content),
}

/// What an answer is good for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Content {
    /// An error
    Nothing { come_back: Option<ComeBack> },
    /// The discovery document
    Document,
    /// This version of the key set, or word that it has not changed
    KeySet { version: usize, confirmed: bool, aged: bool },
}

impl Edge {
    /// Works out what follows from the rest.
    pub(crate) fn complete(mut self) -> Self {
        self.bodies = (0..self.versions.len()).map(|version| self.body(version)).collect();
        let lags = self.lags.clone();
        let changes = self.versions.iter().flat_map(|version| lags.iter().map(|lag| version.from + *lag));
        let mut from: Vec<_> = changes.map(|at| self.visible(at)).collect();
        from.extend(self.moves.iter().map(|moved| moved.at));
        from.push(Duration::ZERO);
        from.sort();
        from.dedup();
        self.windows = from.into_iter().map(|from| self.window(from)).collect();
        self
    }

    /// The same again.
    pub(crate) fn copied_whole(&self) -> Self {
        let Self { issuer, identities, versions, moves, lags, spells, .. } = self;
        let edge = Self {
            issuer: issuer.clone(),
            identities: identities.clone(),
            versions: versions.clone(),
            moves: moves.clone(),
            lags: lags.clone(),
            spells: spells.clone(),
            windows: Vec::new(),
            bodies: Vec::new(),
            ..*self
        };
        edge.complete()
    }

    fn body(&self, version: usize) -> Arc<[u8]> {
        let jwk = |identity: &usize| {
            let Identity { kid, key } = &self.identities[*identity];
            pool()[*key].jwk(kid)
        };
        let keys: Vec<_> = self.versions[version].keys.iter().map(jwk).collect();
        // The judge finds the version again in what a verifier exports.
        json!({ "keys": keys, "version": version }).to_string().into_bytes().into()
    }

    /// The version that a saved key set is.
    pub(crate) fn version_of(saved: &[u8]) -> Option<usize> {
        let json = saved.splitn(2, |byte| *byte == b'\n').nth(1)?;
        let set: Value = serde_json::from_slice(json).ok()?;
        usize::try_from(set.get("version")?.as_u64()?).ok()
    }

    fn window(&self, from: Duration) -> Window {
        let mut in_all: Vec<_> = (0..self.identities.len()).collect();
        let mut in_any = Vec::new();
        let now = self.path(from);
        for lag in &self.lags {
            let keys = &self.versions[self.version(now, *lag, from)].keys;
            in_all.retain(|identity| keys.contains(identity));
            let old = (0..now).filter(|path| self.moves[*path].leaves_the_old);
            in_any.extend(
                old.chain([now]).flat_map(|path| self.versions[self.version(path, *lag, from)].keys.clone()),
            );
        }
        in_any.sort_unstable();
        in_any.dedup();
        Window { from, in_all, in_any }
    }

    /// The place that the discovery document names.
    fn path(&self, at: Duration) -> usize {
        self.moves.iter().filter(|moved| moved.at <= at).count()
    }

    /// What a replica answers at a place.
    fn version(&self, path: usize, lag: Duration, at: Duration) -> usize {
        let mut seen = self.copied(at).saturating_sub(lag);
        if let Some(moved) = self.moves.get(path) {
            seen = seen.min(moved.at);
        }
        self.origin(seen)
    }

    /// What the issuer itself has.
    fn origin(&self, at: Duration) -> usize {
        self.versions.iter().rposition(|version| version.from <= at).unwrap_or(0)
    }

    /// When the copy was taken that the edge answers with.
    fn copied(&self, at: Duration) -> Duration {
        let Some(SharedCache { lifetime, phase }) = self.shared_cache else { return at };
        let Some(since) = at.checked_sub(phase) else { return Duration::ZERO };
        at.saturating_sub(remainder(since, lifetime))
    }

    /// When the edge begins to show what its origin has from then on.
    fn visible(&self, origin: Duration) -> Duration {
        let Some(SharedCache { lifetime, phase }) = self.shared_cache else { return origin };
        let Some(since) = origin.checked_sub(phase) else { return phase };
        match remainder(since, lifetime) {
            Duration::ZERO => origin,
            over => origin + lifetime.saturating_sub(over),
        }
    }

    /// The windows that touch a time, with both sides of a change at its ends.
    pub(crate) fn during(&self, from: Duration, until: Duration) -> impl Iterator<Item = &Window> {
        let first = self.windows.iter().rposition(|window| window.from < from).unwrap_or(0);
        self.windows[first..].iter().take_while(move |window| window.from <= until)
    }

    /// Since when every answer has had this key, if it has.
    pub(crate) fn published_since(&self, identity: usize, at: Duration) -> Option<Duration> {
        let until = self.windows.iter().rposition(|window| window.from <= at)?;
        let has = |window: &&Window| window.in_all.contains(&identity);
        self.windows[..=until].iter().rev().take_while(has).last().map(|window| window.from)
    }

    /// Since when no answer has had this key, if none has.
    pub(crate) fn gone_since(&self, identity: usize, at: Duration) -> Option<Duration> {
        let until = self.windows.iter().rposition(|window| window.from <= at)?;
        let lacks = |window: &&Window| !window.in_any.contains(&identity);
        self.windows[..=until].iter().rev().take_while(lacks).last().map(|window| window.from)
    }

    /// Whether it answers as it should in all of this time. The moment of a move is no such time: who has just been sent to the
    /// old place finds nothing there, or nothing new.
    pub(crate) fn is_fair(&self, from: Duration, until: Duration) -> bool {
        !self.troubles().any(|(begins, ends)| begins <= until && from <= ends)
    }

    /// Since when it has answered as it should.
    pub(crate) fn fair_since(&self, at: Duration) -> Option<Duration> {
        let begun = self.troubles().filter(|(begins, _)| *begins <= at);
        let ended = begun.map(|(_, ends)| ends).max().unwrap_or_default();
        (ended < at || ended.is_zero()).then_some(ended)
    }

    fn troubles(&self) -> impl Iterator<Item = (Duration, Duration)> {
        let spells = self.spells.iter().map(|spell| (spell.from, spell.until));
        spells.chain(self.moves.iter().map(|moved| (moved.at, moved.at)))
    }

    /// Whether an old place answers with what is not so any more.
    pub(crate) fn misleads(&self, at: Duration) -> bool {
        self.moves.iter().any(|moved| moved.leaves_the_old && moved.at <= at)
    }

    /// What a replica answers to a request that reaches it now.
    pub(crate) fn answer(&self, request: &Request, at: Duration, replica: usize) -> Answer {
        let concerns = |about: About| match about {
            About::Both => true,
            About::Document => is_document(request),
            About::KeySet => !is_document(request),
        };
        let mut spells = self.spells.iter().filter(|spell| concerns(spell.about));
        match spells.find(|spell| spell.from <= at && at < spell.until) {
            Some(spell) => self.foul(spell.weather, request, at, replica),
            None => self.fair(request, at, replica),
        }
    }

    fn fair(&self, request: &Request, at: Duration, replica: usize) -> Answer {
        let path = request.url.path();
        if is_document(request) {
            let place = usize::from(path.contains("oauth-authorization-server"));
            let jwks_uri = self.path(at).to_string();
            return if place == self.document_place {
                self.document(&self.issuer, &jwks_uri)
            } else {
                missing()
            };
        }
        let place = path.rsplit('/').next().unwrap_or_default();
        if place == STRANGERS_PLACE {
            return self.stranger();
        }
        let now = self.path(at);
        match place.parse::<usize>().ok() {
            Some(path) if path == now || (path < now && self.moves[path].leaves_the_old) => {
                self.key_set(request, path, at, replica)
            }
            _ => missing(),
        }
    }

    fn document(&self, issuer: &str, place: &str) -> Answer {
        let jwks_uri = format!("{}keys/{place}", self.issuer);
        let body = json!({ "issuer": issuer, "jwks_uri": jwks_uri }).to_string();
        Answer::Reply(reply(200, HeaderMap::new(), body), Content::Document)
    }

    /// Keys that are not the issuer's, under its names.
    fn stranger(&self) -> Answer {
        let keys: Vec<_> =
            self.identities.iter().map(|identity| pool()[self.stranger].jwk(&identity.kid)).collect();
        spoilt(&json!({ "keys": keys }).to_string())
    }

    fn key_set(&self, request: &Request, path: usize, at: Duration, replica: usize) -> Answer {
        let version = self.version(path, self.lags[replica % self.lags.len()], at);
        // Counted at each place anew, so that the same tag means another set at another place.
        let first = path.checked_sub(1).map_or(0, |before| self.origin(self.moves[before].at));
        let etag = format!("\"{}\"", first.abs_diff(version) * 2 + usize::from(version < first));
        let mut headers = self.caching(at);
        let age = at.saturating_sub(self.copied(at)).as_secs();
        if self.has_etag {
            put(&mut headers, ETAG, &etag);
        }
        let confirmed = self.has_etag && request.etag.as_deref() == Some(&etag);
        let content = Content::KeySet { version, confirmed, aged: age > 0 };
        if confirmed {
            Answer::Reply(reply(304, headers, ""), content)
        } else {
            Answer::Reply(reply(200, headers, &*self.bodies[version]), content)
        }
    }

    fn caching(&self, at: Duration) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(SharedCache { lifetime, .. }) = self.shared_cache {
            put(&mut headers, CACHE_CONTROL, &format!("public, max-age={}", lifetime.as_secs()));
            put(&mut headers, AGE, &at.saturating_sub(self.copied(at)).as_secs().to_string());
            return headers;
        }
        match self.says {
            Says::Nothing => {}
            Says::MaxAge(seconds) => put(&mut headers, CACHE_CONTROL, &format!("max-age={seconds}")),
            Says::Endless => put(&mut headers, CACHE_CONTROL, "public, max-age=100000000000000000000"),
            Says::NoStore => put(&mut headers, CACHE_CONTROL, "no-store"),
            Says::NoCache => put(&mut headers, CACHE_CONTROL, "no-cache, max-age=600"),
            Says::Expires(seconds) => {
                put(&mut headers, DATE, &date(at, 0));
                put(&mut headers, EXPIRES, &date(at, seconds));
            }
        }
        headers
    }

    fn foul(&self, weather: Weather, request: &Request, at: Duration, replica: usize) -> Answer {
        match weather {
            Weather::Refused => Answer::Refused,
            Weather::Silent => Answer::Never,
            Weather::Slow => Answer::Late,
            Weather::Status(status, come_back) => fault(status, come_back, at),
            Weather::Page => spoilt("<!doctype html><title>Bad gateway</title>"),
            Weather::Empty => spoilt(""),
            Weather::Keyless => spoilt(r#"{"keys":[]}"#),
            Weather::Useless => {
                spoilt(r#"{"keys":[{"kty":"oct","k":"AA"},{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#)
            }
            Weather::Twice => spoilt(r#"{"keys":[],"keys":[],"issuer":"","issuer":""}"#),
            // To who asked whether it has changed, it would be an answer.
            Weather::Unchanged if request.etag.is_none() => {
                Answer::Reply(reply(304, HeaderMap::new(), ""), NOTHING)
            }
            Weather::Lies if is_document(request) => {
                self.document("https://somebody-else.example/", STRANGERS_PLACE)
            }
            Weather::Unchanged | Weather::Lies => self.fair(request, at, replica),
            Weather::Truncated => self.truncated(request, at, replica),
        }
    }

    fn truncated(&self, request: &Request, at: Duration, replica: usize) -> Answer {
        let unconditional = Request { etag: None, ..request.clone() };
        let Answer::Reply(mut response, _) = self.fair(&unconditional, at, replica) else {
            return Answer::Never;
        };
        response.body.truncate(response.body.len() / 2);
        Answer::Reply(response, NOTHING)
    }
}

/// Where a document leads that lies.
const STRANGERS_PLACE: &str = "strangers";

const NOTHING: Content = Content::Nothing { come_back: None };

fn is_document(request: &Request) -> bool {
    request.url.path().contains("/.well-known/")
}

fn missing() -> Answer {
    Answer::Reply(reply(404, HeaderMap::new(), ""), NOTHING)
}

fn spoilt(body: &str) -> Answer {
    Answer::Reply(reply(200, HeaderMap::new(), body), NOTHING)
}

fn fault(status: u16, come_back: Option<ComeBack>, at: Duration) -> Answer {
    let mut headers = HeaderMap::new();
    match come_back {
        None => {}
        Some(ComeBack::Seconds(seconds)) => put(&mut headers, RETRY_AFTER, &seconds.to_string()),
        Some(ComeBack::Date(seconds)) => {
            put(&mut headers, RETRY_AFTER, &date(at, seconds));
            put(&mut headers, DATE, &date(at, 0));
        }
        Some(ComeBack::BareDate(seconds)) => put(&mut headers, RETRY_AFTER, &date(at, seconds)),
    }
    Answer::Reply(reply(status, headers, ""), Content::Nothing { come_back })
}

fn reply(status: u16, headers: HeaderMap, body: impl AsRef<[u8]>) -> Response {
    Response { status, headers, body: body.as_ref().to_vec() }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    headers.insert(name, value.parse().expect("these values are ASCII"));
}

/// The true time, so many seconds later, as HTTP writes it.
fn date(at: Duration, later: u64) -> String {
    let since_1970 = Duration::from_secs(BEGINNING + at.as_secs() + later);
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + since_1970)
}

fn remainder(of: Duration, by: Duration) -> Duration {
    let rest = of.as_nanos() % by.as_nanos().max(1);
    Duration::from_nanos(u64::try_from(rest).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// An issuer with one key at first, another beside it from 100 s on, and that one alone from 200 s on.
    fn edge() -> Edge {
        let identity = |key| Identity { kid: format!("key-{key}"), key };
        let version = |from, keys: &[usize]| Version { from: at(from), keys: keys.to_vec() };
        Edge {
            issuer: "https://issuer.example/".to_owned(),
            identities: vec![identity(0), identity(1)],
            versions: vec![version(0, &[0]), version(100, &[0, 1]), version(200, &[1])],
            moves: Vec::new(),
            lags: vec![at(0)],
            shared_cache: None,
            spells: Vec::new(),
            says: Says::Nothing,
            has_etag: true,
            document_place: 0,
            stranger: 2,
            windows: Vec::new(),
            bodies: Vec::new(),
        }
    }

    /// From when on every answer has the second key, and none has the first, as seen a day later.
    fn check(edge: Edge, published: u64, gone: Option<u64>) {
        let edge = edge.complete();
        let day = at(86_400);
        assert_eq!(edge.published_since(1, day), Some(at(published)));
        assert_eq!(edge.gone_since(0, day), gone.map(at));
    }

    #[test]
    fn edge_shows_what_its_origin_has() {
        check(edge(), 100, Some(200));
    }

    #[test]
    fn lagging_replica_publishes_late_and_withdraws_late() {
        check(Edge { lags: vec![at(0), at(30)], ..edge() }, 130, Some(230));
    }

    #[test]
    fn shared_cache_shows_its_copy_until_that_ends() {
        let cached = |lifetime, phase| Edge {
            shared_cache: Some(SharedCache { lifetime: at(lifetime), phase: at(phase) }),
            ..edge()
        };
        check(cached(60, 10), 130, Some(250));
        check(cached(50, 0), 100, Some(200));
        check(cached(1, 150), 150, Some(200));
        check(Edge { lags: vec![at(5)], ..cached(60, 10) }, 130, Some(250));
    }

    #[test]
    fn old_place_that_is_left_behind_publishes_for_ever() {
        let moved = |leaves_the_old| Edge { moves: vec![Move { at: at(150), leaves_the_old }], ..edge() };
        check(moved(true), 100, None);
        check(moved(false), 100, Some(200));
    }

    #[test]
    fn fair_is_neither_a_spell_nor_the_moment_of_a_move() {
        let spell = Spell { from: at(50), until: at(60), weather: Weather::Page, about: About::Document };
        let moved = Move { at: at(80), leaves_the_old: false };
        let edge = Edge { spells: vec![spell], moves: vec![moved], ..edge() };
        let fair = [(0, 49), (61, 79), (81, 500)];
        let unfair = [(0, 50), (55, 56), (60, 70), (70, 80), (80, 90)];
        assert!(fair.iter().all(|(from, until)| edge.is_fair(at(*from), at(*until))));
        assert!(!unfair.iter().any(|(from, until)| edge.is_fair(at(*from), at(*until))));
        let since = [(0, Some(0)), (49, Some(0)), (55, None), (60, None), (61, Some(60)), (90, Some(80))];
        for (now, expected) in since {
            assert_eq!(edge.fair_since(at(now)), expected.map(at), "{now}");
        }
    }
}
