//! Where keys come from: discovery in each of its forms, fixed places, files, and what becomes of the better source when it
//! fails.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use common::{
    AUDIENCE, FLOOR, FRESH, NOW, STALE, Scene, build, cache_settings, cached, clock, key, policy, status,
    trusted, verdict,
};
use jwksmith_jose::{SecretBytes, SigningKey};
use jwksmith_testkit::{DiscoveryForm, FakeIssuer, Gate, ManualClock, Reply, TestKey};
use jwksmith_verifier::{
    Algorithm, Clock as _, ConfigError, EventKind, FetchSettings, KeySource, Policy, TrustedIssuer, Verifier,
};
use serde_json::{Value, json};

// Discovery

#[tokio::test]
async fn issuer_is_located_wherever_its_document_is() {
    for path in ["", "/", "/tenants/one", "/tenants/one/"] {
        for form in DiscoveryForm::ALL {
            let issuer = FakeIssuer::builder().path(path).discovery_at(&[form]).start().await;
            let key = key("first");
            issuer.publish(&[&key]);
            let verifier = build(trusted(&issuer), &clock());
            let token = key.access_token(issuer.issuer(), AUDIENCE, NOW);
            assert_eq!(verdict(&verifier, &token).await, "ok", "{path} {form:?}");
            let in_use = status(&verifier).in_use.unwrap();
            assert_eq!(in_use.place(), issuer.url(issuer.key_set_path()));
            assert_eq!(in_use.discovery.unwrap().issuer(), issuer.issuer());
        }
    }
}

#[tokio::test]
async fn first_document_that_is_there_speaks_for_the_issuer() {
    // A document that is wrong is no reason to look for another that might be right.
    let cases = [
        (Reply::status(404), "ok"),
        (Reply::status(400), "ok"),
        (Reply::status(403), "ok"),
        (Reply::status(429), "issuer_status"),
        (Reply::status(500), "issuer_status"),
        (Reply::text("{}"), "discovery_member_missing"),
        (Reply::text("<html>"), "discovery_malformed"),
        (Reply::json(&json!({ "issuer": "https://other.example/" })), "discovery_issuer_mismatch"),
    ];
    for (reply, expected) in cases {
        let issuer = FakeIssuer::builder().discovery_at(&[DiscoveryForm::OAuth]).start().await;
        let key = key("first");
        issuer.publish(&[&key]);
        issuer.serve(FakeIssuer::DISCOVERY, reply);
        let verifier = build(trusted(&issuer), &clock());
        let token = key.access_token(issuer.issuer(), AUDIENCE, NOW);
        assert_eq!(verdict(&verifier, &token).await, expected);
    }
}

#[tokio::test]
async fn document_elsewhere_still_speaks_for_exactly_its_issuer() {
    let issuer = FakeIssuer::start().await;
    let key = key("first");
    issuer.publish(&[&key]);
    issuer.serve(FakeIssuer::DISCOVERY, Reply::status(500));
    let named = |name: &str| {
        let jwks_uri = issuer.url(FakeIssuer::KEY_SET);
        Reply::json(&json!({ "issuer": name, "jwks_uri": jwks_uri }))
    };
    let slashless = issuer.issuer().trim_end_matches('/');
    let cases = [
        (named(issuer.issuer()), "ok"),
        (named(slashless), "discovery_issuer_mismatch"),
        (named("https://other.example/"), "discovery_issuer_mismatch"),
        (Reply::status(404), "discovery_missing"),
    ];
    for (reply, expected) in cases {
        issuer.serve("/document", reply);
        let source = KeySource::DiscoveryAt(issuer.url("/document"));
        let verifier = build(trusted(&issuer).sources([source]), &clock());
        let token = key.access_token(issuer.issuer(), AUDIENCE, NOW);
        assert_eq!(verdict(&verifier, &token).await, expected);
    }
    assert_eq!(issuer.requests(FakeIssuer::DISCOVERY), 0);
}

