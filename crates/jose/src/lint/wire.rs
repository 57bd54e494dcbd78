//! The rules for what an issuer answers: the places of its metadata and of its key set, the answers there, and what the two
//! documents promise together (OpenID Connect Discovery §4, RFC 8414 §3, RFC 9110, RFC 9111).
//!
//! The exchanges are data: whoever fetched them says what came. What stands in a document by itself is the business of
//! [`super::discovery`] and [`super::key_set`].

use std::collections::BTreeMap;

use super::Severity::{self, Error, Note, Warning};
use super::{Finding, Rule, quoted_name, readable};
use crate::json::{Kind, Value};
use crate::limits::MEMBERS_TOLD_MAX;
use crate::{Algorithm, KeySet, quoted};

/// What an issuer was asked, and what came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wire<'a> {
    /// The issuer, exactly as whoever asked calls it
    pub issuer: &'a str,
    /// Its well-known places, in the order in which verifiers try them
    pub documents: Vec<Exchange<'a>>,
    /// Its key set
    pub key_set: KeySetExchange<'a>,
}

/// What came of asking for a key set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeySetExchange<'a> {
    /// No document says where it is
    Unnamed,
    /// It was not asked for
    Refused {
        /// Where it should be
        url: &'a str,
        /// Why verifiers do not fetch from there
        reason: &'a str,
    },
    /// It was asked for
    Asked(Exchange<'a>),
}

/// One GET that followed no redirect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exchange<'a> {
    /// What was asked for
    pub url: &'a str,
    /// How long it took, in milliseconds
    pub milliseconds: u64,
    /// What came of it
    pub outcome: Outcome<'a>,
}

/// What came of a GET.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome<'a> {
    /// An answer, whatever its status
    Answer(Answer<'a>),
    /// An answer with a larger body than is read
    TooLarge {
        /// The most that is read
        bytes_max: usize,
    },
    /// None
    Missing {
        /// Why
        reason: &'a str,
    },
}

/// An answer; a header that was not sent, or is no text, is nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Answer<'a> {
    /// The status code
    pub status: u16,
    /// `Location`
    pub location: Option<&'a str>,
    /// `Content-Type`
    pub content_type: Option<&'a str>,
    /// `Cache-Control`
    pub cache_control: Option<&'a str>,
    /// `Age`
    pub age: Option<&'a str>,
    /// `Expires`
    pub expires: Option<&'a str>,
    /// `ETag`
    pub etag: Option<&'a str>,
    /// `Last-Modified`
    pub last_modified: Option<&'a str>,
    /// The body
    pub body: &'a [u8],
}

/// Some clients do not wait longer than this for a key set.
const SLOW_MILLISECONDS: u64 = 1_000;
/// A freshness under this lets verifiers ask for every other token, or they ignore it.
const FRESH_SECONDS_MIN: u64 = 60;
/// A freshness over this lets a withdrawn key live for as long.
const FRESH_SECONDS_MAX: u64 = 86_400;

/// Looks for whatever is wrong with what came.
///
/// ```
/// use jwksmith_jose::lint::wire::{Answer, Exchange, KeySetExchange, Outcome, Wire, wire};
///
/// let answer = Answer { status: 301, location: Some("https://www.tenant.example/"), ..Answer::default() };
/// let url = "https://tenant.example/.well-known/openid-configuration";
/// let documents = vec![Exchange { url, milliseconds: 20, outcome: Outcome::Answer(answer) }];
/// let found = wire(&Wire { issuer: "https://tenant.example/", documents, key_set: KeySetExchange::Unnamed });
/// assert!(found.iter().any(|finding| finding.rule.code == "answer_redirects" && finding.place == url));
/// ```
pub fn wire(wire: &Wire<'_>) -> Vec<Finding> {
    let seen = Seen::read(wire);
    RULES.iter().flat_map(|row| row.findings(&seen)).collect()
}

/// These rules, in the order of their table.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().map(|row| &row.rule)
}

/// What came, read as far as it can be.
struct Seen<'a> {
    wire: &'a Wire<'a>,
    /// Where there is a document, and what it is if it can be read; verifiers take the first
    documents: Vec<(&'a str, Option<Document<'a>>)>,
    keys: Option<KeySet>,
}

