//! The catalogue itself: one row for each way to misbehave, with what is right and why.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jwksmith_jose::UnixTime;
use jwksmith_verifier::{Clock as _, SystemClock};
use serde_json::{Value, json};

use super::{Expected, Mode, Probe, Probing, Stage, Verdict, cached};
use crate::{Answers, FakeIssuer, Reply, Skew, TestKey};

use Expected::{KeepsOldSet, Policy, Refuses, Verifies};

/// Far over any limit for a key set, and soon sent.
const FLOOD_BYTES: u64 = 16 * 1024 * 1024;
/// Some two mebibytes of keys.
const FLOOD_KEYS: usize = 10_000;
/// How many tokens make a flood.
const FLOOD_TOKENS: usize = 100;

/// Every way to misbehave.
#[rustfmt::skip]
pub static MODES: &[Mode] = &[
    // Who the discovery document speaks for.
    Mode::new("iss-mismatch", Refuses,
        "The discovery document names another issuer.",
        "Refuses the issuer before it asks for keys (OIDC Discovery §4.3, RFC 8414 §3.3).",
        |stage| document(stage, "issuer", json!("https://other.example/"))).fetches(0),
    Mode::new("iss-slash", Refuses,
        "The discovery document's issuer differs from the true one by a slash at its end.",
        "Compares the two byte for byte (OIDC Discovery §4.3).",
        |stage| document(stage, "issuer", json!(with_other_end(stage.issuer.issuer())))).fetches(0),
    Mode::new("iss-missing", Refuses,
        "The discovery document names no issuer.",
        "Refuses it: without the comparison anybody could speak for the issuer (RFC 8414 §3.3).",
        |stage| document(stage, "issuer", Value::Null)).fetches(0),
    Mode::new("iss-array", Refuses,
        "The discovery document's issuer is a list with the true one in it.",
        "Refuses it: an issuer is one string (RFC 8414 §2).",
        |stage| document(stage, "issuer", json!([stage.issuer.issuer(), "https://other.example/"]))).fetches(0),
    Mode::new("disco-dup", Refuses,
        "The discovery document has `jwks_uri` twice, one of them elsewhere.",
        "Refuses it: which one counts depends on the reader (RFC 8259 §4).",
        twice).fetches(0),

    // Where the discovery document says that the keys are.
    Mode::new("jwks-file", Refuses,
        "The key set's URL is a file on the verifier's disk.",
        "Fetches over HTTPS only, and asks for nothing here.",
        |stage| document(stage, "jwks_uri", json!("file:///etc/passwd"))).fetches(0),
    Mode::new("jwks-data", Refuses,
        "The key set's URL has the key set in it.",
        "Fetches over HTTPS only: such a key set has no origin.",
        |stage| document(stage, "jwks_uri", json!(data_url(stage)))).fetches(0),
    Mode::new("jwks-meta", Refuses,
        "The key set's URL is the metadata service of a cloud.",
        "Refuses link-local addresses before any request: its network position is not for the issuer to use.",
        |stage| document(stage, "jwks_uri", json!("http://169.254.169.254/latest/meta-data/"))).fetches(0),
    Mode::new("jwks-relative", Refuses,
        "The key set's URL is relative.",
        "Refuses it: `jwks_uri` is a URL (RFC 8414 §2), and nobody says what this one would be relative to.",
        |stage| document(stage, "jwks_uri", json!(stage.issuer.key_set_path()))).fetches(0),
    Mode::new("jwks-num", Refuses,
        "The key set's URL is a number.",
        "Refuses the document, and does not panic.",
        |stage| document(stage, "jwks_uri", json!(1))).fetches(0),
    Mode::new("jwks-missing", Refuses,
        "The discovery document names no key set.",
        "Refuses it, and does not guess where the keys might be.",
        |stage| document(stage, "jwks_uri", Value::Null)).fetches(0),
    Mode::new("jwks-userinfo", Refuses,
        "The key set's URL carries a user and a password.",
        "Refuses it before any request: such URLs hide their host and leak what they carry (RFC 9110 §4.2.4).",
        |stage| document(stage, "jwks_uri", json!(with_user(stage)))).fetches(0),

    // Redirects.
    Mode::new("redir-same", Refuses,
        "The key set has moved to another path of the same origin (302).",
        "Refuses by default; to follow within one origin is a setting.",
        redirected_within).fetches(1),
    Mode::new("redir-host", Refuses,
        "The key set has moved to another host (302).",
        "Never follows to another host: keys come from where the issuer's document says.",
        |stage| redirected(stage, &stage.elsewhere.url(FakeIssuer::KEY_SET))).fetches(1),
    Mode::new("redir-file", Refuses,
        "The key set has moved to a file on the verifier's disk (302).",
        "Never follows to another scheme.",
        |stage| redirected(stage, "file:///etc/passwd")).fetches(1),
    Mode::new("redir-loop", Refuses,
        "The key set has moved to where it is (302).",
        "Refuses by default; who follows stops after few.",
        |stage| redirected(stage, &stage.issuer.url(stage.issuer.key_set_path()))).fetches(1),
    Mode::new("disco-redirect", Refuses,
        "The discovery document has moved to another host (302), which speaks for the issuer.",
        "Never follows: the host in the issuer's URL is all that proves who speaks.",
        redirected_document).fetches(0),

    // Too slow, too little, too much.
    Mode::new("hang", Refuses,
        "The key set's connection is accepted, and nothing is ever answered.",
        "Gives up at a deadline of its own.",
        |stage| stage.key_set(Reply::hang())),
    Mode::new("slow", Refuses,
        "The key set trickles in, a byte each tenth of a second: never idle, never done.",
        "Gives up at a deadline for the whole, not for each read.",
        |stage| stage.key_set(stage.good().trickle(1, Duration::from_millis(100)))),
    Mode::new("reset", Refuses,
        "The key set's connection is reset without an answer.",
        "Says that the issuer is not to be reached.",
        |stage| stage.key_set(Reply::reset())),
    Mode::new("truncated", Refuses,
        "The connection ends before the key set does, just where what came is a whole key set.",
        "Takes no message that is not complete (RFC 9112 §8), and keeps nothing of it.",
        truncated),
    Mode::new("big", Refuses,
        "The key set is followed by 16 MiB of spaces, without a length that would warn of them.",
        "Stops reading at a limit of its own.",
        |stage| stage.key_set(stage.good().huge(FLOOD_BYTES))),
    Mode::new("gzipbomb", Refuses,
        "The key set is followed by 16 MiB of spaces, compressed to some 16 KiB whether or not that was asked for.",
        "Counts the bytes after decompression, or asks for no compression and takes none.",
        |stage| stage.key_set(stage.good().gzip_bomb(FLOOD_BYTES))),
    Mode::new("manykeys", Refuses,
        "Ten thousand other keys follow the good one.",
        "Has a limit for bytes or keys.",
        |stage| stage.key_set(stage.good().many_keys(FLOOD_KEYS))),

    // Statuses.
    Mode::new("500", Refuses,
        "The key set's path answers 500.",
        "Refuses, and says that the issuer failed: that is no fault of the token.",
        |stage| stage.key_set(stage.good().with_status(500))),
    Mode::new("404", Refuses,
        "The key set's path answers 404, with a key set for its body.",
        "Takes a key set from a 200 only.",
        |stage| stage.key_set(stage.good().with_status(404))),
    Mode::new("204", Refuses,
        "The key set's path answers 204.",
        "Takes it for no key set, not for an empty one.",
        |stage| stage.key_set(Reply::status(204))),
    Mode::new("304-without-cache", Refuses,
        "The key set's path answers 304, though the verifier has nothing that could still be current.",
        "Refuses: there is nothing to go on with (RFC 9110 §15.4.5).",
        |stage| stage.key_set(Reply::status(304))),

    // Media types.
    Mode::new("ct-text", Policy,
        "The key set says that it is text/plain.",
        "Either: many issuers are careless here, and the URL is already the issuer's word.",
        |stage| stage.key_set(stage.good().content_type("text/plain"))),
    Mode::new("ct-html", Policy,
        "The key set says that it is text/html.",
        "Either: it is more likely a login page than a key set, but then it does not parse.",
        |stage| stage.key_set(stage.good().content_type("text/html; charset=utf-8"))),
    Mode::new("ct-none", Policy,
        "The key set does not say what it is.",
        "Either: a recipient may guess (RFC 9110 §8.3).",
        |stage| stage.key_set(cached(Reply::text(&key_set(&[&stage.key]))))),
    Mode::new("ct-jwks", Verifies,
        "The key set is application/jwk-set+json.",
        "Takes it: that is its registered type (RFC 7517 §8.5.2).",
        |stage| stage.key_set(stage.good().content_type("application/jwk-set+json"))),
    Mode::new("accept-jwks", Verifies,
        "The key set is for those whose `Accept` allows application/jwk-set+json; others get 406.",
        "Says that it accepts that type, as the Kubernetes API server wants it.",
        for_those_who_accept),

    // Good at first.
    Mode::new("good-then-500", KeepsOldSet,
        "The key set is good, and then its path answers 500.",
        "Keeps the old set within a limit for stale ones.",
        |_| {}).then(|stage| stage.key_set(Reply::status(500))),
    Mode::new("good-then-empty", KeepsOldSet,
        "The key set is good, and then it is empty.",
        "Keeps the old set: a set without a usable key replaces nothing.",
        |_| {}).then(|stage| stage.key_set(cached(Reply::keys(&[])))),
    Mode::new("good-then-garbage", KeepsOldSet,
        "The key set is good, and then it is a page that says how sorry they are.",
        "Keeps the old set: a new one replaces it whole or not at all.",
        |_| {}).then(|stage| stage.key_set(Reply::text("<html>Sorry!</html>").content_type("text/html"))),
    Mode::new("good-then-reset", KeepsOldSet,
        "The key set is good, and then connections are reset.",
        "Keeps the old set within a limit for stale ones.",
        |_| {}).then(|stage| stage.key_set(Reply::reset())),
    Mode::new("rotate", Verifies,
        "The key is replaced by the next one.",
        "Finds the new key with one fetch, and takes no token of the old one after it.",
        |_| {}).then(rotate).probed(of_the_next_key_only),

    // What the issuer says of caching.
    Mode::new("maxage0", Verifies,
        "The key set is fresh for no time at all.",
        "Has a least time of its own: the issuer is not asked for every token.",
        |stage| stage.key_set(stage.good().cache_control("max-age=0"))).probed(one_after_the_other).fetches(1),
    Mode::new("nostore", Verifies,
        "The key set must not be stored.",
        "Has a least time of its own all the same.",
        |stage| stage.key_set(stage.good().cache_control("no-store"))).probed(one_after_the_other).fetches(1),
    Mode::new("maxage-huge", Verifies,
        "The key set is fresh for 10^20 seconds, and then its key is replaced.",
        "Has a longest time of its own, and a number that overflows none of its types.",
        |stage| stage.key_set(stage.good().cache_control("max-age=100000000000000000000")))
        .then(rotate).probed(of_the_next_key_only),
    Mode::new("etag", Verifies,
        "The key set has an entity tag, and does not change.",
        "Asks with `If-None-Match`, and goes on with what it has when that is confirmed.",
        |stage| stage.key_set(stage.good().etag("\"1\""))).then(|_| {}),
    Mode::new("wrong-etag", Verifies,
        "The key set grows by a key, and its entity tag stays as it was.",
        "Goes on with the keys it has; better, looks for an unknown key without `If-None-Match`.",
        |stage| stage.key_set(stage.good().etag("\"1\""))).then(grown_under_the_same_tag).probed(grown),
    Mode::new("odd-etag", Verifies,
        "The key set's entity tag is none (RFC 9110 §8.8.3): it has no quotes.",
        "Does not care, and sends it back as it came or not at all.",
        |stage| stage.key_set(stage.good().etag("1, \"2"))).then(|_| {}),

    // More than one opinion.
    Mode::new("flapping", Verifies,
        "Of two replicas that answer by turns, one does not know the next key yet.",
        "Verifies tokens of the key that both know, and asks no more often than otherwise for the other.",
        flapping).probed(flapped).fetches(2),
    Mode::new("unknown-kid-flood", Verifies,
        "A hundred tokens name keys that there never were.",
        "Asks at most once more for all of them together, and good tokens are not held up.",
        |_| {}).probed(flood_and_a_good_one).fetches(2),
    Mode::new("unknown-kid-flood-empty", Refuses,
        "The key set is empty, and a hundred tokens name keys.",
        "Asks at most once more for all of them together: the floor holds without a key too.",
        |stage| stage.key_set(cached(Reply::keys(&[])))).probed(flood).fetches(2),
    Mode::new("two-issuers-same-kid", Verifies,
        "Another issuer has another key under the same `kid`.",
        "Keeps keys by issuer and `kid`: a token of this issuer is not verified with a key of the other.",
        |stage| stage.elsewhere.publish(&[&stage.foreign])).probed(signed_elsewhere).with_two_issuers(),
    Mode::new("clock-skew", Verifies,
        "The issuer's clock is 30 seconds ahead in its tokens, and an hour behind in its answers' `Date`.",
        "Has a leeway of about a minute, and goes by its own clock.",
        |stage| stage.key_set(stage.good().date(an_hour_ago()))).probed(skewed),
];