#[tokio::test]
async fn document_that_is_not_for_us_is_not_called_missing() {
    for (status, expected) in [
        (401, "issuer_status"),
        (403, "issuer_status"),
        (407, "issuer_status"),
        (404, "discovery_missing"),
        (410, "discovery_missing"),
        (421, "discovery_missing"),
    ] {
        let issuer = FakeIssuer::start().await;
        issuer.serve(FakeIssuer::DISCOVERY, Reply::status(status));
        let verifier = build(trusted(&issuer), &clock());
        let token = key("first").access_token(issuer.issuer(), AUDIENCE, NOW);
        assert_eq!(verdict(&verifier, &token).await, expected, "{status}");
        assert_eq!(issuer.requests_seen().len(), 2, "{status}: the other place was tried too");
    }
}

#[tokio::test]
async fn moved_key_set_is_discovered_again_whether_its_old_place_is_gone_or_stays() {
    for gone in [true, false] {
        let scene = Scene::new().await;
        assert_eq!(scene.verdict(&scene.token()).await, "ok");
        let second = key("second");
        let moved = json!({ "issuer": scene.name(), "jwks_uri": scene.issuer.url("/moved") });
        scene.issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&moved));
        scene.issuer.serve("/moved", Reply::keys(&[&scene.key, &second]));
        if gone {
            scene.issuer.serve(FakeIssuer::KEY_SET, Reply::status(404));
        }
        scene.clock.advance(FRESH);
        // A place that is gone tells so at the next refresh; one that stays, when a key is missed there.
        if !gone {
            assert_eq!(scene.verdict(&scene.token()).await, "ok");
            scene.clock.advance(FLOOR);
        }
        assert_eq!(scene.verdict(&scene.token_of(&second)).await, "ok", "gone {gone}");
        assert_eq!(scene.status().in_use.unwrap().place(), scene.issuer.url("/moved"));
    }
}

#[tokio::test]
async fn fixed_place_needs_no_document() {
    let issuer = FakeIssuer::start().await;
    let key = key("first");
    issuer.serve("/keys", cached(Reply::keys(&[&key])));
    issuer.serve(FakeIssuer::DISCOVERY, Reply::status(500));
    let clock = clock();
    let verifier = build(trusted(&issuer).sources([KeySource::JwksUri(issuer.url("/keys"))]), &clock);
    for fetches in 1..3 {
        let token = key.access_token(issuer.issuer(), AUDIENCE, clock.now());
        assert_eq!(verdict(&verifier, &token).await, "ok");
        assert_eq!((issuer.requests("/keys"), issuer.requests_seen().len()), (fetches, fetches));
        clock.advance(FRESH);
    }
    let in_use = status(&verifier).in_use.unwrap();
    assert_eq!((in_use.position, in_use.place(), in_use.discovery), (0, issuer.url("/keys"), None));
}

#[tokio::test]
async fn key_missed_at_a_fixed_place_is_looked_for_without_validators() {
    let issuer = FakeIssuer::start().await;
    let (first, second) = (key("first"), key("second"));
    issuer.serve("/keys", cached(Reply::keys(&[&first])).etag("\"1\""));
    let clock = clock();
    let verifier = build(trusted(&issuer).sources([KeySource::JwksUri(issuer.url("/keys"))]), &clock);
    let token = |key: &TestKey| key.access_token(issuer.issuer(), AUDIENCE, clock.now());
    assert_eq!(verdict(&verifier, &token(&first)).await, "ok");
    clock.advance(FRESH);
    assert_eq!(verdict(&verifier, &token(&first)).await, "ok");
    assert_eq!(issuer.confirmations("/keys"), 1);
    issuer.serve("/keys", cached(Reply::keys(&[&first, &second])).etag("\"1\""));
    clock.advance(FLOOR);
    assert_eq!(verdict(&verifier, &token(&second)).await, "ok");
    assert_eq!(issuer.confirmations("/keys"), 1);
}

