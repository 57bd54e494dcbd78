//! `jwksmith locate`: where an issuer's keys are, what they are, and for how long a verifier keeps them.
//!
//! The verifier locates; here its way is told, from the answers that it got. What is wrong with them is the business of `lint`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jwksmith_jose::describe::{self, DescribedKey};
use jwksmith_jose::{KeySet, UnixTime};
use jwksmith_verifier::{Clock as _, KeySource, Located, RevocationBound, SystemClock, Undecided, Verifier};
use serde::Serialize;

use crate::asked::{Exchange, Recorder};
use crate::claims::Texts;
use crate::exit::ExitStatus;
use crate::facts::{self, Fact};
use crate::inspect::keys::{self, WireKey};
use crate::network::{NetworkArgs, PlaceArgs, policy_without_tokens};
use crate::output::printable;
use crate::style::{self, paint};
use crate::verdict::{Fault, Unknown, object};
use crate::{at, json, output};

/// Say where an issuer's keys are, what they are, and for how long a verifier keeps them
///
/// The issuer's discovery document and its key set are fetched as a verifier does it, with every check on the way. What comes
/// is shown: the document, how the answer may be cached, and each key, with the reason for which one is not used.
#[derive(Args)]
#[command(after_long_help = EPILOGUE)]
pub(crate) struct LocateArgs {
    /// The issuer, exactly as in `iss`: compared byte for byte, so mind the trailing slash
    #[arg(value_name = "ISSUER")]
    issuer: String,

    /// Where the key set is, if not where discovery says
    #[command(flatten)]
    place: PlaceArgs,

    /// Answer with one JSON object on standard output
    #[arg(long)]
    json: bool,

    /// How the issuer is reached
    #[command(flatten, next_help_heading = "Network")]
    network: NetworkArgs,
}

const EPILOGUE: &str = "\
Exit status:
  0  the keys were located
  2  the command line, the configuration or a file is at fault
  3  the keys are not to be had: the issuer cannot be reached, or what it says is refused

Examples:
  See what a verifier sees of an issuer:
    jwksmith locate https://issuer.example/

  Look at a cluster's keys from outside of it:
    jwksmith locate https://kubernetes.default.svc --discovery-at https://10.0.0.1:6443/.well-known/openid-configuration \\
      --private-addresses --ca cluster-ca.pem --bearer-token-file token

  Take out the names of the keys that are used:
    jwksmith locate https://issuer.example/ --json | jq -r '.keys[] | select(.usable).kid'";

/// Locates the keys of an issuer and shows them.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) async fn run(args: &LocateArgs) -> anyhow::Result<ExitStatus> {
    let way = match Way::new(args) {
        Ok(way) => way,
        Err(fault) => return refuse(&fault, args.json),
    };
    match way.verifier.locate(&args.issuer).await {
        Ok(located) => {
            let found = Found::new(&way, &args.issuer, &located);
            write(&if args.json { found.json() } else { found.text() })?;
            Ok(ExitStatus::Valid)
        }
        Err(undecided) => {
            let missed = Missed { undecided: &undecided, asked: way.recorder.exchanges() };
            if args.json {
                write(&missed.json())?;
            } else {
                output::talk(&missed.text());
            }
            Ok(ExitStatus::Undecided)
        }
    }
}

fn refuse(fault: &Fault, json: bool) -> anyhow::Result<ExitStatus> {
    if json {
        write(&fault.brief())?;
    } else {
        output::talk(&fault.text());
    }
    Ok(ExitStatus::Usage)
}

fn write(text: &str) -> anyhow::Result<()> {
    output::data(text).context("what was found cannot be written to standard output")?;
    Ok(())
}

/// A verifier, and what it asks.
struct Way {
    verifier: Verifier,
    recorder: Arc<Recorder>,
}

impl Way {
    fn new(args: &LocateArgs) -> Result<Self, Fault> {
        let recorder = Recorder::new(args.network.fetch())?;
        let issuer = args.network.issuer(policy_without_tokens(&args.issuer)?);
        let issuer = issuer.sources([args.place.source()]).transport(Arc::<Recorder>::clone(&recorder));
        Ok(Self { verifier: Verifier::builder(issuer).build()?, recorder })
    }
}

/// What was found.
struct Found<'a> {
    issuer: &'a str,
    source: &'a KeySource,
    /// Places without a document, and what they said
    nothing_at: Vec<Exchange>,
    discovery: Option<Exchange>,
    key_set: Option<Exchange>,
    life: Life,
    keys: Vec<DescribedKey>,
    now: UnixTime,
}

