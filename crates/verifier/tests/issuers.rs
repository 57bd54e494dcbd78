//! Several issuers in one verifier: no key of one ever verifies a token of another, and nobody is asked who need not be.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

mod common;

use std::sync::Arc;

use common::{
    AUDIENCE, FLOOR, NOW, STALE, build, cache_settings, cached, clock, key, policy, trusted, verdict,
};
use jwksmith_testkit::{FakeIssuer, ManualClock, Reply, TestKey};
use jwksmith_verifier::{Algorithm, Clock as _, KeySource, Policy, TrustedIssuer, Verifier};
use serde_json::{Value, json};

/// Two issuers whose keys have one `kid`, and a verifier of both.
struct Pair {
    one: FakeIssuer,
    two: FakeIssuer,
    key_one: TestKey,
    key_two: TestKey,
    clock: Arc<ManualClock>,
    verifier: Verifier,
}

impl Pair {
    async fn new() -> Self {
        let (one, two) = (FakeIssuer::start().await, FakeIssuer::start().await);
        let (key_one, key_two) = (key("same"), key("same"));
        one.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&key_one])));
        two.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&key_two])));
        let clock = clock();
        let builder = Verifier::builder(trusted(&one)).trust(trusted(&two));
        let verifier = builder.clock(clock.clone()).build().unwrap();
        Self { one, two, key_one, key_two, clock, verifier }
    }

    async fn verdict(&self, key: &TestKey, issuer: &str) -> &'static str {
        verdict(&self.verifier, &key.access_token(issuer, AUDIENCE, self.clock.now())).await
    }

    /// How often each was asked for anything.
    fn requests(&self) -> (usize, usize) {
        (self.one.requests_seen().len(), self.two.requests_seen().len())
    }
}

#[tokio::test]
async fn token_is_verified_with_the_keys_of_its_issuer_only() {
    let pair = Pair::new().await;
    let (one_name, two_name) = (pair.one.issuer(), pair.two.issuer());
    assert_eq!(pair.verdict(&pair.key_one, one_name).await, "ok");
    assert_eq!(pair.requests(), (2, 0), "the other has nothing to do with it");
    assert_eq!(pair.verdict(&pair.key_two, two_name).await, "ok");
    assert_eq!(pair.verdict(&pair.key_two, one_name).await, "signature_invalid");
    assert_eq!(pair.verdict(&pair.key_one, two_name).await, "signature_invalid");
    let named: Vec<_> = pair.verifier.issuers().collect();
    assert_eq!(named, [one_name, two_name]);
    for (issuer, key) in [(one_name, &pair.key_one), (two_name, &pair.key_two)] {
        let located = pair.verifier.locate(issuer).await.unwrap();
        assert!(String::from_utf8_lossy(&located.json).contains(&json!(key.jwk())["x"].to_string()));
    }
}

#[tokio::test]
async fn token_of_an_issuer_that_is_not_trusted_asks_nobody() {
    let pair = Pair::new().await;
    let stranger = key("same");
    let one_name = pair.one.issuer();
    let not_trusted = [
        "https://other.example/".to_owned(),
        String::new(),
        one_name.trim_end_matches('/').to_owned(),
        format!("{one_name}/"),
        one_name.to_uppercase(),
        one_name.replace("127.0.0.1", "localhost"),
        format!("{one_name} {}", pair.two.issuer()),
    ];
    for issuer in &not_trusted {
        assert_eq!(pair.verdict(&stranger, issuer).await, "iss_mismatch", "{issuer:?}");
    }
    let odd = [json!(null), json!(1), json!([one_name]), json!({ "iss": one_name })];
    for iss in odd {
        let mut claims = TestKey::claims(one_name, AUDIENCE, NOW);
        claims["iss"] = iss.clone();
        assert_eq!(verdict(&pair.verifier, &pair.key_one.sign(&claims)).await, "claim_type", "{iss}");
    }
    for token in ["", "a", "a.b.c", "..", "eyJhbGciOiJFUzI1NiJ9.e30.AAAA"] {
        assert_ne!(verdict(&pair.verifier, token).await, "ok", "{token}");
    }
    assert_eq!(pair.requests(), (0, 0));
    assert!(pair.verifier.located("https://other.example/").is_none());
}

#[tokio::test]
async fn outage_of_one_issuer_is_no_other_ones() {
    let pair = Pair::new().await;
    let (one_name, two_name) = (pair.one.issuer(), pair.two.issuer());
    pair.one.outage();
    for _ in 0..3 {
        assert_eq!(pair.verdict(&pair.key_one, one_name).await, "issuer_status");
        assert_eq!(pair.verdict(&pair.key_two, two_name).await, "ok");
        pair.clock.advance(FLOOR);
    }
    let usable: Vec<_> = pair.verifier.readiness().issuers.iter().map(|issuer| issuer.usable).collect();
    assert_eq!(usable, [false, true]);
}