type Document<'a> = BTreeMap<String, Value<'a>>;

/// A rule: it names places and what is wrong at each.
struct WireRule {
    rule: Rule,
    check: fn(&Seen<'_>) -> Vec<Problem>,
}

/// A place, and what is wrong there.
type Problem = (String, String);

const fn row(
    severity: Severity,
    code: &'static str,
    section: &'static str,
    advice: &'static str,
    check: fn(&Seen<'_>) -> Vec<Problem>,
) -> WireRule {
    WireRule { rule: Rule::new(severity, code, section, advice), check }
}

static RULES: [WireRule; 21] = [
    row(
        Error,
        "issuer_mismatch",
        "OpenID Connect Discovery §4.3, RFC 8414 §3.3",
        "make both the same, byte for byte: verifiers refuse the document",
        mismatching_issuer,
    ),
    row(
        Error,
        "discovery_missing",
        "OpenID Connect Discovery §4, RFC 8414 §3",
        "publish the document at one of these places",
        missing_document,
    ),
    row(
        Error,
        "well_known_other_keys",
        "RFC 8414 §3.3, §6.2",
        "serve one document at every place: a client looks at one of them only",
        other_keys_elsewhere,
    ),
    row(
        Warning,
        "well_known_differs",
        "OpenID Connect Discovery §4, RFC 8414 §3",
        "serve one document at every place: a client looks at one of them only",
        differing_documents,
    ),
    row(
        Note,
        "well_known_missing",
        "OpenID Connect Discovery §4, RFC 8414 §3",
        "serve the document there too, if clients of the other standard come",
        missing_places,
    ),
    row(
        Error,
        "answer_missing",
        "OpenID Connect Discovery §4.2, RFC 8414 §3.2",
        "check the name, the port, the certificate and the firewall",
        missing_answers,
    ),
    row(
        Error,
        "answer_too_large",
        "RFC 8259 §9",
        "publish less: verifiers stop reading somewhere",
        large_answers,
    ),
    row(
        Error,
        "answer_redirects",
        "OpenID Connect Discovery §4.2, RFC 8414 §3.2",
        "answer at this very place: a redirect could lead anywhere, so verifiers follow none",
        redirects,
    ),
    row(
        Error,
        "answer_status",
        "OpenID Connect Discovery §4.2, RFC 8414 §3.2",
        "answer with status 200",
        other_statuses,
    ),
    row(
        Warning,
        "answer_slow",
        "defaults of clients",
        "answer from memory or through a cache: some clients give up after a second",
        slow_answers,
    ),
    row(
        Error,
        "document_content_type",
        "OpenID Connect Discovery §4.2, RFC 8414 §3.2",
        "say `Content-Type: application/json`",
        types_of_documents,
    ),
    row(
        Warning,
        "key_set_content_type",
        "RFC 7517 §8.5.1",
        "say `Content-Type: application/jwk-set+json`, or `application/json`, which more clients know",
        type_of_key_set,
    ),
    row(
        Warning,
        "caching_unsaid",
        "RFC 9111 §4.2.2",
        "say `Cache-Control: public, max-age=300`, or each reader guesses another time",
        unsaid_caching,
    ),
    row(
        Warning,
        "caching_forbidden",
        "RFC 9111 §5.2.2.4, §5.2.2.5",
        "let it be kept for some minutes: readers ask for every token, or do not obey",
        forbidden_caching,
    ),
    row(
        Warning,
        "caching_short",
        "RFC 9111 §5.2.2.1",
        "let it be kept for a minute at least: readers ask all the time, or do not obey",
        short_caching,
    ),
    row(
        Warning,
        "caching_long",
        "RFC 9111 §5.2.2.1",
        "let it be kept for a day at most: a withdrawn key lives on for as long, and a new one is not known",
        long_caching,
    ),
    row(
        Warning,
        "caching_spent",
        "RFC 9111 §4.2",
        "let the cache in between ask again in time: what it gives out is stale already",
        spent_caching,
    ),
    row(
        Note,
        "validators_missing",
        "RFC 9110 §8.8",
        "send an `ETag`, so that readers can ask whether anything has changed",
        missing_validators,
    ),
    row(
        Error,
        "jwks_uri_refused",
        "OpenID Connect Discovery §3, RFC 8414 §2",
        "name a place that everybody may fetch from, with https",
        refused_key_set,
    ),
    row(
        Warning,
        "algorithm_without_key",
        "OpenID Connect Discovery §3",
        "publish a key for it, or do not announce it",
        algorithms_without_key,
    ),
    row(
        Note,
        "key_without_algorithm",
        "OpenID Connect Discovery §3",
        "announce the algorithm if ID tokens are signed with the key",
        keys_without_algorithm,
    ),
];

impl WireRule {
    fn findings(&'static self, seen: &Seen<'_>) -> impl Iterator<Item = Finding> {
        (self.check)(seen).into_iter().map(|(place, problem)| self.rule.at(place, problem))
    }
}

impl<'a> Seen<'a> {
    fn read(wire: &'a Wire<'a>) -> Self {
        let documents = wire.documents.iter().filter_map(|exchange| {
            let answer = exchange.good()?;
            Some((exchange.url, readable(answer.body).ok().map(document)))
        });
        let keys = wire.key_set.asked().and_then(Exchange::good);
        let keys = keys.and_then(|answer| KeySet::parse(answer.body).ok());
        Self { wire, documents: documents.collect(), keys }
    }

    /// The document that verifiers take.
    fn document(&self) -> Option<&Document<'a>> {
        self.documents.first()?.1.as_ref()
    }

    /// Every other one, and where.
    fn others(&self) -> impl Iterator<Item = (&'a str, Option<&Document<'a>>)> {
        self.documents.iter().skip(1).map(|(url, document)| (*url, document.as_ref()))
    }

    fn exchanges(&self) -> impl Iterator<Item = &'a Exchange<'a>> {
        self.wire.documents.iter().chain(self.wire.key_set.asked())
    }

    /// The answer with the key set, and where.
    fn key_set(&self) -> Option<(&'a str, &'a Answer<'a>)> {
        let exchange = self.wire.key_set.asked()?;
        Some((exchange.url, exchange.good()?))
    }

    /// What is wrong with how the key set may be kept.
    fn caching(&self, problem: impl Fn(&Caching, &Answer<'_>) -> Option<String>) -> Vec<Problem> {
        let found = self.key_set().and_then(|(url, answer)| {
            let caching = Caching::of(answer);
            Some((url.to_owned(), problem(&caching, answer)?))
        });
        found.into_iter().collect()
    }

    /// The signature algorithms that the document announces for ID tokens, if it does.
    fn announced(&self) -> Option<Vec<Algorithm>> {
        let names = self.document()?.get(ID_TOKEN_ALGORITHMS)?.elements().filter_map(Value::as_text);
        Some(names.filter_map(|name| Algorithm::from_name(&name)).collect())
    }
}

const ISSUER: &str = "issuer";
const KEY_SET: &str = "jwks_uri";
const ID_TOKEN_ALGORITHMS: &str = "id_token_signing_alg_values_supported";

fn document(value: Value<'_>) -> Document<'_> {
    value.members().map(|(name, value)| (name.into_owned(), value)).collect()
}

impl<'a> KeySetExchange<'a> {
    fn asked(&self) -> Option<&Exchange<'a>> {
        match self {
            Self::Asked(exchange) => Some(exchange),
            Self::Unnamed | Self::Refused { .. } => None,
        }
    }
}

impl<'a> Exchange<'a> {
    fn answer(&self) -> Option<&Answer<'a>> {
        match &self.outcome {
            Outcome::Answer(answer) => Some(answer),
            Outcome::TooLarge { .. } | Outcome::Missing { .. } => None,
        }
    }

    fn good(&self) -> Option<&Answer<'a>> {
        self.answer().filter(|answer| answer.status == 200)
    }