/// For how long a verifier uses the set, from now on.
struct Life {
    fresh_for: Duration,
    usable_for: Duration,
    withdrawn: RevocationBound,
}

impl<'a> Found<'a> {
    fn new(way: &Way, issuer: &'a str, located: &'a Located) -> Self {
        let mut asked = way.recorder.exchanges();
        let key_set = asked.pop();
        let discovery = located.in_use.discovery.as_ref().and_then(|_| asked.pop());
        Self {
            issuer,
            source: &located.in_use.source,
            nothing_at: asked,
            discovery,
            key_set,
            life: Life::new(&way.verifier, issuer),
            keys: described(&located.json, &located.keys),
            now: SystemClock::new().now(),
        }
    }

    fn text(&self) -> String {
        let discovery = self.discovery.as_ref().map(|document| {
            let facts: Vec<_> = self.elsewhere().into_iter().chain(document_facts(document)).collect();
            section("discovery document", &facts)
        });
        let key_set = self.key_set.as_ref().map(|answer| section("key set", &answer_facts(answer)));
        let life = section("in a verifier with default settings", &self.life.facts());
        let title = paint(style::HEADING, printable(self.issuer));
        let keys = keys::text(&self.keys, self.now);
        [Some(title), discovery, key_set, Some(life), Some(keys)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("\n\n")
    }

    fn elsewhere(&self) -> Vec<Fact> {
        let said = |exchange: &Exchange| format!("{} ({})", exchange.url, exchange.in_a_word());
        self.nothing_at.iter().map(|exchange| Fact::new("not at", said(exchange))).collect()
    }

    /// The document as the issuer wrote it, which has been found to be JSON, beside what is known beyond it.
    fn json(&self) -> String {
        let known = object(&WireFound {
            located: true,
            issuer: self.issuer,
            source: name(self.source),
            nothing_at: self.nothing_at.iter().map(WireAnswer::from).collect(),
            key_set: self.key_set.as_ref().map(WireAnswer::from),
            life: WireLife::from(&self.life),
            keys: keys::wire(&self.keys, self.now),
        });
        let discovery = self.discovery.as_ref().map_or_else(
            || "null".to_owned(),
            |document| {
                let answer = object(&WireAnswer::from(document));
                let text = json::compact(&String::from_utf8_lossy(document.body()));
                with_member(&answer, "document", &text)
            },
        );
        with_member(&known, "discovery", &discovery)
    }
}

/// A JSON object with one more member, whose value is JSON already.
fn with_member(object: &str, name: &str, value: &str) -> String {
    let members = object.strip_suffix('}').unwrap_or(object);
    format!("{members},\"{name}\":{value}}}")
}

impl Life {
    fn new(verifier: &Verifier, issuer: &str) -> Self {
        let status = verifier.readiness().issuers.into_iter().next();
        let left = status.map(|status| (status.fresh_for, status.usable_for)).unwrap_or_default();
        let none = RevocationBound { reachable: Duration::ZERO, unreachable: Duration::ZERO };
        let withdrawn = verifier.revocation_bound(issuer).unwrap_or(none);
        Self { fresh_for: left.0, usable_for: left.1, withdrawn }
    }

    fn facts(&self) -> Vec<Fact> {
        let RevocationBound { reachable, unreachable } = self.withdrawn;
        let withdrawn = format!(
            "refused within {}, or {} while the issuer cannot be reached",
            in_words(reachable),
            in_words(unreachable)
        );
        vec![
            Fact::new("fresh", format!("for {}", in_words(self.fresh_for))),
            Fact::new("usable", format!("for {} while no newer set is to be had", in_words(self.usable_for))),
            Fact::new("withdrawn key", withdrawn),
        ]
    }
}

/// The keys of the document, each with the reason for which the verifier does not use it.
fn described(json: &[u8], keys: &KeySet) -> Vec<DescribedKey> {
    let mut described = describe::keys(json).unwrap_or_default();
    for (index, key) in described.iter_mut().enumerate() {
        let skipped = keys.skipped().iter().find(|skipped| skipped.index == index);
        key.skipped = skipped.map(|skipped| skipped.reason.clone());
    }
    described
}

/// The members of a discovery document that people look for, where there are such.
const METADATA: [&str; 12] = [
    "issuer",
    "jwks_uri",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "id_token_signing_alg_values_supported",
    "token_endpoint_auth_methods_supported",
    "grant_types_supported",
    "response_types_supported",
    "scopes_supported",
];

fn document_facts(document: &Exchange) -> Vec<Fact> {
    // For show only: the verifier has read the document strictly.
    let members: BTreeMap<String, Texts> = serde_json::from_slice(document.body()).unwrap_or_default();
    let said = |name| members.get(name)?.joined(", ").filter(|value| !value.is_empty());
    let shown = METADATA.into_iter().filter_map(|name| Some(Fact::new(name, said(name)?)));
    std::iter::once(Fact::new("place", document.url.as_str())).chain(shown).collect()
}

/// The headers that say how an answer may be kept (RFC 9111 §5, RFC 9110 §8.8).
const CACHING: [&str; 5] = ["cache-control", "age", "expires", "etag", "last-modified"];

fn answer_facts(answer: &Exchange) -> Vec<Fact> {
    let sent = CACHING.into_iter().filter_map(|name| Some(Fact::new(name, answer.header(name)?)));
    let facts: Vec<_> = std::iter::once(Fact::new("place", answer.url.as_str())).chain(sent).collect();
    match facts.as_slice() {
        [_] => facts.into_iter().chain([Fact::new("caching", "the answer says nothing about it")]).collect(),
        _ => facts,
    }
}

fn section(title: &str, facts: &[Fact]) -> String {
    format!("{}\n{}", paint(style::HEADING, title), facts::lines(facts))
}

/// Up to the next second: what was just fetched is not said to be a second older.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

fn in_words(duration: Duration) -> String {
    at::in_words(whole_seconds(duration))
}

fn name(source: &KeySource) -> &'static str {
    match source {
        KeySource::DiscoveryAt(_) => "discovery_at",
        KeySource::JwksUri(_) => "jwks_uri",
        _ => "discovery",
    }
}