// Files and fixed sets

const ISSUER: &str = "https://issuer.example/";

/// A verifier whose keys are in a file.
struct InAFile {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    verifier: Verifier,
}

impl InAFile {
    fn new(policy: Policy) -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
        let file = KeySource::File(folder.path().join("keys.json"));
        let issuer = TrustedIssuer::new(policy).sources([file]).cache(cache_settings());
        let verifier = build(issuer, &clock);
        Self { folder, clock, verifier }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("keys.json")
    }

    async fn verdict(&self, key: &TestKey) -> &'static str {
        verdict(&self.verifier, &key.access_token(ISSUER, AUDIENCE, self.clock.now())).await
    }
}

fn key_set(keys: &[&TestKey]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

fn write(path: &Path, text: impl AsRef<[u8]>) {
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn changes_of_a_file_are_seen_after_one_floor() {
    let scene = InAFile::new(policy(ISSUER));
    let (first, second) = (key("first"), key("second"));
    assert_eq!(scene.verdict(&first).await, "key_set_file", "it is not there yet");
    scene.clock.advance(FLOOR);
    write(&scene.path(), key_set(&[&first]));
    assert_eq!(scene.verdict(&first).await, "ok");
    write(&scene.path(), key_set(&[&second]));
    scene.clock.advance(FLOOR - 3);
    assert_eq!(scene.verdict(&first).await, "ok");
    assert_eq!(scene.verdict(&second).await, "kid_unknown", "it was looked at less than a floor ago");
    scene.clock.advance(3);
    assert_eq!(scene.verdict(&first).await, "kid_unknown");
    assert_eq!(scene.verdict(&second).await, "ok");
    let in_use = status(&scene.verifier).in_use.unwrap();
    assert_eq!(in_use.place(), scene.path().display().to_string());
}

#[tokio::test]
async fn bad_file_never_replaces_a_good_set() {
    type Change = fn(&Path);
    let cases: [(&str, Change, &str); 8] = [
        ("gone", |path| std::fs::remove_file(path).unwrap(), "key_set_file"),
        (
            "a folder",
            |path| {
                std::fs::remove_file(path).unwrap();
                std::fs::create_dir(path).unwrap();
            },
            "key_set_file",
        ),
        ("empty", |path| write(path, ""), "key_set_malformed"),
        ("garbage", |path| write(path, b"\x00\xff\xfe"), "key_set_malformed"),
        (
            "cut off",
            |path| {
                let text = std::fs::read_to_string(path).unwrap();
                write(path, &text[..text.len() - 2]);
            },
            "key_set_malformed",
        ),
        ("without keys", |path| write(path, r#"{"keys":[]}"#), "key_set_no_usable_key"),
        ("one past the limit", |path| grow(path, 1), "key_set_file"),
        ("huge", |path| grow(path, 64 * 1024 * 1024), "key_set_file"),
    ];
    for (what, change, expected) in cases {
        let scene = InAFile::new(policy(ISSUER));
        let (first, second) = (key("first"), key("second"));
        write(&scene.path(), key_set(&[&first]));
        assert_eq!(scene.verdict(&first).await, "ok");
        change(&scene.path());
        scene.clock.advance(FLOOR);
        assert_eq!(scene.verdict(&first).await, "ok", "{what}");
        assert_eq!(status(&scene.verifier).failing.unwrap().code(), expected, "{what}");
        assert_eq!(scene.verdict(&second).await, expected, "{what}: a good file might have it");
        scene.clock.advance(STALE);
        assert_eq!(scene.verdict(&first).await, expected, "{what}: and not for ever");
    }
}

/// Grows a file with spaces to so many bytes over the limit of a key set.
fn grow(path: &Path, over: usize) {
    let mut text = std::fs::read(path).unwrap();
    text.resize(256 * 1024 + over, b' ');
    write(path, text);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_is_no_regular_file_is_not_read() {
    for path in ["/dev/zero", "/dev/null", "/proc/self"] {
        let source = KeySource::File(path.into());
        let verifier = build(TrustedIssuer::new(policy(ISSUER)).sources([source]), &clock());
        let token = key("first").access_token(ISSUER, AUDIENCE, NOW);
        assert_eq!(verdict(&verifier, &token).await, "key_set_file", "{path}");
    }
}

#[tokio::test]
async fn file_at_the_limit_of_a_key_set_is_read() {
    let scene = InAFile::new(policy(ISSUER));
    let first = key("first");
    write(&scene.path(), key_set(&[&first]));
    grow(&scene.path(), 0);
    assert_eq!(scene.verdict(&first).await, "ok");
}

/// A token of a shared secret, and the secret as a key set.
fn shared_secret() -> (String, Value) {
    let secret = SecretBytes::from(vec![7_u8; 32]);
    let key = SigningKey::from_private(Algorithm::HS256, &secret).unwrap();
    let claims = TestKey::claims(ISSUER, AUDIENCE, NOW);
    let token = key.sign_token(Some("shared"), "at+jwt", &claims).unwrap();
    let k = jwksmith_jose::base64url_encode([7_u8; 32]);
    (token, json!({ "keys": [{ "kty": "oct", "alg": "HS256", "kid": "shared", "k": k }] }))
}

#[tokio::test]
async fn shared_secret_is_taken_from_a_file_or_the_configuration_and_from_nowhere_else() {
    let (token, set) = shared_secret();
    let policy = |issuer| Policy::new(issuer, AUDIENCE, [Algorithm::HS256]).unwrap();
    let scene = InAFile::new(policy(ISSUER));
    write(&scene.path(), set.to_string());
    assert_eq!(verdict(&scene.verifier, &token).await, "ok");

    let fixed = KeySource::Static(set.to_string().into_bytes().into());
    let fixed = build(TrustedIssuer::new(policy(ISSUER)).sources([fixed]), &clock());
    assert_eq!(verdict(&fixed, &token).await, "ok");

    let issuer = FakeIssuer::start().await;
    issuer.serve(FakeIssuer::KEY_SET, Reply::json(&set));
    let source = KeySource::JwksUri(issuer.url(FakeIssuer::KEY_SET));
    let fetched = build(TrustedIssuer::new(policy(ISSUER)).sources([source]), &clock());
    assert_eq!(verdict(&fetched, &token).await, "key_set_no_usable_key", "what is fetched is public");
}

#[tokio::test]
async fn fixed_set_is_used_for_ever_and_asks_nobody() {
    let (first, clock) = (key("first"), clock());
    let fixed = KeySource::Static(key_set(&[&first]).into_bytes().into());
    let verifier = build(TrustedIssuer::new(policy(ISSUER)).sources([fixed]), &clock);
    for _ in 0..3 {
        assert_eq!(verdict(&verifier, &first.access_token(ISSUER, AUDIENCE, clock.now())).await, "ok");
        clock.advance(100 * 24 * 3_600);
    }
    assert_eq!(status(&verifier).in_use.unwrap().place(), "static");
    assert_eq!(
        verdict(&verifier, &key("other").access_token(ISSUER, AUDIENCE, clock.now())).await,
        "kid_unknown"
    );
}

// Several sources

/// An issuer whose keys are at a better place and at a spare one, with a verifier that knows both.
struct WithASpare {
    better: FakeIssuer,
    spare: FakeIssuer,
    key: TestKey,
    spare_key: TestKey,
    clock: Arc<ManualClock>,
    verifier: Verifier,
}

impl WithASpare {
    async fn new() -> Self {
        let (better, spare) = (FakeIssuer::start().await, FakeIssuer::start().await);
        let [key, spare_key] = ["better", "spare"].map(key);
        better.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&key])));
        spare.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&key, &spare_key])));
        let sources = [KeySource::Discovery, KeySource::JwksUri(spare.url(FakeIssuer::KEY_SET))];
        let clock = clock();
        let fetch = FetchSettings { timeout: Duration::from_millis(400), ..FetchSettings::default() };
        let verifier = build(trusted(&better).sources(sources).fetch(fetch), &clock);
        Self { better, spare, key, spare_key, clock, verifier }
    }

    async fn verdict(&self, key: &TestKey) -> &'static str {
        verdict(&self.verifier, &key.access_token(self.better.issuer(), AUDIENCE, self.clock.now())).await
    }

    fn in_use(&self) -> usize {
        status(&self.verifier).in_use.unwrap().position
    }
}