    /// Whether verifiers look elsewhere then; 429 is no absence, it asks them to go away.
    fn is_nothing(&self) -> bool {
        self.answer().is_some_and(|answer| matches!(answer.status, 400..=428 | 430..=499))
    }
}

/// What an answer says about keeping it.
struct Caching {
    /// The directive that forbids it
    forbidden: Option<&'static str>,
    max_age: Option<u64>,
}

impl Caching {
    /// RFC 9111 §5.2; of a directive that stands twice, the last.
    fn of(answer: &Answer<'_>) -> Self {
        let mut caching = Self { forbidden: None, max_age: None };
        for directive in answer.cache_control.unwrap_or_default().split(',') {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" => caching.forbidden = Some("no-store"),
                "no-cache" => caching.forbidden = Some("no-cache"),
                "max-age" => caching.max_age = delta_seconds(argument.trim().trim_matches('"')),
                _ => {}
            }
        }
        caching
    }
}

/// RFC 9111 §1.2.2: digits only; a number too large to hold means "very long".
fn delta_seconds(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

fn mismatching_issuer(seen: &Seen<'_>) -> Vec<Problem> {
    let said = seen.document().and_then(|document| document.get(ISSUER)?.as_text());
    let other = said.filter(|said| *said != seen.wire.issuer);
    let problem =
        |said: &str| format!("it is {}, and was asked for as {}", quoted(said), quoted(seen.wire.issuer));
    other.map(|said| (ISSUER.to_owned(), problem(&said))).into_iter().collect()
}

fn missing_document(seen: &Seen<'_>) -> Vec<Problem> {
    let documents = &seen.wire.documents;
    let places: Vec<_> = documents.iter().map(|exchange| exchange.url).collect();
    // What else may be there has a finding of its own.
    let is_missing = documents.iter().all(Exchange::is_nothing);
    let problem = || (String::new(), format!("there is none at {}", places.join(" or ")));
    is_missing.then(problem).into_iter().collect()
}

/// The members that say whose keys are where; a place that lacks one is of no use to verifiers.
const DECISIVE: [&str; 2] = [ISSUER, KEY_SET];

fn other_keys_elsewhere(seen: &Seen<'_>) -> Vec<Problem> {
    elsewhere(seen, |name, _| DECISIVE.contains(&name))
}

fn differing_documents(seen: &Seen<'_>) -> Vec<Problem> {
    let unreadable = seen.others().filter(|(_, document)| document.is_none());
    let unreadable = unreadable.map(|(url, _)| (url.to_owned(), "it answers with something else".to_owned()));
    // Each standard has members that the other does not know.
    let differing = elsewhere(seen, |name, is_in_both| is_in_both && !DECISIVE.contains(&name));
    differing.into_iter().chain(unreadable).collect()
}

/// Where another document than the one that verifiers take has other members, of those that count.
fn elsewhere(seen: &Seen<'_>, counts: impl Fn(&str, bool) -> bool) -> Vec<Problem> {
    let Some(first) = seen.document() else { return vec![] };
    let others = seen.others().filter_map(|(url, other)| Some((url, other?)));
    let differing = others.map(|(url, other)| (url, differing_members(first, other, &counts)));
    let differing = differing.filter(|(_, names)| !names.is_empty());
    let problem = |names: Vec<String>| format!("it has another {} than the first place", names.join(", "));
    differing.map(|(url, names)| (url.to_owned(), problem(names))).collect()
}

fn differing_members(
    one: &Document<'_>,
    other: &Document<'_>,
    counts: impl Fn(&str, bool) -> bool,
) -> Vec<String> {
    let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
    let differing = names.filter(|name| match (one.get(*name), other.get(*name)) {
        (Some(one), Some(other)) => counts(name, true) && !is_same(*one, *other),
        _ => counts(name, false),
    });
    differing.take(MEMBERS_TOLD_MAX).map(|name| format!("`{}`", quoted_name(name))).collect()
}

/// Whether two values say the same, however they are laid out. The order of an array counts, that of members does not.
fn is_same(one: Value<'_>, other: Value<'_>) -> bool {
    match (one.as_text(), other.as_text()) {
        (Some(one), Some(other)) => return one == other,
        (None, None) => {}
        _ => return false,
    }
    if one.kind().is_array() && other.kind().is_array() {
        return one.elements().count() == other.elements().count()
            && one.elements().zip(other.elements()).all(|(one, other)| is_same(one, other));
    }
    match (one.kind(), other.kind()) {
        (Kind::Object, Kind::Object) => {
            let is_in_other = |(name, value): (std::borrow::Cow<'_, str>, Value<'_>)| {
                other.find(&name).is_some_and(|other| is_same(value, other))
            };
            one.members().count() == other.members().count() && one.members().all(is_in_other)
        }
        (of_one, of_other) => of_one == of_other && one.raw() == other.raw(),
    }
}

fn missing_places(seen: &Seen<'_>) -> Vec<Problem> {
    let missing: Vec<_> = seen
        .wire
        .documents
        .iter()
        .filter(|exchange| exchange.is_nothing())
        .map(|exchange| exchange.url)
        .collect();
    let is_told = !missing.is_empty() && !seen.documents.is_empty();
    let problem = || (String::new(), format!("there is none at {}", missing.join(", nor at ")));
    is_told.then(problem).into_iter().collect()
}

fn missing_answers(seen: &Seen<'_>) -> Vec<Problem> {
    let reason = |exchange: &Exchange<'_>| match exchange.outcome {
        Outcome::Missing { reason } => Some((exchange.url.to_owned(), reason.to_owned())),
        _ => None,
    };
    seen.exchanges().filter_map(reason).collect()
}