/// Why nothing was found, and what was asked.
struct Missed<'a> {
    undecided: &'a Undecided,
    asked: Vec<Exchange>,
}

impl Missed<'_> {
    fn text(&self) -> String {
        let said = |exchange: &Exchange| {
            let line = format!("asked: {}: {}", exchange.url, exchange.in_a_word());
            printable(&line)
        };
        let unknown = Unknown::by(self.undecided).text_of("not located");
        std::iter::once(unknown).chain(self.asked.iter().map(said)).collect::<Vec<_>>().join("\n")
    }

    fn json(&self) -> String {
        let unknown = Unknown::by(self.undecided);
        let asked = self.asked.iter().map(WireAnswer::from).collect();
        object(&WireMissed { located: false, code: unknown.code, reason: &unknown.reason, asked })
    }
}

#[derive(Serialize)]
struct WireFound<'a> {
    located: bool,
    issuer: &'a str,
    source: &'static str,
    nothing_at: Vec<WireAnswer<'a>>,
    key_set: Option<WireAnswer<'a>>,
    life: WireLife,
    keys: Vec<WireKey<'a>>,
}

#[derive(Serialize)]
struct WireMissed<'a> {
    located: bool,
    code: &'static str,
    reason: &'a str,
    asked: Vec<WireAnswer<'a>>,
}

/// What a place answered; headers that were not sent are null.
#[derive(Serialize)]
struct WireAnswer<'a> {
    place: &'a str,
    status: Option<u16>,
    code: Option<&'static str>,
    milliseconds: u64,
    bytes: usize,
    content_type: Option<&'a str>,
    cache_control: Option<&'a str>,
    age: Option<&'a str>,
    expires: Option<&'a str>,
    etag: Option<&'a str>,
    last_modified: Option<&'a str>,
}

/// All in seconds.
#[derive(Serialize)]
struct WireLife {
    fresh_for: u64,
    usable_for: u64,
    withdrawn_key_refused_within: u64,
    withdrawn_key_refused_within_if_unreachable: u64,
}

impl<'a> From<&'a Exchange> for WireAnswer<'a> {
    fn from(exchange: &'a Exchange) -> Self {
        Self {
            place: exchange.url.as_str(),
            status: exchange.status(),
            code: exchange.outcome.as_ref().err().map(jwksmith_verifier::IssuerError::code),
            milliseconds: u64::try_from(exchange.took.as_millis()).unwrap_or(u64::MAX),
            bytes: exchange.body().len(),
            content_type: exchange.header("content-type"),
            cache_control: exchange.header("cache-control"),
            age: exchange.header("age"),
            expires: exchange.header("expires"),
            etag: exchange.header("etag"),
            last_modified: exchange.header("last-modified"),
        }
    }
}

impl From<&Life> for WireLife {
    fn from(life: &Life) -> Self {
        Self {
            fresh_for: whole_seconds(life.fresh_for),
            usable_for: whole_seconds(life.usable_for),
            withdrawn_key_refused_within: whole_seconds(life.withdrawn.reachable),
            withdrawn_key_refused_within_if_unreachable: whole_seconds(life.withdrawn.unreachable),
        }
    }
}