#[tokio::test]
async fn spare_source_is_not_asked_while_the_better_one_delivers() {
    let scene = WithASpare::new().await;
    assert_eq!(scene.verdict(&scene.key).await, "ok");
    assert_eq!(scene.verdict(&scene.spare_key).await, "kid_unknown");
    scene.clock.advance(FLOOR);
    assert_eq!(scene.verdict(&scene.spare_key).await, "kid_unknown", "the first that delivers has the word");
    assert_eq!((scene.in_use(), scene.spare.requests_seen().len()), (0, 0));
    assert_eq!(status(&scene.verifier).sources.len(), 2);
}

#[tokio::test]
async fn spare_source_stands_in_until_the_better_one_is_back() {
    let scene = WithASpare::new().await;
    let mut events = scene.verifier.subscribe();
    scene.better.outage();
    assert_eq!(scene.verdict(&scene.key).await, "ok");
    assert_eq!(scene.verdict(&scene.spare_key).await, "ok");
    assert_eq!(scene.in_use(), 1);
    assert!(matches!(events.try_next().unwrap().kind, EventKind::Loaded { .. }));

    scene.better.recover().await;
    // `max-age` says 100 s; but a better source may be back soon, so it is asked after `fresh_min`.
    scene.clock.advance(FLOOR);
    assert_eq!(scene.verdict(&scene.key).await, "ok");
    assert_eq!(scene.in_use(), 0);
    assert_eq!(scene.verdict(&scene.spare_key).await, "kid_unknown");
    let place = scene.better.url(FakeIssuer::KEY_SET);
    assert_eq!(events.try_next().unwrap().kind, EventKind::SourceChanged { from: 1, to: 0, place });

    scene.better.unreachable().await;
    scene.clock.advance(FRESH);
    assert_eq!(scene.verdict(&scene.spare_key).await, "ok");
    assert!(matches!(events.try_next().unwrap().kind, EventKind::KeysChanged { .. }));
    let place = scene.spare.url(FakeIssuer::KEY_SET);
    assert_eq!(events.try_next().unwrap().kind, EventKind::SourceChanged { from: 0, to: 1, place });
}