/// The discovery document with another value for one member; `null` takes it out.
fn document(stage: &Stage, member: &str, value: Value) {
    let mut document = stage.issuer.discovery();
    match value {
        Value::Null => drop(document.as_object_mut().and_then(|members| members.remove(member))),
        value => document[member] = value,
    }
    stage.discovery(Reply::json(&document));
}

fn twice(stage: &Stage) {
    let (here, there) =
        (stage.issuer.url(stage.issuer.key_set_path()), stage.elsewhere.url(FakeIssuer::KEY_SET));
    let document =
        format!(r#"{{"issuer":"{}","jwks_uri":"{there}","jwks_uri":"{here}"}}"#, stage.issuer.issuer());
    stage.discovery(Reply::text(&document).content_type("application/json"));
}

fn with_other_end(issuer: &str) -> String {
    issuer.strip_suffix('/').map_or_else(|| format!("{issuer}/"), str::to_owned)
}

fn data_url(stage: &Stage) -> String {
    format!("data:application/json;base64,{}", STANDARD.encode(key_set(&[&stage.key])))
}

fn with_user(stage: &Stage) -> String {
    stage.issuer.url(stage.issuer.key_set_path()).replacen("://", "://user:pass@", 1)
}

fn key_set(keys: &[&TestKey]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

/// The key set is where it is redirected to, so that who follows is seen to.
fn redirected(stage: &Stage, location: &str) {
    stage.elsewhere.serve(FakeIssuer::KEY_SET, stage.good());
    stage.key_set(Reply::redirect(302, location));
}

fn redirected_within(stage: &Stage) {
    stage.issuer.serve("/moved", stage.good());
    redirected(stage, &stage.issuer.url("/moved"));
}

fn redirected_document(stage: &Stage) {
    let document =
        json!({ "issuer": stage.issuer.issuer(), "jwks_uri": stage.elsewhere.url(FakeIssuer::KEY_SET) });
    stage.elsewhere.serve(FakeIssuer::DISCOVERY, Reply::json(&document));
    stage.elsewhere.serve(FakeIssuer::KEY_SET, stage.good());
    stage.discovery(Reply::redirect(302, &stage.elsewhere.url(FakeIssuer::DISCOVERY)));
}

fn truncated(stage: &Stage) {
    let whole = key_set(&[&stage.key]);
    let more = cached(Reply::text(&format!("{whole}\n"))).content_type("application/json");
    stage.key_set(more.truncated(whole.len()));
}

fn for_those_who_accept(stage: &Stage) {
    let media_type = "application/jwk-set+json";
    let good = stage.good().content_type(media_type);
    stage.key_set(Answers::when_accepts(media_type, good, Reply::status(406)));
}

fn an_hour_ago() -> UnixTime {
    SystemClock::new().now().saturating_sub(3600)
}

fn rotate(stage: &Stage) {
    stage.key_set(cached(Reply::keys(&[&stage.next])));
}

fn grown_under_the_same_tag(stage: &Stage) {
    stage.key_set(both(stage).etag("\"1\""));
}

fn both(stage: &Stage) -> Reply {
    cached(Reply::keys(&[&stage.key, &stage.next]))
}

fn flapping(stage: &Stage) {
    stage.key_set(Answers::flapping([stage.good(), both(stage)]));
}

fn of_the_next_key_only(probing: &Probing<'_>) -> Vec<Probe> {
    vec![
        probing.probe("a token of the new key", &probing.stage.next, Verdict::Verifies),
        probing.probe("a token of the old key", &probing.stage.key, Verdict::Refused),
    ]
}

fn one_after_the_other(probing: &Probing<'_>) -> Vec<Probe> {
    vec![probing.of_the_first_key(Verdict::Verifies); 5]
}

fn grown(probing: &Probing<'_>) -> Vec<Probe> {
    vec![
        probing.of_the_first_key(Verdict::Verifies),
        probing.probe("a token of the new key", &probing.stage.next, Verdict::Either),
        probing.of_the_first_key(Verdict::Verifies),
    ]
}

fn flapped(probing: &Probing<'_>) -> Vec<Probe> {
    std::iter::repeat_with(|| grown(probing)).take(5).flatten().collect()
}

fn flood(probing: &Probing<'_>) -> Vec<Probe> {
    let claims = TestKey::claims(probing.stage.issuer.issuer(), probing.audience, probing.now);
    let token = |number| probing.stage.key.sign_as(Some(&format!("made-up-{number}")), &claims);
    let probe = |number| Probe { what: "a made-up kid", token: token(number), verdict: Verdict::Refused };
    (0..FLOOD_TOKENS).map(probe).collect()
}

fn flood_and_a_good_one(probing: &Probing<'_>) -> Vec<Probe> {
    let good = || vec![probing.of_the_first_key(Verdict::Verifies)];
    [good(), flood(probing), good()].concat()
}

fn signed_elsewhere(probing: &Probing<'_>) -> Vec<Probe> {
    vec![
        probing.of_the_first_key(Verdict::Verifies),
        probing.probe("a token signed by the other issuer's key", &probing.stage.foreign, Verdict::Refused),
    ]
}

fn skewed(probing: &Probing<'_>) -> Vec<Probe> {
    let token = |skew| {
        probing.stage.key.skewed_token(probing.stage.issuer.issuer(), probing.audience, probing.now, skew)
    };
    let probe = |what, skew, verdict| Probe { what, token: token(skew), verdict };
    vec![
        probe("a token from 30 s ahead", Skew::of(30), Verdict::Verifies),
        probe("a token that is valid in an hour", Skew::of(3600), Verdict::Refused),
        probe("a token that expired an hour ago", Skew { exp: -7200, ..Skew::default() }, Verdict::Refused),
    ]
}