#[tokio::test]
async fn key_is_evicted_at_one_issuer_only() {
    let pair = Pair::new().await;
    let (one_name, two_name) = (pair.one.issuer(), pair.two.issuer());
    pair.verifier.preload().await.unwrap();
    assert!(pair.verifier.evict(one_name, "same"));
    assert_eq!(pair.verdict(&pair.key_one, one_name).await, "kid_unknown");
    assert_eq!(pair.verdict(&pair.key_two, two_name).await, "ok");
}

#[tokio::test]
async fn each_issuer_has_its_own_policy_and_settings() {
    let (one, two) = (FakeIssuer::start().await, FakeIssuer::start().await);
    let key = key("same");
    one.publish(&[&key]);
    two.publish(&[&key]);
    let of_two = Policy::new(two.issuer(), "https://two.example/", [Algorithm::ES256]).unwrap();
    let builder = Verifier::builder(trusted(&one)).trust(of_two);
    let verifier = builder.clock(clock()).build().unwrap();
    let cases = [
        (one.issuer(), AUDIENCE, "ok"),
        (one.issuer(), "https://two.example/", "aud_mismatch"),
        (two.issuer(), AUDIENCE, "aud_mismatch"),
        (two.issuer(), "https://two.example/", "ok"),
    ];
    for (issuer, audience, expected) in cases {
        let token = key.access_token(issuer, audience, NOW);
        assert_eq!(verdict(&verifier, &token).await, expected, "{issuer} {audience}");
    }
    let stale = |issuer| {
        let bound = verifier.revocation_bound(issuer).unwrap();
        bound.unreachable.as_secs() - bound.reachable.as_secs()
    };
    assert_eq!((stale(one.issuer()), stale(two.issuer())), (STALE, 12 * 3_600));
}

#[tokio::test]
async fn thousand_issuers_cost_no_request_until_their_tokens_come() {
    let issuer = FakeIssuer::start().await;
    let key = key("first");
    issuer.publish(&[&key]);
    let jwks_uri = || KeySource::JwksUri(issuer.url(FakeIssuer::KEY_SET));
    let name = |n: usize| format!("https://issuer-{n}.example/");
    let trusted = |n| TrustedIssuer::new(policy(&name(n))).sources([jwks_uri()]);
    let mut builder = Verifier::builder(trusted(0));
    for n in 1..1_000 {
        builder = builder.trust(trusted(n));
    }
    let verifier = builder.clock(clock()).build().unwrap();
    assert_eq!((verifier.issuers().count(), issuer.requests_seen().len()), (1_000, 0));
    for n in [0, 500, 999] {
        assert_eq!(verdict(&verifier, &key.access_token(&name(n), AUDIENCE, NOW)).await, "ok");
    }
    assert_eq!(verdict(&verifier, &key.access_token(&name(1_000), AUDIENCE, NOW)).await, "iss_mismatch");
    assert_eq!(issuer.requests_seen().len(), 3);
}

#[test]
fn issuer_that_is_configured_twice_is_refused() {
    let once = || TrustedIssuer::new(policy("https://issuer.example/"));
    let error = Verifier::builder(once()).trust(once()).build().err().unwrap();
    assert_eq!(error.code(), "config_issuer_twice");
    let other = TrustedIssuer::new(policy("https://issuer.example"));
    assert!(Verifier::builder(once()).trust(other).build().is_ok(), "another, to the last byte");
}

// Templates

const TEMPLATE: &str = "https://login.example/{tenant}/v2";

fn template() -> Policy {
    policy(TEMPLATE).issuer_template("tid").unwrap()
}

fn tenant(name: &str) -> String {
    TEMPLATE.replace("{tenant}", name)
}

/// The claims of a token of a tenant.
fn claims(tenant_in_issuer: &str, tid: &str) -> Value {
    let mut claims = TestKey::claims(&tenant(tenant_in_issuer), AUDIENCE, NOW);
    claims["tid"] = tid.into();
    claims
}