#[tokio::test]
async fn better_source_that_hangs_leaves_time_for_the_spare_one() {
    let scene = WithASpare::new().await;
    scene.better.serve(FakeIssuer::DISCOVERY, Reply::status(200).behind(&Gate::closed()));
    assert_eq!(scene.verdict(&scene.spare_key).await, "ok");
    assert_eq!(scene.in_use(), 1);
}

#[tokio::test]
async fn where_no_source_delivers_the_first_one_says_why() {
    let scene = WithASpare::new().await;
    scene.better.serve(FakeIssuer::DISCOVERY, Reply::status(404));
    scene.spare.outage();
    assert_eq!(scene.verdict(&scene.key).await, "discovery_missing");
    assert!(scene.spare.requests(FakeIssuer::KEY_SET) > 0);
}

#[tokio::test]
async fn validators_of_one_source_are_not_shown_to_another() {
    let scene = WithASpare::new().await;
    let tagged = |keys: &[&TestKey]| cached(Reply::keys(keys)).etag("\"same\"");
    scene.better.serve(FakeIssuer::KEY_SET, tagged(&[&scene.key]));
    scene.spare.serve(FakeIssuer::KEY_SET, tagged(&[&scene.spare_key]));
    assert_eq!(scene.verdict(&scene.key).await, "ok");
    scene.better.outage();
    scene.clock.advance(FRESH);
    assert_eq!(scene.verdict(&scene.spare_key).await, "ok");
    assert_eq!(scene.spare.confirmations(FakeIssuer::KEY_SET), 0);
}