fn large_answers(seen: &Seen<'_>) -> Vec<Problem> {
    let size = |exchange: &Exchange<'_>| match exchange.outcome {
        Outcome::TooLarge { bytes_max } => {
            Some((exchange.url.to_owned(), format!("it sends more than {bytes_max} bytes")))
        }
        _ => None,
    };
    seen.exchanges().filter_map(size).collect()
}

fn redirects(seen: &Seen<'_>) -> Vec<Problem> {
    let redirect = |exchange: &Exchange<'_>| {
        let answer = exchange.answer().filter(|answer| (300..=399).contains(&answer.status))?;
        let to = answer.location.map_or_else(|| "nowhere".to_owned(), |to| format!("to {}", quoted(to)));
        Some((exchange.url.to_owned(), format!("it redirects {to} with status {}", answer.status)))
    };
    seen.exchanges().filter_map(redirect).collect()
}

fn other_statuses(seen: &Seen<'_>) -> Vec<Problem> {
    let documents = seen.wire.documents.iter().filter(|exchange| !exchange.is_nothing());
    let status = |exchange: &Exchange<'_>| {
        let answer = exchange.answer().filter(|answer| !matches!(answer.status, 200 | 300..=399))?;
        Some((exchange.url.to_owned(), format!("it answers with status {}", answer.status)))
    };
    documents.chain(seen.wire.key_set.asked()).filter_map(status).collect()
}