#[tokio::test]
async fn template_stands_for_every_tenant_with_one_key_set() {
    let issuer = FakeIssuer::start().await;
    let key = key("shared");
    issuer.publish(&[&key]);
    let source = KeySource::JwksUri(issuer.url(FakeIssuer::KEY_SET));
    let shared = TrustedIssuer::new(template()).sources([source]).cache(cache_settings());
    // Alone, and beside another issuer, a token finds its way in two ways.
    let alone = build(shared.clone(), &clock());
    let other = TrustedIssuer::new(policy("https://other.example/"));
    let beside = Verifier::builder(other).trust(shared).clock(clock()).build().unwrap();
    let cases = [
        (claims("one", "one"), "ok"),
        (claims("two", "two"), "ok"),
        (claims("one", "two"), "claim_mismatch"),
        (claims("{tenant}", "{tenant}"), "iss_mismatch"),
        (claims("", ""), "iss_mismatch"),
        (claims("one/two", "one/two"), "iss_mismatch"),
        (TestKey::claims("https://login.example/one/v2/", AUDIENCE, NOW), "iss_mismatch"),
    ];
    for verifier in [alone, beside] {
        for (claims, expected) in &cases {
            assert_eq!(verdict(&verifier, &key.sign(claims)).await, *expected, "{claims}");
        }
    }
    assert_eq!(issuer.requests_seen().len(), 2, "one for each verifier");
}

#[tokio::test]
async fn template_leaves_an_issuer_that_is_configured_by_name_its_own() {
    let (shared, own) = (FakeIssuer::start().await, FakeIssuer::start().await);
    let (shared_key, own_key) = (key("same"), key("same"));
    shared.publish(&[&shared_key]);
    own.publish(&[&own_key]);
    let source = |issuer: &FakeIssuer| [KeySource::JwksUri(issuer.url(FakeIssuer::KEY_SET))];
    let shared_one = TrustedIssuer::new(template()).sources(source(&shared));
    let own_one = TrustedIssuer::new(policy(&tenant("own"))).sources(source(&own));
    let verifier = Verifier::builder(shared_one).trust(own_one).clock(clock()).build().unwrap();
    let cases = [
        (&own_key, "own", "ok"),
        (&shared_key, "own", "signature_invalid"),
        (&shared_key, "one", "ok"),
        (&own_key, "one", "signature_invalid"),
    ];
    for (key, name, expected) in cases {
        assert_eq!(verdict(&verifier, &key.sign(&claims(name, name))).await, expected, "{name}");
    }
}

#[tokio::test]
async fn key_that_is_bound_to_a_tenant_verifies_no_other() {
    let issuer = FakeIssuer::start().await;
    let (bound, free) = (key("bound"), key("free"));
    let mut jwk = json!(bound.jwk());
    jwk["issuer"] = tenant("one").into();
    issuer.serve(FakeIssuer::KEY_SET, Reply::json(&json!({ "keys": [jwk, free.jwk()] })));
    let source = KeySource::JwksUri(issuer.url(FakeIssuer::KEY_SET));
    let verifier = build(TrustedIssuer::new(template()).sources([source]), &clock());
    let cases = [
        (&bound, "one", "ok"),
        (&bound, "two", "key_issuer_mismatch"),
        (&free, "one", "ok"),
        (&free, "two", "ok"),
    ];
    for (key, name, expected) in cases {
        assert_eq!(verdict(&verifier, &key.sign(&claims(name, name))).await, expected, "{name}");
    }
}

#[tokio::test]
async fn template_is_located_by_its_document_and_not_by_guessing() {
    let issuer = FakeIssuer::start().await;
    let key = key("shared");
    issuer.publish(&[&key]);
    let at = KeySource::DiscoveryAt(issuer.url("/common/v2/.well-known/openid-configuration"));
    let document =
        |name: &str| Reply::json(&json!({ "issuer": name, "jwks_uri": issuer.url(FakeIssuer::KEY_SET) }));
    let cases = [(TEMPLATE, "ok"), ("https://login.example/one/v2", "discovery_issuer_mismatch")];
    for (name, expected) in cases {
        // Under this machine's name, since the document of an issuer elsewhere may not lead to it.
        let template = policy(&format!("{}{{tenant}}/v2", issuer.issuer())).issuer_template("tid").unwrap();
        let local = |name: &str| name.replace("https://login.example/", issuer.issuer());
        issuer.serve("/common/v2/.well-known/openid-configuration", document(&local(name)));
        let verifier = build(TrustedIssuer::new(template).sources([at.clone()]), &clock());
        let mut claims = claims("one", "one");
        claims["iss"] = local(&tenant("one")).into();
        assert_eq!(verdict(&verifier, &key.sign(&claims)).await, expected, "{name}");
    }

    let guessing = TrustedIssuer::new(template()).sources([KeySource::Discovery]);
    let error = Verifier::builder(guessing).build().err().unwrap();
    assert_eq!(error.code(), "config_source");
    let as_a_spare = TrustedIssuer::new(template()).sources([at, KeySource::Discovery]);
    assert_eq!(Verifier::builder(as_a_spare).build().err().unwrap().code(), "config_source");
}