// Configuration

#[test]
fn sources_that_cannot_be_meant_are_refused() {
    let discovery_at = |url: &str| KeySource::DiscoveryAt(url.to_owned());
    let jwks_uri = |url: &str| KeySource::JwksUri(url.to_owned());
    let fixed = |json: &str| KeySource::Static(json.as_bytes().into());
    let cases = [
        (vec![], "config_source"),
        (vec![discovery_at("issuer.example")], "config_source"),
        (vec![discovery_at("http://issuer.example/")], "config_source"),
        (vec![discovery_at("https://user@issuer.example/")], "config_source"),
        (vec![jwks_uri("file:///etc/passwd")], "config_source"),
        (vec![jwks_uri("https://issuer.example/#a")], "config_source"),
        (vec![jwks_uri("")], "config_source"),
        (vec![KeySource::Discovery, jwks_uri("ftp://issuer.example/")], "config_source"),
        (vec![fixed("")], "config_key_set"),
        (vec![fixed(r#"{"keys":[]}"#)], "config_key_set"),
        (vec![fixed(r#"{"keys":[],"keys":[]}"#)], "config_key_set"),
    ];
    let build = |sources| Verifier::builder(TrustedIssuer::new(policy(ISSUER)).sources(sources)).build();
    for (sources, expected) in cases {
        let code = build(sources.clone()).err().as_ref().map(ConfigError::code);
        assert_eq!(code, Some(expected), "{sources:?}");
    }
    let accepted = [
        vec![KeySource::Discovery],
        vec![discovery_at("https://other.example/document?tenant=1")],
        vec![jwks_uri("http://localhost:1/keys?tenant=1")],
        vec![KeySource::File("does/not/exist".into())],
    ];
    for sources in accepted {
        assert!(build(sources.clone()).is_ok(), "{sources:?}");
    }
}

#[test]
fn issuer_that_is_no_place_to_fetch_from_needs_another_source() {
    for issuer in ["urn:issuer", "http://issuer.example/", "https://issuer.example/?a=b"] {
        let trusted = || TrustedIssuer::new(policy(issuer));
        assert_eq!(Verifier::builder(trusted()).build().err().unwrap().code(), "config_issuer", "{issuer}");
        let source = KeySource::JwksUri("https://keys.example/".to_owned());
        assert!(Verifier::builder(trusted().sources([source])).build().is_ok(), "{issuer}");
    }
}

#[test]
fn every_group_of_settings_is_checked_when_the_verifier_is_built() {
    let code = |issuer: TrustedIssuer| Verifier::builder(issuer).build().err().map(|error| error.code());
    let trusted = || TrustedIssuer::new(policy(ISSUER));
    let cache = jwksmith_verifier::CacheSettings { burst: 0, ..cache_settings() };
    assert_eq!(code(trusted().cache(cache)), Some("config_cache"));
    let fetch = FetchSettings { body_bytes_max: 0, ..FetchSettings::default() };
    assert_eq!(code(trusted().fetch(fetch)), Some("config_fetch"));
    let fetch = FetchSettings { timeout: Duration::ZERO, ..FetchSettings::default() };
    assert_eq!(code(trusted().fetch(fetch)), Some("config_fetch"));
    assert_eq!(code(trusted()), None);
    let error = ConfigError::from(Policy::new("", AUDIENCE, [Algorithm::ES256]).unwrap_err());
    assert_eq!(error.code(), "config_issuer_empty", "a policy is checked where it is made");
}