fn slow_answers(seen: &Seen<'_>) -> Vec<Problem> {
    let slow = seen.exchanges().filter(|exchange| exchange.answer().is_some());
    let slow = slow.filter(|exchange| exchange.milliseconds > SLOW_MILLISECONDS);
    slow.map(|exchange| (exchange.url.to_owned(), format!("it takes {} ms", exchange.milliseconds))).collect()
}

fn types_of_documents(seen: &Seen<'_>) -> Vec<Problem> {
    let good = seen.wire.documents.iter().filter_map(|exchange| Some((exchange.url, exchange.good()?)));
    good.filter_map(|(url, answer)| other_type(url, answer, &["application/json"])).collect()
}

fn type_of_key_set(seen: &Seen<'_>) -> Vec<Problem> {
    let expected = ["application/json", "application/jwk-set+json"];
    seen.key_set().and_then(|(url, answer)| other_type(url, answer, &expected)).into_iter().collect()
}

fn other_type(url: &str, answer: &Answer<'_>, expected: &[&str]) -> Option<Problem> {
    let Some(sent) = answer.content_type else {
        return Some((url.to_owned(), "it has no content type".to_owned()));
    };
    // RFC 9110 §8.3.1: types are compared without regard to case, and parameters may follow.
    let essence = sent.split(';').next().unwrap_or_default().trim();
    let is_expected = expected.iter().any(|expected| essence.eq_ignore_ascii_case(expected));
    (!is_expected).then(|| (url.to_owned(), format!("its content type is {}", quoted(sent))))
}

fn unsaid_caching(seen: &Seen<'_>) -> Vec<Problem> {
    seen.caching(|caching, answer| match answer {
        _ if caching.forbidden.is_some() || caching.max_age.is_some() || answer.expires.is_some() => None,
        Answer { cache_control: Some(said), .. } => {
            Some(format!("its `Cache-Control` names no `max-age` that can be read: {}", quoted(said)))
        }
        _ => Some("it has no `Cache-Control`".to_owned()),
    })
}

fn forbidden_caching(seen: &Seen<'_>) -> Vec<Problem> {
    seen.caching(|caching, _| Some(format!("its `Cache-Control` says `{}`", caching.forbidden?)))
}

fn short_caching(seen: &Seen<'_>) -> Vec<Problem> {
    of_max_age(seen, |seconds| seconds < FRESH_SECONDS_MIN)
}

fn long_caching(seen: &Seen<'_>) -> Vec<Problem> {
    of_max_age(seen, |seconds| seconds > FRESH_SECONDS_MAX)
}

fn of_max_age(seen: &Seen<'_>, counts: impl Fn(u64) -> bool) -> Vec<Problem> {
    seen.caching(|caching, _| {
        let seconds = caching.max_age.filter(|seconds| caching.forbidden.is_none() && counts(*seconds))?;
        Some(format!("its `max-age` is {seconds} s"))
    })
}

fn spent_caching(seen: &Seen<'_>) -> Vec<Problem> {
    seen.caching(|caching, answer| {
        let (age, max_age) = (delta_seconds(answer.age?.trim())?, caching.max_age?);
        (age >= max_age && age > 0).then(|| format!("its `Age` is {age} s, and its `max-age` {max_age} s"))
    })
}

fn missing_validators(seen: &Seen<'_>) -> Vec<Problem> {
    seen.caching(|_, answer| {
        let is_missing = answer.etag.is_none() && answer.last_modified.is_none();
        is_missing.then(|| "it has neither `ETag` nor `Last-Modified`".to_owned())
    })
}

fn refused_key_set(seen: &Seen<'_>) -> Vec<Problem> {
    match seen.wire.key_set {
        KeySetExchange::Refused { url, reason } => {
            vec![(KEY_SET.to_owned(), format!("{} is not fetched: {reason}", quoted(url)))]
        }
        KeySetExchange::Unnamed | KeySetExchange::Asked(_) => vec![],
    }
}

fn algorithms_without_key(seen: &Seen<'_>) -> Vec<Problem> {
    let (Some(announced), Some(keys)) = (seen.announced(), &seen.keys) else { return vec![] };
    let has_key = |algorithm: Algorithm| {
        keys.keys().iter().any(|key| key.algorithms().any(|fitting| fitting == algorithm))
    };
    // A shared secret is nothing to be published.
    let without = announced.into_iter().filter(|algorithm| !algorithm.is_symmetric() && !has_key(*algorithm));
    without.map(|algorithm| (ID_TOKEN_ALGORITHMS.to_owned(), format!("no key is for {algorithm}"))).collect()
}

fn keys_without_algorithm(seen: &Seen<'_>) -> Vec<Problem> {
    let (Some(announced), Some(keys)) = (seen.announced(), &seen.keys) else { return vec![] };
    let unannounced =
        keys.keys().iter().filter(|key| !key.algorithms().any(|algorithm| announced.contains(&algorithm)));
    let problem = |key: &crate::PublishedKey| {
        let fitting: Vec<_> = key.algorithms().map(|algorithm| algorithm.to_string()).collect();
        let problem = format!("`{ID_TOKEN_ALGORITHMS}` has not {}", fitting.join(", nor "));
        (format!("keys[{}]", key.index()), problem)
    };
    unannounced.map(problem).collect()
}
